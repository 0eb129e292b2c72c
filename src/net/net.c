/* The loops together: made, listening, running. How they end is in net_end.c. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "net/net_state.h"
#include "shoal/error.h"

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

struct loop *net_loop(struct net *net, uint32_t index)
{
    ASSERT(index < net->count);
    return &net->stations[index].loop;
}

uint32_t net_worker_count(const struct net *net)
{
    return net->count;
}

struct station *net_station_of(struct loop *loop)
{
    return QUEUE_ITEM(loop, struct station, loop);
}

/* ---- listening ------------------------------------------------------------------------------- */

void net_free_listeners(struct station *station)
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
    inbound_accept(&net_station_of(loop)->inbound, loop, fd);
}

int net_listen_peers(struct net *net, const char *host, uint16_t port, uint16_t *port_out,
                     char text[256])
{
    return net_listen(net, host, port, peer_accepted, net, port_out, text);
}

/* ---- running --------------------------------------------------------------------------------- */

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
static bool turn_ends(struct loop *loop)
{
    tell_metrics(loop);
    return net_is_over(loop);
}

static void *run_station(void *self)
{
    struct station *station = self;
    struct net *net = station->net;
    lag_start(&station->lag, &station->loop, net->options.metrics,
              net->options.metric_ids.lag_seconds);
    loop_run(&station->loop, turn_ends);
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
        net_free_listeners(station);
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
