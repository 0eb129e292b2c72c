/* See unit_locks.h. A lock is there as long as somebody has it or waits for it. */
#include "node/unit_locks.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

struct unit_lock {
    const void *holder;   /* NULL while it is being passed on */
    bool passing;         /* those who wait are being called */
    struct queue waiters; /* struct lock_waiter */
};

void unit_locks_init(struct unit_locks *locks)
{
    *locks = (struct unit_locks){0};
    table_init(&locks->table);
}

void unit_locks_deinit(struct unit_locks *locks)
{
    size_t cursor = 0;
    uint64_t position;
    void *value;
    while (table_next(&locks->table, &cursor, &position, &value)) {
        struct unit_lock *lock = value;
        while (queue_pop(&lock->waiters) != NULL) {
        }
        mem_free(lock);
    }
    table_deinit(&locks->table);
}

bool unit_lock_free(const struct unit_locks *locks, uint64_t position, const void *holder)
{
    const struct unit_lock *lock = table_get(&locks->table, position);
    return lock == NULL || lock->holder == NULL || lock->holder == holder || MUTANT(unit_unlocked);
}

int unit_lock_take(struct unit_locks *locks, uint64_t position, const void *holder)
{
    struct unit_lock *lock = table_get(&locks->table, position);
    if (lock == NULL) {
        lock = mem_alloc(sizeof(*lock));
        if (lock == NULL || table_put(&locks->table, position, lock) < 0) {
            mem_free(lock);
            return SHOAL_ENOMEM;
        }
        *lock = (struct unit_lock){0};
        queue_init(&lock->waiters);
    }
    ASSERT(lock->holder == NULL || lock->holder == holder || MUTANT(unit_unlocked));
    locks->held += lock->holder == NULL ? 1 : 0;
    lock->holder = holder;
    return 0;
}

void unit_lock_wait(struct unit_locks *locks, uint64_t position, struct lock_waiter *waiter)
{
    struct unit_lock *lock = table_get(&locks->table, position);
    ASSERT(lock != NULL && lock->holder != NULL);
    queue_push(&lock->waiters, &waiter->link);
}

void unit_lock_release(struct unit_locks *locks, uint64_t position, const void *holder)
{
    struct unit_lock *lock = table_get(&locks->table, position);
    if (lock == NULL || lock->holder != holder) {
        return;
    }
    lock->holder = NULL;
    locks->held--;
    if (lock->passing) {
        return; /* whoever is calling goes on */
    }
    lock->passing = true;
    struct queue *link;
    while (lock->holder == NULL && (link = queue_pop(&lock->waiters)) != NULL) {
        struct lock_waiter *waiter = QUEUE_ITEM(link, struct lock_waiter, link);
        waiter->fire(waiter);
    }
    lock->passing = false;
    if (lock->holder == NULL) {
        (void)table_remove(&locks->table, position);
        mem_free(lock);
    }
}

void unit_locks_check(const struct unit_locks *locks)
{
    size_t cursor = 0;
    uint64_t position;
    void *value;
    uint32_t held = 0;
    while (table_next(&locks->table, &cursor, &position, &value)) {
        const struct unit_lock *lock = value;
        ASSERT(lock->holder != NULL && !lock->passing);
        held++;
    }
    ASSERT(held == locks->held);
}
