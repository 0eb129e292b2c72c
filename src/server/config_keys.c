/* Every key of the configuration, once: where it stands, its type, its bounds, and the words for
 * what it expects. Reading, the environment, error texts and reloading all go by this table. */
#include "server/config_keys.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "shoal/error.h"

static const char *const engines[] = {"memory", "log", "lsm", NULL};
static const char *const durabilities[] = {"sync", "interval", "os", NULL};
static const char *const compressions[] = {"lz4", "none", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};

const char *config_engine_text(int32_t engine)
{
    return engines[engine];
}

const char *config_durability_text(int32_t durability)
{
    return durabilities[durability];
}

#define AT(field) .offset = offsetof(struct config, field)
#define TEXT_AT(field) AT(field), .size = sizeof(((struct config *)NULL)->field)
#define MS UINT64_C(1000)
#define ADVERTISED_EXPECTED                                                                        \
    "a port from 1 to 65535 that others reach this node by, or null for the one it listens on"
#define PORT_EXPECTED "a port from 1 to 65535, 0 for any free one, or null for none"

const struct config_key config_keys[] = {
    {"node", "name", CONFIG_TEXT, TEXT_AT(node_name), .min = 1, .variable = "HOSTNAME",
     .expected = "a name of 1 to 255 bytes without control characters"},
    {"node", "zone", CONFIG_TEXT, TEXT_AT(node_zone), .min = 1,
     .expected = "a name of 1 to 255 bytes without control characters"},
    {"node", "weight", CONFIG_NUMBER, AT(node_weight), .min = 1, .max = 1000,
     .expected = "a whole number from 1 to 1000"},

    {"listen", "host", CONFIG_TEXT, TEXT_AT(listen_host), .min = 1,
     .expected = "an address or a host name"},
    {"listen", "client_port", CONFIG_PORT, AT(client_port),
     .expected = "a port from 1 to 65535, or 0 for any free one"},
    {"listen", "peer_port", CONFIG_PORT, AT(peer_port), .expected = PORT_EXPECTED},
    {"listen", "redis_port", CONFIG_PORT, AT(redis_port), .variable = "PORT_TCP",
     .expected = PORT_EXPECTED},
    {"listen", "http_port", CONFIG_PORT, AT(http_port), .variable = "PORT_HTTP",
     .expected = PORT_EXPECTED},

    {"advertise", "host", CONFIG_TEXT, TEXT_AT(advertise_host), .min = 1,
     .expected = "an address or a host name that others reach this node by"},
    {"advertise", "client_port", CONFIG_PORT, AT(advertise_client_port), .min = 1,
     .expected = ADVERTISED_EXPECTED},
    {"advertise", "peer_port", CONFIG_PORT, AT(advertise_peer_port), .min = 1,
     .expected = ADVERTISED_EXPECTED},
    {"advertise", "redis_port", CONFIG_PORT, AT(advertise_redis_port), .min = 1,
     .expected = ADVERTISED_EXPECTED},
    {"advertise", "http_port", CONFIG_PORT, AT(advertise_http_port), .min = 1,
     .expected = ADVERTISED_EXPECTED},

    {"", "data_dir", CONFIG_TEXT, TEXT_AT(data_dir), .min = 1, .expected = "a folder's path"},

    {"storage", "engine", CONFIG_CHOICE, AT(engine), .choices = engines,
     .expected = "\"log\", \"lsm\" or \"memory\""},
    {"storage", "durability", CONFIG_CHOICE, AT(durability), .choices = durabilities,
     .expected = "\"sync\", \"interval\" or \"os\""},
    {"storage", "interval_ms", CONFIG_DURATION, AT(durability_interval_us), .min = 1 * MS,
     .max = 60000 * MS, .expected = "a duration from 1ms to 60s"},
    {"storage", "compression", CONFIG_CHOICE, AT(compression), .choices = compressions,
     .expected = "\"lz4\" or \"none\""},
    {"storage", "scrub_days", CONFIG_NUMBER, AT(scrub_days), .min = 0, .max = 365,
     .expected = "a whole number from 0 (never) to 365"},

    {"cluster", "name", CONFIG_TEXT, TEXT_AT(cluster_name), .min = 1,
     .expected = "a name of 1 to 255 bytes without control characters"},
    {"cluster", "partitions", CONFIG_POWER, AT(partitions), .min = 1, .max = LIMIT_PARTITIONS_MAX,
     .expected = "a power of two from 1 to 65536"},
    {"cluster", "seeds", CONFIG_ADDRESSES, AT(seeds),
     .expected = "a list of at most 64 HOST:PEER_PORT, [v6]:PEER_PORT"},
    {"cluster", "resolver", CONFIG_TEXT, TEXT_AT(resolver),
     .expected = "the address of a name server, IP or IP:PORT, or an empty text for the system's"},
    {"cluster", "secret_file", CONFIG_TEXT, TEXT_AT(secret_file),
     .expected = "the path of a file with the cluster's secret, or an empty text"},

    {"quorum", "n", CONFIG_NUMBER, AT(n), .min = 1, .max = LIMIT_REPLICAS,
     .expected = "a whole number from 1 to 8"},
    {"quorum", "r", CONFIG_NUMBER, AT(r), .min = 1, .max = LIMIT_REPLICAS,
     .expected = "a whole number from 1 to quorum.n"},
    {"quorum", "w", CONFIG_NUMBER, AT(w), .min = 1, .max = LIMIT_REPLICAS,
     .expected = "a whole number from 1 to quorum.n"},
    {"quorum", "sloppy", CONFIG_BOOL, AT(sloppy), .expected = "true or false"},

    {"heartbeat", "interval_ms", CONFIG_DURATION, AT(heartbeat_interval_us), .min = 50 * MS,
     .max = 60000 * MS, .expected = "a duration from 50ms to 60s"},
    {"heartbeat", "fanout", CONFIG_NUMBER, AT(heartbeat_fanout), .min = 1, .max = 16,
     .expected = "a whole number from 1 to 16"},
    {"heartbeat", "phi_threshold", CONFIG_REAL, AT(phi_threshold), .min = 1, .max = 100,
     .expected = "a number from 1 to 100"},

    {"repair", "interval_ms", CONFIG_DURATION, AT(repair_interval_us), .min = 0,
     .max = 86400000 * MS, .expected = "a duration up to a day, 0 to repair only when asked to"},

    {"", "workers", CONFIG_NUMBER, AT(workers), .min = 0, .max = LIMIT_WORKERS,
     .expected = "a whole number from 0 (one for each processor) to 256"},

    {"limits", "memory_mb", CONFIG_NUMBER, AT(memory_mb), .min = 0, .max = 1u << 24,
     .expected = "megabytes, 0 for no limit"},
    {"limits", "hints_mb", CONFIG_NUMBER, AT(hints_mb), .min = 0, .max = 1u << 24,
     .expected = "megabytes, 0 to keep nothing for other nodes"},
    {"limits", "transfers", CONFIG_NUMBER, AT(transfers), .min = 1, .max = 1024,
     .expected = "a whole number from 1 to 1024"},
    {"limits", "key_bytes", CONFIG_NUMBER, AT(key_bytes), .min = 1, .max = LIMIT_KEY_BYTES_MAX,
     .expected = "a number of bytes from 1 to 262144", .changeable = true},
    {"limits", "value_bytes", CONFIG_NUMBER, AT(value_bytes), .min = 1,
     .max = LIMIT_VALUE_BYTES_MAX, .expected = "a number of bytes from 1 to 67108864",
     .changeable = true},
    {"limits", "connections", CONFIG_NUMBER, AT(connections), .min = 1, .max = 1000000,
     .expected = "a whole number from 1 to 1000000", .changeable = true},
    {"limits", "request_timeout_ms", CONFIG_DURATION, AT(request_timeout_us), .min = 1 * MS,
     .max = 3600000 * MS, .expected = "a duration from 1ms to 1h"},
    {"limits", "clock_ahead_ms", CONFIG_DURATION, AT(clock_ahead_us), .min = 1 * MS,
     .max = 3600000 * MS, .expected = "a duration from 1ms to 1h"},

    {"http", "cors", CONFIG_ORIGINS, TEXT_AT(http_cors),
     .expected = "a list of origins such as \"https://app.example\", or [\"*\"] for all pages"},
    {"http", "body_mb", CONFIG_NUMBER, AT(http_body_mb), .min = 1, .max = 256,
     .expected = "megabytes from 1 to 256", .changeable = true},
    {"http", "head_kb", CONFIG_NUMBER, AT(http_head_kb), .min = 1, .max = 1024,
     .expected = "kilobytes from 1 to 1024", .changeable = true},
    {"http", "idle_ms", CONFIG_DURATION, AT(http_idle_us), .min = 100 * MS, .max = 3600000 * MS,
     .expected = "a duration from 100ms to 1h", .changeable = true},
    {"http", "request_ms", CONFIG_DURATION, AT(http_request_us), .min = 100 * MS,
     .max = 3600000 * MS, .expected = "a duration from 100ms to 1h", .changeable = true},

    {"feed", "tail_mb", CONFIG_NUMBER, AT(feed_tail_mb), .min = 0, .max = 1u << 20,
     .expected = "megabytes, 0 for no live feed"},

    {"log", "level", CONFIG_CHOICE, AT(log_level), .choices = levels,
     .expected = "\"debug\", \"info\", \"warning\" or \"error\"", .changeable = true},
    {"log", "format", CONFIG_CHOICE, AT(log_format), .choices = formats,
     .expected = "\"text\" or \"json\""},
    {"log", "slow_ms", CONFIG_DURATION, AT(slow_us), .min = 0, .max = 3600000 * MS,
     .expected = "a duration up to 1h, 0 for no slow log", .changeable = true},

    {"tracing", "endpoint", CONFIG_TEXT, TEXT_AT(trace_endpoint),
     .expected = "the address of a collector, http://HOST[:PORT][/PATH], or an empty text"},
    {"tracing", "sample", CONFIG_REAL, AT(trace_sample), .min = 0, .max = 1,
     .expected = "a share of the requests, from 0 to 1"},
};

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

