/* Commands on when keys go. An expiry in the past deletes at once; else the value is written again
 * as it is, with the new expiry. */
#include "api/redis/call.h"
#include "api/redis/keys.h"

enum condition {
    CONDITION_NX = 1 << 0, /* has none yet */
    CONDITION_XX = 1 << 1, /* has one */
    CONDITION_GT = 1 << 2, /* the new one is later; none is the latest of all */
    CONDITION_LT = 1 << 3, /* the new one is earlier */
};

static const struct {
    const char *word;
    enum condition condition;
} conditions[] = {
    {"nx", CONDITION_NX}, {"xx", CONDITION_XX}, {"gt", CONDITION_GT}, {"lt", CONDITION_LT}};

#define CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

/* 0: it is none. */
static uint32_t read_condition(struct bytes argument)
{
    for (size_t i = 0; i < CONDITIONS; i++) {
        if (redis_is(argument, conditions[i].word)) {
            return conditions[i].condition;
        }
    }
    return 0;
}

static const char *linear_of(const struct bytes *argv, uint32_t argc)
{
    for (uint32_t i = 3; i < argc; i++) {
        if (read_condition(argv[i]) == 0) {
            return NULL; /* its error is the same everywhere */
        }
    }
    return argc > 3 ? "EXPIRE with NX, XX, GT or LT" : NULL;
}

