/* The offload port: work that blocks goes elsewhere and comes back. A job's `run` happens on some
 * other thread, while the engine's thread goes on; its `done` happens on the engine's thread. Net
 * implements it with a pool of threads, the simulator with virtual time, tools and tests by running
 * the job on the spot. A job may touch only what its engine leaves alone meanwhile. */
#ifndef STORAGE_OFFLOAD_H
#define STORAGE_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* What a job is about; jobs of one lane don't wait for those of another. Jobs of one lane may run
 * at the same time and in any order. */
enum offload_lane {
    OFFLOAD_WRITE, /* what confirmations wait for: batches and syncs */
    OFFLOAD_READ,  /* what answers wait for: cold reads */
    OFFLOAD_SLOW,  /* what nobody waits for: compaction, scrub, backup */
    OFFLOAD_LANES,
};

struct offload_job {
    /* Set by the asker, which owns the job; it stays where it is until done. */
    void (*run)(struct offload_job *job);
    /* Exactly once. `dropped`: run was never called because all is ending: only release. The
     * engine outlives its jobs: who frees it lets them come back first. */
    void (*done)(struct offload_job *job, bool dropped);
    /* The port's, while it has the job. */
    void *port;
    struct offload_job *next;
};

struct offload {
    void *self;
    void (*submit)(void *self, enum offload_lane lane, struct offload_job *job);
};

#endif
