/* An offload whose jobs run when the test says so, on its thread: all in order, or one at a time in
 * an order that a generator draws, with the run and the return of a job apart, as with threads. */
#ifndef SUPPORT_MANUAL_OFFLOAD_H
#define SUPPORT_MANUAL_OFFLOAD_H

#include "base/random.h"
#include "storage/offload.h"

struct manual_jobs {
    struct offload_job *first;
    struct offload_job *last;
    uint32_t count;
};

struct manual_offload {
    struct manual_jobs waiting[OFFLOAD_LANES];
    struct manual_jobs ran; /* not yet returned */
    uint64_t submitted[OFFLOAD_LANES];
};

void manual_offload_init(struct manual_offload *offload);

/* The port; the offload stays where it is. */
struct offload manual_offload_port(struct manual_offload *offload);

uint32_t manual_offload_count(const struct manual_offload *offload);

/* Runs and returns the oldest job of the lane: false when there is none. */
bool manual_offload_step(struct manual_offload *offload, enum offload_lane lane);

/* Runs and returns jobs, writes first, until there is none; how many. */
uint32_t manual_offload_run(struct manual_offload *offload);

/* Runs any waiting job or returns any that was run: false when there is none. */
bool manual_offload_any(struct manual_offload *offload, struct random *random);

/* All is ending: returns what was run and drops the rest, until nothing is left. */
void manual_offload_end(struct manual_offload *offload);

#endif
