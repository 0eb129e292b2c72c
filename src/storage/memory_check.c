/* The invariants of the memory engine, asserted by walking everything: for tests and the simulator.
 */
#include "base/assert.h"
#include "storage/memory_engine.h"
#include "storage/memory_state.h"

/* Every entry where its block says it belongs, and the sums of the partition. */
static void partition_check(const struct memory_engine *memory, uint32_t number)
{
    const struct partition *partition = &memory->partitions[number];
    const struct position_index *index = partition_index_const(partition);
    position_index_check(index);
    uint64_t content_bytes = 0;
    uint64_t block_bytes = 0;
    struct index_cursor cursor;
    position_index_seek(index, 0, &cursor);
    const struct index_slot *slot = position_index_next(&cursor);
    while (slot != NULL) {
        struct record record = record_read(slot->block);
        ASSERT(record.partition == number);
        content_bytes += record.key.len + record.value.len;
        block_bytes += dense_heap_block_bytes(record_bytes(record.key.len, record.value.len));
        slot = position_index_next(&cursor);
    }
    ASSERT(content_bytes == partition->content_bytes);
    ASSERT(block_bytes == partition->block_bytes);
}

void memory_engine_check(const struct engine *engine)
{
    const struct memory_engine *memory = (const struct memory_engine *)(const void *)engine;
    uint64_t count[ENGINE_FAMILIES] = {0};
    uint64_t content_bytes[ENGINE_FAMILIES] = {0};
    uint64_t block_bytes = 0;
    for (uint32_t i = 0; i < memory->partition_count; i++) {
        const struct partition *partition = &memory->partitions[i];
        partition_check(memory, i);
        ASSERT(partition->family == i / (memory->partition_count / ENGINE_FAMILIES));
        count[partition->family] += position_index_count(partition_index_const(partition));
        content_bytes[partition->family] += partition->content_bytes;
        block_bytes += partition->block_bytes;
    }
    for (uint32_t i = 0; i < ENGINE_FAMILIES; i++) {
        ASSERT(count[i] == memory->count[i]);
        ASSERT(content_bytes[i] == memory->content_bytes[i]);
    }
    ASSERT(block_bytes + memory_drop_check(memory) == memory->records.used_bytes);
    uint64_t slabs = dense_heap_check(&memory->records) + dense_heap_check(&memory->leaves);
    ASSERT(slabs == slab_pool_check(&memory->pool));
}
