/* Who waits for which write to become durable. A confirmation is given only in reaction to the
 * event that makes it true: a write names its sequence, the engine later says "all up to s", and
 * everyone who waited for s or less is called, in the order of waiting. */
#ifndef REPLICA_DURABILITY_H
#define REPLICA_DURABILITY_H

#include "base/queue.h"

#include <stdint.h>

struct durable_waiter {
    struct queue link;
    uint64_t sequence;
    /* Called once, out of the queue already: 0, or the code with which the storage failed. */
    void (*fire)(struct durable_waiter *waiter, int code);
};

struct durability {
    struct queue waiters; /* by sequence */
    uint64_t issued;      /* the last sequence a write was given */
    uint64_t durable;     /* all up to here are */
    int failed;           /* 0, or the code that every later write gets */
};

void durability_init(struct durability *durability);

/* Notes a write's sequence, as it was given. */
void durability_issue(struct durability *durability, uint64_t sequence);

/* True when nothing issued so far is still to become durable. */
static inline bool durability_settled(const struct durability *durability)
{
    return durability->durable >= durability->issued;
}

/* Waits until all issued so far is durable. Only while it is not settled and has not failed. */
void durability_wait(struct durability *durability, struct durable_waiter *waiter);

/* Leaves without being called. */
void durability_cancel(struct durable_waiter *waiter);

/* Everything up to the sequence is durable: calls who waited for it. */
void durability_reached(struct durability *durability, uint64_t sequence);

/* The storage failed: calls everybody with the code. */
void durability_fail(struct durability *durability, int code);

#endif
