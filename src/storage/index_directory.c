/* See index_directory.h. */
#include "storage/index_directory.h"

#include <string.h>

#include "base/assert.h"
#include "shoal/error.h"

#define DEPTH_MAX 32u
#define DEPTH_SPREAD 3u /* how much deeper a leaf may be than an even split would make it */

static uint64_t range_first(uint64_t position, uint32_t depth)
{
    return depth == 0 ? 0 : position >> (64 - depth) << (64 - depth);
}

static struct index_ref ref_make(const struct leaf_head *leaf, uint32_t depth)
{
    return (struct index_ref){.leaf = ((uintptr_t)leaf >> 4) & ((UINT64_C(1) << 44) - 1),
                              .homes = leaf->homes & LEAF_HOMES_MAX,
                              .depth = depth & 63};
}

static bool leaf_is_empty(const struct index_directory *directory, const struct leaf_head *leaf)
{
    return leaf == directory->kind->empty;
}

static void refs_reset(struct index_directory *directory)
{
    directory->root = ref_make(directory->kind->empty, 0);
    directory->refs = &directory->root;
    directory->depth = 0;
    directory->leaf_count = 1;
    directory->cleared = 0;
}

void index_directory_init(struct index_directory *directory, const struct leaf_kind *kind,
                          struct dense_heap *leaves)
{
    memset(directory, 0, sizeof(*directory));
    directory->kind = kind;
    directory->leaves = leaves;
    refs_reset(directory);
}

static struct leaf_head *leaf_new(struct index_directory *directory, uint64_t first, uint32_t depth,
                                  uint32_t capacity)
{
    size_t bytes = directory->kind->bytes(capacity);
    struct leaf_head *leaf = dense_heap_alloc(directory->leaves, bytes);
    if (leaf == NULL) {
        return NULL;
    }
    leaf->owner = directory;
    leaf->first = first;
    leaf->depth = depth;
    leaf->capacity = capacity;
    directory->bytes += dense_heap_block_bytes(bytes);
    return leaf;
}

/* No ref leads to it any more. Another leaf may move. */
static void leaf_free(struct index_directory *directory, const struct leaf_head *leaf)
{
    if (!leaf_is_empty(directory, leaf)) {
        size_t bytes = directory->kind->bytes(leaf->capacity);
        directory->bytes -= dense_heap_block_bytes(bytes);
        dense_heap_free(directory->leaves, (void *)(uintptr_t)leaf, bytes);
    }
}

/* Makes the refs of the range lead to the leaf. */
static void leaf_install(struct index_directory *directory, uint64_t first, uint32_t depth,
                         const struct leaf_head *leaf)
{
    struct index_ref *ref = &directory->refs[index_directory_ref_at(directory, first)];
    for (uint32_t i = 0; i < index_directory_span(directory, depth); i++) {
        ref[i] = ref_make(leaf, depth);
    }
}

void index_directory_leaf_moved(void *to)
{
    const struct leaf_head *leaf = to;
    leaf_install(leaf->owner, leaf->first, leaf->depth, leaf);
}

static struct index_ref *refs_alloc(struct index_directory *directory, uint32_t depth)
{
    size_t bytes = sizeof(struct index_ref) << depth;
    return memory_budget_alloc(directory->leaves->pool->budget, bytes);
}

/* Takes the place of the refs there were. */
static void refs_replace(struct index_directory *directory, struct index_ref *refs, uint32_t depth)
{
    if (directory->refs != &directory->root) {
        size_t bytes = sizeof(struct index_ref) << directory->depth;
        directory->bytes -= bytes;
        memory_budget_free(directory->leaves->pool->budget, directory->refs, bytes);
    }
    if (refs != NULL) {
        directory->refs = refs;
        directory->depth = depth;
        directory->bytes += sizeof(struct index_ref) << depth;
    }
}

bool index_directory_clear_some(struct index_directory *directory, uint32_t leaves_max)
{
    uint32_t end = index_directory_ref_count(directory);
    for (uint32_t freed = 0; directory->cleared < end; freed++) {
        if (freed == leaves_max) {
            return true;
        }
        uint32_t at = directory->cleared;
        struct leaf_head *leaf = index_ref_leaf(directory->refs[at]);
        directory->cleared = index_directory_next(directory, at);
        directory->count -= leaf->count;
        leaf_free(directory, leaf);
    }
    refs_replace(directory, NULL, 0);
    refs_reset(directory);
    ASSERT(directory->count == 0 && directory->bytes == 0);
    return false;
}

void index_directory_clear(struct index_directory *directory)
{
    (void)index_directory_clear_some(directory, UINT32_MAX);
}

/* Twice the refs, each where two were one. */
static int refs_double(struct index_directory *directory)
{
    uint32_t count = index_directory_ref_count(directory);
    struct index_ref *refs = refs_alloc(directory, directory->depth + 1);
    if (refs == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        refs[2 * i] = directory->refs[i];
        refs[2 * i + 1] = directory->refs[i];
    }
    refs_replace(directory, refs, directory->depth + 1);
    return 0;
}

void index_directory_expect(struct index_directory *directory, uint64_t count)
{
    uint32_t depth = 0;
    while (depth < DEPTH_MAX && count >> depth > directory->kind->capacity_max * 3 / 4) {
        depth++;
    }
    if (directory->count > 0 || depth <= directory->depth) {
        return;
    }
    struct index_ref *refs = refs_alloc(directory, depth);
    if (refs == NULL) {
        return;
    }
    for (uint32_t i = 0; i < UINT32_C(1) << depth; i++) {
        refs[i] = ref_make(directory->kind->empty, depth);
    }
    refs_replace(directory, refs, depth);
    directory->leaf_count = UINT32_C(1) << depth;
}

