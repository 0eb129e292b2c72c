/* Between the files of partition clocks. See partition_clock.h. */
#ifndef REPLICA_PARTITION_CLOCK_INSIDE_H
#define REPLICA_PARTITION_CLOCK_INSIDE_H

#include "replica/partition_clock.h"

#define CLOCK_CLOSED UINT64_MAX
#define CLOCK_COUNTER_MAX (UINT64_MAX - 1) /* what comes higher is never taken as seen */

/* The first actor whose id is not below this one; clock->count when there is none. */
uint32_t clock_lower_bound(const struct partition_clock *clock, uint64_t actor);

/* NULL when nothing is known of it. */
struct clock_actor *clock_find(const struct partition_clock *clock, uint64_t actor);

/* Room for so many actors in all: 0 or SHOAL_ENOMEM. */
int clock_reserve(struct partition_clock *clock, uint32_t count);

/* Forgets the actor's spans from this one on. */
void clock_cut(struct partition_clock *clock, struct clock_actor *actor, uint32_t keep);

/* Everything that the actor has ever given has been seen. */
void clock_close(struct partition_clock *clock, struct clock_actor *actor);

/* Forgets what exceeds the bounds, and the entries of actors of which nothing is known. */
void clock_bound(struct partition_clock *clock);

#endif
