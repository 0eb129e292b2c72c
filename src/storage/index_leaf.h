/* One leaf of the position index: an ordered hash table (Amble and Knuth, 1974) of up to some
 * hundred slots. It promises: entries lie sorted by (position, key), none before its home, no empty
 * slot between an entry and its home, the last slot always empty. The home of a position is its
 * fraction of the leaf's range times the number of homes; the slots behind the last home take what
 * the last runs push over. Small leaves have one home: they are sorted arrays. */
#ifndef STORAGE_INDEX_LEAF_H
#define STORAGE_INDEX_LEAF_H

#include "storage/position_index.h"

#define INDEX_LEAF_HEADER 32u
#define INDEX_LEAF_HOMES_MAX 16383u

struct index_leaf {
    struct position_index *owner;
    uint64_t first;    /* the first position of its range */
    uint32_t count;    /* of entries */
    uint32_t capacity; /* of slots */
    uint32_t homes;
    uint32_t depth; /* its range: positions that share this many top bits with first */
    struct index_slot slots[];
};

_Static_assert(sizeof(struct index_leaf) == INDEX_LEAF_HEADER, "slots lie within cache lines");

/* Bytes of a leaf with so many slots. */
static inline size_t index_leaf_bytes(uint32_t capacity)
{
    return INDEX_LEAF_HEADER + (size_t)capacity * sizeof(struct index_slot);
}

/* Rises with the position over the range of a leaf of that depth. */
static inline uint32_t index_home(uint64_t position, uint32_t depth, uint32_t homes)
{
    uint64_t fraction = (position << depth) >> 32;
    return (uint32_t)(fraction * homes >> 32);
}

/* Slots from every home on that there are, if the leaf has more homes than one. */
#define INDEX_LEAF_WINDOW 8u

/* The first slot whose position is not below. Slots from the home on that are below come first,
 * empty ones count as above: so counting them over a window finds the place without a branch to
 * mispredict, and reads of the slots do not wait for each other. */
static inline uint32_t index_leaf_lower_bound(const struct index_leaf *leaf, uint32_t homes,
                                              uint32_t home, uint64_t position)
{
    uint32_t at = home;
    if (homes > 1) {
        const struct index_slot *window = &leaf->slots[home];
#pragma GCC unroll 8
        for (uint32_t i = 0; i < INDEX_LEAF_WINDOW; i++) {
            at += window[i].position < position;
        }
        if (__builtin_expect(at < home + INDEX_LEAF_WINDOW, 1)) {
            return at;
        }
    }
    while (leaf->slots[at].position < position) {
        at++;
    }
    return at;
}

/* How many entries a leaf of that capacity is filled with before it grows. */
uint32_t index_leaf_count_max(uint32_t capacity);

/* The capacity to build a leaf for that many entries with, so that it can take more. */
uint32_t index_leaf_capacity_for(uint32_t count);

/* The next larger capacity. */
uint32_t index_leaf_capacity_after(uint32_t capacity);

/* Whether an entry at the position can be added as it stands. */
bool index_leaf_has_room(const struct index_leaf *leaf, uint64_t position);

/* Adds an entry whose room is there. */
void index_leaf_add(struct index_leaf *leaf, uint64_t position, uint8_t *block);

/* Takes the entry out and closes the gap. */
void index_leaf_remove(struct index_leaf *leaf, uint32_t at);

/* Makes the leaf, whose first, depth and capacity are set, hold the `count` entries among the slots
 * from `slot` on, which are in order. They must be fewer than capacity. */
void index_leaf_fill(struct index_leaf *leaf, const struct index_slot *slot, uint32_t count);

void index_leaf_check(const struct index_leaf *leaf);

#endif