/* The conditions behind key and time, or replied. */
static bool take_conditions(struct redis_call *call, uint32_t *wanted)
{
    *wanted = 0;
    for (uint32_t i = 3; i < call->argc; i++) {
        uint32_t condition = read_condition(call->argv[i]);
        if (condition == 0) {
            struct bytes text = call->argv[i];
            reply_error_format(call->reply, "ERR Unsupported option %.*s",
                               (int)strnlen((const char *)text.data, text.len),
                               (const char *)text.data);
            return false;
        }
        *wanted |= condition;
    }
    bool none = (*wanted & CONDITION_NX) != 0;
    if (none && *wanted != CONDITION_NX) {
        reply_error(call->reply,
                    "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*wanted & CONDITION_GT) != 0 && (*wanted & CONDITION_LT) != 0) {
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

static bool conditions_hold(uint32_t wanted, uint64_t old_ms, int64_t new_ms)
{
    bool has_one = old_ms != 0;
    bool later = has_one && new_ms > (int64_t)old_ms;
    bool earlier = !has_one || new_ms < (int64_t)old_ms;
    return ((wanted & CONDITION_NX) == 0 || !has_one) &&
           ((wanted & CONDITION_XX) == 0 || has_one) && ((wanted & CONDITION_GT) == 0 || later) &&
           ((wanted & CONDITION_LT) == 0 || earlier);
}

/* EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: which, its name says. */
void key_expire(struct redis_call *call)
{
    const char *name = call->command->name;
    bool seconds = name[0] != 'p';
    bool relative = name[strlen(name) - 1] != 't';
    uint32_t wanted;
    int64_t expiry_ms;
    if (!take_conditions(call, &wanted) ||
        !redis_take_expiry(call, call->argv[2], seconds, relative, &expiry_ms)) {
        return;
    }
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    if (!cell->found || !conditions_hold(wanted, cell->expiry_ms, expiry_ms)) {
        reply_integer(call->reply, 0);
        return;
    }
    if (expiry_ms <= (int64_t)call->now_ms) {
        redis_cell_delete(cell);
    } else if (!key_move_value(call, cell, cell->value, (uint64_t)expiry_ms)) {
        return;
    }
    reply_integer(call->reply, 1);
}

/* TTL, PTTL, EXPIRETIME, PEXPIRETIME: which, its name says. */
void key_ttl(struct redis_call *call)
{
    const char *name = call->command->name;
    const struct unit_cell *cell = redis_cell(call, call->argv[1]);
    if (!cell->found || cell->expiry_ms == 0) {
        reply_integer(call->reply, cell->found ? -1 : -2);
        return;
    }
    uint64_t shown_ms = cell->expiry_ms;
    if (strstr(name, "ttl") != NULL) {
        shown_ms = shown_ms > call->now_ms ? shown_ms - call->now_ms : 0;
    }
    /* Rounded to the nearest, and beyond what 64 bits hold around to below zero, as Redis does. */
    reply_integer(call->reply,
                  name[0] == 'p' ? (int64_t)shown_ms : (int64_t)(shown_ms + 500) / 1000);
}

void key_persist(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    if (!cell->found || cell->expiry_ms == 0) {
        reply_integer(call->reply, 0);
    } else if (key_move_value(call, cell, cell->value, 0)) {
        reply_integer(call->reply, 1);
    }
}

#define CLUSTERED_EXPIRE                                                                           \
    "Amends what R owners hold, confirmed by W; a value written at the same time keeps its own "   \
    "expiry. With NX, XX, GT or LT refused: they look and write in one step. A key is hidden "     \
    "late by as much as clocks may differ (limits.clock_ahead_ms), never early."
#define CLUSTERED_TTL                                                                              \
    "Read by R owners. A key is hidden late by as much as clocks may differ "                      \
    "(limits.clock_ahead_ms) and has 0 "                                                           \
    "left until then."

const struct command commands_expiry[] = {
    {
        .name = "expire",
        .arity = -3,
        .flags = COMMAND_WRITE | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_EXPIRE,
        .linear = linear_of,
        .run = key_expire,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Lets a key go in so many seconds.",
        .syntax = "EXPIRE key seconds [NX | XX | GT | LT]",
        .acl = "@keyspace @write @fast",
        .clustered = CLUSTERED_EXPIRE,
    },
    {
        .name = "expireat",
        .arity = -3,
        .flags = COMMAND_WRITE | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_EXPIRE,
        .linear = linear_of,
        .run = key_expire,
        .group = "generic",
        .since = "1.2.0",
        .complexity = "O(1)",
        .summary = "Lets a key go at a time, in seconds since 1970.",
        .syntax = "EXPIREAT key unix-time-seconds [NX | XX | GT | LT]",
        .acl = "@keyspace @write @fast",
        .clustered = CLUSTERED_EXPIRE,
    },
    {
        .name = "pexpire",
        .arity = -3,
        .flags = COMMAND_WRITE | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_EXPIRE,
        .linear = linear_of,
        .run = key_expire,
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Lets a key go in so many milliseconds.",
        .syntax = "PEXPIRE key milliseconds [NX | XX | GT | LT]",
        .acl = "@keyspace @write @fast",
        .clustered = CLUSTERED_EXPIRE,
    },
    {
        .name = "pexpireat",
        .arity = -3,
        .flags = COMMAND_WRITE | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_EXPIRE,
        .linear = linear_of,
        .run = key_expire,
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "Lets a key go at a time, in milliseconds since 1970.",
        .syntax = "PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]",
        .acl = "@keyspace @write @fast",
        .clustered = CLUSTERED_EXPIRE,
    },
    {
        .name = "persist",
        .arity = 2,
        .flags = COMMAND_WRITE | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_EXPIRE,
        .run = key_persist,
        .group = "generic",
        .since = "2.2.0",
        .complexity = "O(1)",
        .summary = "Lets a key stay that was to go.",
        .syntax = "PERSIST key",
        .acl = "@keyspace @write @fast",
        .clustered = CLUSTERED_EXPIRE,
    },
    {
        .name = "ttl",
        .arity = 2,
        .flags = COMMAND_READONLY | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_READ,
        .run = key_ttl,
        .group = "generic",
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "How many seconds a key has left: -1 if it stays, -2 if it is not there.",
        .syntax = "TTL key",
        .acl = "@keyspace @read @fast",
        .clustered = CLUSTERED_TTL,
    },
    {
        .name = "pttl",
        .arity = 2,
        .flags = COMMAND_READONLY | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_READ,
        .run = key_ttl,
        .group = "generic",
        .since = "2.6.0",
        .complexity = "O(1)",
        .summary = "How many milliseconds a key has left: -1 if it stays, -2 if it is not there.",
        .syntax = "PTTL key",
        .acl = "@keyspace @read @fast",
        .clustered = CLUSTERED_TTL,
    },
    {
        .name = "expiretime",
        .arity = 2,
        .flags = COMMAND_READONLY | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_READ,
        .run = key_ttl,
        .group = "generic",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary = "When a key goes, in seconds since 1970: -1 if it stays, -2 if it is not there.",
        .syntax = "EXPIRETIME key",
        .acl = "@keyspace @read @fast",
        .clustered = CLUSTERED_TTL,
    },
    {
        .name = "pexpiretime",
        .arity = 2,
        .flags = COMMAND_READONLY | COMMAND_FAST,
        .first_key = 1,
        .last_key = 1,
        .key_step = 1,
        .kind = COMMAND_KEYS,
        .spread = SPREAD_READ,
        .run = key_ttl,
        .group = "generic",
        .since = "7.0.0",
        .complexity = "O(1)",
        .summary =
            "When a key goes, in milliseconds since 1970: -1 if it stays, -2 if it is not there.",
        .syntax = "PEXPIRETIME key",
        .acl = "@keyspace @read @fast",
        .clustered = CLUSTERED_TTL,
    },
    {0},
};
