/* Commands about all keys within a transaction: over the names that its unit was given, as its own
 * commands before have left them. */
#include "api/redis/call.h"
#include "api/redis/sweep.h"
#include "base/hash.h"

/* What the names don't know: the cell says whether the key is there. One that nobody has looked at
 * yet, nor written, doesn't. */
static bool cell_knows(const struct unit_cell *cell)
{
    return !cell->blind || cell->change != UNIT_KEEP;
}

static bool name_counts(const struct redis_call *call, struct bytes key)
{
    const struct unit_cell *cell = redis_cells_find(call->cells, key);
    return cell == NULL || !cell_knows(cell);
}

/* The keys that are there, one after another: *at from 0 on. False: there are no more. */
static bool next_key(const struct redis_call *call, uint64_t *at, struct bytes *key)
{
    uint32_t cells = call->cells->count;
    for (; *at < cells; (*at)++) {
        const struct unit_cell *cell = &call->cells->items[*at];
        if (cell_knows(cell) && cell->found) {
            *key = cell->key;
            (*at)++;
            return true;
        }
    }
    uint32_t names = call->unit->flush ? 0 : call->unit->name_count;
    while (*at - cells < names) {
        *key = call->unit->names[(*at)++ - cells].key;
        if (name_counts(call, *key)) {
            return true;
        }
    }
    return false;
}

static uint32_t count_shown(const struct redis_call *call, const struct sweep_question *question)
{
    uint64_t at = 0;
    uint32_t count = 0;
    struct bytes key;
    while (next_key(call, &at, &key)) {
        count += sweep_shows(question, key) ? 1 : 0;
    }
    return count;
}

static void reply_shown(const struct redis_call *call, const struct sweep_question *question)
{
    uint64_t at = 0;
    struct bytes key;
    reply_array(call->reply, count_shown(call, question));
    while (next_key(call, &at, &key)) {
        if (sweep_shows(question, key)) {
            reply_bulk(call->reply, key);
        }
    }
}

void sweep_run_keys(struct redis_call *call)
{
    struct sweep_question question;
    if (sweep_take_keys(call, call->memory, &question)) {
        reply_shown(call, &question);
    }
}

/* All at once, as if COUNT were as large: whatever a cursor says, more may be shown than is left.
 */
void sweep_run_scan(struct redis_call *call)
{
    struct sweep_question question;
    if (sweep_take_scan(call, call->memory, &question)) {
        reply_array(call->reply, 2);
        reply_bulk_integer(call->reply, 0);
        reply_shown(call, &question);
    }
}

void sweep_run_dbsize(struct redis_call *call)
{
    const struct sweep_question question = {0};
    reply_integer(call->reply, count_shown(call, &question));
}

void sweep_run_randomkey(struct redis_call *call)
{
    const struct sweep_question question = {0};
    uint32_t count = count_shown(call, &question);
    uint64_t at = 0;
    struct bytes key;
    if (count == 0) {
        reply_null(call->reply);
        return;
    }
    for (uint64_t skip = hash_mix(call->now_ms) % count; next_key(call, &at, &key); skip--) {
        if (skip == 0) {
            reply_bulk(call->reply, key);
            return;
        }
    }
}

void sweep_run_flush(struct redis_call *call)
{
    if (!sweep_take_flush(call)) {
        return;
    }
    for (uint32_t i = 0; i < call->cells->count; i++) {
        redis_cell_delete(&call->cells->items[i]);
    }
    call->unit->flush = true;
    reply_simple(call->reply, "OK");
}
