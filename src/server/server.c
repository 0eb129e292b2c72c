/* The wiring: configuration -> folder -> data -> loops and engines -> ports -> workers -> threads,
 * and taken apart in reverse. The order is what this file is about; each part opens in a file of
 * its own (see server_parts.h). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/memory.h"
#include "net/keeper.h"
#include "server/server_parts.h"
#include "shoal/error.h"

#define READY_PATIENCE_MS 10000
#define SPARE_FILES 256u /* descriptors beyond clients: peers, files, listeners */

int server_explain(char text[512], int code, const char *what)
{
    snprintf(text, 512, "%s: %s", what, shoal_error_text(code));
    return code;
}

struct moment server_now(void)
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

/* ---- starting -------------------------------------------------------------------------------- */

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
    int code = server_declare_metrics(server);
    return code == 0 ? tracing_new(&server->config, server->metrics, server->worker_count,
                                   server->worker_count, &server->tracing)
                     : code;
}

static int open_net(struct server *server, char text[512])
{
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
    int code = net_new(&options, &server->net);
    if (code != 0) {
        return server_explain(text, code, "can't make the worker threads' loops");
    }
    backup_attach(server->backup, server->net);
    return 0;
}

static int run(struct server *server, char text[512])
{
    int code = tracing_start(server->tracing);
    if (code == 0) {
        code = net_run(server->net, server->workers);
    }
    if (code != 0) {
        return server_explain(text, code, "can't start the worker threads");
    }
    server->running = true;
    if (server->config.seeds.count == 0 &&
        !readiness_wait(&server->readiness, server->net, READY_PATIENCE_MS)) {
        log_warning("the node has not founded or resumed its cluster yet");
    }
    code = server_write_ports(server, text);
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
        return server_explain(text, code, "the machine gives no random numbers");
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
        return server_explain(text, code, "can't set up metrics");
    }
    code = storage_open(&server->config, &server->folder, end_if_asked, &server->storage, text);
    if (code == 0) {
        code = storage_declare_metrics(server->storage, server->metrics);
    }
    if (code == 0) {
        code = server_open_surfaces(server, text);
    }
    if (code == 0) {
        code = open_net(server, text);
    }
    if (code == 0) {
        code = server_load_engines(server, text);
    }
    if (code == 0) {
        code = server_open_ports(server, text);
    }
    if (code == 0) {
        code = server_describe_node(server);
        if (code != 0) {
            return server_explain(text, code, "can't start");
        }
        code = server_make_workers(server, text);
    }
    return code == 0 ? run(server, text) : code;
}

int server_start(const struct config *config, struct server **out, char text[512])
{
    struct server *server = mem_alloc_zeroed(1, sizeof(*server));
    if (server == NULL) {
        return server_explain(text, SHOAL_ENOMEM, "can't start");
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
    server_set_limits(server, config);
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

void server_free(struct server *server)
{
    if (server == NULL || !server_end_workers(server)) {
        return;
    }
    server_close_surfaces(server);
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
