/* One leaf of the memory engine's index: an ordered hash table (Amble and Knuth, 1974), linear
 * probing from a home that rises with the position. It promises: entries lie sorted by (position,
 * key), none before its home, no empty slot between an entry and its home, the last slot always
 * empty. The slots behind the last home take what the last runs push over. Small leaves have one
 * home: they are sorted arrays. */
#ifndef STORAGE_INDEX_LEAF_H
#define STORAGE_INDEX_LEAF_H

#include "storage/position_index.h"

struct index_leaf {
    struct leaf_head head;
    struct index_slot slots[];
};

_Static_assert(sizeof(struct index_leaf) == 32, "slots lie within cache lines");

extern const struct leaf_kind index_leaf_kind;

static inline struct index_leaf *index_leaf_of(struct leaf_head *head)
{
    return (struct index_leaf *)head;
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

/* Whether an entry at the position can be added as it stands. */
bool index_leaf_has_room(const struct index_leaf *leaf, uint64_t position);

/* Adds an entry whose room is there. */
void index_leaf_add(struct index_leaf *leaf, uint64_t position, uint8_t *block);

/* Takes the entry out and closes the gap. */
void index_leaf_remove(struct index_leaf *leaf, uint32_t at);

#endif