/* ---- names ----------------------------------------------------------------------------------- */

void config_key_path(const struct config_key *key, char out[64])
{
    snprintf(out, 64, "%s%s%s", key->section, key->section[0] == 0 ? "" : ".", key->name);
}

void config_key_variable(const struct config_key *key, char out[64])
{
    snprintf(out, 64, "SHOAL_%s%s%s", key->section, key->section[0] == 0 ? "" : "_", key->name);
    for (char *at = out; *at != 0; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
}

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].section, section) == 0 &&
            strcmp(config_keys[i].name, name) == 0) {
            return &config_keys[i];
        }
    }
    return NULL;
}

bool config_section_exists(const char *section)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].section[0] != 0 && strcmp(config_keys[i].section, section) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void *field(struct config *config, const struct config_key *key)
{
    return (char *)config + key->offset;
}

static const void *field_of(const struct config *config, const struct config_key *key)
{
    return (const char *)config + key->offset;
}

static int set_words(struct config *config, const struct config_key *key, const char *text,
                     size_t len)
{
    if (len < key->min || len >= key->size || strlen(text) != len) {
        return SHOAL_EINVAL;
    }
    for (size_t i = 0; i < len; i++) {
        if (iscntrl((unsigned char)text[i])) {
            return SHOAL_EINVAL;
        }
    }
    memcpy(field(config, key), text, len + 1);
    return 0;
}

