/* What a cluster must come to by itself once faults have stopped, with nobody reading: all owners
 * of every key hold the same, tombstones and what has expired are gone, and repair falls silent. */
#ifndef SIM_CONVERGE_H
#define SIM_CONVERGE_H

#include "sim_world.h"

/* Of each key: do all its owners hold the same siblings, none of them a tombstone? If not, why, for
 * people. */
bool sim_converged(struct sim_world *world, char *why, size_t size);

/* Waits for it, then for two periods in which repair finds nothing to do, and has the nodes compare
 * everything, values included; fails the run if any of it does not come. */
void sim_converge(struct sim_world *world);

#endif
