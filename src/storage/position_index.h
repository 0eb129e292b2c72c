/* One partition's index of the memory engine: from (position, key) to the block that holds the
 * record, kept in that order.
 *
 * A directory (index_directory.h) leads to a leaf; a leaf is an ordered hash table (index_leaf.h).
 * So the leaves' slots, read in order, are the partition in order, and a lookup stops as soon as it
 * has passed the place. The alternatives weighed are in the README. */
#ifndef STORAGE_POSITION_INDEX_H
#define STORAGE_POSITION_INDEX_H

#include "storage/index_directory.h"
#include "storage/record.h"

struct index_slot {
    uint64_t position; /* UINT64_MAX in an empty slot, so that a search stops there */
    uint8_t *block;    /* a record, see record.h; NULL in an empty slot */
};

struct position_index {
    struct index_directory directory;
};

/* `leaves` holds nothing but the leaves of such indexes, tells index_directory_leaf_moved of moves,
 * and outlives them. The index itself must stay where it is. */
void position_index_init(struct position_index *index, struct dense_heap *leaves);

static inline uint64_t position_index_count(const struct position_index *index)
{
    return index->directory.count;
}

/* Of leaves and directory. */
static inline uint64_t position_index_bytes(const struct position_index *index)
{
    return index->directory.bytes;
}

/* Frees the leaves and becomes empty. The blocks are the caller's business. */
void position_index_clear(struct position_index *index);

/* The entry's slot, valid until the next change of the index or of another that shares its heap;
 * its block may be exchanged by the caller. NULL when it is not there. */
struct index_slot *position_index_find(const struct position_index *index, uint64_t position,
                                       struct bytes key);

/* The position will be looked for in a moment: fetches its slots; a while later, the block that the
 * first entry there leads to. Whatever the index is, they change nothing. */
void position_index_prefetch(const struct position_index *index, uint64_t position);
void position_index_prefetch_block(const struct position_index *index, uint64_t position);

/* Makes room, so that the next position_index_add at this position cannot fail. 0, or SHOAL_ENOMEM
 * and nothing has changed. */
int position_index_reserve(struct position_index *index, uint64_t position);

/* Adds an entry that is not there yet, whose room is reserved. */
void position_index_add(struct position_index *index, uint64_t position, uint8_t *block);

/* Takes out the entry of a slot that position_index_find returned. Cannot fail. */
void position_index_remove(struct position_index *index, struct index_slot *slot);

/* The entry whose position begins with `position_high` and whose block was `from` has it at `to`
 * now. False when there is no such entry. */
bool position_index_block_moved(struct position_index *index, uint32_t position_high,
                                const uint8_t *from, uint8_t *to);

/* A place in the order. Valid until the index, or another that shares its heap, changes. */
struct index_cursor {
    const struct position_index *index;
    uint32_t ref;  /* of the leaf it stands in */
    uint32_t slot; /* the next to look at */
};

/* Stands before the first entry at or after the position. */
void position_index_seek(const struct position_index *index, uint64_t position,
                         struct index_cursor *cursor);

/* The next entry, or NULL at the end. */
struct index_slot *position_index_next(struct index_cursor *cursor);

/* Asserts the invariants; walks everything. */
void position_index_check(const struct position_index *index);

#endif
