/* Putting the loops together, and their common end. A loop that is stopping and idle waits for the
 * others, since a request of theirs may still need its partitions; the one that finds all idle ends
 * them all. */
#include "net/net.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/blocking.h"
#include "net/contact.h"
#include "net/keeper.h"
#include "net/lag.h"
#include "net/link.h"
#include "net/process.h"
#include "net/resolver.h"
#include "shoal/error.h"

#define LISTENERS_MAX 4u
#define BLOCKING_PATIENCE_S 2u
#define OFFLOAD_PATIENCE_S 10u
#define LETTER_ROUNDS_MAX 1000u

/* One worker's share of the world. */
struct station {
    struct net *net;
    struct loop loop;
    struct links links;
    struct contacts contacts;
    struct inbound inbound;
    struct offload_desk offload;
    struct lag lag;
    struct listener *listeners[LISTENERS_MAX];
    uint32_t listener_count;
    pthread_t thread;
    bool running;
    bool stopping; /* its worker has been told */
    struct errand stop;
    atomic_bool idle; /* stopping, and nothing left to do */
};

struct net {
    struct net_options options;
    struct blocking disk;
    struct resolver *names;
    struct offload_pool offload;
    int ended_fd;
    atomic_bool over;
    atomic_bool stop_asked;
    atomic_uint ended_count;
    uint32_t count;
    struct station stations[];
};

int net_declare_metrics(struct metrics *metrics, struct net_metrics *ids)
{
    int code = metrics_declare(metrics, METRIC_COUNTER, "shoal_network_received_bytes_total", NULL,
                               "Bytes received from clients and peers.", &ids->received_bytes);
    if (code == 0) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_network_sent_bytes_total", NULL,
                               "Bytes sent to clients and peers.", &ids->sent_bytes);
    }
    if (code == 0) {
        code = lag_declare_metrics(metrics, &ids->lag_seconds);
    }
    if (code == 0) {
        code = offload_declare_metrics(metrics, &ids->offload);
    }
    return code;
}

static struct station *station_of(struct loop *loop)
{
    return QUEUE_ITEM(loop, struct station, loop);
}

struct loop *net_loop(struct net *net, uint32_t index)
{
    ASSERT(index < net->count);
    return &net->stations[index].loop;
}

