/* APPEND and SETRANGE: a value is changed in part, and keeps its expiry. The whole new value is
 * made and written: a store of versions has no bytes to change in place. */
#include "api/redis/call.h"
#include "api/redis/strings.h"

static struct bytes old_value(const struct unit_cell *cell)
{
    return cell->found ? cell->value : bytes_make(NULL, 0);
}

static uint64_t old_expiry(const struct unit_cell *cell)
{
    return cell->found ? cell->expiry_ms : 0;
}

/* `change` laid over the old value at `offset`, zeros in between: its new length is replied. */
static void lay_over(struct redis_call *call, struct unit_cell *cell, size_t offset,
                     struct bytes change)
{
    struct bytes old = old_value(cell);
    size_t len = old.len > offset + change.len ? old.len : offset + change.len;
    uint8_t *value = redis_take_memory(call, len);
    if (value == NULL) {
        return;
    }
    if (old.len > 0) {
        memcpy(value, old.data, old.len);
    }
    if (offset > old.len) {
        memset(value + old.len, 0, offset - old.len);
    }
    if (change.len > 0) {
        memcpy(value + offset, change.data, change.len);
    }
    redis_cell_put(cell, bytes_make(value, len), old_expiry(cell));
    reply_integer(call->reply, (int64_t)len);
}

void string_append(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    struct bytes change = call->argv[2];
    size_t offset = old_value(cell).len;
    if (redis_take_size(call, (uint64_t)offset + change.len)) {
        lay_over(call, cell, offset, change);
    }
}

void string_setrange(struct redis_call *call)
{
    struct unit_cell *cell = redis_cell(call, call->argv[1]);
    struct bytes change = call->argv[3];
    int64_t offset = 0;
    if (!redis_take_integer(call, call->argv[2], &offset)) {
        return;
    }
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
    } else if (change.len == 0) {
        reply_integer(call->reply, (int64_t)old_value(cell).len); /* and makes no key */
    } else if (redis_take_size(call, (uint64_t)offset + change.len)) {
        lay_over(call, cell, (size_t)offset, change);
    }
}
