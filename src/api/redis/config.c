/* CONFIG: the node's configuration in the names that Redis's clients and tools know. A name is here
 * only if there is something true to answer. Some can be set and take effect at once, until the
 * node is restarted; setting another to what it is succeeds, anything else is refused. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/redis/connection.h"
#include "api/redis/documents.h"
#include "api/redis/server.h"
#include "api/redis/session.h"
#include "base/glob.h"
#include "base/log.h"
#include "shoal/error.h"

#define VALUE_BYTES 4096u

struct setting {
    const char *name;
    /* What it is: a constant, or written by `get`. */
    const char *value;
    void (*get)(const struct redis_shared *shared, char out[VALUE_BYTES]);
    /* NULL: can't be changed while the node runs. 0: it may be that; else why not, in `text`. With
     * `apply` it is so from then on. */
    int (*set)(struct redis_shared *shared, struct bytes value, bool apply, const char **text);
    bool immutable; /* in Redis too, which has words for that */
};

/* ---- numbers --------------------------------------------------------------------------------- */

static bool take_unit(const char *unit, uint64_t *factor)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {
        {"", 1},           {"b", 1},
        {"k", 1000},       {"kb", 1024},
        {"m", 1000000},    {"mb", 1024 * 1024},
        {"g", 1000000000}, {"gb", UINT64_C(1024) * 1024 * 1024},
    };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(unit, units[i].name) == 0) {
            *factor = units[i].factor;
            return true;
        }
    }
    return false;
}

/* "1048576", "16mb". */
static bool take_bytes(struct bytes value, uint64_t *out)
{
    char text[32];
    uint64_t number = 0;
    uint64_t factor;
    size_t at = 0;
    if (value.len == 0 || value.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = 0;
    while (text[at] >= '0' && text[at] <= '9') {
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[at] - '0'), &number)) {
            return false;
        }
        at++;
    }
    return at > 0 && take_unit(text + at, &factor) && !__builtin_mul_overflow(number, factor, out);
}

/* ---- the settings ---------------------------------------------------------------------------- */

static void get_port(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    snprintf(out, VALUE_BYTES, "%u", shared->options.node.port);
}

static void get_dir(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    const char *dir = shared->options.node.data_dir;
    snprintf(out, VALUE_BYTES, "%s", dir == NULL ? "" : dir);
}

static bool is_kept(const struct redis_shared *shared)
{
    const char *engine = shared->options.node.engine;
    return engine != NULL && strcmp(engine, "memory") != 0;
}

static void get_append_only(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    snprintf(out, VALUE_BYTES, "%s", is_kept(shared) ? "yes" : "no");
}

static void get_append_sync(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    const char *durability = shared->options.node.durability;
    const char *words = "everysec";
    if (!is_kept(shared) || durability == NULL || strcmp(durability, "os") == 0) {
        words = "no";
    } else if (strcmp(durability, "sync") == 0) {
        words = "always";
    }
    snprintf(out, VALUE_BYTES, "%s", words);
}

static void get_threads(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    snprintf(out, VALUE_BYTES, "%u", shared->options.workers);
}

static void get_max_clients(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    snprintf(out, VALUE_BYTES, "%u", atomic_load(&shared->options.limits->connections));
}

static int set_max_clients(struct redis_shared *shared, struct bytes value, bool apply,
                           const char **text)
{
    int64_t number;
    if (!redis_integer(value, &number)) {
        *text = "argument couldn't be parsed into an integer";
        return SHOAL_EINVAL;
    }
    if (number < 1 || number > UINT32_MAX) {
        *text = "argument must be between 1 and 4294967295 inclusive";
        return SHOAL_EINVAL;
    }
    if (apply) {
        atomic_store(&shared->options.limits->connections, (uint32_t)number);
    }
    return 0;
}

static void get_max_bulk(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    snprintf(out, VALUE_BYTES, "%" PRIu64, atomic_load(&shared->options.limits->value_bytes));
}

static int set_max_bulk(struct redis_shared *shared, struct bytes value, bool apply,
                        const char **text)
{
    uint64_t bytes;
    if (!take_bytes(value, &bytes)) {
        *text = "argument must be a memory value";
        return SHOAL_EINVAL;
    }
    if (bytes < 1 || bytes > LIMIT_VALUE_BYTES_MAX) {
        *text = "argument must be between 1 and 67108864 inclusive, as limits.value_bytes";
        return SHOAL_EINVAL;
    }
    if (apply) {
        atomic_store(&shared->options.limits->value_bytes, bytes);
    }
    return 0;
}

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"debug", LOG_DEBUG},
    {"verbose", LOG_DEBUG},
    {"notice", LOG_INFO},
    {"warning", LOG_WARNING},
};

