/* A thread of a benchmark as its two files see it: bench.c has its life, bench_request.c what it
 * does meanwhile. */
#ifndef CLI_BENCH_THREAD_H
#define CLI_BENCH_THREAD_H

#include "cli/bench.h"

struct key_state {
    uint8_t *context;
    uint32_t context_len;
    bool busy;
};

/* Slots that go together: `pipeline` of them in lockstep, else each is alone. */
struct group {
    struct slot *slots;
    uint32_t count;
    uint32_t active;
};

struct slot {
    struct bench_thread *thread;
    struct group *group;
    uint64_t key; /* index among the thread's own */
    uint64_t started_ns;
    bool is_put;
};

struct bench_thread {
    struct bench *bench;
    uint32_t index;
    pthread_t id;
    bool running;
    struct event_base *base;
    struct shoal_client *client;
    struct random random;
    uint64_t key_count; /* its own: index, index + threads, ... */
    struct key_state *states;
    struct slot *slots;
    struct group *groups;
    uint32_t active; /* slots in flight */
    bool measuring;
    uint64_t next_key; /* to be prepared */
    uint64_t filled;   /* prepared */
    uint32_t failures_in_a_row;
    uint64_t left; /* requests to start, when they are counted */
    uint64_t end_ns;
    struct bench_figures figures;
};

uint64_t bench_now_ns(void);

/* Starts a request in every slot of the group, as long as there are any to start. */
void bench_group_begin(struct group *group);

/* The filling is over for all threads, and this is why. */
void bench_give_up(struct bench_thread *thread, int code, const char *text);

#endif
