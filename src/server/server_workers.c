/* The engines and the workers that own them, from the loading of the data to the last word on
 * whether the stop was clean. An engine is the start's until its worker has it. */
#include <stdio.h>

#include "base/crypto.h"
#include "net/keeper.h"
#include "server/server_parts.h"
#include "shoal/error.h"

int server_load_engines(struct server *server, char text[512])
{
    struct offload offloads[LIMIT_WORKERS];
    bool offload = storage_offloads(server->storage);
    for (uint32_t i = 0; i < server->worker_count && offload; i++) {
        offloads[i] = net_offload(server->net, i);
    }
    int code = feed_store_open(&server->config, server->worker_count, offload ? offloads : NULL,
                               server->record.len > 0, &server->feed_store);
    if (code != 0) {
        return server_explain(text, code, "can't open the live feed's tail");
    }
    return storage_load_engines(server->storage, server->worker_count, offload ? offloads : NULL,
                                server->engines, text);
}

static int make_worker(struct server *server, uint32_t index)
{
    struct worker_options options = {
        .index = index,
        .count = server->worker_count,
        .config = &server->node,
        .ports = net_ports(server->net, index),
        .engine = server->engines[index],
        .metrics = server->metrics,
        .spans = tracing_spans(server->tracing, index),
        .now = server_now(),
    };
    options.tails = feed_store_tails(server->feed_store, index, &options.tail_count);
    options.lanes = feed_store_lanes(server->feed_store);
    if (index == 0) {
        options.kept = buffer_bytes(&server->record);
    }
    int code = random_from_kernel(&options.random_seed, sizeof(options.random_seed));
    if (code == 0) {
        code = worker_new(&options, &server->workers[index]);
    }
    if (code == 0) {
        server->engines[index] = NULL;
    }
    return code;
}

int server_make_workers(struct server *server, char text[512])
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        int code = make_worker(server, i);
        if (code == SHOAL_EPROTO || code == SHOAL_EINVAL) {
            snprintf(text, 512,
                     "%.200s/" KEEPER_FILE " doesn't fit: it is of a cluster that differs from "
                     "the configuration as the error before this says, or damaged",
                     server->config.data_dir);
            return code;
        }
        if (code != 0) {
            return server_explain(text, code, "can't make a worker");
        }
    }
    return 0;
}

static bool all_clean(const struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        if (server->workers[i] == NULL || !worker_clean(server->workers[i])) {
            return false;
        }
    }
    return true;
}

bool server_end_workers(struct server *server)
{
    bool joined = true;
    if (server->running) {
        net_stop_now(server->net);
        joined = net_join(server->net);
        data_folder_remove(&server->folder, PORTS_FILE);
    }
    if (server->backup != NULL) {
        backup_join(server->backup);
    }
    if (!joined) {
        return false;
    }
    bool clean = server->running ? all_clean(server)
                                 : server->storage != NULL && storage_resumed(server->storage);
    for (uint32_t i = 0; i < server->worker_count; i++) {
        worker_free(server->workers[i]);
        if (server->engines[i] != NULL) {
            server->engines[i]->ops->free(server->engines[i]);
        }
    }
    feed_store_close(server->feed_store, !server->running || clean);
    storage_close(server->storage, clean);
    return true;
}
