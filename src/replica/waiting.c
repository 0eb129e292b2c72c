/* A hash table whose chains are queues. See waiting.h. */
#include "replica/waiting.h"

#include "base/assert.h"

static struct queue *waiting_bucket(struct waiting_room *room, uint64_t ticket)
{
    return &room->buckets[ticket % WAITING_BUCKETS];
}

void waiting_init(struct waiting_room *room)
{
    for (uint32_t i = 0; i < WAITING_BUCKETS; i++) {
        queue_init(&room->buckets[i]);
    }
    room->ticket = 0;
}

void waiting_enter(struct waiting_room *room, struct read_waiter *waiter)
{
    ASSERT(room->ticket != 0);
    waiter->ticket = room->ticket;
    queue_push(waiting_bucket(room, waiter->ticket), &waiter->link);
}

void waiting_leave(struct read_waiter *waiter)
{
    queue_remove(&waiter->link);
}

void waiting_ready(struct waiting_room *room, uint64_t ticket, int code)
{
    struct queue *bucket = waiting_bucket(room, ticket);
    for (struct queue *link = bucket->next; link != bucket; link = link->next) {
        struct read_waiter *waiter = QUEUE_ITEM(link, struct read_waiter, link);
        if (waiter->ticket == ticket) {
            queue_remove(link);
            waiter->fire(waiter, code);
            return;
        }
    }
}
