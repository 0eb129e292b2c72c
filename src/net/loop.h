/* One worker's thread and its event loop: the turn, the clock, timers, what other threads send, and
 * what must wait until the worker is not being called. A turn is
 *
 *      wait -> receive, accept, letters (the worker is called) -> tasks -> timers -> worker_tick
 *           -> worker_flush -> everything queued for a connection goes out, one write each
 *
 * Everything here belongs to the loop's thread except loop_errand and loop_post. Calls to the
 * worker never nest: whatever the ports are asked to do that would call it back is left to a later
 * task. (Seastar and libevent's own evloop are the models; libevent's locking is not used at all.)
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <event2/event.h>

#include "base/arena.h"
#include "base/channel.h"
#include "base/moment.h"
#include "base/queue.h"
#include "base/random.h"
#include "base/timers.h"
#include "net/input_block.h"
#include "node/worker.h"

struct loop;
struct net;

/* Work for a loop from any thread. Owned by whoever runs it, on the loop's thread. */
struct errand {
    struct channel_link link;
    /* `dropped`: the loop has ended and its worker must not be called: release what you hold. */
    void (*run)(struct errand *errand, struct loop *loop, bool dropped);
};

/* Work of the loop for itself, later in the turn or in the next. Embedded in what it is about;
 * initialise it with task_init. */
struct task {
    struct queue link;
    void (*run)(struct task *task);
};

static inline void task_init(struct task *task, void (*run)(struct task *task))
{
    queue_init(&task->link);
    task->run = run;
}

/* Bytes through this loop's connections, for metrics. */
struct loop_traffic {
    uint64_t received_bytes;
    uint64_t sent_bytes;
};

struct loop {
    struct net *net;
    uint32_t index;
    struct worker *worker; /* NULL in tests of parts that need none */

    struct event_base *base;
    struct random random;
    struct arena arena; /* for decoding; reset before every frame */
    struct timers timers;

    struct input_pool input;
    struct input_block *shared_input; /* the current block of connections without half a message */
    size_t output_bytes;              /* queued for clients */
    struct queue free_runs;           /* of output, for reuse */
    uint32_t free_run_count;
    struct queue dirty;       /* connections with something to write this turn */
    struct queue connections; /* all of them */
    struct loop_traffic traffic;
    struct loop_traffic traffic_told; /* what the metrics have already */
    bool stopping;                    /* its worker has been told to stop */
    uint32_t at_work; /* what surfaces still have to answer, whatever the worker knows of it */

    /* private */
    struct queue tasks;
    struct queue tasks_end; /* marks the end of a round */
    struct moment now;
    bool now_known;
    struct event *timer_event;
    uint64_t armed_us;
    struct channel letters;
    struct channel errands;
    int wake_fd;
    struct event *wake_event;
    bool ended; /* turns no more: the worker is not to be called from here */
};

/* 0, SHOAL_ENOMEM, SHOAL_EIO. The loop may not be moved afterwards. */
int loop_init(struct loop *loop, struct net *net, uint32_t index);
/* On any thread, once the loop's own is over and its connections are gone. */
void loop_deinit(struct loop *loop);

/* Begins the worker, then turns until `over` (called at the end of each turn) is true. */
void loop_run(struct loop *loop, bool (*over)(struct loop *loop));

/* Letters that were on their way when the loop ended reach the worker after all, so that what they
 * hold is not lost: true if there were any. On any thread, once all loops are over. */
bool loop_deliver_rest(struct loop *loop);

/* One turn; waits for something to happen if `wait`. */
void loop_turn(struct loop *loop, bool wait);

/* The time of this turn: read once. */
struct moment loop_now(struct loop *loop);

/* Runs the task soon, with no call to the worker above it. Harmless if it is waiting already. */
void loop_defer(struct loop *loop, struct task *task);
static inline void loop_forget(struct task *task)
{
    queue_remove(&task->link);
}

/* As timers_start with a delay; running out of memory for timers ends the process (it happens, if
 * ever, in the first moments: the heap never shrinks). */
void loop_start_timer(struct loop *loop, struct timer *timer, uint64_t delay_us);

/* Any thread: the loop turns once, whatever happens. */
void loop_wake(struct loop *loop);

/* Any thread. Ownership passes to the loop. */
void loop_errand(struct loop *loop, struct errand *errand);
void loop_post(struct loop *loop, struct letter *letter);

#endif
