/* How a large cluster takes changes of its layout while clients write: the time until one layout
 * remains, what the network carries for it, and the CPU time of the whole simulation. */
#ifndef SIM_SCALE_H
#define SIM_SCALE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_SCALE_NODES_MAX 240u

/* Prints a line for each step. False when a promise was broken or a change did not end. */
bool sim_scale(uint32_t nodes, uint64_t seed, FILE *out);

#endif
