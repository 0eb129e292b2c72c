/* One leaf of the log engine's index: a sorted array, full but for the room to grow by some
 * entries. Positions are those of a good hash, so an entry's rank is its fraction of the range give
 * or take a few (interpolation search, Peterson 1957): a search counts the smaller positions in a
 * window of slots there, without a branch to mispredict, and where that does not settle it goes on
 * in halves. An ordered hash table, as the memory engine's leaves are, would be no quicker at nine
 * tenths full, and here every empty slot counts. */
#ifndef STORAGE_LOG_LEAF_H
#define STORAGE_LOG_LEAF_H

#include "storage/index_directory.h"

/* An entry, packed into 22 bytes; log_index.c knows what the fields stand for. */
struct log_slot {
    uint64_t position;
    uint64_t low;
    uint32_t high;
    uint16_t tag;
} __attribute__((packed, aligned(2)));

struct log_leaf {
    struct leaf_head head;
    struct log_slot slots[];
};

_Static_assert(sizeof(struct log_slot) == 22 && sizeof(struct log_leaf) == 32,
               "as the README says");

extern const struct leaf_kind log_leaf_kind;

#define LOG_LEAF_WINDOW 16u

/* Where the window for the position begins, in a leaf of more entries than that. */
static inline uint32_t log_leaf_window(uint32_t count, uint32_t depth, uint64_t position)
{
    uint32_t home = leaf_home(position, depth, count);
    uint32_t first = home > LOG_LEAF_WINDOW / 2 ? home - LOG_LEAF_WINDOW / 2 : 0;
    return first < count - LOG_LEAF_WINDOW ? first : count - LOG_LEAF_WINDOW;
}

/* The first slot whose position is not below. */
static inline uint32_t log_leaf_lower_bound(const struct log_leaf *leaf, uint32_t count,
                                            uint32_t depth, uint64_t position)
{
    const struct log_slot *slots = leaf->slots;
    uint32_t begin = 0;
    uint32_t end = count;
    if (count > LOG_LEAF_WINDOW) {
        uint32_t first = log_leaf_window(count, depth, position);
        uint32_t below = 0;
#pragma GCC unroll 16
        for (uint32_t i = 0; i < LOG_LEAF_WINDOW; i++) {
            below += slots[first + i].position < position;
        }
        begin = below == 0 ? 0 : first + below;
        end = below == LOG_LEAF_WINDOW ? count : first + below;
    }
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (slots[middle].position < position) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

/* Puts the slot before the one at `at`. There is room. */
void log_leaf_insert(struct log_leaf *leaf, uint32_t at, const struct log_slot *slot);

void log_leaf_remove(struct log_leaf *leaf, uint32_t at);

static inline struct log_leaf *log_leaf_of(struct leaf_head *head)
{
    return (struct log_leaf *)head;
}

/* Without a look at the leaf, if it is not unusually large. */
static inline uint32_t log_leaf_count(const struct log_leaf *leaf, struct index_ref ref)
{
    return ref.homes < LEAF_HOMES_MAX ? ref.homes : leaf->head.count;
}

#endif
