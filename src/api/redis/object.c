/* OBJECT: how Redis would keep the value. Tools and test suites ask, so it is answered as if the
 * value had just been set there: a number as a number, small ones shared by all who hold them,
 * up to 44 bytes in one piece with their header, else apart. */
#include <limits.h>

#include "api/redis/call.h"
#include "api/redis/keys.h"

#define EMBEDDED_BYTES_MAX 44u
#define SHARED_INTEGERS 10000

/* The key's cell; NULL: there is no such key, and replied. */
static const struct unit_cell *take_found(struct redis_call *call)
{
    const struct unit_cell *cell = redis_cell(call, call->argv[2]);
    if (!cell->found) {
        reply_null(call->reply);
        return NULL;
    }
    return cell;
}

void object_encoding(struct redis_call *call)
{
    const struct unit_cell *cell = take_found(call);
    int64_t number;
    if (cell != NULL) {
        bool embedded = cell->value.len <= EMBEDDED_BYTES_MAX;
        reply_bulk_text(call->reply, redis_integer(cell->value, &number) ? "int"
                                     : embedded                          ? "embstr"
                                                                         : "raw");
    }
}

void object_freq(struct redis_call *call)
{
    if (take_found(call) != NULL) {
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                    "Please note that when switching between policies at runtime LRU and LFU data "
                    "will take some time to adjust.");
    }
}

/* Nobody keeps account of reads here. */
void object_idletime(struct redis_call *call)
{
    if (take_found(call) != NULL) {
        reply_integer(call->reply, 0);
    }
}

void object_refcount(struct redis_call *call)
{
    const struct unit_cell *cell = take_found(call);
    int64_t number;
    if (cell != NULL) {
        bool shared =
            redis_integer(cell->value, &number) && number >= 0 && number < SHARED_INTEGERS;
        reply_integer(call->reply, shared ? INT_MAX : 1);
    }
}
