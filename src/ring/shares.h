/* How many partitions each member should own: its share by weight of all copies, exact as a
 * fraction. A member can't own more than all Q partitions; what it can't take is shared among the
 * others by weight. Where there are zones they bound the shares too: with as many zones as copies a
 * zone holds at most one copy of a partition, with fewer it holds at least one. Whole numbers and
 * fractions of them throughout, so that all nodes come to the same shares. */
#ifndef RING_SHARES_H
#define RING_SHARES_H

#include "ring/planner.h"

/* floor + numerator / denominator partitions, the fraction below 1. */
struct share {
    uint32_t floor;
    uint64_t numerator;
    uint64_t denominator;
};

/* Fills shares[member_count], which sum up to partitions * replicas. `zone_count` zones, all with
 * members; 1 leaves zones out of account. *bent is set when zones have moved a share away from what
 * weights alone would give. 0 or SHOAL_ENOMEM. */
int shares_compute(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                   struct share *shares, bool *bent);

static inline double share_value(const struct share *share)
{
    return (double)share->floor + (double)share->numerator / (double)share->denominator;
}

#endif
