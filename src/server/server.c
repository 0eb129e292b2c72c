/* The wiring: configuration -> folder -> data -> loops and engines -> ports -> workers -> threads.
 */
#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/feed_surface.h"
#include "api/http.h"
#include "api/native.h"
#include "api/redis.h"
#include "base/crypto.h"
#include "base/memory.h"
#include "net/keeper.h"
#include "net/net.h"
#include "server/backup.h"
#include "server/data_folder.h"
#include "server/feed_store.h"
#include "server/readiness.h"
#include "server/secret.h"
#include "server/storage.h"
#include "server/tracing.h"
#include "shoal/error.h"

#define PORTS_FILE "ports.json"
#define READY_PATIENCE_MS 10000
#define SPARE_FILES 256u /* descriptors beyond clients: peers, files, listeners */

struct server {
    struct config config;
    struct data_folder folder;
    struct secrets secrets;
    struct buffer record;
    struct metrics *metrics;
    struct net_metrics net_metrics;
    struct feed_metrics feed_metrics;
    struct feed_surface *feed;
    struct native_metrics native_metrics;
    struct native_limits limits;
    struct native *native;
    struct redis_metrics redis_metrics;
    struct redis *redis; /* NULL: not served */
    struct http_metrics http_metrics;
    struct http *http; /* NULL: not served */
    struct net *net;
    struct backup *backup;
    struct storage *storage;
    struct feed_store *feed_store;
    uint16_t client_port;
    uint16_t peer_port;
    uint16_t redis_port;
    uint16_t http_port;
    struct node_config node;
    void *seeds;
    uint32_t worker_count;
    struct engine *engines[LIMIT_WORKERS]; /* until their workers have them */
    struct worker *workers[LIMIT_WORKERS];
    struct readiness readiness;
    struct tracing *tracing; /* NULL: off */
    atomic_uint_least64_t slow_us;
    bool running;
};

static int explain(char text[512], int code, const char *what)
{
    snprintf(text, 512, "%s: %s", what, shoal_error_text(code));
    return code;
}

/* ---- what the node is told ------------------------------------------------------------------- */

static int copy_seeds(struct server *server)
{
    const struct config_addresses *seeds = &server->config.seeds;
    struct node_config *node = &server->node;
    if (seeds->count == 0) {
        return 0;
    }
    server->seeds = mem_alloc_zeroed(seeds->count, sizeof(*node->seeds));
    if (server->seeds == NULL) {
        return SHOAL_ENOMEM;
    }
    node->seeds = server->seeds;
    node->seed_count = seeds->count;
    for (uint32_t i = 0; i < seeds->count; i++) {
        memcpy(node->seeds[i].host, seeds->items[i].host, sizeof(node->seeds[i].host));
        node->seeds[i].port = seeds->items[i].port;
    }
    return 0;
}

static uint16_t told(int32_t advertised, uint16_t listened)
{
    return advertised == CONFIG_PORT_NONE ? listened : (uint16_t)advertised;
}

static int describe_node(struct server *server)
{
    const struct config *config = &server->config;
    struct node_config *node = &server->node;
    *node = (struct node_config){
        .weight = (uint32_t)config->node_weight,
        .partitions = (uint32_t)config->partitions,
        .n = (uint32_t)config->n,
        .r = (uint32_t)config->r,
        .w = (uint32_t)config->w,
        .sloppy = config->sloppy,
        .client_port = told(config->advertise_client_port, server->client_port),
        .peer_port = told(config->advertise_peer_port, server->peer_port),
        .redis_port = told(config->advertise_redis_port, server->redis_port),
        .http_port = told(config->advertise_http_port, server->http_port),
        .heartbeat_interval_us = config->heartbeat_interval_us,
        .heartbeat_fanout = (uint32_t)config->heartbeat_fanout,
        .phi_threshold = config->phi_threshold,
        .repair_interval_us = config->repair_interval_us,
        .request_timeout_us = config->request_timeout_us,
        .clock_ahead_ms_max = config->clock_ahead_us / 1000,
        .key_bytes_max = config->key_bytes,
        .value_bytes_max = config->value_bytes,
        .memory_bytes_max = config->memory_mb * LIMIT_MIB,
        .hints_bytes_max = config->hints_mb * LIMIT_MIB,
        .transfers = (uint32_t)config->transfers,
        .slow_us = &server->slow_us,
        .secret = buffer_bytes(&server->secrets.current),
        .secret_previous = buffer_bytes(&server->secrets.previous),
    };
    memcpy(node->name, config->node_name, sizeof(node->name));
    memcpy(node->zone, config->node_zone, sizeof(node->zone));
    memcpy(node->cluster_name, config->cluster_name, sizeof(node->cluster_name));
    memcpy(node->advertise_host, config->advertise_host, sizeof(node->advertise_host));
    return copy_seeds(server);
}