static void get_log_level(const struct redis_shared *shared, char out[VALUE_BYTES])
{
    (void)shared;
    const char *name = "warning";
    for (size_t i = sizeof(levels) / sizeof(levels[0]); i-- > 0;) {
        if (log_enabled(levels[i].level)) {
            name = levels[i].name;
        }
    }
    snprintf(out, VALUE_BYTES, "%s", name);
}

static int set_log_level(struct redis_shared *shared, struct bytes value, bool apply,
                         const char **text)
{
    (void)shared;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (redis_is(value, levels[i].name)) {
            if (apply) {
                log_set_level(levels[i].level);
            }
            return 0;
        }
    }
    *text = "argument(s) must be one of the following: debug, verbose, notice, warning";
    return SHOAL_EINVAL;
}

static const struct setting settings[] = {
    {.name = "activedefrag", .value = "no"},
    {.name = "appendfsync", .get = get_append_sync},
    {.name = "appendonly", .get = get_append_only},
    {.name = "cluster-enabled", .value = "no", .immutable = true},
    {.name = "daemonize", .value = "no", .immutable = true},
    {.name = "databases", .value = "1", .immutable = true},
    {.name = "dir", .get = get_dir},
    {.name = "enable-debug-command", .value = "no", .immutable = true},
    {.name = "enable-module-command", .value = "no", .immutable = true},
    {.name = "io-threads", .get = get_threads, .immutable = true},
    {.name = "latency-monitor-threshold", .value = "0"},
    {.name = "logfile", .value = "", .immutable = true},
    {.name = "loglevel", .get = get_log_level, .set = set_log_level},
    {.name = "maxclients", .get = get_max_clients, .set = set_max_clients},
    {.name = "maxmemory", .value = "0"},
    {.name = "maxmemory-policy", .value = "noeviction"},
    {.name = "notify-keyspace-events", .value = ""},
    {.name = "port", .get = get_port},
    {.name = "proto-max-bulk-len", .get = get_max_bulk, .set = set_max_bulk},
    {.name = "replicaof", .value = "", .immutable = true},
    {.name = "requirepass", .value = ""},
    {.name = "save", .value = ""},
    {.name = "slaveof", .value = "", .immutable = true},
    {.name = "slowlog-log-slower-than", .value = "-1"},
    {.name = "tcp-keepalive", .value = "0"},
    {.name = "timeout", .value = "0"},
    {.name = "tls-port", .value = "0"},
    {.name = "unixsocket", .value = "", .immutable = true},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static void value_of(const struct setting *setting, const struct redis_shared *shared,
                     char out[VALUE_BYTES])
{
    if (setting->get != NULL) {
        setting->get(shared, out);
    } else {
        snprintf(out, VALUE_BYTES, "%s", setting->value);
    }
}

/* ---- CONFIG GET ------------------------------------------------------------------------------ */

/* 0, or a code of glob_compile. */
static int choose(struct bytes text, bool chosen[SETTINGS])
{
    struct arena arena;
    const struct glob *pattern;
    arena_init(&arena, 0);
    int code = glob_compile(&arena, text, true, &pattern);
    for (size_t i = 0; i < SETTINGS && code == 0; i++) {
        chosen[i] |= glob_matches(pattern, bytes_from_string(settings[i].name));
    }
    arena_deinit(&arena);
    return code;
}

static void run_get(struct redis_call *call)
{
    bool chosen[SETTINGS] = {false};
    char value[VALUE_BYTES];
    uint32_t count = 0;
    for (uint32_t i = 2; i < call->argc; i++) {
        int code = choose(call->argv[i], chosen);
        if (code != 0) {
            reply_error_format(call->reply, "ERR the pattern can't be used: %s",
                               shoal_error_text(code));
            return;
        }
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        count += chosen[i];
    }
    reply_map(call->reply, count);
    for (size_t i = 0; i < SETTINGS; i++) {
        if (chosen[i]) {
            value_of(&settings[i], call->session->shared, value);
            reply_bulk_text(call->reply, settings[i].name);
            reply_bulk_text(call->reply, value);
        }
    }
}

/* ---- CONFIG SET ------------------------------------------------------------------------------ */

static const struct setting *find_setting(struct bytes name)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        if (redis_is(name, settings[i].name)) {
            return &settings[i];
        }
    }
    return NULL;
}

