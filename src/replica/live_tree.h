/* A holding's hash tree, also while it is still being made. What is held is walked once, in order
 * of position, behind a frontier: a write before it changes the tree that is being made, a later
 * one doesn't, because the walk will meet it. So the tree is exact the moment the walk ends, and
 * nothing has to stand still for it. A tree that has become too small (or much too large) goes on
 * being used and kept while another one is made beside it.
 *
 *      nothing --begin--> making --finish--> complete --begin--> complete, and another in the
 * making
 */
#ifndef REPLICA_LIVE_TREE_H
#define REPLICA_LIVE_TREE_H

#include "replica/hash_tree.h"

struct live_tree {
    bool complete;           /* `tree` is what is held */
    bool is_making;          /* `making` is what is held before the frontier */
    struct hash_tree tree;   /* while complete */
    struct hash_tree making; /* while it is being made */
    uint64_t frontier;       /* a position */
};

void live_tree_init(struct live_tree *live);
void live_tree_deinit(struct live_tree *live);

/* Forgets all: it must be made anew. */
void live_tree_forget(struct live_tree *live);

/* Must one be made, for the first time or of another size? Not while one is being made. */
bool live_tree_wants(const struct live_tree *live);

/* The same, of growing only: cheap enough to be asked at every write. */
static inline bool live_tree_outgrown(const struct live_tree *live)
{
    return live->complete && !live->is_making && live->tree.bits < HASH_TREE_BITS_MAX &&
           live->tree.siblings > (uint64_t)4 * HASH_TREE_LEAF_KEYS << live->tree.bits;
}

/* Begins to make one for about so many siblings: 0 or SHOAL_ENOMEM (nothing changed). */
int live_tree_begin(struct live_tree *live, uint64_t siblings);

/* It will soon: fetches the leaf's memory, which is hardly ever at hand. */
static inline void live_tree_prefetch(const struct live_tree *live, uint64_t position)
{
    if (live->complete && live->tree.bits > 0) {
        __builtin_prefetch(&live->tree.leaves[position >> (64 - live->tree.bits)], 1);
    }
}

/* What is held at this position changed: a sibling came, or went. */
void live_tree_add(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                   struct dot dot);
void live_tree_subtract(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                        struct dot dot);
/* One sibling came in place of another: nearly every write. */
void live_tree_exchange(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                        struct dot went, struct dot came);

/* The walk, while one is being made: has met this sibling, at or behind the frontier ... */
void live_tree_meet(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                    struct dot dot);
/* ... all before this position ... */
void live_tree_advance(struct live_tree *live, uint64_t frontier);
/* ... and all. */
void live_tree_finish(struct live_tree *live);

void live_tree_check(struct live_tree *live);

#endif
