/* How a steward begins and ends: it is who it was by its record, or somebody new; then a member
 * again, a joiner by its seeds, or the founder of a cluster. See steward.h. */
#include "node/steward.h"

#include "base/log.h"
#include "base/memory.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

static void steward_self_record(const struct steward *steward, struct node_record *out)
{
    const struct node_config *config = steward->config;
    *out = (struct node_record){
        .id = steward->id,
        .generation = steward->generation,
        .client_port = config->client_port,
        .peer_port = config->peer_port,
        .redis_port = config->redis_port,
        .http_port = config->http_port,
    };
    memcpy(out->name, config->name, sizeof(out->name));
    memcpy(out->zone, config->zone, sizeof(out->zone));
    memcpy(out->host, config->advertise_host, sizeof(out->host));
}

static int steward_identify(struct steward *steward, struct bytes kept, struct message_gossip *told)
{
    struct worker *worker = steward->worker;
    steward->id = random_id(&worker->random);
    steward->generation = 1;
    steward_secret_make(steward);
    int result = kept.len == 0 ? 0 : steward_record_decode(steward, kept, told);
    if (result < 0) {
        log_error("node record: damaged, or of a version this program doesn't know; restore it, or "
                  "start with an empty data directory",
                  LOG_TEXT("cause", shoal_error_text(result)));
        return result;
    }
    steward_secret_choose(steward);
    if (steward->view != NULL) {
        char why[640];
        result = steward_compare_facts(steward->config, view_facts(steward->view), why);
        if (result < 0) {
            log_error("config: differs from the cluster this node is a member of (there = in the "
                      "data directory)",
                      LOG_TEXT("difference", why));
        }
    }
    return result;
}

int steward_new(struct worker *worker, struct bytes kept, struct steward **out)
{
    struct steward *steward = mem_alloc_zeroed(1, sizeof(*steward));
    if (steward == NULL) {
        return SHOAL_ENOMEM;
    }
    steward->worker = worker;
    steward->config = worker->config;
    steward->next_id = STEWARD_ID_FIRST;
    steward->tick.fire = steward_on_tick;
    steward->push.fire = steward_on_push;
    join_init(steward);
    change_init(steward);
    commit_init(steward);
    steward->tallies = mem_alloc_zeroed(worker->count, sizeof(*steward->tallies));
    steward->synced = mem_alloc_zeroed(worker->count, sizeof(*steward->synced));
    steward->tickets = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_keeping = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_wanted = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    steward->tickets_void = mem_alloc_zeroed(worker->count, sizeof(uint64_t));
    struct gossip_options options = {
        .interval_us = worker->config->heartbeat_interval_us,
        .fanout = worker->config->heartbeat_fanout,
        .phi_threshold = worker->config->phi_threshold,
    };
    struct message_gossip told = {0};
    bool whole = steward->tallies != NULL && steward->synced != NULL && steward->tickets != NULL &&
                 steward->tickets_keeping != NULL && steward->tickets_wanted != NULL &&
                 steward->tickets_void != NULL;
    int result = whole ? steward_identify(steward, kept, &told) : SHOAL_ENOMEM;
    struct node_record self;
    steward_self_record(steward, &self);
    if (result == 0) {
        result = gossip_init(&steward->gossip, &options, &self);
    }
    if (result == 0) {
        result = steward_record_nodes(steward, &told);
    }
    if (result < 0) {
        steward_free(steward);
        return result;
    }
    *out = steward;
    return 0;
}

void steward_free(struct steward *steward)
{
    if (steward == NULL) {
        return;
    }
    steward->stopping = true;
    timers_stop(&steward->worker->timers, &steward->tick);
    timers_stop(&steward->worker->timers, &steward->push);
    commit_close(steward);
    change_close(steward);
    join_close(steward);
    gossip_deinit(&steward->gossip);
    snapshot_unref(steward->published);
    view_unref(steward->view);
    view_unref(steward->wanted);
    view_unref(steward->keeping);
    mem_free(steward->tallies);
    mem_free(steward->synced);
    mem_free(steward->tickets);
    mem_free(steward->tickets_keeping);
    mem_free(steward->tickets_wanted);
    mem_free(steward->tickets_void);
    mem_free(steward);
}

void steward_start(struct steward *steward)
{
    struct worker *worker = steward->worker;
    steward->started_us = worker->now.mono_us;
    (void)timers_start(&worker->timers, &steward->tick,
                       worker->now.mono_us + steward->config->heartbeat_interval_us);
    if (steward->view != NULL) {
        /* A member again. Its new generation is kept before anybody hears of it. */
        steward->returning = true;
        struct node_record self = steward->gossip.self;
        self.state = NODE_REFILLING; /* until the workers know better */
        gossip_set_self(&steward->gossip, &self);
        steward->wanted = view_ref(steward->view);
        view_unref(steward->view);
        steward->view = NULL;
        steward_keep(steward);
    } else if (steward->config->seed_count > 0) {
        steward_keep(steward); /* the node id, before it is told */
        join_by_seeds(steward);
    } else if (steward_found(steward) < 0) {
        log_error("cluster: can't be founded; out of memory");
    }
}