/* One half of a leaf that is being split; the shared empty one if nothing falls into it. */
static const struct leaf_head *half_new(struct index_directory *directory, uint64_t first,
                                        const struct leaf_head *whole, uint32_t slot,
                                        uint32_t count)
{
    if (count == 0) {
        return directory->kind->empty;
    }
    uint32_t capacity = directory->kind->capacity_for(count);
    struct leaf_head *half = leaf_new(directory, first, whole->depth + 1, capacity);
    if (half != NULL) {
        directory->kind->fill(half, whole, slot, count);
    }
    return half;
}

static int leaf_split(struct index_directory *directory, struct leaf_head *leaf)
{
    if (leaf->depth == directory->depth && refs_double(directory) != 0) {
        return SHOAL_ENOMEM;
    }
    uint32_t depth = leaf->depth + 1;
    uint64_t left_first = leaf->first;
    uint64_t right_first = left_first | UINT64_C(1) << (64 - depth);
    uint32_t middle;
    uint32_t left_count = directory->kind->count_below(leaf, right_first, &middle);
    const struct leaf_head *left = half_new(directory, left_first, leaf, 0, left_count);
    if (left == NULL) {
        return SHOAL_ENOMEM;
    }
    const struct leaf_head *right =
        half_new(directory, right_first, leaf, middle, leaf->count - left_count);
    if (right == NULL) {
        leaf_free(directory, left);
        return SHOAL_ENOMEM;
    }
    leaf_install(directory, left_first, depth, left);
    leaf_install(directory, right_first, depth, right);
    directory->leaf_count++;
    leaf_free(directory, leaf);
    return 0;
}

/* Exchanges the leaf of the position for one of the capacity. */
static int leaf_rebuild(struct index_directory *directory, uint64_t position, uint32_t capacity)
{
    const struct index_ref ref = index_directory_ref(directory, position);
    struct leaf_head *old = index_ref_leaf(ref);
    uint64_t first = range_first(position, ref.depth);
    struct leaf_head *leaf = leaf_new(directory, first, ref.depth, capacity);
    if (leaf == NULL) {
        return SHOAL_ENOMEM;
    }
    directory->kind->fill(leaf, old, 0, old->count);
    leaf_install(directory, first, leaf->depth, leaf);
    leaf_free(directory, old);
    return 0;
}

/* Splitting helps as long as positions are spread as those of a good hash; where they are not, the
 * refs must not be doubled for nothing. */
static bool leaf_may_split(const struct index_directory *directory, uint32_t depth)
{
    uint32_t even_depth = 31u - (uint32_t)__builtin_clz(directory->leaf_count);
    return depth < DEPTH_MAX && depth < even_depth + DEPTH_SPREAD;
}

int index_directory_grow(struct index_directory *directory, uint64_t position)
{
    const struct leaf_kind *kind = directory->kind;
    struct leaf_head *leaf = index_directory_leaf(directory, position);
    if (leaf_is_empty(directory, leaf)) {
        return leaf_rebuild(directory, position, kind->capacity_first);
    }
    if (leaf->capacity >= kind->capacity_max && leaf_may_split(directory, leaf->depth)) {
        return leaf_split(directory, leaf);
    }
    return leaf_rebuild(directory, position, kind->capacity_after(leaf->capacity));
}

/* The leaf's homes may have changed. */
static void leaf_homes_install(struct index_directory *directory, const struct leaf_head *leaf)
{
    if (index_directory_ref(directory, leaf->first).homes != leaf->homes) {
        leaf_install(directory, leaf->first, leaf->depth, leaf);
    }
}

void index_directory_added(struct index_directory *directory, const struct leaf_head *leaf)
{
    directory->count++;
    leaf_homes_install(directory, leaf);
}

void index_directory_removed(struct index_directory *directory, struct leaf_head *leaf)
{
    directory->count--;
    if (directory->count == 0) {
        index_directory_clear(directory);
    } else if (leaf->count == 0) {
        leaf_install(directory, leaf->first, leaf->depth, directory->kind->empty);
        leaf_free(directory, leaf);
    } else {
        leaf_homes_install(directory, leaf);
        if (directory->kind->too_large(leaf)) {
            /* Without the memory for a smaller one the large one stays. */
            uint32_t capacity = directory->kind->capacity_for(leaf->count);
            (void)leaf_rebuild(directory, leaf->first, capacity);
        }
    }
}

void index_directory_check(const struct index_directory *directory)
{
    uint64_t count = 0;
    uint64_t bytes = directory->refs == &directory->root
                         ? 0
                         : index_directory_ref_count(directory) * sizeof(struct index_ref);
    uint32_t leaf_count = 0;
    for (uint32_t at = 0; at < index_directory_ref_count(directory);) {
        const struct index_ref *ref = &directory->refs[at];
        const struct leaf_head *leaf = index_ref_leaf(*ref);
        ASSERT(ref->depth <= directory->depth);
        for (uint32_t i = 0; i < index_directory_span(directory, ref->depth); i++) {
            ASSERT(ref[i].leaf == ref->leaf && ref[i].depth == ref->depth);
            ASSERT(ref[i].homes == leaf->homes);
        }
        directory->kind->check(leaf);
        if (!leaf_is_empty(directory, leaf)) {
            ASSERT(leaf->owner == directory && leaf->depth == ref->depth && leaf->count > 0);
            ASSERT(index_directory_ref_at(directory, leaf->first) == at);
            bytes += dense_heap_block_bytes(directory->kind->bytes(leaf->capacity));
        }
        count += leaf->count;
        leaf_count++;
        at = index_directory_next(directory, at);
    }
    ASSERT(count == directory->count && bytes == directory->bytes);
    ASSERT(leaf_count == directory->leaf_count);
}
