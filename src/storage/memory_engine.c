/* The memory engine: an index a partition (position_index.h) over records in one heap that is
 * always dense (dense_heap.h). Reads touch the index's slot and the record and nothing else; writes
 * of a record that fits where the old one lies copy it there and allocate nothing. All calls are on
 * one thread, all answers are given at once. */
#include "storage/memory_engine.h"

#include "base/assert.h"
#include "base/limits.h"
#include "base/timers.h"
#include "shoal/error.h"
#include "storage/brief.h"
#include "storage/memory_state.h"

#define DROPS_A_STEP 256u /* some tens of microseconds */

static struct memory_engine *memory_engine_of(struct engine *engine)
{
    return (struct memory_engine *)(void *)engine;
}

static const struct memory_engine *memory_engine_of_const(const struct engine *engine)
{
    return (const struct memory_engine *)(const void *)engine;
}

static struct partition *partition_of(struct memory_engine *memory, uint32_t partition)
{
    ASSERT(partition < memory->partition_count);
    return &memory->partitions[partition];
}

static void record_moved(void *self, void *from, void *to)
{
    struct memory_engine *memory = self;
    struct record record = record_read(to);
    struct partition *partition = partition_of(memory, record.partition);
    bool found =
        position_index_block_moved(partition_index(partition), record.position_high, from, to) ||
        memory_drop_block_moved(partition, record.position_high, from, to);
    ASSERT(found);
}

static void leaf_moved(void *self, void *from, void *to)
{
    (void)self;
    (void)from;
    index_directory_leaf_moved(to);
}

/* Adds to the figures of the partition and the whole, or takes from them. */
static void account(struct memory_engine *memory, struct partition *partition,
                    const struct record *record, bool added)
{
    uint64_t content = record->key.len + record->value.len;
    uint64_t block = dense_heap_block_bytes(record_bytes(record->key.len, record->value.len));
    if (added) {
        partition->content_bytes += content;
        partition->block_bytes += block;
        memory->content_bytes[partition->family] += content;
        memory->count[partition->family]++;
    } else {
        partition->content_bytes -= content;
        partition->block_bytes -= block;
        memory->content_bytes[partition->family] -= content;
        memory->count[partition->family]--;
    }
}

static int memory_engine_get(struct engine *engine, const struct engine_key *key, uint64_t ticket,
                             struct bytes *record)
{
    (void)ticket;
    struct partition *partition = partition_of(memory_engine_of(engine), key->partition);
    struct index_slot *slot =
        position_index_find(partition_index(partition), key->position, key->key);
    if (slot == NULL) {
        return SHOAL_ENOTFOUND;
    }
    struct bytes stored_key;
    record_read_content(slot->block, &stored_key, record);
    return 0;
}

static const struct position_index *index_of(const struct engine *engine,
                                             const struct engine_key *key)
{
    const struct memory_engine *memory = memory_engine_of_const(engine);
    return partition_index_const(&memory->partitions[key->partition]);
}

static void memory_engine_expect(const struct engine *engine, const struct engine_key *key)
{
    position_index_prefetch(index_of(engine, key), key->position);
}

static void memory_engine_expect_more(const struct engine *engine, const struct engine_key *key)
{
    position_index_prefetch_block(index_of(engine, key), key->position);
}

static int memory_engine_brief(struct engine *engine, const struct engine_key *key,
                               struct engine_brief *out)
{
    struct bytes record;
    int code = memory_engine_get(engine, key, 0, &record);
    if (code == 0) {
        *out = engine_brief_of(record);
    }
    return code;
}

static int replace(struct memory_engine *memory, struct partition *partition,
                   struct index_slot *slot, const struct record *record)
{
    uint8_t *old_block = slot->block;
    struct record old = record_read(old_block);
    size_t old_size = record_bytes(old.key.len, old.value.len);
    size_t size = record_bytes(record->key.len, record->value.len);
    bool same_header = size - record->value.len == old_size - old.value.len;
    if (same_header && dense_heap_block_bytes(size) == dense_heap_block_bytes(old_size)) {
        partition->content_bytes += record->value.len - old.value.len;
        memory->content_bytes[partition->family] += record->value.len - old.value.len;
        record_set_value(old_block, record->key.len, record->value);
        return 0;
    }
    uint8_t *block = dense_heap_alloc(&memory->records, size);
    if (block == NULL) {
        return SHOAL_ENOMEM;
    }
    account(memory, partition, &old, false);
    account(memory, partition, record, true);
    record_write(block, record);
    slot->block = block;
    dense_heap_free(&memory->records, old_block, old_size);
    return 0;
}

