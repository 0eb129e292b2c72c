/* The offload port in virtual time: a worker's engine hands in a job, some time later it runs, in
 * one instant, and some time after that the worker is told that it is done. Jobs don't wait for
 * each other. When the process ends, jobs that have not run never will, and what the others
 * achieved is on the disk although nobody was told. */
#ifndef SIM_OFFLOAD_H
#define SIM_OFFLOAD_H

#include "base/queue.h"
#include "storage/offload.h"

struct sim_worker;

struct sim_offload {
    struct offload port;
    struct sim_worker *worker;
    struct queue jobs; /* of struct sim_job, in the order they were handed in */
};

void sim_offload_init(struct sim_offload *offload, struct sim_worker *worker);

/* The node goes on after a pause: what fell due meanwhile happens soon. */
void sim_offload_resume(struct sim_offload *offload);

/* The process ends, and with it every job: those that ran are done, the others dropped. `told`: the
 * worker hears of it, as in a process that stops in good order; else only the engine, for it to
 * release what it holds. */
void sim_offload_end(struct sim_offload *offload, bool told);

#endif
