/* Commands about the node as a whole: the time, and what others ask of a server. INFO, CONFIG and
 * COMMAND have files of their own. */
#include "api/redis/server.h"
#include "api/redis/connection.h"
#include "api/redis/documents.h"
#include "api/redis/session.h"
#include "ring/view.h"

static void run_time(struct redis_call *call)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, now.tv_sec);
    reply_bulk_integer(call->reply, now.tv_nsec / 1000);
}

/* A write is replied to when W owners have it: there is nothing to wait for. */
static void run_wait(struct redis_call *call)
{
    const struct redis_session *session = call->session;
    const struct snapshot *snapshot = worker_snapshot(session->loop->worker);
    int64_t replicas;
    int64_t timeout_ms;
    int64_t others = 0;
    if (!redis_take_integer(call, call->argv[1], &replicas)) {
        return;
    }
    if (!redis_integer(call->argv[2], &timeout_ms)) {
        reply_error(call->reply, "ERR timeout is not an integer or out of range");
        return;
    }
    if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return;
    }
    if (snapshot != NULL) {
        others = (session->w > 0 ? session->w : (int64_t)view_facts(snapshot->view)->w) - 1;
    }
    reply_integer(call->reply, others);
}

static void run_role(struct redis_call *call)
{
    reply_array(call->reply, 3);
    reply_bulk_text(call->reply, "master");
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
}

static void run_debug(struct redis_call *call)
{
    reply_error(call->reply, "ERR DEBUG command not allowed. No option allows it here.");
}

/* Of a subcommand that takes fewer arguments than the table lets through. */
static void refuse_count(struct redis_call *call, const char *name)
{
    struct bytes subcommand = call->argv[1];
    size_t len = subcommand.len < 128 ? subcommand.len : 128;
    reply_error_format(call->reply,
                       "ERR unknown subcommand or wrong number of arguments for '%.*s'. "
                       "Try %s HELP.",
                       (int)len, (const char *)subcommand.data, name);
}

