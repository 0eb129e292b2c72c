/* Who waits for which write to become how durable. A confirmation is given only in reaction to the
 * event that makes it true: a write names its sequence, the engine later says "all up to s", and
 * everyone who waited for s or less is called, in the order of waiting. There are two levels, as
 * the storage port has them:
 *
 *      held --> SETTLED: as durable as the node is configured to make a write that it confirms
 *           --> DURABLE: on stable storage, whatever is configured; implies SETTLED */
#ifndef REPLICA_DURABILITY_H
#define REPLICA_DURABILITY_H

#include "base/queue.h"

#include <stdint.h>

enum durability_level { DURABILITY_SETTLED, DURABILITY_DURABLE };

#define DURABILITY_LEVELS 2

struct durable_waiter {
    struct queue link;
    uint64_t sequence;
    /* Called once, out of the queue already: 0, or the code with which the storage failed. */
    void (*fire)(struct durable_waiter *waiter, int code);
};

struct durability {
    struct queue waiters[DURABILITY_LEVELS]; /* by sequence */
    uint64_t reached[DURABILITY_LEVELS];     /* all up to here are */
    uint64_t issued;                         /* the last sequence a write was given */
    int failed;                              /* 0, or the code that every later write gets */
};

void durability_init(struct durability *durability);

/* Notes a write's sequence, as it was given. */
void durability_issue(struct durability *durability, uint64_t sequence);

/* True when nothing issued so far has yet to reach the level. */
static inline bool durability_reached(const struct durability *durability,
                                      enum durability_level level)
{
    return durability->reached[level] >= durability->issued;
}

/* Waits until all issued so far has reached the level. Only while it has not, and nothing failed.
 */
void durability_wait(struct durability *durability, enum durability_level level,
                     struct durable_waiter *waiter);

/* Leaves without being called. */
void durability_cancel(struct durable_waiter *waiter);

/* Everything up to the sequence is at the level: calls who waited for it. */
void durability_reach(struct durability *durability, enum durability_level level,
                      uint64_t sequence);

/* The storage failed: calls everybody with the code. */
void durability_fail(struct durability *durability, int code);

void durability_check(const struct durability *durability);

#endif
