/* Operators: they start nodes and tell those that are in a cluster of their own to join the first
 * node's, again and again until it has happened. */
#ifndef SIM_JOINS_H
#define SIM_JOINS_H

#include "sim_world.h"

struct sim_joins {
    struct sim_world *world;
    struct timer timer;
    bool asked[SIM_NODES_MAX];       /* an answer is awaited */
    uint64_t late_us[SIM_NODES_MAX]; /* when each late joiner is started; 0: not planned */
    bool waits[SIM_NODES_MAX];       /* is not to join by itself: an operator sees to it */
    uint64_t refused;
};

void sim_joins_init(struct sim_joins *joins, struct sim_world *world);

/* Starts the first nodes, and looks after joins from now on. */
void sim_joins_begin(struct sim_joins *joins);

/* A late joiner starts at that time. */
void sim_joins_late(struct sim_joins *joins, uint32_t node, uint64_t at_us);

#endif