static uint32_t count_workers(const struct config *config)
{
    if (config->workers != 0) {
        return (uint32_t)config->workers;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 1) {
        return 1;
    }
    return processors > (long)LIMIT_WORKERS ? LIMIT_WORKERS : (uint32_t)processors;
}

/* As many open files as the system lets us have. */
static void raise_file_limit(const struct config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < config->connections + SPARE_FILES) {
        log_warning("limits.connections is more than this process may have open files",
                    LOG_U64("connections", config->connections),
                    LOG_U64("open_files_max", limit.rlim_cur));
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static int load_record(struct server *server, char text[512])
{
    int code = keeper_load(server->folder.fd, &server->record);
    if (code >= 0) {
        return 0;
    }
    snprintf(text, 512,
             "%.200s/" KEEPER_FILE " can't be used: %s. It says which node this is: bring back a "
             "good copy, or start with an empty data_dir as a new node",
             server->config.data_dir, shoal_error_text(code));
    return code;
}

static int open_metrics(struct server *server)
{
    /* A shard for each worker, and one for the thread that exports spans. */
    server->metrics = metrics_new(server->worker_count + 1);
    if (server->metrics == NULL) {
        return SHOAL_ENOMEM;
    }
    int code = worker_declare_metrics(server->metrics);
    if (code == 0) {
        code = net_declare_metrics(server->metrics, &server->net_metrics);
    }
    if (code == 0) {
        code = native_declare_metrics(server->metrics, &server->native_metrics);
    }
    if (code == 0) {
        code = feed_surface_declare_metrics(server->metrics, &server->feed_metrics);
    }
    if (code == 0) {
        code = redis_declare_metrics(server->metrics, &server->redis_metrics);
    }
    if (code == 0) {
        code = http_declare_metrics(server->metrics, &server->http_metrics);
    }
    if (code == 0) {
        code = tracing_new(&server->config, server->metrics, server->worker_count,
                           server->worker_count, &server->tracing);
    }
    return code;
}

static void set_limits(struct server *server, const struct config *config)
{
    atomic_store(&server->limits.key_bytes, config->key_bytes);
    atomic_store(&server->limits.value_bytes, config->value_bytes);
    atomic_store(&server->limits.connections, (uint32_t)config->connections);
    atomic_store(&server->slow_us, config->slow_us);
}

static int open_feed(struct server *server)
{
    return feed_surface_new(server->worker_count, server->metrics, &server->feed_metrics,
                            &server->feed);
}

static int open_native(struct server *server)
{
    struct native_options options = {
        .workers = server->worker_count,
        .limits = &server->limits,
        .backup = backup_port(server->backup),
        .metrics = server->metrics,
        .feed = server->feed,
        .metric_ids = server->native_metrics,
    };
    set_limits(server, &server->config);
    return native_new(&options, &server->native);
}

static struct moment now(void)
{
    struct timespec mono;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct moment){
        .mono_us = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000,
        .wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
    };
}

static int open_redis(struct server *server)
{
    const struct config *config = &server->config;
    if (config->redis_port == CONFIG_PORT_NONE) {
        return 0;
    }
    struct redis_options options = {
        .workers = server->worker_count,
        .limits = &server->limits,
        .node =
            {
                .data_dir = config->data_dir,
                .engine = config_engine_text(config->engine),
                .durability = config_durability_text(config->durability),
                .config_path = config->path,
                .started_ms = now().wall_ms,
            },
        .metrics = server->metrics,
        .metric_ids = server->redis_metrics,
    };
    return redis_new(&options, &server->redis);
}

static struct http_settings http_settings_of(const struct config *config)
{
    return (struct http_settings){
        .cors_origins = config->http_cors,
        .body_bytes_max = config->http_body_mb * LIMIT_MIB,
        .head_bytes_max = config->http_head_kb * LIMIT_KIB,
        .idle_us = config->http_idle_us,
        .request_us = config->http_request_us,
    };
}

static int open_http(struct server *server)
{
    const struct config *config = &server->config;
    if (config->http_port == CONFIG_PORT_NONE) {
        return 0;
    }
    struct http_options options = {
        .workers = server->worker_count,
        .limits = &server->limits,
        .settings = http_settings_of(config),
        .node =
            {
                .engine = config_engine_text(config->engine),
                .durability = config_durability_text(config->durability),
                .started_ms = now().wall_ms,
            },
        .metrics = server->metrics,
        .feed = server->feed,
        .metric_ids = server->http_metrics,
    };
    return http_new(&options, &server->http);
}

