/* The records of what units are about to write, in the engine's partitions for intents (engine.h).
 * One lies with the partition of the first key that it changes, under a name of its own:
 *
 *      name     u8 kind, u64 id, u32 index
 *      record   u8 0x30 (format 3: what neither object nor hint begins with), u8 kind, u8 flags (1:
 *               everything else is deleted first), u64 id, u32 index, u32 count, u32 decider (the
 *               partition that has the decision), u32 worker, u32 workers (of the run that wrote
 *               it), the changes (unit_change.h)
 *
 * Large ones are several records; they count when all are there. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/unit_change.h"
#include "shoal/error.h"

#define RECORD_FORMAT 0x30u
#define RECORD_HEAD_BYTES 31u
#define RECORD_NAME_BYTES 13u
#define RECORD_FLUSH 1u
#define RECORD_BYTES ((size_t)16 * LIMIT_MIB) /* so many begin another */

struct record_name {
    uint8_t bytes[RECORD_NAME_BYTES];
};

static struct engine_key record_key(const struct worker *worker, struct record_name *name,
                                    uint8_t kind, uint64_t id, uint32_t index, uint32_t partition)
{
    name->bytes[0] = kind;
    store_u64_le(name->bytes + 1, id);
    store_u32_le(name->bytes + 9, index);
    uint32_t place =
        engine_partition_of(ENGINE_FAMILY_INTENTS, partition, worker->units.partitions);
    return replica_key(&worker->replica, place, bytes_make(name->bytes, RECORD_NAME_BYTES));
}

static int record_write(struct worker *worker, const struct unit_record *record, uint32_t partition)
{
    struct replica *replica = &worker->replica;
    struct record_name name;
    struct engine_key key =
        record_key(worker, &name, (uint8_t)record->kind, record->id, record->index, partition);
    uint8_t head[RECORD_HEAD_BYTES] = {RECORD_FORMAT, (uint8_t)record->kind,
                                       record->flush ? RECORD_FLUSH : 0};
    store_u64_le(head + 3, record->id);
    store_u32_le(head + 11, record->index);
    store_u32_le(head + 15, record->count);
    store_u32_le(head + 19, record->decider);
    store_u32_le(head + 23, worker->index);
    store_u32_le(head + 27, worker->count);
    struct buffer *scratch = &replica->scratch;
    buffer_clear(scratch);
    int result = replica->durability.failed;
    if (result == 0) {
        result = buffer_reserve(scratch, sizeof(head) + record->changes.len);
    }
    if (result < 0) {
        return result;
    }
    (void)buffer_append(scratch, head, sizeof(head));
    (void)buffer_append_bytes(scratch, record->changes);
    uint64_t sequence = 0;
    result = replica->engine->ops->put(replica->engine, &key, buffer_bytes(scratch), &sequence);
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    return result < 0 ? result : 0;
}

static int record_erase(struct worker *worker, uint8_t kind, uint64_t id, uint32_t index,
                        uint32_t partition)
{
    struct replica *replica = &worker->replica;
    struct record_name name;
    struct engine_key key = record_key(worker, &name, kind, id, index, partition);
    uint64_t sequence = 0;
    int result = replica->durability.failed;
    if (result == 0) {
        result = replica->engine->ops->remove(replica->engine, &key, &sequence);
    }
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
    }
    return result < 0 ? result : 0;
}

/* ---- changes ---- */

/* As many of the changes as go into one record. */
static struct bytes record_share(struct bytes *rest)
{
    struct bytes share = *rest;
    struct unit_cell cell;
    while (rest->len > 0 && share.len - rest->len < RECORD_BYTES) {
        int result = unit_change_take(rest, &cell);
        ASSERT(result == 0);
    }
    share.len -= rest->len;
    return share;
}

static uint32_t record_count(struct bytes changes)
{
    uint32_t count = 1;
    for ((void)record_share(&changes); changes.len > 0; (void)record_share(&changes)) {
        count++;
    }
    return count;
}

/* A partition of this worker that is in it: that of the first key, or any. */
static uint32_t record_home(const struct unit_work *work)
{
    struct bytes changes = buffer_bytes(&work->changes);
    struct unit_cell cell;
    return changes.len > 0 && unit_change_take(&changes, &cell) == 0
               ? unit_key(work->worker, cell.key).partition
               : work->worker->index;
}

int unit_record_put(struct unit_work *work, enum unit_record_kind kind, uint32_t decider)
{
    struct bytes rest = buffer_bytes(&work->changes);
    uint32_t count = record_count(rest);
    work->record_kind = (uint8_t)kind;
    work->record_partition = record_home(work);
    for (work->records = 0; work->records < count; work->records++) {
        struct unit_record record = {
            .kind = kind,
            .id = work->id,
            .index = work->records,
            .count = count,
            .decider = decider,
            .flush = work->flush,
            .changes = record_share(&rest),
        };
        int result = record_write(work->worker, &record, work->record_partition);
        if (result < 0) {
            (void)unit_record_remove(work); /* what stays is not whole, and does not count */
            work->records = 0;
            return result;
        }
    }
    return 0;
}

int unit_record_remove(struct unit_work *work)
{
    while (work->records > 0) {
        int result = record_erase(work->worker, work->record_kind, work->id, work->records - 1,
                                  work->record_partition);
        if (result < 0) {
            return result;
        }
        work->records--;
    }
    return 0;
}

int unit_record_erase(struct worker *worker, const struct unit_record *record, uint32_t partition)
{
    return record_erase(worker, (uint8_t)record->kind, record->id, record->index, partition);
}

/* ---- decisions ---- */

int unit_decision_put(struct worker *worker, uint64_t id, uint32_t partition)
{
    struct unit_record record = {.kind = UNIT_RECORD_DECISION, .id = id, .count = 1};
    return MUTANT(undecided) ? 0 : record_write(worker, &record, partition);
}

int unit_decision_remove(struct worker *worker, uint64_t id, uint32_t partition)
{
    return record_erase(worker, UNIT_RECORD_DECISION, id, 0, partition);
}

/* ---- reading ---- */

int unit_record_decode(struct bytes bytes, struct unit_record *out)
{
    if (bytes.len < RECORD_HEAD_BYTES || bytes.data[0] != RECORD_FORMAT ||
        bytes.data[1] < UNIT_RECORD_INTENT || bytes.data[1] > UNIT_RECORD_DECISION) {
        return SHOAL_EPROTO;
    }
    *out = (struct unit_record){
        .kind = (enum unit_record_kind)bytes.data[1],
        .flush = (bytes.data[2] & RECORD_FLUSH) != 0,
        .id = load_u64_le(bytes.data + 3),
        .index = load_u32_le(bytes.data + 11),
        .count = load_u32_le(bytes.data + 15),
        .decider = load_u32_le(bytes.data + 19),
        .worker = load_u32_le(bytes.data + 23),
        .workers = load_u32_le(bytes.data + 27),
        .changes = bytes_make(bytes.data + RECORD_HEAD_BYTES, bytes.len - RECORD_HEAD_BYTES),
    };
    if (out->count == 0 || out->index >= out->count || out->workers == 0 ||
        out->worker >= out->workers) {
        return SHOAL_EPROTO;
    }
    struct bytes rest = out->changes;
    struct unit_cell cell;
    int result = 0;
    while (rest.len > 0 && result == 0) {
        result = unit_change_take(&rest, &cell);
    }
    return result;
}
