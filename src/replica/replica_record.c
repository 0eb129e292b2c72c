/* Holdings on record, and what of their clocks may be told to others: only what is on stable
 * storage, for they drop tombstones going by it, and a holding that forgot would take back what
 * they hide. So a record goes out with the clock of now, and when it is durable that clock is
 * *told*. A record is put in the order of the writes, so that none is found again whose data is
 * not. */
#include "base/mutant.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* ---- told ---- */

static void replica_told(struct holding *holding)
{
    struct telling *telling = &holding->telling;
    struct partition_clock before = holding->told;
    holding->told = telling->clock;
    telling->clock = before;
    partition_clock_deinit(&telling->clock);
    tombstones_told(&holding->tombstones);
    holding_wake(holding);
}

static void replica_on_durable_record(struct durable_waiter *waiter, int code)
{
    struct telling *telling = QUEUE_ITEM(waiter, struct telling, waiter);
    struct holding *holding = QUEUE_ITEM(telling, struct holding, telling);
    telling->waiting = false;
    if (code == 0) {
        replica_told(holding);
    } else {
        telling->version = UINT64_MAX;
        partition_clock_deinit(&telling->clock);
    }
}

/* The clock has just been put on record, with this outcome. While an earlier record is on its way
 * that one is waited for: waiting for the latest, one would wait for ever. */
static void replica_tell_later(struct replica *replica, struct holding *holding, int result)
{
    struct telling *telling = &holding->telling;
    if (telling->waiting || partition_clock_copy(&holding->clock, &telling->clock) < 0) {
        return;
    }
    telling->version = holding->clock.version;
    if (result == 0 || MUTANT(drop_on_report) ||
        durability_reached(&replica->durability, DURABILITY_DURABLE)) {
        replica_told(holding);
    } else if (replica->durability.failed == 0) {
        telling->waiting = true;
        telling->since_us = replica->engine->now_us;
        telling->waiter.fire = replica_on_durable_record;
        durability_wait(&replica->durability, DURABILITY_DURABLE, &telling->waiter);
        replica_wake_at(replica, replica->engine->now_us + REPLICA_SECOND_US);
    }
}

/* ---- records ---- */

/* A clock too large for a record is left out: what it had seen will be heard again. */
static int replica_put_record(struct replica *replica, struct holding *holding)
{
    struct buffer *record = &replica->record;
    buffer_clear(record);
    int result = holding_encode(holding, &holding->clock, record);
    bool whole = result == 0 && record->len <= ENGINE_HOLDING_BYTES_MAX;
    if (!whole) {
        buffer_clear(record);
        result = holding_encode(holding, NULL, record);
    }
    uint64_t sequence = 0;
    if (result == 0) {
        result = replica->engine->ops->put_holding(replica->engine, holding->partition,
                                                   buffer_bytes(record), &sequence);
    }
    if (result < 0) {
        return result;
    }
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    holding->recorded = true;
    holding->telling.next_us = replica->engine->now_us + REPLICA_SECOND_US;
    if (whole) {
        replica_tell_later(replica, holding, result);
    }
    return 0;
}

int replica_record(struct replica *replica, struct holding *holding)
{
    return holding->recorded ? 0 : replica_put_record(replica, holding);
}

int replica_record_all(struct replica *replica)
{
    int first = 0;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (table_next(&replica->holdings, &cursor, &key, &value)) {
        int result = replica_put_record(replica, value); /* with the counter of now */
        first = first == 0 ? result : first;
    }
    return first;
}

void replica_tell_due(struct replica *replica, struct holding *holding)
{
    struct telling *telling = &holding->telling;
    if (!telling->wanted || telling->waiting) {
        return;
    }
    if (telling->version == holding->clock.version) {
        telling->wanted = false;
        return;
    }
    if (replica->engine->now_us >= telling->next_us) {
        telling->wanted = replica_put_record(replica, holding) < 0;
        telling->next_us = replica->engine->now_us + REPLICA_SECOND_US;
    }
    if (telling->wanted) {
        replica_wake_at(replica, telling->next_us);
    }
}

void replica_tell_clock(struct replica *replica, struct holding *holding)
{
    holding->telling.wanted = true;
    replica_tell_due(replica, holding);
}