uint32_t net_worker_count(const struct net *net)
{
    return net->count;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int port_send(void *self, uint64_t node, struct bytes frame)
{
    struct station *station = self;
    return links_send(&station->links, node, frame);
}

static void port_reply(void *self, struct source source, struct bytes frame)
{
    struct station *station = self;
    ASSERT(source.worker == station->loop.index);
    inbound_reply(&station->inbound, source, frame);
}

static void port_link(void *self, uint64_t node, const char *host, uint16_t port)
{
    struct station *station = self;
    links_want(&station->links, node, host, port);
}

static void port_unlink(void *self, uint64_t node)
{
    struct station *station = self;
    links_unwant(&station->links, node);
}

static void port_contact(void *self, const char *host, uint16_t port, struct bytes frame,
                         uint64_t ticket, uint64_t timeout_us)
{
    struct station *station = self;
    contact_start(&station->contacts, host, port, frame, ticket, timeout_us);
}

static void port_post(void *self, uint32_t worker, struct letter *letter)
{
    struct station *station = self;
    loop_post(net_loop(station->net, worker), letter);
}

static void port_keep(void *self, struct bytes record, uint64_t sequence)
{
    struct station *station = self;
    keeper_keep(&station->loop, &station->net->disk, station->net->options.folder_fd, record,
                sequence);
}

static uint64_t port_memory_bytes(void *self)
{
    (void)self;
    return process_resident_bytes();
}

struct ports net_ports(struct net *net, uint32_t index)
{
    ASSERT(index < net->count);
    return (struct ports){
        .self = &net->stations[index],
        .send = port_send,
        .reply = port_reply,
        .link = port_link,
        .unlink = port_unlink,
        .contact = port_contact,
        .post = port_post,
        .keep = port_keep,
        .memory_bytes = port_memory_bytes,
    };
}

struct offload net_offload(struct net *net, uint32_t index)
{
    ASSERT(index < net->count && net->options.offload);
    return offload_desk_port(&net->stations[index].offload);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void free_listeners(struct station *station)
{
    while (station->listener_count > 0) {
        listener_free(station->listeners[--station->listener_count]);
    }
}

int net_listen(struct net *net, const char *host, uint16_t port, listener_accepted accepted,
               void *self, uint16_t *port_out, char text[256])
{
    struct addresses addresses;
    int code = listener_choose(host, port, &addresses, port_out, text);
    for (uint32_t i = 0; i < net->count && code == 0; i++) {
        struct station *station = &net->stations[i];
        ASSERT(station->listener_count < LISTENERS_MAX);
        code = listener_new(&station->loop, &addresses, accepted, self,
                            &station->listeners[station->listener_count], text);
        if (code == 0) {
            station->listener_count++;
        }
    }
    return code;
}

static void peer_accepted(void *self, struct loop *loop, int fd)
{
    (void)self;
    inbound_accept(&station_of(loop)->inbound, loop, fd);
}

int net_listen_peers(struct net *net, const char *host, uint16_t port, uint16_t *port_out,
                     char text[256])
{
    return net_listen(net, host, port, peer_accepted, net, port_out, text);
}

/* ---- stopping -------------------------------------------------------------------------------- */

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
    free_listeners(station);
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

static void tell_metrics(struct loop *loop)
{
    struct metrics *metrics = loop->net->options.metrics;
    const struct net_metrics *ids = &loop->net->options.metric_ids;
    struct loop_traffic *told = &loop->traffic_told;
    if (metrics == NULL) {
        return;
    }
    if (loop->traffic.received_bytes != told->received_bytes) {
        metrics_add(metrics, loop->index, ids->received_bytes,
                    loop->traffic.received_bytes - told->received_bytes);
    }
    if (loop->traffic.sent_bytes != told->sent_bytes) {
        metrics_add(metrics, loop->index, ids->sent_bytes,
                    loop->traffic.sent_bytes - told->sent_bytes);
    }
    *told = loop->traffic;
}

/* At the end of every turn. */
static bool is_over(struct loop *loop)
{
    struct station *station = station_of(loop);
    tell_metrics(loop);
    if (station->stopping) {
        bool idle = worker_idle(loop->worker) && loop->at_work == 0 && connections_sent(loop);
        atomic_store(&station->idle, idle);
        if (all_idle(station->net)) {
            net_stop_now(station->net);
        }
    }
    return atomic_load(&station->net->over);
}

/* ---- running --------------------------------------------------------------------------------- */

static void *run_station(void *self)
{
    struct station *station = self;
    struct net *net = station->net;
    lag_start(&station->lag, &station->loop, net->options.metrics,
              net->options.metric_ids.lag_seconds);
    loop_run(&station->loop, is_over);
    if (atomic_fetch_add(&net->ended_count, 1) + 1 == net->count) {
        uint64_t one = 1;
        ssize_t written = write(net->ended_fd, &one, sizeof(one));
        ASSERT(written == sizeof(one));
    }
    return NULL;
}

int net_run(struct net *net, struct worker *const *workers)
{
    for (uint32_t i = 0; i < net->count; i++) {
        net->stations[i].loop.worker = workers[i];
    }
    for (uint32_t i = 0; i < net->count; i++) {
        struct station *station = &net->stations[i];
        char name[16];
        snprintf(name, sizeof(name), "worker-%u", i % 10000);
        if (pthread_create(&station->thread, NULL, run_station, station) != 0) {
            net_stop_now(net);
            (void)net_join(net);
            return SHOAL_EIO;
        }
        station->running = true;
        pthread_setname_np(station->thread, name);
    }
    return 0;
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

/* ---- birth and end --------------------------------------------------------------------------- */

static int init_station(struct net *net, uint32_t index)
{
    struct station *station = &net->stations[index];
    int code = loop_init(&station->loop, net, index);
    if (code != 0) {
        return code;
    }
    station->net = net;
    links_init(&station->links, &station->loop, net->names);
    contacts_init(&station->contacts, &station->loop, net->names);
    inbound_init(&station->inbound, &station->loop, net->options.client, net->options.client_self);
    offload_desk_init(&station->offload, &net->offload, &station->loop, net->options.metrics,
                      &net->options.metric_ids.offload);
    atomic_init(&station->idle, false);
    net->count++;
    return 0;
}

static int open_net(struct net *net)
{
    net->ended_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (net->ended_fd < 0) {
        return SHOAL_EIO;
    }
    int code = blocking_start(&net->disk, "disk");
    if (code == 0) {
        code =
            resolver_start(net->options.resolver == NULL ? "" : net->options.resolver, &net->names);
    }
    if (code == 0 && net->options.offload) {
        code = offload_pool_start(&net->offload, net->options.workers);
    }
    for (uint32_t i = 0; i < net->options.workers && code == 0; i++) {
        code = init_station(net, i);
    }
    return code;
}

int net_new(const struct net_options *options, struct net **out)
{
    struct net *net = mem_alloc_zeroed(1, sizeof(*net) + options->workers * sizeof(struct station));
    if (net == NULL) {
        return SHOAL_ENOMEM;
    }
    net->options = *options;
    int code = open_net(net);
    if (code != 0) {
        net_free(net);
        return code;
    }
    *out = net;
    return 0;
}

/* A disk that hangs holds a thread which still uses what would be freed here: then
 * it all stays until the process, which is ending, takes it along. */
void net_free(struct net *net)
{
    if (net == NULL) {
        return;
    }
    bool stopped = blocking_stop(&net->disk, true, BLOCKING_PATIENCE_S);
    stopped = offload_pool_stop(&net->offload, BLOCKING_PATIENCE_S) && stopped;
    resolver_stop(net->names);
    net->names = NULL;
    if (!stopped) {
        return;
    }
    offload_pool_deinit(&net->offload);
    for (uint32_t i = 0; i < net->count; i++) {
        struct station *station = &net->stations[i];
        free_listeners(station);
        links_deinit(&station->links);
        contacts_deinit(&station->contacts);
        inbound_deinit(&station->inbound);
        loop_deinit(&station->loop);
    }
    if (net->ended_fd >= 0) {
        close(net->ended_fd);
    }
    mem_free(net);
}
