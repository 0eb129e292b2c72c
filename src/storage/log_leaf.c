/* See log_leaf.h. */
#include "storage/log_leaf.h"

#include <string.h>

#include "base/assert.h"

#define BYTES_MAX 4096u /* larger: more to move for every insert; smaller: more heads and refs */
#define SLOT_BYTES ((uint32_t)sizeof(struct log_slot))
#define CAPACITY_MAX ((BYTES_MAX - (uint32_t)sizeof(struct leaf_head)) / SLOT_BYTES)
#define STEPS_PER_DOUBLING 8u /* sizes of leaves, from 512 bytes on */
#define STEP_BYTES_MIN 64u

static _Alignas(16) const struct leaf_head empty_leaf = {.capacity = 0};

static size_t leaf_bytes(uint32_t capacity)
{
    size_t bytes = sizeof(struct leaf_head) + (size_t)capacity * SLOT_BYTES;
    return (bytes + 15) / 16 * 16; /* as the refs need it */
}

/* The largest capacity whose leaf takes no more than the next of the sizes. */
static uint32_t capacity_rounded(uint64_t capacity)
{
    uint64_t bytes = sizeof(struct leaf_head) + capacity * SLOT_BYTES;
    uint64_t step = STEP_BYTES_MIN;
    while (step * STEPS_PER_DOUBLING * 2 < bytes) {
        step *= 2;
    }
    bytes = (bytes + step - 1) / step * step;
    return (uint32_t)((bytes - sizeof(struct leaf_head)) / SLOT_BYTES);
}

static uint32_t capacity_for(uint32_t count)
{
    return capacity_rounded((uint64_t)count + 1);
}

static uint32_t capacity_after(uint32_t capacity)
{
    return capacity_rounded((uint64_t)capacity + 1);
}

/* By about three steps. */
static bool too_large(const struct leaf_head *leaf)
{
    return leaf->capacity - leaf->count > leaf->capacity / 6 + 3 * STEP_BYTES_MIN / SLOT_BYTES;
}

static void homes_set(struct leaf_head *leaf)
{
    leaf->homes = leaf->count < LEAF_HOMES_MAX ? leaf->count : LEAF_HOMES_MAX;
}

static uint32_t count_below(const struct leaf_head *head, uint64_t position, uint32_t *slot)
{
    const struct log_leaf *leaf = (const struct log_leaf *)head;
    *slot = log_leaf_lower_bound(leaf, head->count, head->depth, position);
    return *slot;
}

static void fill(struct leaf_head *head, const struct leaf_head *from, uint32_t slot,
                 uint32_t count)
{
    struct log_leaf *leaf = log_leaf_of(head);
    ASSERT(count <= head->capacity);
    memcpy(leaf->slots, &((const struct log_leaf *)from)->slots[slot], (size_t)count * SLOT_BYTES);
    head->count = count;
    homes_set(head);
}

void log_leaf_insert(struct log_leaf *leaf, uint32_t at, const struct log_slot *slot)
{
    ASSERT(leaf->head.count < leaf->head.capacity && at <= leaf->head.count);
    memmove(&leaf->slots[at + 1], &leaf->slots[at], (size_t)(leaf->head.count - at) * SLOT_BYTES);
    leaf->slots[at] = *slot;
    leaf->head.count++;
    homes_set(&leaf->head);
}

void log_leaf_remove(struct log_leaf *leaf, uint32_t at)
{
    ASSERT(at < leaf->head.count);
    leaf->head.count--;
    memmove(&leaf->slots[at], &leaf->slots[at + 1], (size_t)(leaf->head.count - at) * SLOT_BYTES);
    homes_set(&leaf->head);
}

static void check(const struct leaf_head *head)
{
    const struct log_leaf *leaf = (const struct log_leaf *)head;
    ASSERT(head->count <= head->capacity);
    ASSERT(head->homes == (head->count < LEAF_HOMES_MAX ? head->count : LEAF_HOMES_MAX));
    for (uint32_t i = 0; i < head->count; i++) {
        const struct log_slot *slot = &leaf->slots[i];
        ASSERT(head->depth == 0 || (slot->position ^ head->first) >> (64 - head->depth) == 0);
        if (i > 0) {
            ASSERT(slot[-1].position < slot->position ||
                   (slot[-1].position == slot->position && slot[-1].tag < slot->tag));
        }
    }
}

const struct leaf_kind log_leaf_kind = {.empty = &empty_leaf,
                                        .capacity_first = 4,
                                        .capacity_max = CAPACITY_MAX,
                                        .bytes = leaf_bytes,
                                        .capacity_for = capacity_for,
                                        .capacity_after = capacity_after,
                                        .too_large = too_large,
                                        .count_below = count_below,
                                        .fill = fill,
                                        .check = check};
