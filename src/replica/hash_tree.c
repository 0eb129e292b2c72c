/* The tree as arrays: the leaves, and the sums of runs of 64 of them, of 64 such runs, and so on up
 * to a single one. (Any other node is the sum of at most 32 of the nearest level below it.)
 *
 *      blocks:  level 1 (2^(bits-6)) | level 2 (2^(bits-12)) | ...      one bit of `stale` for each
 *
 * A write changes its leaf and marks the blocks over it stale, up to the first that is so already:
 * what lies over a stale block is stale too. A question makes the stale blocks below it again. */
#include "replica/hash_tree.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "shoal/error.h"

#define FAN_BITS 6u
#define FAN (1u << FAN_BITS)
#define STALE_BITS 64u

static uint32_t level_count(const struct hash_tree *tree)
{
    return tree->bits / FAN_BITS;
}

/* How many blocks this level (from 1) has. */
static size_t level_blocks(const struct hash_tree *tree, uint32_t level)
{
    return (size_t)1 << (tree->bits - FAN_BITS * level);
}

/* Where the blocks of this level (from 1) begin. */
static size_t level_start(const struct hash_tree *tree, uint32_t level)
{
    size_t start = 0;
    for (uint32_t below = 1; below < level; below++) {
        start += level_blocks(tree, below);
    }
    return start;
}

static size_t leaf_count(const struct hash_tree *tree)
{
    return (size_t)1 << tree->bits;
}

static size_t block_count(const struct hash_tree *tree)
{
    return level_start(tree, level_count(tree) + 1);
}

static size_t stale_words(const struct hash_tree *tree)
{
    return (block_count(tree) + STALE_BITS - 1) / STALE_BITS;
}

int hash_tree_init(struct hash_tree *tree, uint32_t bits)
{
    ASSERT(bits <= HASH_TREE_BITS_MAX);
    struct hash_tree fresh = {.bits = bits};
    fresh.leaves = mem_alloc_zeroed(leaf_count(&fresh), sizeof(*fresh.leaves));
    fresh.blocks = mem_alloc_zeroed(block_count(&fresh), sizeof(*fresh.blocks));
    fresh.stale = mem_alloc_zeroed(stale_words(&fresh), sizeof(*fresh.stale));
    if (fresh.leaves == NULL || fresh.blocks == NULL || fresh.stale == NULL) {
        hash_tree_deinit(&fresh);
        return SHOAL_ENOMEM;
    }
    *tree = fresh;
    return 0;
}

void hash_tree_deinit(struct hash_tree *tree)
{
    mem_free(tree->stale);
    mem_free(tree->blocks);
    mem_free(tree->leaves);
    *tree = (struct hash_tree){0};
}

struct tree_sum hash_tree_term(const struct hash_secret *secret, uint64_t position, struct dot dot)
{
    uint8_t named[3 * sizeof(uint64_t)];
    store_u64_le(named, position);
    store_u64_le(named + 8, dot.actor);
    store_u64_le(named + 16, dot.counter);
    struct hash_wide hash = hash_keyed_wide(secret, bytes_make(named, sizeof(named)));
    return (struct tree_sum){.low = hash.low, .high = hash.high};
}

/* ---- writing ---- */

static bool is_stale(const struct hash_tree *tree, size_t block)
{
    return (tree->stale[block / STALE_BITS] >> (block % STALE_BITS) & 1) != 0;
}

static void mark_stale(struct hash_tree *tree, size_t leaf)
{
    size_t start = 0;
    for (uint32_t level = 1; level <= level_count(tree); level++) {
        size_t block = start + (leaf >> (FAN_BITS * level));
        if (is_stale(tree, block)) {
            return;
        }
        tree->stale[block / STALE_BITS] |= UINT64_C(1) << (block % STALE_BITS);
        start += level_blocks(tree, level);
    }
}

static size_t leaf_of(const struct hash_tree *tree, uint64_t position)
{
    return tree->bits == 0 ? 0 : (size_t)(position >> (64 - tree->bits));
}