static int set_number(struct config *config, const struct config_key *key, uint64_t number)
{
    if (number < key->min || number > key->max ||
        (key->type == CONFIG_POWER && (number & (number - 1)) != 0)) {
        return SHOAL_EINVAL;
    }
    *(uint64_t *)field(config, key) = number;
    return 0;
}

static int set_duration(struct config *config, const struct config_key *key, const char *text)
{
    uint64_t duration_us;
    if (text_parse_duration_us(text, MS, &duration_us) != 0) {
        return SHOAL_EINVAL;
    }
    return set_number(config, key, duration_us);
}

static int set_real(struct config *config, const struct config_key *key, double real)
{
    if (!(real >= (double)key->min && real <= (double)key->max)) {
        return SHOAL_EINVAL;
    }
    *(double *)field(config, key) = real;
    return 0;
}

static int set_port(struct config *config, const struct config_key *key, int64_t port)
{
    if (port < CONFIG_PORT_NONE || port > UINT16_MAX ||
        (port != CONFIG_PORT_NONE && (uint64_t)port < key->min)) {
        return SHOAL_EINVAL;
    }
    *(int32_t *)field(config, key) = (int32_t)port;
    return 0;
}

static int set_choice(struct config *config, const struct config_key *key, const char *text)
{
    for (int32_t i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *(int32_t *)field(config, key) = i;
            return 0;
        }
    }
    return SHOAL_EINVAL;
}

static int add_address(struct config_addresses *list, const char *text)
{
    if (list->count == CONFIG_SEEDS_MAX) {
        return SHOAL_EINVAL;
    }
    struct config_address *address = &list->items[list->count];
    if (text_parse_address(text, 0, address->host, &address->port) != 0) {
        return SHOAL_EINVAL;
    }
    list->count++;
    return 0;
}

