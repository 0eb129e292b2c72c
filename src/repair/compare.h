/* What a worker's holdings come to, as one number to compare with a peer's: the sum, over all
 * partitions that both nodes own in the newest layout, of a keyed hash of the root of the tree and
 * the digest of the clock. Equal sums: both hold the same and know the same to be gone. */
#ifndef REPAIR_COMPARE_H
#define REPAIR_COMPARE_H

#include "replica/replica.h"
#include "ring/view.h"
#include "wire/messages.h"

struct comparison {
    struct wire_sum sum;
    uint32_t shared; /* partitions that both own */
    bool incomplete; /* one is refilling, not held yet, or its tree is still being made */
    bool untold;     /* the peer has not told, or not heard, the latest of some clock */
};

/* Which partitions are a worker's. */
struct worker_share {
    uint32_t index;
    uint32_t count;
};

/* Adds b to a. */
void comparison_add(struct comparison *a, const struct comparison *b);

/* Of one worker's partitions. Has clocks put on record that others should hear of. */
void comparison_make(struct replica *replica, const struct view *view, struct worker_share share,
                     uint64_t self, uint64_t node, struct comparison *out);

/* Does the newest layout give it to both? */
bool comparison_shares(const struct view *view, uint32_t partition, uint64_t self, uint64_t node);

#endif