static void run_function_flush(struct redis_call *call)
{
    if (call->argc > 3) {
        refuse_count(call, "FUNCTION");
    } else if (call->argc == 3 && !redis_is(call->argv[2], "sync") &&
               !redis_is(call->argv[2], "async")) {
        reply_error(call->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    } else {
        reply_simple(call->reply, "OK");
    }
}

static void run_slowlog_get(struct redis_call *call)
{
    int64_t count = -1;
    if (call->argc > 3) {
        refuse_count(call, "SLOWLOG");
    } else if (call->argc == 3 && (!redis_integer(call->argv[2], &count) || count < -1)) {
        reply_error(call->reply, "ERR count should be greater than or equal to -1");
    } else {
        reply_array(call->reply, 0);
    }
}

/* What it takes to hold a value beside the value and its key: index, record, context. */
#define HOLDING_BYTES 96

static void run_memory_usage(struct redis_call *call)
{
    int64_t samples;
    if (call->argc != 3 && (call->argc != 5 || !redis_is(call->argv[3], "samples"))) {
        redis_reply_syntax(call);
        return;
    }
    if (call->argc == 5 && !redis_take_integer(call, call->argv[4], &samples)) {
        return;
    }
    if (call->argc == 5 && samples < 0) {
        redis_reply_syntax(call);
        return;
    }
    const struct unit_cell *cell = redis_cell(call, call->argv[2]);
    if (cell->found) {
        reply_integer(call->reply, (int64_t)(cell->key.len + cell->value.len + HOLDING_BYTES));
    } else {
        reply_null(call->reply);
    }
}

static void reply_none(struct redis_call *call)
{
    reply_integer(call->reply, 0);
}

static void reply_ok(struct redis_call *call)
{
    reply_simple(call->reply, "OK");
}

#define PART(name_, arity_, flags_, run_, since_, syntax_, summary_, acl_)                         \
    {                                                                                              \
        .name = (name_), .arity = (arity_), .flags = (flags_), .run = (run_), .group = "server",   \
        .since = (since_), .complexity = "O(1)", .syntax = (syntax_), .summary = (summary_),       \
        .acl = (acl_)                                                                              \
    }

#define ANY_TIME (COMMAND_LOADING | COMMAND_STALE)
#define RULES "@admin @slow @dangerous"

static const struct command function_parts[] = {
    PART("flush", -2, COMMAND_NOSCRIPT | COMMAND_WRITE, run_function_flush, "7.0.0",
         "FUNCTION FLUSH [ASYNC | SYNC]", "Answers OK, as there are no functions.",
         "@write @slow @scripting"),
    PART("help", 2, ANY_TIME, redis_help, "7.0.0", "FUNCTION HELP", "Lists these.",
         "@slow @scripting"),
    {0},
};

static const struct command memory_parts[] = {
    PART("help", 2, ANY_TIME, redis_help, "4.0.0", "MEMORY HELP", "Lists these.", "@slow"),
    {
        .name = "usage",
        .arity = -3,
        .flags = COMMAND_READONLY,
        .first_key = 2,
        .last_key = 2,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_READ,
        .run = run_memory_usage,
        .group = "server",
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Returns about how many bytes it takes to hold a key, null if there is none.",
        .syntax = "MEMORY USAGE key [SAMPLES count]",
        .acl = "@read @slow",
        .clustered = "Read by R owners; what one of them holds.",
        .alone = "The key, its value and an estimate of what goes with them.",
    },
    {0},
};

static const struct command slowlog_parts[] = {
    PART("get", -2, COMMAND_ADMIN | ANY_TIME, run_slowlog_get, "2.2.12", "SLOWLOG GET [count]",
         "Returns nothing: slow commands are not logged one by one; /metrics has their latency.",
         RULES),
    PART("help", 2, ANY_TIME, redis_help, "6.2.0", "SLOWLOG HELP", "Lists these.", "@slow"),
    PART("len", 2, COMMAND_ADMIN | ANY_TIME, reply_none, "2.2.12", "SLOWLOG LEN", "Returns 0.",
         RULES),
    PART("reset", 2, COMMAND_ADMIN | ANY_TIME, reply_ok, "2.2.12", "SLOWLOG RESET",
         "Answers OK, as nothing is logged.", RULES),
    {0},
};

const struct command commands_server[] = {
    {
        .name = "command",
        .arity = -1,
        .flags = ANY_TIME,
        .run = redis_run_command,
        .subcommands = command_parts,
        .group = "server",
        .since = "2.8.13",
        .complexity = "O(N) where N is the number of commands",
        .summary = "Returns what commands there are.",
        .syntax = "COMMAND [subcommand [argument ...]]",
        .acl = "@slow @connection",
    },
    {
        .name = "config",
        .arity = -2,
        .subcommands = config_parts,
        .group = "server",
        .since = "2.0.0",
        .complexity = "Depends on subcommand",
        .summary = "Commands about the node's configuration, in Redis's words.",
        .syntax = "CONFIG subcommand [argument ...]",
        .acl = "@slow",
    },
    {
        .name = "debug",
        .arity = -2,
        .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | ANY_TIME,
        .run = run_debug,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Refused, as Redis refuses it unless told otherwise.",
        .syntax = "DEBUG subcommand [argument ...]",
        .acl = RULES,
        .alone = "Refused always.",
    },
    {
        .name = "function",
        .arity = -2,
        .subcommands = function_parts,
        .group = "scripting",
        .since = "7.0.0",
        .complexity = "Depends on subcommand",
        .summary = "Commands about functions, of which there are none.",
        .syntax = "FUNCTION subcommand [argument ...]",
        .acl = "@slow",
        .alone = "FLUSH alone: test suites send it.",
    },
    {
        .name = "info",
        .arity = -1,
        .flags = ANY_TIME,
        .run = redis_run_info,
        .group = "server",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Tells how the node is, section by section.",
        .syntax = "INFO [section [section ...]]",
        .acl = "@slow @dangerous",
        .clustered = "Of the node that is asked; a section of its own, `shoal`, says what it is "
                     "part of.",
        .alone = "Fields that would not be true here are left out; there is a section `shoal`.",
    },
    {
        .name = "memory",
        .arity = -2,
        .subcommands = memory_parts,
        .group = "server",
        .since = "4.0.0",
        .complexity = "Depends on subcommand",
        .summary = "Commands about memory.",
        .syntax = "MEMORY subcommand [argument ...]",
        .acl = "@slow",
    },
    {
        .name = "role",
        .arity = 1,
        .flags = COMMAND_NOSCRIPT | ANY_TIME | COMMAND_FAST,
        .run = run_role,
        .group = "server",
        .since = "2.8.12",
        .complexity = "O(1)",
        .summary = "Returns the role, which is \"master\" everywhere: every node takes writes.",
        .syntax = "ROLE",
        .acl = "@admin @fast @dangerous",
    },
    {
        .name = "slowlog",
        .arity = -2,
        .subcommands = slowlog_parts,
        .group = "server",
        .since = "2.2.12",
        .complexity = "Depends on subcommand",
        .summary = "Commands about a log of slow commands, which is always empty.",
        .syntax = "SLOWLOG subcommand [argument ...]",
        .acl = "@slow",
    },
    {
        .name = "time",
        .arity = 1,
        .flags = ANY_TIME | COMMAND_FAST,
        .run = run_time,
        .group = "server",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Returns the node's clock.",
        .syntax = "TIME",
        .acl = "@fast",
    },
    {
        .name = "wait",
        .arity = 3,
        .flags = COMMAND_NOSCRIPT,
        .run = run_wait,
        .group = "generic",
        .since = "3.0.0",
        .complexity = "O(1)",
        .summary = "Returns how many other nodes have what the connection has written.",
        .syntax = "WAIT numreplicas timeout",
        .acl = "@slow @connection",
        .clustered = "W - 1, at once: a write is replied to when W owners have it.",
        .alone = "0, at once.",
    },
    {0},
};
