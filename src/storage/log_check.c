/* The log engine's invariants, for tests and the simulator: what slots are said to hold is what the
 * indexes say, and what waits to be written lies where it is said to. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/memory.h"

#define CHUNK 256u

/* Adds what an index says of each slot's live bytes. */
static void index_count(const struct log_engine *log, const struct log_index *index,
                        uint64_t position, uint16_t tag, uint64_t *live)
{
    struct log_entry entries[CHUNK];
    uint32_t count = CHUNK;
    while (count == CHUNK) {
        count = log_index_range(index, position, tag, entries, CHUNK);
        for (uint32_t i = 0; i < count; i++) {
            const struct log_place place = entries[i].place;
            ASSERT(place.slot < log->slot_capacity && log->slots[place.slot] != NULL);
            ASSERT(log_place_offset(place) < log->slots[place.slot]->end);
            live[place.slot] += log_size_of_class(entries[i].size_class);
        }
        if (count == CHUNK) {
            const struct log_entry *last = &entries[count - 1];
            position = last->tag == UINT16_MAX ? last->position + 1 : last->position;
            tag = (uint16_t)(last->tag + 1);
        }
    }
}

static void partitions_check(const struct log_engine *log, uint64_t *live)
{
    uint64_t keys = 0;
    for (uint32_t i = 0; i < log->partition_count; i++) {
        const struct log_partition *partition = &log->partitions[i];
        if (partition->index != NULL) {
            log_index_check(partition->index);
            index_count(log, partition->index, 0, 0, live);
            keys += log_index_count(partition->index);
        } else {
            ASSERT(partition->bytes == 0);
        }
        if (partition->holding != NULL) {
            live[partition->holding->place.slot] +=
                log_size_of_class(partition->holding->size_class);
        }
    }
    for (uint32_t family = 0; family < ENGINE_FAMILIES; family++) {
        ASSERT(keys >= log->keys[family]);
        keys -= log->keys[family];
    }
    ASSERT(keys == 0);
    for (const struct queue *link = log->dropped.next; link != &log->dropped; link = link->next) {
        const struct log_dropped *dropped =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct log_dropped, link);
        if (!dropped->counted) {
            index_count(log, dropped->index, dropped->position, dropped->tag, live);
        }
    }
}

static void slots_check(const struct log_engine *log, const uint64_t *live)
{
    uint64_t sums[3] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        const struct log_slot *slot = log->slots[i];
        if (slot == NULL) {
            ASSERT(live[i] == 0);
            continue;
        }
        ASSERT(slot->number == i && slot->log == log);
        ASSERT(slot->live_bytes == live[i]);
        ASSERT(slot->used_bytes >= slot->live_bytes + slot->marker_bytes);
        ASSERT(slot->written <= slot->end && slot->durable <= slot->written);
        ASSERT(slot->durable_number <= slot->written_number);
        ASSERT(slot->state != LOG_SLOT_CLOSED || slot->written == slot->end);
        sums[0] += slot->used_bytes;
        sums[1] += slot->live_bytes;
        sums[2] += slot->marker_bytes;
        count++;
    }
    ASSERT(sums[0] == log->used_bytes && sums[1] == log->live_bytes);
    ASSERT(sums[2] == log->marker_bytes && count == log->slot_count);
}

/* Writes of one slot follow each other without a gap. */
static void writes_check(const struct log_engine *log)
{
    const struct log_slot *slot = NULL;
    uint64_t next = 0;
    uint64_t queued = 0;
    for (const struct queue *link = log->writes.next; link != &log->writes; link = link->next) {
        const struct log_write *write =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct log_write, link);
        ASSERT(write != log->filling || link->next == &log->writes);
        uint64_t seal = write->seal && !write->made_up ? LOG_BATCH_BYTES : 0;
        uint64_t headers = (write->records > 0 || !write->seal ? LOG_BATCH_BYTES : 0) +
                           (write->seal && write->made_up ? LOG_BATCH_BYTES : 0);
        ASSERT(write->slot == slot ? write->offset == next : write->offset == write->slot->written);
        ASSERT(write->bytes.len >= headers);
        slot = write->slot;
        next = write->offset + write->bytes.len + seal;
        queued += write->bytes.len - headers;
    }
    ASSERT(queued == log->queued_bytes);
    ASSERT(log->filling == NULL || log->filling->slot == log->active);
}

void log_engine_check(const struct engine *engine)
{
    const struct log_engine *log = log_engine_of_const(engine);
    uint64_t *live = mem_alloc_zeroed(log->slot_capacity, sizeof(*live));
    ASSERT(live != NULL);
    partitions_check(log, live);
    slots_check(log, live);
    writes_check(log);
    mem_free(live);
    ASSERT(log->durable_sequence <= log->settled_sequence);
    ASSERT(log->settled_sequence <= log->sequence);
}
