/* The order of server.c, with nothing left to choose. */
#include "support/fake_node.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "shoal/error.h"

static void listen_on_ports(struct fake_node *node, uint16_t peer_port)
{
    char text[256];
    int code = net_listen(node->net, "127.0.0.1", 0, native_accept, node->native,
                          &node->client_port, text);
    ASSERT(code == 0);
    code =
        net_listen(node->net, "127.0.0.1", 0, redis_accept, node->redis, &node->redis_port, text);
    ASSERT(code == 0);
    code = net_listen(node->net, "127.0.0.1", 0, http_accept, node->http, &node->http_port, text);
    ASSERT(code == 0);
    code = net_listen_peers(node->net, "127.0.0.1", peer_port, &node->peer_port, text);
    ASSERT(code == 0);
}

/* One thread asks at a time, so no lock. */
static int begin_backup(void *self, struct bytes path, char text[NATIVE_BACKUP_TEXT_BYTES])
{
    struct fake_node *node = self;
    if (bytes_equal(path, bytes_from_string("/no"))) {
        snprintf(text, NATIVE_BACKUP_TEXT_BYTES, "not there");
        return SHOAL_EINVAL;
    }
    memcpy(node->backup.path, path.data, path.len);
    node->backup.path[path.len] = 0;
    node->backup.number = 5;
    return 0;
}

static void look_at_backup(void *self, struct native_backup_state *out)
{
    const struct fake_node *node = self;
    *out = node->backup;
}

static void open_redis(struct fake_node *node)
{
    struct redis_options options = {
        .workers = node->worker_count,
        .limits = &node->limits,
        .node = {.engine = "memory", .started_ms = 1},
        .metrics = node->metrics,
    };
    int code = redis_declare_metrics(node->metrics, &options.metric_ids);
    ASSERT(code == 0);
    code = redis_new(&options, &node->redis);
    ASSERT(code == 0);
}

static void open_http(struct fake_node *node)
{
    struct http_options options = {
        .workers = node->worker_count,
        .limits = &node->limits,
        .settings = {.cors_origins = "https://a.example",
                     .body_bytes_max = LIMIT_MIB,
                     .head_bytes_max = 32 * LIMIT_KIB,
                     .idle_us = 75000000,
                     .request_us = 30000000},
        .node = {.engine = "memory", .durability = "none", .started_ms = 1},
        .metrics = node->metrics,
        .feed = node->feed,
    };
    int code = http_declare_metrics(node->metrics, &options.metric_ids);
    ASSERT(code == 0);
    code = http_new(&options, &node->http);
    ASSERT(code == 0);
}

static void open_feed(struct fake_node *node)
{
    struct feed_metrics ids;
    int code = feed_surface_declare_metrics(node->metrics, &ids);
    ASSERT(code == 0);
    code = feed_surface_new(node->worker_count, node->metrics, &ids, &node->feed);
    ASSERT(code == 0);
}

static void open_world(struct fake_node *node)
{
    node->metrics = metrics_new(node->worker_count);
    ASSERT(node->metrics != NULL);
    struct net_metrics net_metrics;
    struct native_metrics native_metrics;
    int code = net_declare_metrics(node->metrics, &net_metrics);
    ASSERT(code == 0);
    code = native_declare_metrics(node->metrics, &native_metrics);
    ASSERT(code == 0);
    atomic_init(&node->limits.key_bytes, 1024);
    atomic_init(&node->limits.value_bytes, LIMIT_MIB);
    atomic_init(&node->limits.connections, 100);
    open_feed(node);
    struct native_options native_options = {
        .workers = node->worker_count,
        .limits = &node->limits,
        .backup = {.self = node, .begin = begin_backup, .look = look_at_backup},
        .metrics = node->metrics,
        .feed = node->feed,
        .metric_ids = native_metrics};
    code = native_new(&native_options, &node->native);
    ASSERT(code == 0);
    open_redis(node);
    open_http(node);
    struct net_options options = {
        .workers = node->worker_count,
        .folder_fd = node->folder_fd,
        .offload = true,
        .metrics = node->metrics,
        .metric_ids = net_metrics,
        .client = native_adopt,
        .client_self = node->native,
    };
    code = net_new(&options, &node->net);
    ASSERT(code == 0);
}

void fake_node_start_at(struct fake_node *node, uint64_t id, uint32_t workers, const char *cluster,
                        uint16_t peer_port)
{
    *node = (struct fake_node){.worker_count = workers};
    log_set_level(LOG_ERROR);
    strcpy(node->folder, "/tmp/shoal-test-XXXXXX");
    char *made = mkdtemp(node->folder);
    ASSERT(made != NULL);
    node->folder_fd = open(node->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT(node->folder_fd >= 0);
    open_world(node);
    listen_on_ports(node, peer_port);
    node->config = (struct node_config){
        .partitions = 16,
        .client_port = node->client_port,
        .peer_port = node->peer_port,
        .name = "fake",
        .zone = "z",
        .advertise_host = "127.0.0.1",
    };
    if (cluster != NULL) {
        snprintf(node->config.cluster_name, sizeof(node->config.cluster_name), "%s", cluster);
        node->config.n = node->config.r = node->config.w = 1;
    }
    for (uint32_t i = 0; i < workers; i++) {
        struct worker_options options = {
            .index = i,
            .count = workers,
            .config = &node->config,
            .ports = net_ports(node->net, i),
            .random_seed = id,
        };
        worker_new(&options, &node->workers[i]);
    }
    int code = net_run(node->net, node->workers);
    ASSERT(code == 0);
}

void fake_node_start(struct fake_node *node, uint64_t id, uint32_t workers, const char *cluster)
{
    fake_node_start_at(node, id, workers, cluster, 0);
}

static void clean_up(struct fake_node *node)
{
    net_join(node->net);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        worker_free(node->workers[i]);
    }
    http_free(node->http);
    native_free(node->native);
    redis_free(node->redis);
    feed_surface_free(node->feed);
    net_free(node->net);
    metrics_free(node->metrics);
    unlinkat(node->folder_fd, "node.record", 0);
    close(node->folder_fd);
    rmdir(node->folder);
}

void fake_node_stop(struct fake_node *node)
{
    struct pollfd ended = {.fd = net_ended_fd(node->net), .events = POLLIN};
    net_stop(node->net);
    int ready = poll(&ended, 1, 60000);
    ASSERT(ready == 1);
    clean_up(node);
}

void fake_node_stop_now(struct fake_node *node)
{
    net_stop_now(node->net);
    clean_up(node);
}
