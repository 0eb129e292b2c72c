/* One partition's index of the log engine: from (position, tag) to where the record lies, in order
 * of position, in about 24 bytes a key whatever the key's length. Keys themselves are not in it: 80
 * keyed bits stand for them.
 *
 * The upper half is that of the memory engine's index (index_directory.h); the leaves are sorted
 * arrays of packed slots (log_leaf.h). The README says why. */
#ifndef STORAGE_LOG_INDEX_H
#define STORAGE_LOG_INDEX_H

#include "model/dot.h"
#include "storage/dense_heap.h"
#include "storage/log_format.h"

/* Where a record begins: the segment's slot in the engine's table, and the offset in units. */
#define LOG_SLOT_BITS 20u   /* segments an engine refers to at a time */
#define LOG_OFFSET_BITS 22u /* records begin in the first 64 MiB of a segment */
#define LOG_SIZE_CLASS_BITS 9u
#define LOG_SEGMENT_BYTES_MAX ((uint64_t)LOG_UNIT_BYTES << LOG_OFFSET_BITS)

struct log_place {
    uint32_t slot;
    uint32_t unit; /* offset / LOG_UNIT_BYTES */
};

/* An entry, unpacked. */
struct log_entry {
    uint64_t position;
    uint16_t tag;
    struct log_place place;
    uint16_t size_class; /* of the record, see log_size_class */
    bool simple;         /* the rest is exact (struct engine_brief); else read the record */
    bool tombstone;
    bool expires;
    struct dot dot;
};

/* Sizes are remembered in few bits, rounded up by at most a sixteenth (exact up to 512 bytes, which
 * are multiples of the unit): enough to know how much of a segment is alive. The same function both
 * when a record is written and when it dies, so that the sums come out even. */
uint16_t log_size_class(uint64_t bytes);
uint64_t log_size_of_class(uint16_t size_class);

/* The memory of all indexes of one engine: what they hold is budget.held_bytes. */
struct log_index_heap {
    struct memory_budget budget;
    struct slab_pool pool;
    struct dense_heap leaves;
};

/* No more than bytes_max; 0: no bound. It must stay where it is. */
void log_index_heap_init(struct log_index_heap *heap, uint64_t bytes_max);

/* All its indexes are gone. */
void log_index_heap_deinit(struct log_index_heap *heap);

struct log_index;

/* An empty one. 0 or SHOAL_ENOMEM. */
int log_index_new(struct log_index_heap *heap, struct log_index **out);

/* NULL is harmless. */
void log_index_free(struct log_index *index);

/* The same a step at a time: false when it is gone; else to be called again, and the index is good
 * for nothing else. */
bool log_index_free_some(struct log_index *index);

/* Gives memory that freed indexes left unused back to the system, at most half a MiB; false when
 * there is none. */
bool log_index_heap_release(struct log_index_heap *heap);

/* What it holds of the heap, in bytes. */
uint64_t log_index_bytes(const struct log_index *index);

/* About so many entries are going to be put in order of position: makes an empty index ready for
 * that, so that they do not crowd into few leaves. */
void log_index_expect(struct log_index *index, uint64_t count);

uint64_t log_index_count(const struct log_index *index);

/* The entry with that position and tag: 0 or SHOAL_ENOTFOUND. */
int log_index_find(const struct log_index *index, uint64_t position, uint16_t tag,
                   struct log_entry *out);

/* Fetches what a find at this position is going to look at, without waiting for it. For who looks
 * up many: some finds ahead, each then takes a fraction of the time. */
void log_index_prefetch(const struct log_index *index, uint64_t position);

/* Adds an entry, or replaces the one with the same position and tag: 0 added, 1 replaced
 * and *before holds it; SHOAL_ENOMEM: nothing changed. A dot whose actor finds no room in the
 * partition's table of actors, or whose counter is too large for its bits, becomes "not simple". */
int log_index_put(struct log_index *index, const struct log_entry *entry, struct log_entry *before);

/* So that the next put at this position can't fail. 0 or SHOAL_ENOMEM. */
int log_index_reserve(struct log_index *index, uint64_t position);

/* Moves the entry that lies at `from` to `to`: true, or false when there is none (it was replaced
 * or removed meanwhile). Cannot fail: for compaction and for what a batch's place turns out to be.
 */
bool log_index_move(struct log_index *index, uint64_t position, uint16_t tag, struct log_place from,
                    struct log_place to);

/* 0 and what was there, or SHOAL_ENOTFOUND. Never needs memory. */
int log_index_remove(struct log_index *index, uint64_t position, uint16_t tag,
                     struct log_entry *before);

/* Reads up to `count` entries in order of (position, tag), from the given place in that order on;
 * how many there were. */
uint32_t log_index_range(const struct log_index *index, uint64_t position, uint16_t tag,
                         struct log_entry *out, uint32_t count);

/* Asserts the invariants; walks everything. */
void log_index_check(const struct log_index *index);

#endif
