/* The Merkle tree of one holding: tells two holdings apart, and where, by a few small messages
 * (Merkle 1987; Dynamo section 4.7). It is never stale: a leaf is the sum mod 2^128 of a keyed hash
 * of (position, dot) over the live siblings whose key's position lies in its range, so that a write
 * changes it in O(1) (the incremental hashing of Bellare and Micciancio, 1997, with a secret key).
 * A node further up is the sum of what is below it; those sums are remembered, and made again only
 * where something has changed, when they are asked for.
 *
 * Since sums add up, trees of different depth can be compared at every depth that both have. A
 * "node at depth b" is all of the positions that agree in their upper b bits; depth 0 is the root.
 * Contexts, values and the passing of an expiry are not in it: a dot names one write. */
#ifndef REPLICA_HASH_TREE_H
#define REPLICA_HASH_TREE_H

#include "base/hash.h"
#include "model/object.h"

#define HASH_TREE_BITS_MAX 24u /* 16 M leaves, 256 MiB */
#define HASH_TREE_LEAF_KEYS 8u /* siblings a leaf, about, before the tree is made deeper */

struct tree_sum {
    uint64_t low;
    uint64_t high;
};

struct hash_tree {
    uint32_t bits; /* 2^bits leaves */
    struct tree_sum *leaves;
    struct tree_sum *blocks; /* sums of runs of leaves, and of runs of those; private */
    uint64_t *stale;         /* a bit a block: its sum is out of date; private */
    uint64_t siblings;       /* how many are in it */
};

/* An empty tree: 0 or SHOAL_ENOMEM. */
int hash_tree_init(struct hash_tree *tree, uint32_t bits);
void hash_tree_deinit(struct hash_tree *tree);

/* What one sibling adds. */
struct tree_sum hash_tree_term(const struct hash_secret *secret, uint64_t position, struct dot dot);

void hash_tree_add(struct hash_tree *tree, uint64_t position, struct tree_sum term);
void hash_tree_subtract(struct hash_tree *tree, uint64_t position, struct tree_sum term);
/* One sibling in place of another. */
void hash_tree_exchange(struct hash_tree *tree, uint64_t position, struct tree_sum went,
                        struct tree_sum came);

/* The node at depth `depth` (at most tree->bits) whose positions have these upper bits (`index`
 * below 2^depth: whoever takes both from a peer looks first). */
struct tree_sum hash_tree_node(struct hash_tree *tree, uint32_t depth, uint64_t index);
static inline struct tree_sum hash_tree_root(struct hash_tree *tree)
{
    return hash_tree_node(tree, 0, 0);
}

/* The depth that suits so many siblings. */
uint32_t hash_tree_bits_for(uint64_t siblings);

static inline bool tree_sum_equal(struct tree_sum a, struct tree_sum b)
{
    return a.low == b.low && a.high == b.high;
}

static inline struct tree_sum tree_sum_plus(struct tree_sum a, struct tree_sum b)
{
    uint64_t low = a.low + b.low;
    return (struct tree_sum){.low = low, .high = a.high + b.high + (low < a.low ? 1 : 0)};
}

size_t hash_tree_bytes(const struct hash_tree *tree);

/* Inner sums against the leaves. */
void hash_tree_check(struct hash_tree *tree);

#endif
