/* Operators free leavers that can't get done: where all who live were asked to leave, on several
 * sides of cuts perhaps, and one is dead, its word is missing for ever, and it can't be removed
 * while nobody is to stay. An empty machine that joins is a member, and has it removed. Operators
 * keep one in reserve for that, and take it only when no other is left to be had. */
#ifndef SIM_RESCUE_H
#define SIM_RESCUE_H

#include "sim_world.h"

struct sim_rescue {
    uint64_t since_us; /* that nobody else stays was seen then; 0: somebody does */
};

/* One look, once faults have ended: the machine that is to be started now, to join as one in a
 * cluster of its own does; else NULL. */
struct sim_node *sim_rescue_look(struct sim_rescue *rescue, struct sim_world *world);

#endif
