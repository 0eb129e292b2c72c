/* Operators bring nodes together that have lost sight of each other: two may belong to one cluster
 * and yet have no address of each other, if all who knew both died before they could tell. Whoever
 * looks at the status of both sees it, and knows where both are. */
#ifndef SIM_MEET_H
#define SIM_MEET_H

#include "sim_world.h"

struct sim_meet {
    bool asked;        /* an answer is awaited */
    uint64_t since_us; /* that there are such two was seen then; 0: there are none */
};

/* Does everybody know of everybody? */
bool sim_meet_done(struct sim_world *world);

/* One look: has a member meet a node that has been unknown to it for a while. */
void sim_meet_look(struct sim_meet *meet, struct sim_world *world);

#endif
