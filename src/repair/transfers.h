/* How many syncs may move data to one worker at a time, for fills and for old owners that let go,
 * together: a worker's part of limits.transfers. Each holds a few pages in memory and a few
 * questions in flight; that one peer after the other finishes is worth more than that all are
 * begun. Anti-entropy has a bound of its own (rounds.h), for it seldom moves anything. */
#ifndef REPAIR_TRANSFERS_H
#define REPAIR_TRANSFERS_H

#include <stdbool.h>
#include <stdint.h>

struct transfers {
    uint32_t max;
    uint32_t used;
};

/* The part of worker `index` of `count`: at least one. */
static inline void transfers_init(struct transfers *transfers, uint32_t all, uint32_t index,
                                  uint32_t count)
{
    uint32_t part = all / count + (index < all % count ? 1 : 0);
    *transfers = (struct transfers){.max = part > 0 ? part : 1};
}

static inline bool transfers_free(const struct transfers *transfers)
{
    return transfers->used < transfers->max;
}

#endif