static int insert(struct memory_engine *memory, struct partition *partition, uint64_t position,
                  const struct record *record)
{
    int code = position_index_reserve(partition_index(partition), position);
    if (code != 0) {
        return code;
    }
    size_t size = record_bytes(record->key.len, record->value.len);
    uint8_t *block = dense_heap_alloc(&memory->records, size);
    if (block == NULL) {
        return SHOAL_ENOMEM;
    }
    record_write(block, record);
    position_index_add(partition_index(partition), position, block);
    account(memory, partition, record, true);
    return 0;
}

static int write_record(struct memory_engine *memory, const struct engine_key *key,
                        struct bytes value)
{
    struct partition *partition = partition_of(memory, key->partition);
    struct record record = {.position_high = (uint32_t)(key->position >> 32),
                            .partition = key->partition,
                            .key = key->key,
                            .value = value};
    struct index_slot *slot =
        position_index_find(partition_index(partition), key->position, key->key);
    if (slot != NULL) {
        return replace(memory, partition, slot, &record);
    }
    return insert(memory, partition, key->position, &record);
}

/* Before memory is called short, what was dropped goes, and what is kept in reserve. False when
 * there was neither. */
static bool memory_find(struct memory_engine *memory)
{
    return memory_drop_continue(memory, DROPS_A_STEP) || slab_pool_trim(&memory->pool);
}

static int memory_engine_put(struct engine *engine, const struct engine_key *key,
                             struct bytes record, uint64_t *sequence)
{
    struct memory_engine *memory = memory_engine_of(engine);
    if (key->key.len > LIMIT_KEY_BYTES_MAX || record.len > LIMIT_OBJECT_BYTES) {
        return SHOAL_ETOOBIG;
    }
    int code = write_record(memory, key, record);
    while (code == SHOAL_ENOMEM && memory_find(memory)) {
        code = write_record(memory, key, record);
    }
    if (code == 0) {
        *sequence = ++memory->sequence;
    }
    return code;
}

static int memory_engine_remove(struct engine *engine, const struct engine_key *key,
                                uint64_t *sequence)
{
    struct memory_engine *memory = memory_engine_of(engine);
    struct partition *partition = partition_of(memory, key->partition);
    struct index_slot *slot =
        position_index_find(partition_index(partition), key->position, key->key);
    if (slot != NULL) {
        uint8_t *block = slot->block;
        struct record record = record_read(block);
        account(memory, partition, &record, false);
        position_index_remove(partition_index(partition), slot);
        memory_record_free(memory, block);
    }
    *sequence = ++memory->sequence;
    return 0;
}

static int memory_engine_walk(struct engine *engine, uint32_t partition, uint64_t position,
                              uint64_t ticket, engine_visit visit, void *self, uint64_t *next)
{
    (void)ticket;
    (void)next;
    struct index_cursor cursor;
    position_index_seek(partition_index(partition_of(memory_engine_of(engine), partition)),
                        position, &cursor);
    struct index_slot *slot = position_index_next(&cursor);
    while (slot != NULL) {
        struct engine_entry entry = {.position = slot->position};
        record_read_content(slot->block, &entry.key, &entry.record);
        if (!visit(self, &entry)) {
            return 1;
        }
        slot = position_index_next(&cursor);
    }
    return 0;
}

