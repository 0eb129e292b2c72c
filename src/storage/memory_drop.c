/* Dropping a partition of the memory engine. It is empty at once, but freeing each of its records
 * moves another one into the hole, so the work is done some records at a time: once a loop turn,
 * and whenever a put finds no memory. The partition goes on with its second, empty index; only a
 * drop before the last one of the same partition is done with has to wait for it. */
#include "base/assert.h"
#include "storage/memory_state.h"

static struct position_index *dropped_index(struct partition *partition)
{
    return &partition->indexes[1 - partition->in_use];
}

static struct partition *dropped_partition(const struct memory_engine *memory)
{
    return QUEUE_ITEM(memory->dropped.next, struct partition, dropped);
}

static void cursor_begin(struct memory_engine *memory)
{
    if (!queue_empty(&memory->dropped)) {
        position_index_seek(dropped_index(dropped_partition(memory)), 0, &memory->drop_cursor);
    }
}

void memory_drop_begin(struct memory_engine *memory, struct partition *partition)
{
    while (!queue_empty(&partition->dropped)) {
        (void)memory_drop_continue(memory, UINT32_MAX);
    }
    memory->count[partition->family] -= position_index_count(partition_index(partition));
    memory->content_bytes[partition->family] -= partition->content_bytes;
    memory->dropped_block_bytes += partition->block_bytes;
    partition->content_bytes = 0;
    partition->block_bytes = 0;
    if (position_index_count(partition_index(partition)) == 0) {
        return;
    }
    partition->in_use = 1 - partition->in_use;
    bool first = queue_empty(&memory->dropped);
    queue_push(&memory->dropped, &partition->dropped);
    if (first) {
        cursor_begin(memory);
    }
}

bool memory_drop_continue(struct memory_engine *memory, uint32_t records_max)
{
    if (queue_empty(&memory->dropped)) {
        return false;
    }
    for (uint32_t i = 0; i < records_max && !queue_empty(&memory->dropped); i++) {
        struct index_slot *slot = position_index_next(&memory->drop_cursor);
        if (slot == NULL) {
            struct partition *partition = dropped_partition(memory);
            queue_remove(&partition->dropped);
            position_index_clear(dropped_index(partition));
            cursor_begin(memory);
            continue;
        }
        uint8_t *block = slot->block;
        uint64_t used_bytes = memory->records.used_bytes;
        slot->block = NULL; /* the free may put another record of this index where this one was */
        memory_record_free(memory, block);
        memory->dropped_block_bytes -= used_bytes - memory->records.used_bytes;
    }
    return true;
}

bool memory_drop_block_moved(struct partition *partition, uint32_t position_high,
                             const uint8_t *from, uint8_t *to)
{
    return position_index_block_moved(dropped_index(partition), position_high, from, to);
}

uint64_t memory_drop_check(const struct memory_engine *memory)
{
    uint64_t block_bytes = 0;
    for (struct queue *link = memory->dropped.next; link != &memory->dropped; link = link->next) {
        struct partition *partition = QUEUE_ITEM(link, struct partition, dropped);
        struct index_cursor cursor;
        position_index_seek(dropped_index(partition), 0, &cursor);
        const struct index_slot *slot = position_index_next(&cursor);
        while (slot != NULL) {
            struct record record = record_read(slot->block);
            ASSERT(record.partition == partition - memory->partitions);
            block_bytes += dense_heap_block_bytes(record_bytes(record.key.len, record.value.len));
            slot = position_index_next(&cursor);
        }
    }
    ASSERT(block_bytes == memory->dropped_block_bytes);
    return block_bytes;
}
