/* What the memory engine is made of, shared by the files that implement it and nobody else. */
#ifndef STORAGE_MEMORY_STATE_H
#define STORAGE_MEMORY_STATE_H

#include "storage/engine.h"
#include "storage/position_index.h"

struct partition {
    struct position_index indexes[2]; /* the one in use, and one whose entries were dropped */
    uint32_t in_use;                  /* which of them */
    uint64_t content_bytes;           /* keys and records */
    uint64_t block_bytes;             /* what they take in the heap */
    uint8_t *holding;                 /* NULL when there is none */
    size_t holding_len;
    uint8_t family;       /* enum engine_family */
    struct queue dropped; /* in the engine's queue while dropped entries are left */
};

struct memory_engine {
    struct engine engine;
    struct memory_budget budget;
    struct slab_pool pool;
    struct dense_heap records;
    struct dense_heap leaves;
    uint64_t sequence;               /* of the last write */
    uint64_t count[ENGINE_FAMILIES]; /* of entries */
    uint64_t content_bytes[ENGINE_FAMILIES];
    struct queue dropped;            /* partitions with dropped entries left, the next one first */
    struct index_cursor drop_cursor; /* in the first of them */
    uint64_t dropped_block_bytes;    /* what is left of all of them in the heap */
    uint32_t partition_count;        /* family by family */
    struct partition partitions[];
};

static inline struct position_index *partition_index(struct partition *partition)
{
    return &partition->indexes[partition->in_use];
}

static inline const struct position_index *partition_index_const(const struct partition *partition)
{
    return &partition->indexes[partition->in_use];
}

/* Frees the block of a record. */
static inline void memory_record_free(struct memory_engine *memory, uint8_t *block)
{
    struct bytes key;
    struct bytes value;
    record_read_content(block, &key, &value);
    dense_heap_free(&memory->records, block, record_bytes(key.len, value.len));
}

/* Makes the partition empty at once; what it held is freed by memory_drop_continue. */
void memory_drop_begin(struct memory_engine *memory, struct partition *partition);

/* Frees up to so many dropped records; false when there were none. */
bool memory_drop_continue(struct memory_engine *memory, uint32_t records_max);

/* As position_index_block_moved, among what was dropped. */
bool memory_drop_block_moved(struct partition *partition, uint32_t position_high,
                             const uint8_t *from, uint8_t *to);

/* Asserts the invariants; returns the bytes of the dropped blocks that are left. */
uint64_t memory_drop_check(const struct memory_engine *memory);

#endif
