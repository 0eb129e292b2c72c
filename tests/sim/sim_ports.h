/* The ports of a simulated worker: what the core asks of the world becomes events of the world. */
#ifndef SIM_PORTS_H
#define SIM_PORTS_H

#include "sim_node.h"

struct ports sim_ports_make(struct sim_worker *worker);

/* Shows the oracle what the worker issues and holds. */
void sim_ports_observe(struct sim_worker *worker);

/* The process has ended: of the records on their way to disk, the first few make it all the same (a
 * NULL random: all). */
void sim_ports_crash_keeping(struct sim_node *node, struct random *random);

#endif