/* ---- from JSON ------------------------------------------------------------------------------- */

struct origins {
    char text[CONFIG_ORIGINS_BYTES];
    size_t len;
};

/* Scheme, host and perhaps a port, as browsers send them: no slash at the end, nothing to escape.
 */
static bool is_origin(const char *text, size_t len)
{
    char host[256];
    char authority[512];
    uint16_t port;
    size_t scheme = 0;
    while (scheme < len && islower((unsigned char)text[scheme]) != 0) {
        scheme++;
    }
    if (scheme == 0 || len - scheme <= 3 || memcmp(text + scheme, "://", 3) != 0) {
        return false;
    }
    scheme += 3;
    if (len - scheme >= sizeof(authority)) {
        return false;
    }
    memcpy(authority, text + scheme, len - scheme);
    authority[len - scheme] = 0;
    return text_parse_address(authority, 1, host, &port) == 0 && text_is_host(host);
}

/* "*" stands alone. */
static int add_origin(struct origins *list, const char *text, size_t len)
{
    bool any = len == 1 && text[0] == '*';
    bool fits = list->len + len + 2 <= sizeof(list->text);
    if (!fits || (any ? list->len > 0 : !is_origin(text, len)) || list->text[0] == '*') {
        return SHOAL_EINVAL;
    }
    if (list->len > 0) {
        list->text[list->len++] = ',';
    }
    memcpy(list->text + list->len, text, len);
    list->len += len;
    return 0;
}

static int set_json_addresses(struct config *config, const struct config_key *key,
                              const json_t *value)
{
    struct config_addresses list = {0};
    if (!json_is_array(value)) {
        return SHOAL_EINVAL;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item) ||
            add_address(&list, json_string_value(item)) != 0) {
            return SHOAL_EINVAL;
        }
    }
    *(struct config_addresses *)field(config, key) = list;
    return 0;
}

static int set_json_origins(struct config *config, const struct config_key *key,
                            const json_t *value)
{
    struct origins list = {0};
    size_t i;
    json_t *item;
    if (!json_is_array(value)) {
        return SHOAL_EINVAL;
    }
    json_array_foreach(value, i, item)
    {
        const char *text = json_string_value(item);
        if (text == NULL || add_origin(&list, text, json_string_length(item)) != 0) {
            return SHOAL_EINVAL;
        }
    }
    memcpy(field(config, key), list.text, sizeof(list.text));
    return 0;
}

static int set_json_number(struct config *config, const struct config_key *key, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return SHOAL_EINVAL;
    }
    uint64_t number = (uint64_t)json_integer_value(value);
    if (key->type == CONFIG_DURATION) {
        return number > key->max ? SHOAL_EINVAL : set_number(config, key, number * MS);
    }
    return set_number(config, key, number);
}

static int set_json_port(struct config *config, const struct config_key *key, const json_t *value)
{
    if (json_is_null(value)) {
        return set_port(config, key, CONFIG_PORT_NONE);
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return SHOAL_EINVAL;
    }
    return set_port(config, key, json_integer_value(value));
}

int config_set_json(struct config *config, const struct config_key *key, const json_t *value)
{
    const char *text = json_string_value(value); /* NULL for anything else */
    switch (key->type) {
    case CONFIG_TEXT:
        return text == NULL ? SHOAL_EINVAL
                            : set_words(config, key, text, json_string_length(value));
    case CONFIG_NUMBER:
    case CONFIG_POWER:
        return set_json_number(config, key, value);
    case CONFIG_DURATION:
        return text == NULL ? set_json_number(config, key, value) : set_duration(config, key, text);
    case CONFIG_REAL:
        return json_is_number(value) ? set_real(config, key, json_number_value(value))
                                     : SHOAL_EINVAL;
    case CONFIG_BOOL:
        if (!json_is_boolean(value)) {
            return SHOAL_EINVAL;
        }
        *(bool *)field(config, key) = json_is_true(value);
        return 0;
    case CONFIG_PORT:
        return set_json_port(config, key, value);
    case CONFIG_CHOICE:
        return text == NULL ? SHOAL_EINVAL : set_choice(config, key, text);
    case CONFIG_ADDRESSES:
        return set_json_addresses(config, key, value);
    case CONFIG_ORIGINS:
        return set_json_origins(config, key, value);
    }
    return SHOAL_EINVAL;
}

/* ---- from the environment -------------------------------------------------------------------- */

