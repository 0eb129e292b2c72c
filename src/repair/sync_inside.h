/* The inside of a sync, shared by its files:
 *
 *      sync.c          beginning, the clocks, what is done next, the end
 *      sync_task.c     questions on their way: sending, late answers, refusals, waiting
 *      sync_compare.c  sums and lists against what is held here
 *      sync_objects.c  taking the objects that came
 *
 * All that is to be asked is a stack of tasks; the deepest come first, so that the stack stays
 * small however much differs. */
#ifndef REPAIR_SYNC_INSIDE_H
#define REPAIR_SYNC_INSIDE_H

#include "repair/sync.h"

enum sync_step { STEP_ROOT, STEP_NODES, STEP_LEAVES, STEP_NAMES, STEP_RANGE };

struct sync_task {
    struct queue link; /* of the sync's todo or busy */
    struct sync *sync;
    enum sync_step step;
    bool is_busy;       /* in the window: asked, answered in part, or waiting */
    uint64_t id;        /* of the question under way; 0: none */
    struct timer timer; /* the answer is late; or ask, or go on, now */
    uint64_t charged;   /* bytes that the pace was told of when it was asked */
    uint32_t silences;
    uint32_t refusals;

    uint32_t depth; /* NODES, LEAVES */
    uint32_t fan;
    uint64_t *indexes;
    struct sync_name *names; /* NAMES */
    uint32_t count;
    uint64_t position; /* LEAVES, RANGE: from here on */
    uint64_t until;    /* RANGE */

    /* An answer that is dealt with piece by piece, or waits for a read. */
    struct buffer answer; /* its payload; empty: none */
    uint64_t compared;    /* LEAVES: what is held here has been compared up to here */
    uint32_t taken;       /* NAMES, RANGE: so many of its entries, then names, have been taken */
    struct read_waiter reading;
};

struct sync {
    struct queue link;
    struct syncs *syncs;
    uint32_t partition;
    uint64_t node;
    bool release;
    bool has_target;
    struct content_hash target;
    uint64_t begun_us;
    void *self;
    void (*done)(void *self, const struct sync_outcome *outcome);

    bool rooted;
    bool broken; /* the holding here has begun anew */
    bool watching;
    bool joins_late; /* a wrong variant, see base/mutant.h */
    uint64_t actor;
    bool refilling;
    uint64_t siblings_there; /* when it began */
    uint64_t siblings_here;
    uint32_t bits; /* the depth that both trees have */
    struct partition_clock peer_clock;
    struct sync_watch watch;
    struct table late; /* 1 + index of a node at depth `bits` in which something was stored */
    bool late_all;     /* ... and there was no memory to note where */

    struct queue todo;
    struct queue busy;
    uint32_t busy_count;
    struct timer timer; /* the pace, or the end */
    uint64_t repaired;
};

/* sync.c */
struct holding *sync_holding(const struct sync *sync);
/* After every event: fails with a negative result, else goes on. The sync may be gone then. */
void sync_go_on(struct sync *sync, int result);

/* sync_task.c */
/* A new task on top of the stack; NULL without memory. */
struct sync_task *sync_push(struct sync *sync, enum sync_step step);
/* Added to a task near the stack's top, or a new one: 0 or SHOAL_ENOMEM. */
int sync_push_node(struct sync *sync, enum sync_step step, uint32_t depth, uint64_t index);
int sync_push_name(struct sync *sync, uint64_t position, uint16_t tag);
int sync_push_range(struct sync *sync, uint64_t position, uint64_t until);
int sync_ask(struct sync_task *task);
/* Back on the stack, under the names that were found: there is more to ask. */
void sync_again(struct sync_task *task);
/* The task that this answers, its question over; NULL: none. */
struct sync_task *sync_answered(struct syncs *syncs, uint64_t node, uint64_t id, size_t bytes,
                                enum sync_step first, enum sync_step last);
/* Refused: 0 when it is asked again later, or the code. */
int sync_refused(struct sync_task *task, int code);
void sync_task_free(struct sync_task *task);
/* Keeps the payload until what was found pending last is there. */
int sync_keep_reading(struct sync_task *task, struct bytes payload);
/* Keeps it, and goes on when the names that were found have been asked for. */
int sync_keep_for_later(struct sync_task *task, struct bytes payload);
/* Keeps it and goes on after a pause. */
int sync_keep_going(struct sync_task *task, struct bytes payload, uint64_t pause_us);
/* Is this the answer kept, taken up again? */
static inline bool sync_is_kept(const struct sync_task *task, struct bytes payload)
{
    return task->answer.len > 0 && payload.data == task->answer.data;
}
/* The kept answer, if any, is dealt with. */
void sync_drop_answer(struct sync_task *task);

/* sync_compare.c: 0 or negative */
int sync_take_sums(struct sync_task *task, const struct message_sync_sums *answer);
int sync_take_listed(struct sync_task *task, const struct message_sync_listed *answer,
                     struct bytes payload);
/* Sums of one node that differ: what to ask next. */
int sync_descend(struct sync *sync, uint32_t depth, uint64_t index, struct tree_sum own,
                 struct tree_sum theirs);

/* sync_objects.c */
int sync_take_fetched(struct sync_task *task, const struct message_sync_fetched *answer,
                      struct bytes payload);

#endif
