/* The queues of waiters. See durability.h. */
#include "replica/durability.h"

#include "base/assert.h"

void durability_init(struct durability *durability)
{
    *durability = (struct durability){0};
    for (int level = 0; level < DURABILITY_LEVELS; level++) {
        queue_init(&durability->waiters[level]);
    }
}

void durability_issue(struct durability *durability, uint64_t sequence)
{
    ASSERT(sequence >= durability->issued);
    durability->issued = sequence;
}

void durability_wait(struct durability *durability, enum durability_level level,
                     struct durable_waiter *waiter)
{
    ASSERT(!durability_reached(durability, level) && durability->failed == 0);
    waiter->sequence = durability->issued;
    queue_push(&durability->waiters[level], &waiter->link);
}

void durability_cancel(struct durable_waiter *waiter)
{
    queue_remove(&waiter->link);
}

static void durability_fire_first(struct queue *waiters, int code)
{
    struct queue *link = queue_pop(waiters);
    struct durable_waiter *waiter = QUEUE_ITEM(link, struct durable_waiter, link);
    waiter->fire(waiter, code);
}

static void durability_reach_one(struct durability *durability, enum durability_level level,
                                 uint64_t sequence)
{
    struct queue *waiters = &durability->waiters[level];
    if (sequence > durability->reached[level]) {
        durability->reached[level] = sequence;
    }
    while (!queue_empty(waiters)) {
        const struct durable_waiter *first = QUEUE_ITEM(waiters->next, struct durable_waiter, link);
        if (first->sequence > durability->reached[level]) {
            return;
        }
        durability_fire_first(waiters, 0);
    }
}

void durability_reach(struct durability *durability, enum durability_level level, uint64_t sequence)
{
    if (level == DURABILITY_DURABLE && sequence > durability->reached[DURABILITY_DURABLE]) {
        durability->reached[DURABILITY_DURABLE] = sequence; /* before anybody is called */
    }
    durability_reach_one(durability, DURABILITY_SETTLED, sequence);
    if (level == DURABILITY_DURABLE) {
        durability_reach_one(durability, DURABILITY_DURABLE, sequence);
    }
}

void durability_fail(struct durability *durability, int code)
{
    durability->failed = code;
    for (int level = 0; level < DURABILITY_LEVELS; level++) {
        while (!queue_empty(&durability->waiters[level])) {
            durability_fire_first(&durability->waiters[level], code);
        }
    }
}

void durability_check(const struct durability *durability)
{
    ASSERT(durability->reached[DURABILITY_DURABLE] <= durability->reached[DURABILITY_SETTLED]);
    ASSERT(durability->reached[DURABILITY_SETTLED] <= durability->issued);
}
