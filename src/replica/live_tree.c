/* One tree in use and one in the making. See live_tree.h. */
#include "replica/live_tree.h"

#include "base/assert.h"

/* By how many levels less may suit than there are. */
#define SHRINK_BITS 6u

void live_tree_init(struct live_tree *live)
{
    *live = (struct live_tree){0};
}

static void live_tree_stop(struct live_tree *live)
{
    if (live->is_making) {
        hash_tree_deinit(&live->making);
        live->is_making = false;
    }
}

void live_tree_forget(struct live_tree *live)
{
    live_tree_stop(live);
    if (live->complete) {
        hash_tree_deinit(&live->tree);
        live->complete = false;
    }
    live->frontier = 0;
}

void live_tree_deinit(struct live_tree *live)
{
    live_tree_forget(live);
}

bool live_tree_wants(const struct live_tree *live)
{
    if (live->is_making) {
        return false;
    }
    if (!live->complete) {
        return true;
    }
    return live_tree_outgrown(live) ||
           hash_tree_bits_for(live->tree.siblings) + SHRINK_BITS <= live->tree.bits;
}

int live_tree_begin(struct live_tree *live, uint64_t siblings)
{
    ASSERT(!live->is_making);
    int result = hash_tree_init(&live->making, hash_tree_bits_for(siblings));
    if (result == 0) {
        live->is_making = true;
        live->frontier = 0;
    }
    return result;
}

static bool live_tree_passed(const struct live_tree *live, uint64_t position)
{
    return live->is_making && position < live->frontier;
}

void live_tree_add(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                   struct dot dot)
{
    bool passed = live_tree_passed(live, position);
    if (!live->complete && !passed) {
        return;
    }
    struct tree_sum term = hash_tree_term(secret, position, dot);
    if (live->complete) {
        hash_tree_add(&live->tree, position, term);
    }
    if (passed) {
        hash_tree_add(&live->making, position, term);
    }
}

void live_tree_subtract(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                        struct dot dot)
{
    bool passed = live_tree_passed(live, position);
    if (!live->complete && !passed) {
        return;
    }
    struct tree_sum term = hash_tree_term(secret, position, dot);
    if (live->complete) {
        hash_tree_subtract(&live->tree, position, term);
    }
    if (passed) {
        hash_tree_subtract(&live->making, position, term);
    }
}

void live_tree_exchange(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                        struct dot went, struct dot came)
{
    bool passed = live_tree_passed(live, position);
    if (!live->complete && !passed) {
        return;
    }
    struct tree_sum less = hash_tree_term(secret, position, went);
    struct tree_sum more = hash_tree_term(secret, position, came);
    if (live->complete) {
        hash_tree_exchange(&live->tree, position, less, more);
    }
    if (passed) {
        hash_tree_exchange(&live->making, position, less, more);
    }
}

void live_tree_meet(struct live_tree *live, const struct hash_secret *secret, uint64_t position,
                    struct dot dot)
{
    ASSERT(live->is_making && position >= live->frontier);
    hash_tree_add(&live->making, position, hash_tree_term(secret, position, dot));
}

void live_tree_advance(struct live_tree *live, uint64_t frontier)
{
    ASSERT(live->is_making && frontier >= live->frontier);
    live->frontier = frontier;
}

void live_tree_finish(struct live_tree *live)
{
    ASSERT(live->is_making);
    if (live->complete) {
        hash_tree_deinit(&live->tree);
    }
    live->tree = live->making;
    live->making = (struct hash_tree){0};
    live->is_making = false;
    live->complete = true;
}

void live_tree_check(struct live_tree *live)
{
    if (live->complete) {
        hash_tree_check(&live->tree);
    }
    if (live->is_making) {
        hash_tree_check(&live->making);
    }
}
