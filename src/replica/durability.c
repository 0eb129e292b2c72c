/* The queue of waiters. See durability.h. */
#include "replica/durability.h"

#include "base/assert.h"

void durability_init(struct durability *durability)
{
    *durability = (struct durability){0};
    queue_init(&durability->waiters);
}

void durability_issue(struct durability *durability, uint64_t sequence)
{
    ASSERT(sequence >= durability->issued);
    durability->issued = sequence;
}

void durability_wait(struct durability *durability, struct durable_waiter *waiter)
{
    ASSERT(!durability_settled(durability) && durability->failed == 0);
    waiter->sequence = durability->issued;
    queue_push(&durability->waiters, &waiter->link);
}

void durability_cancel(struct durable_waiter *waiter)
{
    queue_remove(&waiter->link);
}

static void durability_fire_first(struct durability *durability, int code)
{
    struct queue *link = queue_pop(&durability->waiters);
    struct durable_waiter *waiter = QUEUE_ITEM(link, struct durable_waiter, link);
    waiter->fire(waiter, code);
}

void durability_reached(struct durability *durability, uint64_t sequence)
{
    if (sequence > durability->durable) {
        durability->durable = sequence;
    }
    while (!queue_empty(&durability->waiters)) {
        const struct durable_waiter *first =
            QUEUE_ITEM(durability->waiters.next, struct durable_waiter, link);
        if (first->sequence > durability->durable) {
            return;
        }
        durability_fire_first(durability, 0);
    }
}

void durability_fail(struct durability *durability, int code)
{
    durability->failed = code;
    while (!queue_empty(&durability->waiters)) {
        durability_fire_first(durability, code);
    }
}
