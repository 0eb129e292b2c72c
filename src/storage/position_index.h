/* One partition's index: from (position, key) to the block that holds the record, kept in that
 * order.
 *
 * Extendible hashing (Fagin and others, 1979) over the top bits of the position leads to a leaf; a
 * leaf is an ordered hash table (Amble and Knuth, 1974): linear probing from a home that rises with
 * the position, every run kept sorted. So the leaves' slots, read in order, are the partition in
 * order, a lookup stops as soon as it has passed the place, and a leaf grows by an eighth at a time
 * or splits in two: no step touches more than some hundreds of slots, and the index is never twice
 * there. The alternatives weighed are in the README.
 *
 *      refs (2^depth)          leaf: 32 bytes, then slots (position, block), empty ones in between
 *      00 --\                  .-----------------------------------------------.
 *      01 ---+---------------> | 00.. 04..  -   31.. 31.. 32..  -   -   70..  -| last one always
 * empty 10 ------> leaf         '-----------------------------------------------' 11 ------> leaf
 */
#ifndef STORAGE_POSITION_INDEX_H
#define STORAGE_POSITION_INDEX_H

#include "storage/dense_heap.h"
#include "storage/record.h"

struct index_slot {
    uint64_t position; /* UINT64_MAX in an empty slot, so that a search stops there */
    uint8_t *block;    /* a record, see record.h; NULL in an empty slot */
};

struct index_leaf;

/* Packed, so that all of them stay in the caches where the leaves do not. */
struct index_ref {
    uint64_t leaf : 44;  /* its address divided by 16: addresses have 48 bits */
    uint64_t homes : 14; /* of the leaf: how many of its slots an entry can be at home in */
    uint64_t depth : 6;  /* of the leaf: how many top bits all its positions share */
};

struct position_index {
    struct index_ref *refs; /* &root while depth is 0 */
    uint32_t depth;         /* log2 of how many refs there are */
    uint32_t leaf_count;    /* with the shared empty leaf counted as one */
    struct index_ref root;
    struct dense_heap *leaves;
    struct memory_budget *budget;
    uint64_t count; /* of entries */
    uint64_t bytes; /* of leaves and refs */
};

/* `leaves` holds nothing but the leaves of such indexes, tells position_index_leaf_moved of moves,
 * and outlives them. The index itself must stay where it is. */
void position_index_init(struct position_index *index, struct dense_heap *leaves);

/* Frees the leaves and becomes empty. The blocks are the caller's business. */
void position_index_clear(struct position_index *index);

/* The entry's slot, valid until the next change of the index or of another that shares its heap;
 * its block may be exchanged by the caller. NULL when it is not there. */
struct index_slot *position_index_find(const struct position_index *index, uint64_t position,
                                       struct bytes key);

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

/* To be called by the leaves' heap: the leaf now lies at `to`. */
void position_index_leaf_moved(void *to);

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