static int memory_engine_survey(struct engine *engine, uint32_t partition, uint64_t position,
                                uint64_t ticket, engine_survey_visit visit, void *self,
                                uint64_t *next)
{
    (void)ticket;
    (void)next;
    struct index_cursor cursor;
    position_index_seek(partition_index(partition_of(memory_engine_of(engine), partition)),
                        position, &cursor);
    const struct index_slot *slot = position_index_next(&cursor);
    while (slot != NULL) {
        struct engine_survey_entry entry = {.position = slot->position};
        struct bytes record;
        record_read_content(slot->block, &entry.key, &record);
        entry.brief = engine_brief_of(record);
        if (!visit(self, &entry)) {
            return 1;
        }
        slot = position_index_next(&cursor);
    }
    return 0;
}

static void holding_free(struct memory_engine *memory, struct partition *partition)
{
    memory_budget_free(&memory->budget, partition->holding, partition->holding_len);
    partition->holding = NULL;
    partition->holding_len = 0;
}

static int memory_engine_drop(struct engine *engine, uint32_t number, uint64_t *sequence)
{
    struct memory_engine *memory = memory_engine_of(engine);
    struct partition *partition = partition_of(memory, number);
    holding_free(memory, partition);
    memory_drop_begin(memory, partition);
    *sequence = ++memory->sequence;
    return 0;
}

static int memory_engine_get_holding(struct engine *engine, uint32_t number, struct bytes *record)
{
    const struct partition *partition = partition_of(memory_engine_of(engine), number);
    if (partition->holding == NULL) {
        return SHOAL_ENOTFOUND;
    }
    *record = bytes_make(partition->holding, partition->holding_len);
    return 0;
}

static int memory_engine_put_holding(struct engine *engine, uint32_t number, struct bytes record,
                                     uint64_t *sequence)
{
    struct memory_engine *memory = memory_engine_of(engine);
    struct partition *partition = partition_of(memory, number);
    if (record.len > ENGINE_HOLDING_BYTES_MAX) {
        return SHOAL_ETOOBIG;
    }
    if (partition->holding == NULL || partition->holding_len != record.len) {
        uint8_t *holding = memory_budget_alloc(&memory->budget, record.len);
        while (holding == NULL && memory_find(memory)) {
            holding = memory_budget_alloc(&memory->budget, record.len);
        }
        if (holding == NULL) {
            return SHOAL_ENOMEM;
        }
        if (record.len > 0) {
            memcpy(holding, record.data, record.len);
        }
        holding_free(memory, partition);
        partition->holding = holding;
        partition->holding_len = record.len;
    } else if (record.len > 0) {
        memcpy(partition->holding, record.data, record.len);
    }
    *sequence = ++memory->sequence;
    return 0;
}

static bool memory_engine_lost(const struct engine *engine, uint32_t partition)
{
    (void)engine;
    (void)partition;
    return false; /* nothing is ever found when opening, so nothing is found missing */
}

static void stats_partition(const struct partition *partition, struct engine_stats *out)
{
    const struct position_index *index = partition_index_const(partition);
    *out = (struct engine_stats){.keys = position_index_count(index),
                                 .bytes = partition->content_bytes,
                                 .memory_bytes = position_index_bytes(index) +
                                                 partition->block_bytes + partition->holding_len};
}

static void stats_hints(const struct memory_engine *memory, struct engine_stats *out)
{
    *out = (struct engine_stats){.keys = memory->count[ENGINE_FAMILY_HINTS],
                                 .bytes = memory->content_bytes[ENGINE_FAMILY_HINTS]};
    uint32_t share = memory->partition_count / ENGINE_FAMILIES;
    for (uint32_t i = ENGINE_FAMILY_HINTS * share; i < (ENGINE_FAMILY_HINTS + 1) * share; i++) {
        struct engine_stats stats;
        stats_partition(&memory->partitions[i], &stats);
        out->memory_bytes += stats.memory_bytes;
    }
}

static void memory_engine_stats(const struct engine *engine, uint32_t number,
                                struct engine_stats *out)
{
    const struct memory_engine *memory = memory_engine_of_const(engine);
    if (number == ENGINE_DATA) {
        *out = (struct engine_stats){.keys = memory->count[ENGINE_FAMILY_DATA],
                                     .bytes = memory->content_bytes[ENGINE_FAMILY_DATA],
                                     .memory_bytes = memory->budget.held_bytes};
        return;
    }
    if (number == ENGINE_HINTS) {
        stats_hints(memory, out);
        return;
    }
    ASSERT(number < memory->partition_count);
    stats_partition(&memory->partitions[number], out);
}

