/* See index_leaf.h. */
#include "storage/index_leaf.h"

#include "base/assert.h"

#define DENSE_CAPACITY_MAX 16u /* up to here one home is quickest */
#define CAPACITY_FIRST 6u      /* 128 bytes */
#define CAPACITY_MAX                                                                               \
    ((DENSE_HEAP_BLOCK_BYTES_MAX - (uint32_t)sizeof(struct leaf_head)) /                           \
     (uint32_t)sizeof(struct index_slot))

static const struct index_slot empty_slot = {.position = UINT64_MAX, .block = NULL};

/* A leaf of one slot, laid out as struct index_leaf. Never written, because it has no room. */
static const struct {
    _Alignas(16) struct leaf_head head;
    struct index_slot slot;
} empty_leaf = {.head = {.capacity = 1, .homes = 1},
                .slot = {.position = UINT64_MAX, .block = NULL}};

static size_t leaf_bytes(uint32_t capacity)
{
    return sizeof(struct leaf_head) + (size_t)capacity * sizeof(struct index_slot);
}

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
    uint64_t bytes = sizeof(struct leaf_head) + capacity * sizeof(struct index_slot);
    uint64_t step = 64;
    while (step * 16 < bytes) {
        step *= 2;
    }
    bytes = (bytes + step - 1) / step * step;
    return (uint32_t)((bytes - sizeof(struct leaf_head)) / sizeof(struct index_slot));
}

static uint32_t capacity_for(uint32_t count)
{
    return capacity_rounded((uint64_t)count + count / 4 + 4);
}

static uint32_t capacity_after(uint32_t capacity)
{
    return capacity_rounded((uint64_t)capacity + 1);
}

/* The first empty slot at or after the home of the position. */
static uint32_t run_end(const struct index_leaf *leaf, uint64_t position)
{
    uint32_t at = leaf_home(position, leaf->head.depth, leaf->head.homes);
    while (leaf->slots[at].block != NULL) {
        at++;
    }
    return at;
}

bool index_leaf_has_room(const struct index_leaf *leaf, uint64_t position)
{
    return leaf->head.count < index_leaf_count_max(leaf->head.capacity) &&
           run_end(leaf, position) + 1 < leaf->head.capacity;
}

void index_leaf_add(struct index_leaf *leaf, uint64_t position, uint8_t *block)
{
    uint32_t home = leaf_home(position, leaf->head.depth, leaf->head.homes);
    uint32_t at = index_leaf_lower_bound(leaf, leaf->head.homes, home, position);
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
    ASSERT(end + 1 < leaf->head.capacity);
    memmove(&leaf->slots[at + 1], &leaf->slots[at], (end - at) * sizeof(leaf->slots[0]));
    leaf->slots[at] = (struct index_slot){.position = position, .block = block};
    leaf->head.count++;
}

void index_leaf_remove(struct index_leaf *leaf, uint32_t at)
{
    ASSERT(leaf->slots[at].block != NULL);
    while (leaf->slots[at + 1].block != NULL &&
           leaf_home(leaf->slots[at + 1].position, leaf->head.depth, leaf->head.homes) <= at) {
        leaf->slots[at] = leaf->slots[at + 1];
        at++;
    }
    leaf->slots[at] = empty_slot;
    leaf->head.count--;
}

/* False when the last runs would spill over the end. */
static bool try_fill(struct index_leaf *leaf, const struct index_slot *slot, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t left = count; left > 0; slot++) {
        if (slot->block == NULL) {
            continue;
        }
        uint32_t home = leaf_home(slot->position, leaf->head.depth, leaf->head.homes);
        while (next < home) {
            leaf->slots[next++] = empty_slot;
        }
        if (next + left >= leaf->head.capacity) {
            return false;
        }
        leaf->slots[next++] = *slot;
        left--;
    }
    while (next < leaf->head.capacity) {
        leaf->slots[next++] = empty_slot;
    }
    return true;
}

static void fill(struct leaf_head *head, const struct leaf_head *from, uint32_t slot,
                 uint32_t count)
{
    struct index_leaf *leaf = index_leaf_of(head);
    uint32_t capacity = head->capacity;
    ASSERT(count < capacity);
    leaf->head.count = count;
    leaf->head.homes = 1;
    if (capacity > DENSE_CAPACITY_MAX) {
        leaf->head.homes = capacity - capacity / 32 - INDEX_LEAF_WINDOW;
    }
    if (leaf->head.homes > LEAF_HOMES_MAX) {
        leaf->head.homes = LEAF_HOMES_MAX;
    }
    while (!try_fill(leaf, &((const struct index_leaf *)from)->slots[slot], count)) {
        /* Positions crowd at the end of the range: with one home, all that fits fits. */
        leaf->head.homes = leaf->head.homes > capacity / 2 ? capacity / 2 : 1;
    }
}

static bool too_large(const struct leaf_head *leaf)
{
    return leaf->count < index_leaf_count_max(leaf->capacity) / 4;
}

static uint32_t count_below(const struct leaf_head *head, uint64_t position, uint32_t *slot)
{
    const struct index_leaf *leaf = (const struct index_leaf *)head;
    uint32_t count = 0;
    *slot = 0;
    for (uint32_t i = 0; i < head->capacity; i++) {
        if (leaf->slots[i].block != NULL && leaf->slots[i].position < position) {
            count++;
            *slot = i + 1;
        }
    }
    return count;
}

static void check(const struct leaf_head *head)
{
    const struct index_leaf *leaf = (const struct index_leaf *)head;
    ASSERT(leaf->head.homes == 1 || leaf->head.homes + INDEX_LEAF_WINDOW <= leaf->head.capacity);
    ASSERT(leaf->slots[leaf->head.capacity - 1].block == NULL);
    uint32_t count = 0;
    uint32_t run_begin = 0;
    const struct index_slot *before = NULL;
    for (uint32_t i = 0; i < leaf->head.capacity; i++) {
        const struct index_slot *slot = &leaf->slots[i];
        if (slot->block == NULL) {
            ASSERT(slot->position == UINT64_MAX);
            run_begin = i + 1;
            continue;
        }
        uint32_t home = leaf_home(slot->position, leaf->head.depth, leaf->head.homes);
        ASSERT(home <= i && home >= run_begin);
        ASSERT(leaf->head.depth == 0 ||
               (slot->position ^ leaf->head.first) >> (64 - leaf->head.depth) == 0);
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
    ASSERT(count == leaf->head.count);
}

const struct leaf_kind index_leaf_kind = {.empty = &empty_leaf.head,
                                          .capacity_first = CAPACITY_FIRST,
                                          .capacity_max = CAPACITY_MAX,
                                          .bytes = leaf_bytes,
                                          .capacity_for = capacity_for,
                                          .capacity_after = capacity_after,
                                          .too_large = too_large,
                                          .count_below = count_below,
                                          .fill = fill,
                                          .check = check};
