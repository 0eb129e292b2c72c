/* GET and its kin: what is there, whole or in part, and for some its expiry or its end afterwards.
 * A key that isn't there reads as nothing (null) where the value is asked for, and as an empty
 * string where its length or a part is. */
#include "api/redis/call.h"
#include "api/redis/keys.h"
#include "api/redis/string_options.h"
#include "api/redis/strings.h"

static void reply_value(struct redis_call *call, const struct unit_cell *cell)
{
    if (cell->found) {
        reply_bulk(call->reply, cell->value);
    } else {
        reply_null(call->reply);
    }
}

void string_get(struct redis_call *call)
{
    reply_value(call, redis_cell(call, call->argv[1]));
}

void string_getdel(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    reply_value(call, cell);
    if (cell->found) {
        redis_cell_delete(cell);
    }
}

/* A time that can't be is not complained of where no key is. */
void string_getex(struct redis_call *call)
{
    struct string_options options;
    if (!string_options_of_getex(call->argv, call->argc, &options)) {
        redis_reply_syntax(call);
        return;
    }
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    uint64_t expiry_ms = 0;
    if (cell->found && !string_options_expiry(call, &options, &expiry_ms)) {
        return;
    }
    bool changes = cell->found && options.expiry != EXPIRY_NONE &&
                   (expiry_ms != cell->expiry_ms || options.expiry != EXPIRY_DROP);
    bool ends = changes && expiry_ms != 0 && expiry_ms <= call->now_ms;
    if (changes && !ends && !key_move_value(call, cell, cell->value, expiry_ms)) {
        return;
    }
    reply_value(call, cell);
    if (ends) {
        redis_cell_delete(cell);
    }
}

void string_mget(struct redis_call *call)
{
    reply_array(call->reply, call->argc - 1);
    for (uint32_t i = 1; i < call->argc; i++) {
        reply_value(call, redis_cell(call, call->argv[i]));
    }
}

void string_strlen(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    reply_integer(call->reply, cell->found ? (int64_t)cell->value.len : 0);
}

/* The bytes from `first` to `last`, both included, negative ones counted from the end. */
static struct bytes part(struct bytes value, int64_t first, int64_t last)
{
    int64_t len = (int64_t)value.len;
    if (first < 0 && last < 0 && first > last) {
        return bytes_make(NULL, 0); /* even where both lie before the beginning */
    }
    first = first < 0 ? first + len : first;
    last = last < 0 ? last + len : last;
    first = first < 0 ? 0 : first;
    last = last < 0 ? 0 : last;
    last = last >= len ? len - 1 : last;
    if (first > last) {
        return bytes_make(NULL, 0);
    }
    return bytes_make(value.data + first, (size_t)(last - first + 1));
}

void string_getrange(struct redis_call *call)
{
    int64_t first = 0;
    int64_t last = 0;
    if (redis_take_integer(call, call->argv[2], &first) &&
        redis_take_integer(call, call->argv[3], &last)) {
        struct unit_cell *cell = redis_cell(call, call->argv[1]);
        struct bytes value = cell->found ? cell->value : bytes_make(NULL, 0);
        reply_bulk(call->reply, part(value, first, last));
    }
}
