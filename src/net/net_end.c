/* The common end of the loops. One that is stopping and idle waits for the others, since a request
 * of theirs may still need its partitions; the one that finds all idle ends them all. When the
 * threads are over, what was under way between them still arrives, so that whoever waits for it can
 * be freed. */
#include "base/log.h"
#include "net/net_state.h"

#define OFFLOAD_PATIENCE_S 10u
#define LETTER_ROUNDS_MAX 1000u

static void wake_all(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        loop_wake(&net->stations[i].loop);
    }
}

static void stop_station(struct errand *errand, struct loop *loop, bool dropped)
{
    struct station *station = QUEUE_ITEM(errand, struct station, stop);
    if (dropped) {
        return;
    }
    net_free_listeners(station);
    worker_stop(loop->worker, loop_now(loop));
    links_stop(&station->links);
    station->stopping = true;
    loop->stopping = true;
}

void net_stop(struct net *net)
{
    if (atomic_exchange(&net->stop_asked, true)) {
        return;
    }
    for (uint32_t i = 0; i < net->count; i++) {
        struct station *station = &net->stations[i];
        station->stop.run = stop_station;
        loop_errand(&station->loop, &station->stop);
    }
}

void net_stop_now(struct net *net)
{
    atomic_store(&net->over, true);
    wake_all(net);
}

static bool all_idle(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        if (!atomic_load(&net->stations[i].idle)) {
            return false;
        }
    }
    return true;
}

bool net_is_over(struct loop *loop)
{
    struct station *station = net_station_of(loop);
    if (station->stopping) {
        bool idle = worker_idle(loop->worker) && loop->at_work == 0 && connections_sent(loop);
        atomic_store(&station->idle, idle);
        if (all_idle(station->net)) {
            net_stop_now(station->net);
        }
    }
    return atomic_load(&station->net->over);
}

int net_ended_fd(const struct net *net)
{
    return net->ended_fd;
}

/* Letters that were under way hold requests: they arrive, so that these are completed or freed. */
static void deliver_rest(struct net *net)
{
    bool any = true;
    for (uint32_t round = 0; any && round < LETTER_ROUNDS_MAX; round++) {
        any = false;
        for (uint32_t i = 0; i < net->count; i++) {
            if (net->stations[i].loop.ended) {
                any = loop_deliver_rest(&net->stations[i].loop) || any;
            }
        }
    }
}

/* Jobs that come back may send letters, and letters may give jobs, which then come back dropped. */
static void settle_jobs(struct net *net)
{
    bool any = true;
    for (uint32_t round = 0; any && round < LETTER_ROUNDS_MAX; round++) {
        any = false;
        for (uint32_t i = 0; i < net->count; i++) {
            if (net->stations[i].loop.worker != NULL) {
                any = offload_desk_settle(&net->stations[i].offload) || any;
            }
        }
        deliver_rest(net);
    }
}

bool net_join(struct net *net)
{
    for (uint32_t i = 0; i < net->count; i++) {
        struct station *station = &net->stations[i];
        if (station->running) {
            pthread_join(station->thread, NULL);
            station->running = false;
        }
    }
    deliver_rest(net);
    if (!blocking_stop(&net->disk, true, BLOCKING_PATIENCE_S)) {
        log_warning("node record: the disk does not answer");
    }
    if (!offload_pool_stop(&net->offload, OFFLOAD_PATIENCE_S)) {
        log_error("storage: the disk does not answer");
        return false;
    }
    settle_jobs(net);
    return true;
}
