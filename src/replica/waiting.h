/* The waiting room of those whose read must go to the disk first. An engine that says *pending* has
 * changed nothing; it calls back with the ticket of the call, and who waited does the whole thing
 * again from the beginning, because anything may have changed meanwhile. Waiting allocates nothing
 * and can't fail: the links lie in those who wait. */
#ifndef REPLICA_WAITING_H
#define REPLICA_WAITING_H

#include "base/queue.h"

#include <stdint.h>

#define WAITING_BUCKETS 256u

struct read_waiter {
    struct queue link;
    uint64_t ticket;
    /* Called once, out of the room already: 0: try again; else why the read failed. */
    void (*fire)(struct read_waiter *waiter, int code);
};

struct waiting_room {
    struct queue buckets[WAITING_BUCKETS]; /* by ticket */
    uint64_t ticket;                       /* the last one given; 0 is nobody's */
};

void waiting_init(struct waiting_room *room);

/* A ticket for the next call that may be pending. */
static inline uint64_t waiting_ticket(struct waiting_room *room)
{
    return ++room->ticket;
}

/* Waits for the call that was given the last ticket and said that it is pending. */
void waiting_enter(struct waiting_room *room, struct read_waiter *waiter);

/* Leaves without being called. */
void waiting_leave(struct read_waiter *waiter);

/* The engine's word: calls who holds the ticket, if anybody still does. */
void waiting_ready(struct waiting_room *room, uint64_t ticket, int code);

#endif
