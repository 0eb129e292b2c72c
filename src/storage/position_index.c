/* See position_index.h. This file is the directory: which leaf a position belongs to, and when a
 * leaf grows, splits, shrinks or goes. What happens inside a leaf is index_leaf.c. */
#include "storage/position_index.h"

#include "base/assert.h"
#include "shoal/error.h"
#include "storage/index_leaf.h"

#define LEAF_CAPACITY_FIRST 6u /* 128 bytes */
#define LEAF_CAPACITY_MAX                                                                          \
    ((DENSE_HEAP_BLOCK_BYTES_MAX - INDEX_LEAF_HEADER) / (uint32_t)sizeof(struct index_slot))
#define DEPTH_MAX 32u
#define DEPTH_SPREAD 3u /* how much deeper a leaf may be than an even split would make it */
#define PREFETCH_SLOTS 8u

/* What every ref points to where there is nothing: a leaf of one slot, laid out as struct
 * index_leaf. Never written, because it has no room. */
static const struct {
    _Alignas(16) struct position_index *owner;
    uint64_t first;
    uint32_t count, capacity, homes, depth;
    struct index_slot slot;
} empty_leaf_image = {.capacity = 1, .homes = 1, .slot = {.position = UINT64_MAX, .block = NULL}};

static struct index_leaf *empty_leaf(void)
{
    return (struct index_leaf *)(uintptr_t)&empty_leaf_image;
}

static uint32_t ref_at(const struct position_index *index, uint64_t position)
{
    return (uint32_t)(position >> 1 >> (63 - index->depth));
}

static uint32_t ref_count(const struct position_index *index)
{
    return UINT32_C(1) << index->depth;
}

/* How many refs in a row lead to a leaf of that depth. */
static uint32_t ref_span(const struct position_index *index, uint32_t leaf_depth)
{
    return UINT32_C(1) << (index->depth - leaf_depth);
}

static uint64_t range_first(uint64_t position, uint32_t depth)
{
    return depth == 0 ? 0 : position >> (64 - depth) << (64 - depth);
}

static struct index_leaf *ref_leaf(struct index_ref ref)
{
    return (struct index_leaf *)((uintptr_t)ref.leaf << 4);
}

static struct index_ref ref_make(struct index_leaf *leaf, uint32_t depth)
{
    return (struct index_ref){.leaf = ((uintptr_t)leaf >> 4) & ((UINT64_C(1) << 44) - 1),
                              .homes = leaf->homes & INDEX_LEAF_HOMES_MAX,
                              .depth = depth & 63};
}

static void refs_reset(struct position_index *index)
{
    index->root = ref_make(empty_leaf(), 0);
    index->refs = &index->root;
    index->depth = 0;
    index->leaf_count = 1;
}

void position_index_init(struct position_index *index, struct dense_heap *leaves)
{
    memset(index, 0, sizeof(*index));
    index->leaves = leaves;
    index->budget = leaves->pool->budget;
    refs_reset(index);
}

static struct index_leaf *leaf_new(struct position_index *index, uint64_t first, uint32_t depth,
                                   uint32_t capacity)
{
    struct index_leaf *leaf = dense_heap_alloc(index->leaves, index_leaf_bytes(capacity));
    if (leaf == NULL) {
        return NULL;
    }
    leaf->owner = index;
    leaf->first = first;
    leaf->depth = depth;
    leaf->capacity = capacity;
    index->bytes += dense_heap_block_bytes(index_leaf_bytes(capacity));
    return leaf;
}

/* No ref leads to it any more. Another leaf may move. */
static void leaf_free(struct position_index *index, struct index_leaf *leaf)
{
    if (leaf != empty_leaf()) {
        size_t bytes = index_leaf_bytes(leaf->capacity);
        index->bytes -= dense_heap_block_bytes(bytes);
        dense_heap_free(index->leaves, leaf, bytes);
    }
}

/* Makes the refs of the range lead to the leaf. */
static void leaf_install(struct position_index *index, uint64_t first, uint32_t depth,
                         struct index_leaf *leaf)
{
    struct index_ref *ref = &index->refs[ref_at(index, first)];
    for (uint32_t i = 0; i < ref_span(index, depth); i++) {
        ref[i] = ref_make(leaf, depth);
    }
}

void position_index_leaf_moved(void *to)
{
    struct index_leaf *leaf = to;
    leaf_install(leaf->owner, leaf->first, leaf->depth, leaf);
}

static void refs_free(struct position_index *index)
{
    if (index->refs != &index->root) {
        size_t bytes = ref_count(index) * sizeof(struct index_ref);
        index->bytes -= bytes;
        memory_budget_free(index->budget, index->refs, bytes);
    }
}

