/* The keys of one worker that units hold while they are on their way over several workers, or wait
 * for room. A lock is known by its key's position: should two keys have the same one they share it,
 * which only makes one wait for the other. Who finds a key locked waits in the order of coming.
 * Locks that nobody waits for a second time in one order can't be waited for in a circle: every
 * unit takes its own by worker, then by position. */
#ifndef NODE_UNIT_LOCKS_H
#define NODE_UNIT_LOCKS_H

#include "base/queue.h"
#include "base/table.h"

#include <stdint.h>

/* Called once, out of the queue already: the lock may be free now, or not any more. */
struct lock_waiter {
    struct queue link;
    void (*fire)(struct lock_waiter *waiter);
};

struct unit_locks {
    struct table table; /* position -> struct unit_lock */
    uint32_t held;      /* locks that have a holder */
};

void unit_locks_init(struct unit_locks *locks);
void unit_locks_deinit(struct unit_locks *locks);

/* Has nobody else than `holder` (NULL: nobody) locked it? */
bool unit_lock_free(const struct unit_locks *locks, uint64_t position, const void *holder);

/* Locks what is free; what the holder has already it goes on having. 0 or SHOAL_ENOMEM. */
int unit_lock_take(struct unit_locks *locks, uint64_t position, const void *holder);

/* Waits for what is locked. */
void unit_lock_wait(struct unit_locks *locks, uint64_t position, struct lock_waiter *waiter);

/* Lets go of it, and calls who waits, one after another, until one of them has taken it. Nothing
 * happens where it isn't the holder's. */
void unit_lock_release(struct unit_locks *locks, uint64_t position, const void *holder);

/* Leaves without being called; harmless for one that doesn't wait. */
static inline void unit_lock_leave(struct lock_waiter *waiter)
{
    queue_remove(&waiter->link);
}

void unit_locks_check(const struct unit_locks *locks);

#endif
