/* Removing the hints that every current owner has confirmed as they are: page by page, one a turn
 * of the loop. A pile in which nothing is left but records that can't be read is dropped whole. See
 * hint_delivery.h. */
#include "base/assert.h"
#include "base/log.h"
#include "repair/hint_inside.h"
#include "shoal/error.h"

#define HINT_SWEEP_KEYS 256u
#define HINT_SWEEP_BYTES (256u * LIMIT_KIB)
#define HINT_SWEEP_RETRY_US UINT64_C(1000000)

/* What one page removes. */
struct hint_sweeping {
    struct hint_debt *debt;
    struct {
        struct bytes key; /* in the arena */
        uint64_t record_bytes;
    } entries[HINT_SWEEP_KEYS];
    uint32_t count;
    uint32_t visited;
    size_t bytes;
    uint64_t next;
    int code;
};

void hint_sweep_abort(struct hint_debt *debt)
{
    debt->is_sweeping = false;
    waiting_leave(&debt->reading);
}

void hint_sweep_begin(struct hint_debt *debt, uint64_t ceiling)
{
    ASSERT(!debt->is_sweeping);
    debt->is_sweeping = true;
    debt->ceiling = ceiling;
    debt->newest = hints_pile(debt->delivery->hints, debt->partition).newest;
    debt->position = 0;
    debt->has_left = false;
    hint_debt_plan_at(debt, debt->delivery->now.mono_us);
}

static bool hint_sweep_visit(void *self, const struct hint_entry *entry)
{
    struct hint_sweeping *sweeping = self;
    struct hint_debt *debt = sweeping->debt;
    if (sweeping->visited >= 2 * HINT_SWEEP_KEYS || sweeping->count == HINT_SWEEP_KEYS ||
        sweeping->bytes >= HINT_SWEEP_BYTES) {
        sweeping->next = entry->position; /* what was removed of this one doesn't come again */
        return false;
    }
    sweeping->visited++;
    if (entry->object.data != NULL && entry->arrival > debt->ceiling) {
        debt->has_left = true;
        return true;
    }
    struct bytes key = arena_copy(debt->delivery->arena, entry->key);
    if (key.data == NULL) {
        sweeping->code = SHOAL_ENOMEM;
        return false;
    }
    sweeping->entries[sweeping->count].key = key;
    sweeping->entries[sweeping->count].record_bytes = hints_record_bytes(entry->object);
    sweeping->count++;
    sweeping->bytes += key.len;
    return true;
}

static int hint_sweep_remove(struct hint_sweeping *sweeping)
{
    struct hint_delivery *delivery = sweeping->debt->delivery;
    for (uint32_t i = 0; i < sweeping->count; i++) {
        int result = hints_remove(delivery->hints, sweeping->debt->partition,
                                  sweeping->entries[i].key, sweeping->entries[i].record_bytes);
        if (result < 0) {
            return result;
        }
        delivery->delivered++;
    }
    return 0;
}

/* The end was reached. */
static void hint_sweep_end(struct hint_debt *debt)
{
    struct hints *hints = debt->delivery->hints;
    struct hint_pile pile = hints_pile(hints, debt->partition);
    debt->is_sweeping = false;
    debt->swept = debt->ceiling;
    if (!debt->has_left && pile.keys > 0 && pile.newest == debt->newest) {
        log_error("hints: some could not be read and are lost",
                  LOG_U64("partition", debt->partition), LOG_U64("hints", pile.keys));
        (void)hints_drop(hints, debt->partition);
    }
    hint_debt_plan(debt);
}

/* Looks at the next page: 0: the last one; 1: more follows; REPLICA_PENDING, when there is nothing
 * to remove before the disk has been read. */
static int hint_sweep_look(struct hint_debt *debt, struct hint_sweeping *sweeping)
{
    uint64_t pending_at = debt->position;
    int result = hints_walk(debt->delivery->hints, debt->partition, debt->position,
                            hint_sweep_visit, sweeping, &pending_at);
    if (result < 0 || sweeping->code < 0) {
        return result < 0 ? result : sweeping->code;
    }
    if (result == 0) {
        return 0;
    }
    if (result == 2 && sweeping->count == 0 && pending_at <= debt->position) {
        return REPLICA_PENDING;
    }
    debt->position = result == 2 ? pending_at : sweeping->next;
    return 1;
}

void hint_sweep_step(struct hint_debt *debt)
{
    struct hint_delivery *delivery = debt->delivery;
    waiting_leave(&debt->reading);
    struct hint_sweeping *sweeping = arena_alloc(delivery->arena, sizeof(*sweeping));
    int result = SHOAL_ENOMEM;
    if (sweeping != NULL) {
        *sweeping = (struct hint_sweeping){.debt = debt};
        result = hint_sweep_look(debt, sweeping);
    }
    if (result == REPLICA_PENDING) {
        replica_wait(delivery->hints->replica, &debt->reading);
        return;
    }
    int removed = result < 0 ? result : hint_sweep_remove(sweeping);
    if (removed < 0) {
        debt->is_sweeping = false; /* begins again: what was removed is not met any more */
        hint_debt_plan_at(debt, delivery->now.mono_us + HINT_SWEEP_RETRY_US);
    } else if (result == 0) {
        hint_sweep_end(debt);
    } else {
        hint_debt_plan_at(debt, delivery->now.mono_us);
    }
}

void hint_sweep_on_read(struct read_waiter *waiter, int code)
{
    struct hint_debt *debt = QUEUE_ITEM(waiter, struct hint_debt, reading);
    if (code != 0) {
        debt->is_sweeping = false;
        hint_debt_plan_at(debt, debt->delivery->now.mono_us + HINT_SWEEP_RETRY_US);
    } else {
        hint_sweep_step(debt);
    }
}
