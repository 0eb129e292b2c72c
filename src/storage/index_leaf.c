/* See index_leaf.h. */
#include "storage/index_leaf.h"

#include "base/assert.h"

#define DENSE_CAPACITY_MAX 16u /* up to here one home is quickest */

static const struct index_slot empty_slot = {.position = UINT64_MAX, .block = NULL};

uint32_t index_leaf_count_max(uint32_t capacity)
{
    if (capacity <= DENSE_CAPACITY_MAX) {
        return capacity - 1;
    }
    return (uint32_t)((uint64_t)capacity * 13 / 16);
}

/* The largest capacity whose leaf takes no more than the next of these sizes: 64 bytes apart up to
 * 512, then eight to every doubling. So few, that leaves of about as many entries share size
 * classes. */
static uint32_t capacity_rounded(uint64_t capacity)
{
    uint64_t bytes = INDEX_LEAF_HEADER + capacity * sizeof(struct index_slot);
    uint64_t step = 64;
    while (step * 16 < bytes) {
        step *= 2;
    }
    bytes = (bytes + step - 1) / step * step;
    return (uint32_t)((bytes - INDEX_LEAF_HEADER) / sizeof(struct index_slot));
}

uint32_t index_leaf_capacity_for(uint32_t count)
{
    return capacity_rounded((uint64_t)count + count / 4 + 4);
}

uint32_t index_leaf_capacity_after(uint32_t capacity)
{
    return capacity_rounded((uint64_t)capacity + 1);
}

/* The first empty slot at or after the home of the position. */
static uint32_t run_end(const struct index_leaf *leaf, uint64_t position)
{
    uint32_t at = index_home(position, leaf->depth, leaf->homes);
    while (leaf->slots[at].block != NULL) {
        at++;
    }
    return at;
}

bool index_leaf_has_room(const struct index_leaf *leaf, uint64_t position)
{
    return leaf->count < index_leaf_count_max(leaf->capacity) &&
           run_end(leaf, position) + 1 < leaf->capacity;
}

void index_leaf_add(struct index_leaf *leaf, uint64_t position, uint8_t *block)
{
    uint32_t home = index_home(position, leaf->depth, leaf->homes);
    uint32_t at = index_leaf_lower_bound(leaf, leaf->homes, home, position);
    if (leaf->slots[at].position == position && leaf->slots[at].block != NULL) {
        struct bytes key = record_key(block);
        while (leaf->slots[at].position == position && leaf->slots[at].block != NULL &&
               bytes_compare(record_key(leaf->slots[at].block), key) < 0) {
            at++;
        }
    }
    uint32_t end = at;
    while (leaf->slots[end].block != NULL) {
        end++;
    }
    ASSERT(end + 1 < leaf->capacity);
    memmove(&leaf->slots[at + 1], &leaf->slots[at], (end - at) * sizeof(leaf->slots[0]));
    leaf->slots[at] = (struct index_slot){.position = position, .block = block};
    leaf->count++;
}

void index_leaf_remove(struct index_leaf *leaf, uint32_t at)
{
    ASSERT(leaf->slots[at].block != NULL);
    while (leaf->slots[at + 1].block != NULL &&
           index_home(leaf->slots[at + 1].position, leaf->depth, leaf->homes) <= at) {
        leaf->slots[at] = leaf->slots[at + 1];
        at++;
    }
    leaf->slots[at] = empty_slot;
    leaf->count--;
}

/* False when the last runs would spill over the end. */
static bool try_fill(struct index_leaf *leaf, const struct index_slot *slot, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t left = count; left > 0; slot++) {
        if (slot->block == NULL) {
            continue;
        }
        uint32_t home = index_home(slot->position, leaf->depth, leaf->homes);
        while (next < home) {
            leaf->slots[next++] = empty_slot;
        }
        if (next + left >= leaf->capacity) {
            return false;
        }
        leaf->slots[next++] = *slot;
        left--;
    }
    while (next < leaf->capacity) {
        leaf->slots[next++] = empty_slot;
    }
    return true;
}

void index_leaf_fill(struct index_leaf *leaf, const struct index_slot *slot, uint32_t count)
{
    uint32_t capacity = leaf->capacity;
    ASSERT(count < capacity);
    leaf->count = count;
    leaf->homes = 1;
    if (capacity > DENSE_CAPACITY_MAX) {
        leaf->homes = capacity - capacity / 32 - INDEX_LEAF_WINDOW;
    }
    if (leaf->homes > INDEX_LEAF_HOMES_MAX) {
        leaf->homes = INDEX_LEAF_HOMES_MAX;
    }
    while (!try_fill(leaf, slot, count)) {
        /* Positions crowd at the end of the range: with one home, all that fits fits. */
        leaf->homes = leaf->homes > capacity / 2 ? capacity / 2 : 1;
    }
}

void index_leaf_check(const struct index_leaf *leaf)
{
    ASSERT(leaf->homes == 1 || leaf->homes + INDEX_LEAF_WINDOW <= leaf->capacity);
    ASSERT(leaf->slots[leaf->capacity - 1].block == NULL);
    uint32_t count = 0;
    uint32_t run_begin = 0;
    const struct index_slot *before = NULL;
    for (uint32_t i = 0; i < leaf->capacity; i++) {
        const struct index_slot *slot = &leaf->slots[i];
        if (slot->block == NULL) {
            ASSERT(slot->position == UINT64_MAX);
            run_begin = i + 1;
            continue;
        }
        uint32_t home = index_home(slot->position, leaf->depth, leaf->homes);
        ASSERT(home <= i && home >= run_begin);
        ASSERT(leaf->depth == 0 || (slot->position ^ leaf->first) >> (64 - leaf->depth) == 0);
        struct record record = record_read(slot->block);
        ASSERT(record.position_high == slot->position >> 32);
        if (before != NULL) {
            ASSERT(before->position <= slot->position);
            ASSERT(before->position < slot->position ||
                   bytes_compare(record_key(before->block), record.key) < 0);
        }
        before = slot;
        count++;
    }
    ASSERT(count == leaf->count);
}