static struct tree_sum sum_minus(struct tree_sum a, struct tree_sum b)
{
    return (struct tree_sum){.low = a.low - b.low,
                             .high = a.high - b.high - (a.low < b.low ? 1 : 0)};
}

void hash_tree_add(struct hash_tree *tree, uint64_t position, struct tree_sum term)
{
    size_t leaf = leaf_of(tree, position);
    tree->leaves[leaf] = tree_sum_plus(tree->leaves[leaf], term);
    tree->siblings++;
    mark_stale(tree, leaf);
}

void hash_tree_subtract(struct hash_tree *tree, uint64_t position, struct tree_sum term)
{
    ASSERT(tree->siblings > 0);
    size_t leaf = leaf_of(tree, position);
    tree->leaves[leaf] = sum_minus(tree->leaves[leaf], term);
    tree->siblings--;
    mark_stale(tree, leaf);
}

void hash_tree_exchange(struct hash_tree *tree, uint64_t position, struct tree_sum went,
                        struct tree_sum came)
{
    ASSERT(tree->siblings > 0);
    size_t leaf = leaf_of(tree, position);
    tree->leaves[leaf] = tree_sum_plus(sum_minus(tree->leaves[leaf], went), came);
    mark_stale(tree, leaf);
}

/* ---- asking ---- */

static struct tree_sum sum_of(const struct tree_sum *sums, size_t count)
{
    struct tree_sum sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum = tree_sum_plus(sum, sums[i]);
    }
    return sum;
}

/* Makes these blocks of a level (from 1) again, where they are stale. Deep as there are levels. */
static void refresh(struct hash_tree *tree, uint32_t level, size_t first, size_t count)
{
    size_t start = level_start(tree, level);
    for (size_t block = start + first; block < start + first + count; block++) {
        if (!is_stale(tree, block)) {
            continue;
        }
        size_t below = (block - start) * FAN;
        const struct tree_sum *parts = tree->leaves;
        if (level > 1) {
            refresh(tree, level - 1, below, FAN);
            parts = tree->blocks + level_start(tree, level - 1);
        }
        tree->blocks[block] = sum_of(parts + below, FAN);
        tree->stale[block / STALE_BITS] &= ~(UINT64_C(1) << (block % STALE_BITS));
    }
}

struct tree_sum hash_tree_node(struct hash_tree *tree, uint32_t depth, uint64_t index)
{
    ASSERT(depth <= tree->bits);
    ASSERT(index >> depth == 0);
    uint32_t above = tree->bits - depth; /* the node is the sum of 2^above leaves */
    uint32_t level = above / FAN_BITS;
    size_t count = (size_t)1 << (above - FAN_BITS * level);
    size_t first = (size_t)index * count;
    if (level == 0) {
        return sum_of(tree->leaves + first, count);
    }
    refresh(tree, level, first, count);
    return sum_of(tree->blocks + level_start(tree, level) + first, count);
}

uint32_t hash_tree_bits_for(uint64_t siblings)
{
    uint32_t bits = 0;
    while (bits < HASH_TREE_BITS_MAX && (uint64_t)HASH_TREE_LEAF_KEYS << bits < siblings) {
        bits++;
    }
    return bits;
}

size_t hash_tree_bytes(const struct hash_tree *tree)
{
    return (leaf_count(tree) + block_count(tree)) * sizeof(struct tree_sum) +
           stale_words(tree) * sizeof(uint64_t);
}

void hash_tree_check(struct hash_tree *tree)
{
    const struct tree_sum *below = tree->leaves;
    for (uint32_t level = 1; level <= level_count(tree); level++) {
        size_t start = level_start(tree, level);
        for (size_t i = 0; i < level_blocks(tree, level); i++) {
            if (is_stale(tree, start + i)) {
                ASSERT(level == level_count(tree) ||
                       is_stale(tree, level_start(tree, level + 1) + i / FAN));
            } else {
                ASSERT(tree_sum_equal(tree->blocks[start + i], sum_of(below + i * FAN, FAN)));
            }
        }
        below = tree->blocks + start;
    }
}
