/* A thread for what blocks: writing the node's record. Jobs run one after another in the order they
 * were given; each comes back as an errand to the loop that asked. The engines' disk has threads of
 * its own (offload.h), and so have names (resolver.h). */
#ifndef NET_BLOCKING_H
#define NET_BLOCKING_H

#include <pthread.h>

#include "net/loop.h"

struct blocking_job {
    /* Set by the asker. */
    struct loop *loop;
    void (*run)(struct blocking_job *job); /* on the blocking thread */
    /* On the loop's thread, exactly once; takes the job back. `dropped`: the loop has ended, or the
     * job was never run because all is ending: only release. */
    void (*done)(struct blocking_job *job, bool dropped);

    /* private */
    struct errand errand;
    struct blocking_job *next;
};

struct blocking {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct blocking_job *first;
    struct blocking_job *last;
    bool started;
    bool stopping;
    bool finish; /* when stopping: run what is waiting first */
};

/* 0 or SHOAL_EIO. `name` is the thread's, at most 15 bytes. */
int blocking_start(struct blocking *blocking, const char *name);

/* Any thread. */
void blocking_give(struct blocking *blocking, struct blocking_job *job);

/* Ends the thread: `finish` runs what waits first, else it comes back dropped. False when the
 * thread still hangs in a job after `patience_s` seconds: then it is left behind, and the process
 * should end without freeing what the job may use. */
bool blocking_stop(struct blocking *blocking, bool finish, unsigned patience_s);

#endif
