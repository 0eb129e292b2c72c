/* The load of `shoal bench`: threads, each with an event base and a client of its own, that keep a
 * fixed number of requests in flight on keys of their own (a closed loop). First every key is
 * written once; then, from a common start, what is asked for is measured. A failed request is
 * counted and the load goes on, as what a cluster does in trouble is worth measuring, too. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/histogram.h"
#include "base/random.h"
#include "shoal/client.h"

#define BENCH_ERRORS_MAX 16u

struct bench_plan {
    const char *hosts;
    uint16_t port;
    enum shoal_routing routing;
    uint32_t threads;
    uint32_t connections; /* to each node, for each thread */
    uint32_t in_flight;   /* for each thread */
    uint32_t pipeline;    /* on one connection */
    uint64_t keys;
    uint64_t value_size;
    uint32_t puts; /* to `gets` */
    uint32_t gets;
    uint64_t duration_us; /* used when requests is 0 */
    uint64_t requests;
    uint64_t timeout_ms;
    uint64_t connect_timeout_ms;
    bool with_context;
    bool lockstep; /* `pipeline` requests at a time, as redis-benchmark does */
    bool prepared; /* the keys are there already */
};

struct bench_error {
    int code;
    uint64_t count;
    char text[512]; /* of the first */
};

/* A row a code. */
struct bench_errors {
    struct bench_error rows[BENCH_ERRORS_MAX];
    uint32_t count;
};

/* In nanoseconds. */
struct bench_figures {
    struct histogram puts;
    struct histogram gets;
    struct bench_errors errors;         /* of what was measured */
    struct bench_errors filling_errors; /* of writing each key once */
    struct bench_error failure;         /* why the filling was given up; code 0: it was not */
};

struct bench_thread;

struct bench {
    struct bench_plan plan;
    struct bench_thread *threads;
    pthread_barrier_t barrier;
    uint8_t *value;
    _Atomic uint64_t prepared; /* keys written first */
    _Atomic uint64_t done;     /* requests measured */
    _Atomic bool failed;       /* some thread gave up preparing: all end */
    _Atomic uint32_t finished; /* threads */
};

/* Starts the threads: 0 or SHOAL_ENOMEM. */
int bench_start(struct bench *bench, const struct bench_plan *plan);

/* Waits for all to have prepared, `tick` being called now and then; then, unless one gave up, they
 * are about to measure: returns whether they are. Call bench_go at once. One gives up over what
 * will not get better by itself, and when nothing but failures comes back. */
bool bench_prepared(struct bench *bench, void (*tick)(void *user), void *user);
void bench_go(struct bench *bench);

/* Waits for the end of the measuring, adds up the figures, frees everything. */
void bench_end(struct bench *bench, void (*tick)(void *user), void *user,
               struct bench_figures *figures);

void bench_errors_add(struct bench_errors *errors, int code, const char *text, uint64_t count);

#endif