static int open_backup(struct server *server)
{
    struct backup_options options = {
        .config = &server->config,
        .folder_fd = server->folder.fd,
    };
    return backup_new(&options, &server->backup);
}

static int open_net(struct server *server, char text[512])
{
    int code = open_backup(server);
    if (code == 0) {
        code = open_feed(server);
    }
    if (code == 0) {
        code = open_native(server);
    }
    if (code == 0) {
        code = open_redis(server);
    }
    if (code == 0) {
        code = open_http(server);
    }
    if (code != 0) {
        return explain(text, code, "can't serve clients");
    }
    struct net_options options = {
        .workers = server->worker_count,
        .folder_fd = server->folder.fd,
        .offload = storage_offloads(server->storage),
        .resolver = server->config.resolver[0] == 0 ? NULL : server->config.resolver,
        .metrics = server->metrics,
        .metric_ids = server->net_metrics,
        .client = native_adopt,
        .client_self = server->native,
    };
    code = net_new(&options, &server->net);
    if (code != 0) {
        return explain(text, code, "can't make the worker threads' loops");
    }
    backup_attach(server->backup, server->net);
    return 0;
}

static int open_ports(struct server *server, char text[512])
{
    const struct config *config = &server->config;
    int code = net_listen(server->net, config->listen_host, (uint16_t)config->client_port,
                          native_accept, server->native, &server->client_port, text);
    if (code == 0 && config->peer_port != CONFIG_PORT_NONE) {
        code = net_listen_peers(server->net, config->listen_host, (uint16_t)config->peer_port,
                                &server->peer_port, text);
    }
    if (code == 0 && server->redis != NULL) {
        code = net_listen(server->net, config->listen_host, (uint16_t)config->redis_port,
                          redis_accept, server->redis, &server->redis_port, text);
    }
    if (code == 0 && server->redis != NULL) {
        redis_listening(server->redis, server->redis_port);
    }
    if (code == 0 && server->http != NULL) {
        code = net_listen(server->net, config->listen_host, (uint16_t)config->http_port,
                          http_accept, server->http, &server->http_port, text);
    }
    return code;
}

static int write_ports(struct server *server, char text[512])
{
    char json[160];
    int len = snprintf(json, sizeof(json),
                       "{\"client_port\": %u, \"peer_port\": %u, \"redis_port\": %u, "
                       "\"http_port\": %u, \"pid\": %ld}\n",
                       server->client_port, server->peer_port, server->redis_port,
                       server->http_port, (long)getpid());
    int code = data_folder_write(&server->folder, PORTS_FILE, bytes_make(json, (size_t)len));
    return code == 0 ? 0 : explain(text, code, "can't write " PORTS_FILE " to data_dir");
}

/* ---- workers --------------------------------------------------------------------------------- */