void position_index_clear(struct position_index *index)
{
    for (uint32_t i = 0; i < ref_count(index);) {
        uint32_t depth = index->refs[i].depth;
        leaf_free(index, ref_leaf(index->refs[i]));
        i += ref_span(index, depth);
    }
    refs_free(index);
    refs_reset(index);
    index->count = 0;
    ASSERT(index->bytes == 0);
}

struct index_slot *position_index_find(const struct position_index *index, uint64_t position,
                                       struct bytes key)
{
    const struct index_ref ref = index->refs[ref_at(index, position)];
    struct index_leaf *leaf = ref_leaf(ref);
    uint32_t home = index_home(position, ref.depth, ref.homes);
    uint32_t at = index_leaf_lower_bound(leaf, ref.homes, home, position);
    struct index_slot *slot = &leaf->slots[at];
    while (slot->position == position && slot->block != NULL) {
        if (bytes_equal(record_key(slot->block), key)) {
            return slot;
        }
        slot++;
    }
    return NULL;
}

/* Twice the refs, each where two were one. */
static int refs_double(struct position_index *index)
{
    uint32_t count = ref_count(index);
    size_t bytes = 2 * count * sizeof(struct index_ref);
    struct index_ref *refs = memory_budget_alloc(index->budget, bytes);
    if (refs == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        refs[2 * i] = index->refs[i];
        refs[2 * i + 1] = index->refs[i];
    }
    refs_free(index);
    index->refs = refs;
    index->depth++;
    index->bytes += bytes;
    return 0;
}

/* One half of a leaf that is being split; the shared empty one if nothing falls into it. */
static struct index_leaf *half_new(struct position_index *index, uint64_t first, uint32_t depth,
                                   const struct index_slot *slot, uint32_t count)
{
    if (count == 0) {
        return empty_leaf();
    }
    struct index_leaf *half = leaf_new(index, first, depth, index_leaf_capacity_for(count));
    if (half != NULL) {
        index_leaf_fill(half, slot, count);
    }
    return half;
}

static int leaf_split(struct position_index *index, struct index_leaf *leaf)
{
    if (leaf->depth == index->depth && refs_double(index) != 0) {
        return SHOAL_ENOMEM;
    }
    uint32_t depth = leaf->depth + 1;
    uint64_t left_first = leaf->first;
    uint64_t right_first = left_first | UINT64_C(1) << (64 - depth);
    uint32_t left_count = 0;
    uint32_t middle = 0;
    for (uint32_t i = 0; i < leaf->capacity; i++) {
        if (leaf->slots[i].block != NULL && leaf->slots[i].position < right_first) {
            left_count++;
            middle = i + 1;
        }
    }
    struct index_leaf *left = half_new(index, left_first, depth, leaf->slots, left_count);
    if (left == NULL) {
        return SHOAL_ENOMEM;
    }
    struct index_leaf *right =
        half_new(index, right_first, depth, &leaf->slots[middle], leaf->count - left_count);
    if (right == NULL) {
        leaf_free(index, left);
        return SHOAL_ENOMEM;
    }
    leaf_install(index, left_first, depth, left);
    leaf_install(index, right_first, depth, right);
    index->leaf_count++;
    leaf_free(index, leaf);
    return 0;
}

/* Exchanges the leaf of the position for one of the capacity. */
static int leaf_rebuild(struct position_index *index, uint64_t position, uint32_t capacity)
{
    const struct index_ref ref = index->refs[ref_at(index, position)];
    struct index_leaf *old = ref_leaf(ref);
    uint64_t first = range_first(position, ref.depth);
    struct index_leaf *leaf = leaf_new(index, first, ref.depth, capacity);
    if (leaf == NULL) {
        return SHOAL_ENOMEM;
    }
    index_leaf_fill(leaf, old->slots, old->count);
    leaf_install(index, first, leaf->depth, leaf);
    leaf_free(index, old);
    return 0;
}

/* Splitting helps as long as positions are spread as those of a good hash; where they are not, the
 * refs must not be doubled for nothing. */
static bool leaf_may_split(const struct position_index *index, uint32_t depth)
{
    uint32_t even_depth = 31u - (uint32_t)__builtin_clz(index->leaf_count);
    return depth < DEPTH_MAX && depth < even_depth + DEPTH_SPREAD;
}