static int set_text_number(struct config *config, const struct config_key *key, const char *text)
{
    uint64_t number;
    if (text_parse_u64(text, 0, UINT64_MAX, &number) != 0) {
        return SHOAL_EINVAL;
    }
    return set_number(config, key, number);
}

static int set_text_real(struct config *config, const struct config_key *key, const char *text)
{
    char *end;
    double real = strtod(text, &end);
    return *text == 0 || *end != 0 ? SHOAL_EINVAL : set_real(config, key, real);
}

static int set_text_bool(struct config *config, const struct config_key *key, const char *text)
{
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) {
        return SHOAL_EINVAL;
    }
    *(bool *)field(config, key) = is_true;
    return 0;
}

static int set_text_port(struct config *config, const struct config_key *key, const char *text)
{
    uint64_t port;
    if (*text == 0) {
        return set_port(config, key, CONFIG_PORT_NONE);
    }
    if (text_parse_u64(text, 0, UINT16_MAX, &port) != 0) {
        return SHOAL_EINVAL;
    }
    return set_port(config, key, (int64_t)port);
}

static int set_text_addresses(struct config *config, const struct config_key *key, const char *text)
{
    struct config_addresses list = {0};
    while (*text != 0) {
        char one[LIMIT_NAME_BYTES + 16];
        size_t len = strcspn(text, ",");
        if (len >= sizeof(one)) {
            return SHOAL_EINVAL;
        }
        memcpy(one, text, len);
        one[len] = 0;
        if (add_address(&list, one) != 0) {
            return SHOAL_EINVAL;
        }
        text += len;
        text += *text == ',' ? 1 : 0;
    }
    *(struct config_addresses *)field(config, key) = list;
    return 0;
}

static int set_text_origins(struct config *config, const struct config_key *key, const char *text)
{
    struct origins list = {0};
    while (*text != 0) {
        size_t len = strcspn(text, ",");
        if (add_origin(&list, text, len) != 0) {
            return SHOAL_EINVAL;
        }
        text += len;
        text += *text == ',' ? 1 : 0;
    }
    memcpy(field(config, key), list.text, sizeof(list.text));
    return 0;
}

int config_set_text(struct config *config, const struct config_key *key, const char *text)
{
    switch (key->type) {
    case CONFIG_TEXT:
        return set_words(config, key, text, strlen(text));
    case CONFIG_NUMBER:
    case CONFIG_POWER:
        return set_text_number(config, key, text);
    case CONFIG_DURATION:
        return set_duration(config, key, text);
    case CONFIG_REAL:
        return set_text_real(config, key, text);
    case CONFIG_BOOL:
        return set_text_bool(config, key, text);
    case CONFIG_PORT:
        return set_text_port(config, key, text);
    case CONFIG_CHOICE:
        return set_choice(config, key, text);
    case CONFIG_ADDRESSES:
        return set_text_addresses(config, key, text);
    case CONFIG_ORIGINS:
        return set_text_origins(config, key, text);
    }
    return SHOAL_EINVAL;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool addresses_equal(const struct config_addresses *a, const struct config_addresses *b)
{
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal =
            a->items[i].port == b->items[i].port && strcmp(a->items[i].host, b->items[i].host) == 0;
    }
    return equal;
}

bool config_key_equal(const struct config_key *key, const struct config *a, const struct config *b)
{
    const void *left = field_of(a, key);
    const void *right = field_of(b, key);
    switch (key->type) {
    case CONFIG_TEXT:
    case CONFIG_ORIGINS:
        return strcmp(left, right) == 0;
    case CONFIG_NUMBER:
    case CONFIG_POWER:
    case CONFIG_DURATION:
        return *(const uint64_t *)left == *(const uint64_t *)right;
    case CONFIG_REAL:
        return !(*(const double *)left < *(const double *)right) &&
               !(*(const double *)left > *(const double *)right);
    case CONFIG_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case CONFIG_PORT:
    case CONFIG_CHOICE:
        return *(const int32_t *)left == *(const int32_t *)right;
    case CONFIG_ADDRESSES:
        return addresses_equal(left, right);
    }
    return true;
}

int config_fixed_differences(const struct config *a, const struct config *b, struct buffer *names)
{
    int code = 0;
    for (size_t i = 0; i < config_key_count && code == 0; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->changeable || config_key_equal(key, a, b)) {
            continue;
        }
        char path[64];
        config_key_path(key, path);
        if (names->len > 0) {
            code = buffer_append(names, ", ", 2);
        }
        if (code == 0) {
            code = buffer_append(names, path, strlen(path));
        }
    }
    return code;
}
