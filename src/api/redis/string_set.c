/* SET and its kin: a whole value takes the place of what was there, and with it the expiry. A time
 * of expiry that is over already deletes the key at once, which is what everyone would see. */
#include "api/redis/call.h"
#include "api/redis/string_options.h"
#include "api/redis/strings.h"
#include "base/mutant.h"

static void put(struct redis_call *call, struct unit_cell *cell, struct bytes value,
                uint64_t expiry_ms)
{
    if (expiry_ms != 0 && expiry_ms <= call->now_ms) {
        redis_cell_delete(cell);
    } else {
        redis_cell_put(cell, value, expiry_ms);
    }
}

static void reply_old(struct redis_call *call, const struct unit_cell *cell)
{
    if (cell->found) {
        reply_bulk(call->reply, cell->value);
    } else {
        reply_null(call->reply);
    }
}

void string_set(struct redis_call *call)
{
    struct string_options options;
    uint64_t expiry_ms = 0;
    if (!string_options_of_set(call->argv, call->argc, &options)) {
        redis_reply_syntax(call);
        return;
    }
    if (!string_options_expiry(call, &options, &expiry_ms) ||
        !redis_take_size(call, call->argv[2].len)) {
        return;
    }
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    bool refused =
        (options.nx && cell->found && !MUTANT(nx_ignored)) || (options.xx && !cell->found);
    if (options.get) {
        reply_old(call, cell);
    } else if (refused) {
        reply_null(call->reply);
    } else {
        reply_simple(call->reply, "OK");
    }
    if (options.expiry == EXPIRY_KEEP && cell->found) {
        expiry_ms = cell->expiry_ms;
    }
    if (!refused) {
        put(call, cell, call->argv[2], expiry_ms);
    }
}

static void set_for(struct redis_call *call, enum string_expiry expiry)
{
    struct string_options options = {.expiry = expiry, .time = call->argv[2]};
    uint64_t expiry_ms = 0;
    if (string_options_expiry(call, &options, &expiry_ms) &&
        redis_take_size(call, call->argv[3].len)) {
        put(call, redis_cell(call, call->argv[1]), call->argv[3], expiry_ms);
        reply_simple(call->reply, "OK");
    }
}

void string_setex(struct redis_call *call)
{
    set_for(call, EXPIRY_EX);
}

void string_psetex(struct redis_call *call)
{
    set_for(call, EXPIRY_PX);
}

void string_setnx(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    if (cell->found) {
        reply_integer(call->reply, 0);
    } else if (redis_take_size(call, call->argv[2].len)) {
        redis_cell_put(cell, call->argv[2], 0);
        reply_integer(call->reply, 1);
    }
}

void string_getset(struct redis_call *call)
{
    if (redis_take_size(call, call->argv[2].len)) {
        struct unit_cell *cell = redis_cell(call, call->argv[1]);
        reply_old(call, cell);
        redis_cell_put(cell, call->argv[2], 0);
    }
}

/* Pairs of key and value, or replied: all is checked before anything changes. */
static bool take_pairs(struct redis_call *call)
{
    if (call->argc % 2 == 0) {
        redis_reply_arity(call);
        return false;
    }
    for (uint32_t i = 2; i < call->argc; i += 2) {
        if (!redis_take_size(call, call->argv[i].len)) {
            return false;
        }
    }
    return true;
}

static void put_pairs(struct redis_call *call)
{
    for (uint32_t i = 1; i < call->argc; i += 2) {
        redis_cell_put(redis_cell(call, call->argv[i]), call->argv[i + 1], 0);
    }
}

void string_mset(struct redis_call *call)
{
    if (take_pairs(call)) {
        put_pairs(call);
        reply_simple(call->reply, "OK");
    }
}

void string_msetnx(struct redis_call *call)
{
    if (!take_pairs(call)) {
        return;
    }
    for (uint32_t i = 1; i < call->argc; i += 2) {
        if (redis_cell(call, call->argv[i])->found) {
            reply_integer(call->reply, 0);
            return;
        }
    }
    put_pairs(call);
    reply_integer(call->reply, 1);
}
