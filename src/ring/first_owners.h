/* Which owner of each partition is its first, the one that coordinates: every member is first owner
 * of its part, floor or ceiling, of the partitions that it owns divided by the copies. That always
 * can be had: a fraction 1/R of each partition to each of its owners would do it, so whole numbers
 * do too. Firsts of the table before stay where the balance allows. */
#ifndef RING_FIRST_OWNERS_H
#define RING_FIRST_OWNERS_H

#include "ring/planner.h"

/* Reorders each row of owners[partitions * replicas]: the first, then those that were owners before
 * in their order, then the new ones. 0 or SHOAL_ENOMEM. */
int first_owners_choose(const struct planner_input *input, uint32_t replicas, uint16_t *owners);

#endif
