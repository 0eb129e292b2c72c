/* A tap on a worker's engine: passes everything on and notes which writes the engine has said it
 * settled, so that the oracle can hold a node to what its own engine said, whatever other nodes
 * still have. It also checks the port's contract as it goes by: events come in order, for what was
 * asked, and not from within other calls. */
#ifndef SIM_TAP_H
#define SIM_TAP_H

#include "base/table.h"
#include "sim_verdict.h"
#include "storage/engine.h"

struct sim_tap {
    struct engine *engine;
    struct engine_ops ops;         /* what the core calls */
    const struct engine_ops *real; /* what that calls */
    struct engine_events events;   /* the core's */
    struct sim_verdict *verdict;   /* borrowed */
    uint64_t issued;               /* the last sequence that a write was given */
    uint64_t settled, durable;     /* as told */
    struct table tickets;          /* ticket + 1 -> how many events are owed for it, as a pointer */
    uint64_t damages;              /* told */
    bool inside;                   /* a call that may not raise events */
};

/* Puts it in, after the core has taken over the engine's events. */
void sim_tap_open(struct sim_tap *tap, struct engine *engine, struct sim_verdict *verdict);

/* Before the engine is freed: all that is owed is forgotten, and no event leaves it any more. */
void sim_tap_close(struct sim_tap *tap);

/* Has the engine said of everything that was written that it is settled? */
bool sim_tap_settled(const struct sim_tap *tap);

#endif