static bool memory_engine_behind(const struct engine *engine)
{
    (void)engine;
    return false; /* nothing waits */
}

static enum engine_health memory_engine_health(const struct engine *engine)
{
    (void)engine;
    return ENGINE_HEALTHY;
}

static void memory_engine_harden(struct engine *engine)
{
    (void)engine; /* every write was as durable as it gets when it was done */
}

static int memory_engine_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    (void)engine;
    (void)folder;
    (void)ticket;
    return SHOAL_EUNSUPPORTED;
}

static void memory_engine_flush(struct engine *engine)
{
    struct memory_engine *memory = memory_engine_of(engine);
    (void)memory_drop_continue(memory, DROPS_A_STEP);
    uint64_t count = 0;
    for (uint32_t i = 0; i < ENGINE_FAMILIES; i++) {
        count += memory->count[i];
    }
    if (!slab_pool_release(&memory->pool) && count == 0) {
        (void)slab_pool_trim(&memory->pool);
    }
}

/* What is left to be freed can wait for the next event. */
static uint64_t memory_engine_next_us(const struct engine *engine)
{
    (void)engine;
    return TIMERS_NEVER;
}

static void memory_engine_free(struct engine *engine)
{
    struct memory_engine *memory = memory_engine_of(engine);
    for (uint32_t i = 0; i < memory->partition_count; i++) {
        position_index_clear(&memory->partitions[i].indexes[0]);
        position_index_clear(&memory->partitions[i].indexes[1]);
        holding_free(memory, &memory->partitions[i]);
    }
    dense_heap_deinit(&memory->records);
    dense_heap_deinit(&memory->leaves);
    slab_pool_deinit(&memory->pool);
    mem_free(memory);
}

static const struct engine_ops memory_engine_ops = {
    .name = "memory",
    .get = memory_engine_get,
    .brief = memory_engine_brief,
    .expect = memory_engine_expect,
    .expect_more = memory_engine_expect_more,
    .put = memory_engine_put,
    .remove = memory_engine_remove,
    .walk = memory_engine_walk,
    .survey = memory_engine_survey,
    .drop = memory_engine_drop,
    .get_holding = memory_engine_get_holding,
    .put_holding = memory_engine_put_holding,
    .lost = memory_engine_lost,
    .stats = memory_engine_stats,
    .health = memory_engine_health,
    .behind = memory_engine_behind,
    .harden = memory_engine_harden,
    .backup = memory_engine_backup,
    .flush = memory_engine_flush,
    .next_us = memory_engine_next_us,
    .free = memory_engine_free,
};

int memory_engine_new(const struct engine_options *options, struct engine **out)
{
    if (options->partitions == 0 || options->partitions > LIMIT_PARTITIONS_MAX) {
        return SHOAL_EINVAL;
    }
    uint32_t count = engine_partition_count(options->partitions);
    size_t size = sizeof(struct memory_engine) + count * sizeof(struct partition);
    struct memory_engine *memory = mem_alloc_zeroed(1, size);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    memory->engine.ops = &memory_engine_ops;
    memory->budget =
        (struct memory_budget){.held_bytes = size, .bytes_max = options->memory_bytes_max};
    memory->partition_count = count;
    slab_pool_init(&memory->pool, &memory->budget);
    dense_heap_init(&memory->records, &memory->pool, record_moved, memory);
    dense_heap_init(&memory->leaves, &memory->pool, leaf_moved, NULL);
    queue_init(&memory->dropped);
    for (uint32_t i = 0; i < count; i++) {
        memory->partitions[i].family = (uint8_t)engine_family_of(i, options->partitions);
        position_index_init(&memory->partitions[i].indexes[0], &memory->leaves);
        position_index_init(&memory->partitions[i].indexes[1], &memory->leaves);
        queue_init(&memory->partitions[i].dropped);
    }
    *out = &memory->engine;
    return 0;
}
