/* The offload port of the storage engines (storage/offload.h) in production: a pool of threads that
 * the workers of a node share, a few for each lane, so that a compaction never stands before a
 * write that is waited for. A job that is done comes back to the loop of the worker that gave it;
 * all that have come back by the time the loop turns are told in one go, for one wake-up.
 *
 *      worker's loop                 lane (write, read, slow)              pool's threads
 *      submit -------------------->  [ job, job, ... ] ------------------> run
 *      worker_offloaded <--- errand <--- [ done, done ] <----------------- push
 *
 * Threads that share a queue, rather than io_uring: the kernels this is to run on disagree on what
 * may be asked of a ring, containers forbid it, and a job is more than one system call. */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/metrics.h"
#include "net/loop.h"
#include "storage/offload.h"

#define OFFLOAD_THREADS_MAX 32u

struct offload_metrics {
    metric_id jobs[OFFLOAD_LANES];  /* counter: given */
    metric_id under[OFFLOAD_LANES]; /* gauge: given and not come back yet */
};

/* Declares them; as metrics_declare. */
int offload_declare_metrics(struct metrics *metrics, struct offload_metrics *ids);

struct offload_threads {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct offload_job *first; /* waiting, oldest first */
    struct offload_job *last;
    uint32_t sleeping; /* threads with nothing to do */
    bool stopping;
    pthread_t threads[OFFLOAD_THREADS_MAX];
    uint32_t count; /* of the threads that run */
};

struct offload_pool {
    struct offload_threads lanes[OFFLOAD_LANES];
    bool open; /* the locks are made */
};

struct offload_desk;

/* What a job's `port` is while the pool has it: says where it goes back to and what it was. */
struct offload_tray {
    struct offload_desk *desk;
    enum offload_lane lane;
    uint32_t under; /* given and not come back; the loop's thread alone */
};

/* One worker's side of it. */
struct offload_desk {
    struct offload_pool *pool;
    struct loop *loop;
    struct metrics *metrics; /* NULL: none are kept */
    struct offload_metrics metric_ids;
    struct offload_tray trays[OFFLOAD_LANES];
    _Atomic(struct offload_job *) returned; /* newest first; pushed by any thread of the pool */
    struct errand errand;                   /* under way while `returned` is not empty */
};

/* Starts the threads, in numbers that go with the workers'. 0, or SHOAL_EIO and all is stopped. A
 * pool that is all zeros is one that was not started: submit may not be called, the rest may. */
int offload_pool_start(struct offload_pool *pool, uint32_t workers);

/* Lets the threads finish what they are at, and ends them; what still waits stays for
 * offload_desk_settle. False when one still hangs in a job after `patience_s` seconds (all
 * together): then nothing that a job may use may be freed. */
bool offload_pool_stop(struct offload_pool *pool, unsigned patience_s);
void offload_pool_deinit(struct offload_pool *pool);

/* The loop, its worker and what is passed live for as long as the desk. */
void offload_desk_init(struct offload_desk *desk, struct offload_pool *pool, struct loop *loop,
                       struct metrics *metrics, const struct offload_metrics *metric_ids);

/* For the worker's engine; its calls are made on the loop's thread. */
struct offload offload_desk_port(struct offload_desk *desk);

/* Once loops and pool are stopped: every job of the desk comes back, run or dropped. True if there
 * were any: what they did may have given new ones, here or at other desks. */
bool offload_desk_settle(struct offload_desk *desk);

#endif
