/* Loading in order: defaults, file, environment, what follows from the rest, the checks. */
#include "server/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "net/address.h"
#include "server/config_load.h"
#include "shoal/error.h"

#define HEARTBEAT_INTERVAL_US 500000u
#define REPAIR_INTERVAL_US UINT64_C(10000000)
#define REQUEST_TIMEOUT_US 5000000u
#define CLOCK_AHEAD_US 2000000u
#define DURABILITY_INTERVAL_US 100000u
#define SCRUB_DAYS 7u
#define SLOW_US 1000000u
#define TRACE_SAMPLE 0.01
#define HTTP_BODY_MB 64u
#define HTTP_HEAD_KB 32u
#define HTTP_IDLE_US 75000000u
#define HTTP_REQUEST_US 30000000u

/* ---- problems -------------------------------------------------------------------------------- */

static void where(const struct config_load *load, const struct config_key *key, uint32_t line,
                  char out[CONFIG_PATH_BYTES + 96])
{
    char variable[64];
    enum config_origin origin = key == NULL ? ORIGIN_FILE : config_origin_of(load, key);
    if (origin == ORIGIN_ENVIRONMENT) {
        config_key_variable(key, variable);
        snprintf(out, CONFIG_PATH_BYTES + 96, "%s: ", variable);
    } else if (origin == ORIGIN_GENERAL_VARIABLE) {
        snprintf(out, CONFIG_PATH_BYTES + 96, "%s: ", key->variable);
    } else if (load->path == NULL) {
        out[0] = 0;
    } else if (line == 0) {
        snprintf(out, CONFIG_PATH_BYTES + 96, "%s: ", load->path);
    } else {
        snprintf(out, CONFIG_PATH_BYTES + 96, "%s:%u: ", load->path, line);
    }
}

void config_problem(struct config_load *load, const struct config_key *key, uint32_t line,
                    const char *format, ...)
{
    char text[1024];
    char place[CONFIG_PATH_BYTES + 96];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    where(load, key, line, place);
    load->problem_count++;
    if (buffer_append(load->problems, place, strlen(place)) != 0 ||
        buffer_append(load->problems, text, strlen(text)) != 0 ||
        buffer_append_u8(load->problems, '\n') != 0) {
        load->error = SHOAL_ENOMEM;
    }
}

static size_t index_of(const struct config_key *key)
{
    return (size_t)(key - config_keys);
}

enum config_origin config_origin_of(const struct config_load *load, const struct config_key *key)
{
    return load->origins[index_of(key)];
}

void config_set_origin(struct config_load *load, const struct config_key *key,
                       enum config_origin origin)
{
    load->origins[index_of(key)] = origin;
}

/* ---- what is silent -------------------------------------------------------------------------- */

static void set_defaults(struct config *config)
{
    *config = (struct config){
        .node_zone = "default",
        .node_weight = 1,
        .listen_host = "127.0.0.1",
        .client_port = 3001,
        .peer_port = CONFIG_PORT_NONE,
        .redis_port = CONFIG_PORT_NONE,
        .http_port = CONFIG_PORT_NONE,
        .advertise_client_port = CONFIG_PORT_NONE,
        .advertise_peer_port = CONFIG_PORT_NONE,
        .advertise_redis_port = CONFIG_PORT_NONE,
        .advertise_http_port = CONFIG_PORT_NONE,
        .data_dir = "run/node",
        .engine = ENGINE_LOG,
        .durability = DURABILITY_SYNC,
        .compression = COMPRESSION_LZ4,
        .scrub_days = SCRUB_DAYS,
        .durability_interval_us = DURABILITY_INTERVAL_US,
        .cluster_name = "shoal",
        .partitions = 256,
        .n = 3,
        .sloppy = true,
        .heartbeat_interval_us = HEARTBEAT_INTERVAL_US,
        .heartbeat_fanout = 2,
        .phi_threshold = 8.0,
        .repair_interval_us = REPAIR_INTERVAL_US,
        .key_bytes = LIMIT_KEY_BYTES_DEFAULT,
        .value_bytes = LIMIT_VALUE_BYTES_DEFAULT,
        .hints_mb = CONFIG_HINTS_MB_DEFAULT,
        .feed_tail_mb = CONFIG_FEED_TAIL_MB_DEFAULT,
        .transfers = CONFIG_TRANSFERS_DEFAULT,
        .connections = LIMIT_CONNECTIONS_DEFAULT,
        .request_timeout_us = REQUEST_TIMEOUT_US,
        .clock_ahead_us = CLOCK_AHEAD_US,
        .http_body_mb = HTTP_BODY_MB,
        .http_head_kb = HTTP_HEAD_KB,
        .http_idle_us = HTTP_IDLE_US,
        .http_request_us = HTTP_REQUEST_US,
        .log_level = LOG_INFO,
        .log_format = LOG_FORMAT_TEXT,
        .slow_us = SLOW_US,
        .trace_sample = TRACE_SAMPLE,
    };
}

static void machine_name(char out[LIMIT_NAME_BYTES + 1])
{
    if (gethostname(out, LIMIT_NAME_BYTES) != 0 || out[0] == 0) {
        snprintf(out, LIMIT_NAME_BYTES + 1, "node");
    }
    out[LIMIT_NAME_BYTES] = 0;
}

/* Values that follow from others. A node that listens everywhere and has peers must say itself how
 * they reach it: config_check sees to that. */
static void complete(struct config *config)
{
    uint64_t majority = config->n / 2 + 1;
    if (config->r == 0) {
        config->r = majority;
    }
    if (config->w == 0) {
        config->w = majority;
    }
    if (config->node_name[0] == 0) {
        machine_name(config->node_name);
    }
    if (config->advertise_host[0] == 0 && !address_is_every(config->listen_host)) {
        memcpy(config->advertise_host, config->listen_host, sizeof(config->advertise_host));
    } else if (config->advertise_host[0] == 0 && config->peer_port == CONFIG_PORT_NONE) {
        machine_name(config->advertise_host);
    }
}

static void note_path(const char *path, struct config *config)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL && strlen(whole) < sizeof(config->path)) {
        memcpy(config->path, whole, strlen(whole) + 1);
    }
    free(whole);
}

int config_load(const char *path, const char *const *environment, struct config *out,
                struct buffer *problems)
{
    struct config_load load = {.path = path, .problems = problems};
    ASSERT(config_key_count <= CONFIG_KEYS_MAX);
    set_defaults(&load.config);
    if (path != NULL) {
        config_read_file(&load);
        note_path(path, &load.config);
    }
    config_read_environment(&load, environment);
    complete(&load.config);
    if (load.problem_count == 0) {
        config_check(&load);
    }
    if (load.error != 0) {
        return load.error;
    }
    if (load.problem_count > 0) {
        return SHOAL_EINVAL;
    }
    *out = load.config;
    return 0;
}