int position_index_reserve(struct position_index *index, uint64_t position)
{
    for (;;) {
        struct index_leaf *leaf = ref_leaf(index->refs[ref_at(index, position)]);
        if (index_leaf_has_room(leaf, position)) {
            return 0;
        }
        int code;
        if (leaf->capacity >= LEAF_CAPACITY_MAX && leaf_may_split(index, leaf->depth)) {
            code = leaf_split(index, leaf);
        } else if (leaf == empty_leaf()) {
            code = leaf_rebuild(index, position, LEAF_CAPACITY_FIRST);
        } else {
            code = leaf_rebuild(index, position, index_leaf_capacity_after(leaf->capacity));
        }
        if (code != 0) {
            return code;
        }
    }
}

void position_index_add(struct position_index *index, uint64_t position, uint8_t *block)
{
    index_leaf_add(ref_leaf(index->refs[ref_at(index, position)]), position, block);
    index->count++;
}

void position_index_remove(struct position_index *index, struct index_slot *slot)
{
    uint64_t position = slot->position;
    struct index_leaf *leaf = ref_leaf(index->refs[ref_at(index, position)]);
    index_leaf_remove(leaf, (uint32_t)(slot - leaf->slots));
    index->count--;
    if (index->count == 0) {
        position_index_clear(index);
    } else if (leaf->count == 0) {
        leaf_install(index, leaf->first, leaf->depth, empty_leaf());
        leaf_free(index, leaf);
    } else if (leaf->count < index_leaf_count_max(leaf->capacity) / 4) {
        /* Without the memory for a smaller one the large one stays. */
        (void)leaf_rebuild(index, position, index_leaf_capacity_for(leaf->count));
    }
}

bool position_index_block_moved(struct position_index *index, uint32_t position_high,
                                const uint8_t *from, uint8_t *to)
{
    /* The low half of the position is not known: its home is this one or a later one. */
    uint64_t position = (uint64_t)position_high << 32;
    const struct index_ref ref = index->refs[ref_at(index, position)];
    struct index_leaf *leaf = ref_leaf(ref);
    uint32_t at = index_home(position, ref.depth, ref.homes);
    while (at < leaf->capacity && leaf->slots[at].block != from) {
        at++;
    }
    if (at == leaf->capacity) {
        return false;
    }
    leaf->slots[at].block = to;
    return true;
}

void position_index_seek(const struct position_index *index, uint64_t position,
                         struct index_cursor *cursor)
{
    uint32_t at = ref_at(index, position);
    const struct index_ref ref = index->refs[at];
    uint32_t home = index_home(position, ref.depth, ref.homes);
    uint32_t slot = index_leaf_lower_bound(ref_leaf(ref), ref.homes, home, position);
    *cursor = (struct index_cursor){.index = index, .ref = at, .slot = slot};
}

struct index_slot *position_index_next(struct index_cursor *cursor)
{
    const struct position_index *index = cursor->index;
    while (cursor->ref < ref_count(index)) {
        const struct index_ref ref = index->refs[cursor->ref];
        struct index_leaf *leaf = ref_leaf(ref);
        while (cursor->slot < leaf->capacity) {
            struct index_slot *slot = &leaf->slots[cursor->slot++];
            if (slot->block == NULL) {
                continue;
            }
            if (cursor->slot + PREFETCH_SLOTS < leaf->capacity) {
                __builtin_prefetch(leaf->slots[cursor->slot + PREFETCH_SLOTS].block);
            }
            return slot;
        }
        uint32_t span = ref_span(index, ref.depth);
        cursor->ref = (cursor->ref | (span - 1)) + 1;
        cursor->slot = 0;
    }
    return NULL;
}

void position_index_check(const struct position_index *index)
{
    uint64_t count = 0;
    uint64_t bytes = index->depth > 0 ? ref_count(index) * sizeof(struct index_ref) : 0;
    uint32_t leaf_count = 0;
    for (uint32_t i = 0; i < ref_count(index);) {
        const struct index_ref *ref = &index->refs[i];
        const struct index_leaf *leaf = ref_leaf(*ref);
        ASSERT(ref->depth <= index->depth);
        for (uint32_t j = 0; j < ref_span(index, ref->depth); j++) {
            ASSERT(ref[j].leaf == ref->leaf && ref[j].depth == ref->depth);
            ASSERT(ref[j].homes == leaf->homes);
        }
        index_leaf_check(leaf);
        if (leaf != empty_leaf()) {
            ASSERT(leaf->owner == index && leaf->depth == ref->depth && leaf->count > 0);
            ASSERT(ref_at(index, leaf->first) == i);
            bytes += dense_heap_block_bytes(index_leaf_bytes(leaf->capacity));
        }
        count += leaf->count;
        leaf_count++;
        i += ref_span(index, ref->depth);
    }
    ASSERT(count == index->count && bytes == index->bytes && leaf_count == index->leaf_count);
}
