/* Commands on keys, whatever they hold: whether they are there, and how they go, move and double. A
 * value found in a cell is borrowed for the run alone, so what is written again is copied. */
#include "api/redis/keys.h"

#include <limits.h>

#include "api/redis/call.h"

bool key_move_value(struct redis_call *call, struct unit_cell *to, struct bytes value,
                    uint64_t expiry_ms)
{
    uint8_t *copy = redis_take_memory(call, value.len);
    if (copy == NULL) {
        return false;
    }
    if (value.len > 0) {
        memcpy(copy, value.data, value.len);
    }
    redis_cell_put(to, bytes_make(copy, value.len), expiry_ms);
    return true;
}

void key_del(struct redis_call *call)
{
    int64_t deleted = 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        struct unit_cell *cell = redis_cell(call, call->argv[i]);
        if (cell->found) {
            redis_cell_delete(cell);
            deleted++;
        }
    }
    reply_integer(call->reply, deleted);
}

/* A key that is named twice counts twice. */
void key_exists(struct redis_call *call)
{
    int64_t found = 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        found += redis_cell(call, call->argv[i])->found ? 1 : 0;
    }
    reply_integer(call->reply, found);
}

void key_type(struct redis_call *call)
{
    reply_simple(call->reply, redis_cell(call, call->argv[1])->found ? "string" : "none");
}

/* ---- RENAME ---------------------------------------------------------------------------------- */

/* The key to rename; NULL: there is none, or it keeps its name, and replied. */
static struct unit_cell *take_source(struct redis_call *call)
{
    struct unit_cell *from = redis_cell(call, call->argv[1]);
    if (!from->found) {
        reply_error(call->reply, "ERR no such key");
        return NULL;
    }
    return from;
}

static bool move_key(struct redis_call *call, struct unit_cell *from, struct unit_cell *to)
{
    if (!key_move_value(call, to, from->value, from->expiry_ms)) {
        return false;
    }
    redis_cell_delete(from);
    return true;
}

void key_rename(struct redis_call *call)
{
    struct unit_cell *from = take_source(call);
    struct unit_cell *to = redis_cell(call, call->argv[2]);
    if (from != NULL && (from == to || move_key(call, from, to))) {
        reply_simple(call->reply, "OK");
    }
}

void key_renamenx(struct redis_call *call)
{
    struct unit_cell *from = take_source(call);
    struct unit_cell *to = redis_cell(call, call->argv[2]);
    if (from == NULL) {
        return;
    }
    if (to->found) {
        reply_integer(call->reply, 0);
    } else if (move_key(call, from, to)) {
        reply_integer(call->reply, 1);
    }
}

/* ---- COPY ------------------------------------------------------------------------------------ */

/* The options behind the two keys, or replied. */
static bool take_copy_options(struct redis_call *call, bool *replace)
{
    *replace = false;
    for (uint32_t i = 3; i < call->argc; i++) {
        if (redis_is(call->argv[i], "replace")) {
            *replace = true;
        } else if (redis_is(call->argv[i], "db") && i + 1 < call->argc) {
            if (!redis_take_database(call, call->argv[++i])) {
                return false;
            }
        } else {
            redis_reply_syntax(call);
            return false;
        }
    }
    return true;
}

void key_copy(struct redis_call *call)
{
    bool replace;
    if (!take_copy_options(call, &replace)) {
        return;
    }
    struct unit_cell *from = redis_cell(call, call->argv[1]);
    struct unit_cell *to = redis_cell(call, call->argv[2]);
    if (from == to) {
        reply_error(call->reply, "ERR source and destination objects are the same");
    } else if (!from->found || (to->found && !replace)) {
        reply_integer(call->reply, 0);
    } else if (key_move_value(call, to, from->value, from->expiry_ms)) {
        reply_integer(call->reply, 1);
    }
}