static int load_engines(struct server *server, char text[512])
{
    struct offload offloads[LIMIT_WORKERS];
    bool offload = storage_offloads(server->storage);
    for (uint32_t i = 0; i < server->worker_count && offload; i++) {
        offloads[i] = net_offload(server->net, i);
    }
    int code = feed_store_open(&server->config, server->worker_count, offload ? offloads : NULL,
                               server->record.len > 0, &server->feed_store);
    if (code != 0) {
        return explain(text, code, "can't open the live feed's tail");
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
        .now = now(),
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

static int make_workers(struct server *server, char text[512])
{
    for (uint32_t i = 0; i < server->worker_count; i++) {
        int code = make_worker(server, i);
        if (code == SHOAL_EPROTO || code == SHOAL_EINVAL) {
            snprintf(text, 512,
                     "%.200s/" KEEPER_FILE " doesn't fit: it is damaged, or of another "
                     "cluster.name than \"%.100s\"",
                     server->config.data_dir, server->config.cluster_name);
            return code;
        }
        if (code != 0) {
            return explain(text, code, "can't make a worker");
        }
    }
    return 0;
}

static int run(struct server *server, char text[512])
{
    int code = tracing_start(server->tracing);
    if (code == 0) {
        code = net_run(server->net, server->workers);
    }
    if (code != 0) {
        return explain(text, code, "can't start the worker threads");
    }
    server->running = true;
    if (server->config.seeds.count == 0 &&
        !readiness_wait(&server->readiness, server->net, READY_PATIENCE_MS)) {
        log_warning("the node has not founded or resumed its cluster yet");
    }
    code = write_ports(server, text);
    if (code != 0) {
        return code;
    }
    log_info("ready", LOG_TEXT("node", server->config.node_name),
             LOG_TEXT("host", server->config.listen_host),
             LOG_U64("client_port", server->client_port), LOG_U64("peer_port", server->peer_port),
             LOG_U64("redis_port", server->redis_port), LOG_U64("http_port", server->http_port),
             LOG_U64("workers", server->worker_count), LOG_U64("pid", getpid()));
    return 0;
}

/* Opening the data may take long, and signals are read only once the node runs. */
static void end_if_asked(void)
{
    sigset_t pending;
    if (sigpending(&pending) == 0 &&
        (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1)) {
        log_info("stopped while the data was being opened");
        _exit(EXIT_SUCCESS);
    }
}

static int start(struct server *server, char text[512])
{
    int code = crypto_init();
    if (code != 0) {
        return explain(text, code, "the machine gives no random numbers");
    }
    if (server->config.secret_file[0] != 0) {
        code = secrets_load(server->config.secret_file, &server->secrets, text);
    }
    if (code == 0) {
        code = data_folder_open(server->config.data_dir, &server->folder, text);
    }
    if (code == 0) {
        code = load_record(server, text);
    }
    if (code != 0) {
        return code;
    }
    code = open_metrics(server);
    if (code != 0) {
        return explain(text, code, "can't set up metrics");
    }
    code = storage_open(&server->config, &server->folder, end_if_asked, &server->storage, text);
    if (code == 0) {
        code = storage_declare_metrics(server->storage, server->metrics);
    }
    if (code == 0) {
        code = open_net(server, text);
    }
    if (code == 0) {
        code = load_engines(server, text);
    }
    if (code == 0) {
        code = open_ports(server, text);
    }
    if (code == 0) {
        code = describe_node(server);
        if (code != 0) {
            return explain(text, code, "can't start");
        }
        code = make_workers(server, text);
    }
    return code == 0 ? run(server, text) : code;
}

int server_start(const struct config *config, struct server **out, char text[512])
{
    struct server *server = mem_alloc_zeroed(1, sizeof(*server));
    if (server == NULL) {
        return explain(text, SHOAL_ENOMEM, "can't start");
    }
    server->config = *config;
    server->folder = DATA_FOLDER_NONE;
    server->readiness.fd = -1;
    server->worker_count = count_workers(config);
    secrets_init(&server->secrets);
    buffer_init(&server->record, 0);
    raise_file_limit(config);
    int code = start(server, text);
    if (code != 0) {
        server_free(server);
        return code;
    }
    *out = server;
    return 0;
}

/* ---- while it runs, and the end -------------------------------------------------------------- */

void server_reload(struct server *server, const struct config *config)
{
    struct buffer fixed;
    buffer_init(&fixed, 0);
    log_set_level((enum log_level)config->log_level);
    set_limits(server, config);
    if (server->http != NULL) {
        struct http_settings settings = http_settings_of(config);
        http_change(server->http, &settings);
    }
    if (config_fixed_differences(&server->config, config, &fixed) == 0 && fixed.len > 0) {
        log_warning("configuration: these keys need a restart to change",
                    LOG_BYTES("keys", buffer_bytes(&fixed)));
    }
    buffer_deinit(&fixed);
    log_info("configuration: reloaded",
             LOG_TEXT("level", log_level_name((enum log_level)config->log_level)),
             LOG_U64("connections", config->connections), LOG_U64("key_bytes", config->key_bytes),
             LOG_U64("value_bytes", config->value_bytes));
}

void server_stop(struct server *server)
{
    backup_stop(server->backup);
    net_stop(server->net);
}

void server_stop_now(struct server *server)
{
    net_stop_now(server->net);
}

int server_ended_fd(const struct server *server)
{
    return net_ended_fd(server->net);
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

/* Clean when every worker has written its last word, and all of it is on disk. False when the disk
 * doesn't let go: then what a thread of it may still use stays. */
static bool end_workers(struct server *server)
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

void server_free(struct server *server)
{
    if (server == NULL || !end_workers(server)) {
        return;
    }
    http_free(server->http);
    redis_free(server->redis);
    native_free(server->native);
    feed_surface_free(server->feed);
    net_free(server->net);
    backup_free(server->backup);
    readiness_deinit(&server->readiness);
    tracing_free(server->tracing);
    metrics_free(server->metrics);
    mem_free(server->seeds);
    buffer_deinit(&server->record);
    secrets_deinit(&server->secrets);
    data_folder_close(&server->folder);
    mem_free(server);
}
