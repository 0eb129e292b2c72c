/* Verifying: do all owners of every partition hold the same? A request goes to every worker, each
 * of which compares its share of the partitions (verify_part.c), whoever owns them, and completes
 * when the last has answered (verify.c). Nothing is changed by it. Roots of hash trees tell about
 * live siblings; with values, every sibling is read at every owner and hashed whole. Contexts are
 * not compared: owners may rightly know different parts of what is gone.
 *
 *      request --> origin --VERIFY--> every worker: SYNC_ROOT to all owners of a partition,
 *                     ^                 compare, again where they differ; SYNC_FETCH for values
 *                     '---VERIFIED------'                                                      */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include "node/core.h"

#define VERIFY_TEXT_BYTES 256u

enum verify_verdict {
    VERIFY_UNKNOWN = 0, /* some owner did not answer */
    VERIFY_IDENTICAL = 1,
    VERIFY_DIFFERENT = 2,
};

struct verify;

/* To a worker and back, with what it found. */
struct letter_verify {
    struct letter letter;
    struct verify *verify; /* of the worker it came from */
    uint32_t origin;       /* index of that worker */
    bool with_values;
    uint64_t deadline_us;
    struct wire_sum digest; /* of the partitions found identical */
    uint64_t siblings;
    uint64_t bytes;
    char text[VERIFY_TEXT_BYTES]; /* why the first that is unknown is so */
    uint32_t verdict_count;
    uint8_t verdicts[]; /* of partition p at p / workers */
};

struct verify_owner {
    uint64_t node;
    uint64_t question; /* under way; 0: none */
    int code;
    bool refilling;
    uint64_t actor;
    struct wire_sum root;
    uint64_t siblings;
    /* With values. */
    uint64_t position; /* read up to here */
    bool page_refused; /* to be asked again after a while */
    struct wire_sum sum;
    uint64_t bytes;
};

struct verify_part {
    struct queue link; /* in the worker's */
    struct worker *worker;
    struct letter_verify *letter; /* goes back */
    struct queue tasks;
    uint32_t task_count;
    uint32_t partition; /* the next to begin with */
    struct timer deadline;
};

enum verify_phase { VERIFY_ROOTS, VERIFY_VALUES, VERIFY_PAUSE };

struct verify_task {
    struct queue link; /* in its part's */
    struct verify_part *part;
    struct timer timer; /* of the answers, or of the pause */
    enum verify_phase phase;
    uint32_t partition;
    uint32_t tries;
    bool differed; /* when it was compared last */
    uint32_t count;
    struct verify_owner owners[LIMIT_REPLICAS];
};

/* verify_part.c: begins with as many more partitions as there is room for, and ends the part when
 * none is left. The part may be gone afterwards. */
void verify_part_go_on(struct verify_part *part);

/* verify_task.c: asks the owners, first of all or once more. The task may be gone afterwards. */
void verify_task_begin(struct verify_task *task);
/* Ends it without another try. */
void verify_task_give_up(struct verify_task *task);
void verify_task_free(struct verify_task *task);

/* verify_values.c: asks for the next page of what the owner holds. */
void verify_owner_ask_page(struct verify_task *task, struct verify_owner *owner);
/* ... of those again that had no time for it. */
void verify_ask_pages_again(struct verify_task *task);

/* verify_task.c: the question is in the worker's frame (if `encoded` is 0): it goes out, and the
 * task is found by its answer. */
void verify_owner_ask(struct verify_task *task, struct verify_owner *owner, uint64_t question,
                      int encoded);
/* The owner that the question went to; NULL when it is not awaited any more. */
struct verify_owner *verify_owner_find(struct worker *worker, uint64_t node, uint64_t question,
                                       struct verify_task **task);
/* An answer was taken. Task and part may be gone afterwards. */
void verify_task_answered(struct verify_task *task);

/* Adds mod 2^128. */
static inline struct wire_sum verify_plus(struct wire_sum a, struct wire_sum b)
{
    uint64_t low = a.low + b.low;
    return (struct wire_sum){.low = low, .high = a.high + b.high + (low < a.low ? 1 : 0)};
}

#endif
