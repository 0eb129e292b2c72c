/* What clients talk to, each kind a surface: the native protocol, Redis, HTTP, and the live feed
 * and the backups that more than one of them serves. Opened before the loops are made, which hand
 * them their connections; their ports are opened last, when there is somebody to serve. */
#include <stdio.h>
#include <unistd.h>

#include "server/server_parts.h"
#include "shoal/error.h"

/* Of the workers and the loops, too, so that one list shows who has any. */
int server_declare_metrics(struct server *server)
{
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
    return code == 0 ? http_declare_metrics(server->metrics, &server->http_metrics) : code;
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

void server_set_limits(struct server *server, const struct config *config)
{
    atomic_store(&server->limits.key_bytes, config->key_bytes);
    atomic_store(&server->limits.value_bytes, config->value_bytes);
    atomic_store(&server->limits.connections, (uint32_t)config->connections);
    atomic_store(&server->slow_us, config->slow_us);
    if (server->http != NULL) {
        struct http_settings settings = http_settings_of(config);
        http_change(server->http, &settings);
    }
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
    server_set_limits(server, &server->config);
    return native_new(&options, &server->native);
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
                .started_ms = server_now().wall_ms,
            },
        .metrics = server->metrics,
        .metric_ids = server->redis_metrics,
    };
    return redis_new(&options, &server->redis);
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
                .started_ms = server_now().wall_ms,
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

int server_open_surfaces(struct server *server, char text[512])
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
    return code == 0 ? 0 : server_explain(text, code, "can't serve clients");
}

int server_open_ports(struct server *server, char text[512])
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

int server_write_ports(struct server *server, char text[512])
{
    char json[160];
    int len = snprintf(json, sizeof(json),
                       "{\"client_port\": %u, \"peer_port\": %u, \"redis_port\": %u, "
                       "\"http_port\": %u, \"pid\": %ld}\n",
                       server->client_port, server->peer_port, server->redis_port,
                       server->http_port, (long)getpid());
    int code = data_folder_write(&server->folder, PORTS_FILE, bytes_make(json, (size_t)len));
    return code == 0 ? 0 : server_explain(text, code, "can't write " PORTS_FILE " to data_dir");
}

void server_close_surfaces(struct server *server)
{
    http_free(server->http);
    redis_free(server->redis);
    native_free(server->native);
    feed_surface_free(server->feed);
}