static int check_or_set(struct redis_shared *shared, const struct setting *setting,
                        struct bytes value, bool apply, const char **text)
{
    char now[VALUE_BYTES];
    if (setting->immutable) {
        *text = "can't set immutable config";
        return SHOAL_EINVAL;
    }
    if (setting->set != NULL) {
        return setting->set(shared, value, apply, text);
    }
    value_of(setting, shared, now);
    if (redis_is(value, now)) {
        return 0;
    }
    *text = "Shoal can't be told this while it runs; see docs/configuration.md";
    return SHOAL_EINVAL;
}

static void refuse_set(struct redis_call *call, const struct setting *setting, const char *text)
{
    reply_error_format(call->reply,
                       "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                       setting->name, text);
}

/* Is each there, and named once? False: refused, and replied. */
static bool check_names(struct redis_call *call)
{
    bool named[SETTINGS] = {false};
    for (uint32_t i = 2; i < call->argc; i += 2) {
        const struct setting *setting = find_setting(call->argv[i]);
        if (setting == NULL) {
            reply_error_format(call->reply,
                               "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                               redis_text(call->argv[i]), call->argv[i].data);
            return false;
        }
        if (named[setting - settings]) {
            refuse_set(call, setting, "duplicate parameter");
            return false;
        }
        named[setting - settings] = true;
    }
    return true;
}

/* All are checked before any is set. False: refused, and replied. */
static bool set_all(struct redis_call *call, bool apply)
{
    for (uint32_t i = 2; i < call->argc; i += 2) {
        const struct setting *setting = find_setting(call->argv[i]);
        const char *text = NULL;
        if (check_or_set(call->session->shared, setting, call->argv[i + 1], apply, &text) != 0) {
            refuse_set(call, setting, text);
            return false;
        }
    }
    return true;
}

static void run_set(struct redis_call *call)
{
    if (call->argc % 2 != 0) {
        redis_reply_syntax(call);
    } else if (check_names(call) && set_all(call, false) && set_all(call, true)) {
        reply_simple(call->reply, "OK");
    }
}

static void run_reset_stat(struct redis_call *call)
{
    struct redis_shared *shared = call->session->shared;
    const struct redis_metrics *ids = &shared->options.metric_ids;
    atomic_store(&shared->accepted_before, client_roll_accepted(&shared->roll));
    atomic_store(&shared->commands_before, redis_shared_count(shared, ids->commands));
    atomic_store(&shared->errors_before, redis_shared_count(shared, ids->errors));
    reply_simple(call->reply, "OK");
}

static void run_rewrite(struct redis_call *call)
{
    const char *path = call->session->shared->options.node.config_path;
    reply_error(call->reply, path == NULL ? "ERR The server is running without a config file"
                                          : "ERR Rewriting config file: Shoal never writes its "
                                            "configuration file");
}

#define OF_CONFIG (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

#define PART(name_, arity_, flags_, run_, since_, complexity_, syntax_, summary_, acl_)            \
    {                                                                                              \
        .name = (name_), .arity = (arity_), .flags = (flags_), .run = (run_), .group = "server",   \
        .since = (since_), .complexity = (complexity_), .syntax = (syntax_),                       \
        .summary = (summary_), .acl = (acl_)                                                       \
    }

#define RULES "@admin @slow @dangerous"

const struct command config_parts[] = {
    PART("get", -3, OF_CONFIG, run_get, "2.0.0",
         "O(N) where N is the number of settings and patterns", "CONFIG GET pattern [pattern ...]",
         "Returns the settings that match.", RULES),
    PART("help", 2, COMMAND_LOADING | COMMAND_STALE, redis_help, "5.0.0", "O(1)", "CONFIG HELP",
         "Lists these.", "@slow"),
    PART("resetstat", 2, OF_CONFIG, run_reset_stat, "2.0.0", "O(1)", "CONFIG RESETSTAT",
         "Has INFO's counters begin anew.", RULES),
    PART("rewrite", 2, OF_CONFIG, run_rewrite, "2.8.0", "O(1)", "CONFIG REWRITE",
         "Refused: the configuration file is its owner's.", RULES),
    PART("set", -4, OF_CONFIG, run_set, "2.0.0", "O(N) where N is the number of settings",
         "CONFIG SET parameter value [parameter value ...]",
         "Changes maxclients, proto-max-bulk-len, loglevel until the node is restarted.", RULES),
    {0},
};
