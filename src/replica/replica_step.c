/* What a replica does by itself, in steps too small to be noticed, and only where there is
 * something to do: walks (replica_patrol.c), dropping tombstones, having removed what has expired.
 * At most one read of it waits for the disk at a time. */
#include "base/timers.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

#define EXPIRED_AGAIN_MS 10000u /* until another owner is taken to have failed to remove it */
#define HARDEN_AFTER_US (2 * REPLICA_SECOND_US)

/* ---- waking ---- */

void replica_wake_at(struct replica *replica, uint64_t mono_us)
{
    replica->review_us = mono_us < replica->review_us ? mono_us : replica->review_us;
}

/* What was read is lent for the moment: whoever waited for it goes on at once, and is the first
 * that is worked on. Left for the next step, it could be gone again each time. */
static void replica_on_read(struct read_waiter *waiter, int code)
{
    struct replica *replica = QUEUE_ITEM(waiter, struct replica, upkeep);
    if (code == 0) {
        (void)replica_step(replica, replica->stepped, replica->step_budget);
    }
}

static void replica_wait_upkeep(struct replica *replica)
{
    replica->upkeep.fire = replica_on_read;
    replica_wait(replica, &replica->upkeep);
}

/* ---- tombstones ---- */

static int replica_drop_tombstone(struct replica *replica, struct holding *holding,
                                  struct tombstone tombstone)
{
    struct replica_found found;
    struct object after;
    int result =
        replica_find(replica, holding->partition, tombstone.position, tombstone.dot, 0, &found);
    if (result == SHOAL_ENOTFOUND) {
        tombstones_remove_last(&holding->tombstones);
        return REPLICA_DONE;
    }
    if (result != REPLICA_DONE) {
        return result;
    }
    if (!tombstones_covered(&holding->tombstones, &holding->told, found.object.context,
                            tombstone.dot)) {
        tombstones_note_strangers(&holding->tombstones, &holding->clock, found.object.context);
        return REPLICA_DONE;
    }
    result = object_without(replica->arena, &found.object, tombstone.dot, &after);
    if (result == 0) {
        result = replica_hold(replica, holding, NULL, &found.key, &found.object, &after,
                              bytes_make(NULL, 0));
    }
    if (result < 0) {
        return result;
    }
    replica->tombstones_dropped++;
    if (replica->listener.dropped != NULL) {
        replica->listener.dropped(replica->listener.self, &found.key, tombstone.dot);
    }
    tombstones_remove_last(&holding->tombstones);
    return REPLICA_DONE;
}

static int replica_drop_tombstones(struct replica *replica, struct holding *holding,
                                   uint32_t *budget)
{
    struct tombstone tombstone;
    while (tombstones_next(&holding->tombstones, &holding->told, budget, &tombstone)) {
        int result = replica_drop_tombstone(replica, holding, tombstone);
        if (result == REPLICA_PENDING) {
            tombstones_again(&holding->tombstones);
        }
        if (result != REPLICA_DONE) {
            holding->tombstones.due = holding->tombstones.due || result < 0;
            return result;
        }
    }
    return REPLICA_DONE;
}

/* ---- what has expired ---- */

static int replica_remove_expired(struct replica *replica, struct holding *holding,
                                  struct expiring_sibling expired, uint64_t wall_ms)
{
    struct replica_found found;
    int result =
        replica_find(replica, holding->partition, expired.position, expired.dot, 0, &found);
    if (result == SHOAL_ENOTFOUND) {
        return REPLICA_DONE; /* it has been replaced */
    }
    if (result != REPLICA_DONE) {
        expiring_add(&holding->expiring, expired.due_ms, expired.position, expired.dot);
        return result;
    }
    const struct replica_listener *listener = &replica->listener;
    if (listener->expired == NULL ||
        !listener->expired(listener->self, holding, &found.key, &found.object, expired.dot)) {
        expiring_add(&holding->expiring, wall_ms + EXPIRED_AGAIN_MS, expired.position, expired.dot);
    }
    return REPLICA_DONE;
}

static int replica_remove_expireds(struct replica *replica, struct holding *holding,
                                   uint64_t wall_ms, uint32_t *budget)
{
    struct expiring_sibling expired;
    while (*budget > 0 && expiring_pop(&holding->expiring, wall_ms, &expired)) {
        (*budget)--;
        int result = replica_remove_expired(replica, holding, expired, wall_ms);
        if (result != REPLICA_DONE) {
            return result;
        }
    }
    return REPLICA_DONE;
}

/* ---- steps ---- */

static bool replica_busy(const struct holding *holding, struct moment now)
{
    return holding->patrol.active || holding->tombstones.left > 0 || holding->tombstones.due ||
           expiring_next_ms(&holding->expiring) <= now.wall_ms;
}

/* Some of what is to be done for one holding: REPLICA_DONE, REPLICA_PENDING, or a failure. */
static int replica_work(struct replica *replica, struct holding *holding, struct moment now,
                        uint32_t *budget)
{
    uint64_t actor = holding->actor;
    int result = REPLICA_DONE;
    replica_patrol_begin(replica, holding, now);
    if (holding->patrol.active) {
        result = replica_patrol(replica, holding, budget);
    }
    if (result == REPLICA_DONE) {
        result = replica_drop_tombstones(replica, holding, budget);
    }
    if (result == REPLICA_DONE && holding->actor == actor) {
        result = replica_remove_expireds(replica, holding, now.wall_ms, budget);
    }
    return result;
}

/* Looks at every holding for what time has brought, once a second at most and only while there is
 * anything that time could bring. */
static void replica_review(struct replica *replica, struct moment now)
{
    bool timed = false;
    bool harden = false;
    size_t cursor = 0;
    uint64_t key;
    void *value;
    replica->review_us = TIMERS_NEVER;
    while (table_next(&replica->holdings, &cursor, &key, &value)) {
        struct holding *holding = value;
        struct telling *telling = &holding->telling;
        if (tombstones_alone(&holding->tombstones)) {
            replica_tell_clock(replica, holding); /* nobody else will ask for it */
        }
        replica_tell_due(replica, holding);
        replica_patrol_begin(replica, holding, now);
        if (replica_busy(holding, now)) {
            holding_wake(holding);
        }
        harden = harden || (telling->waiting && now.mono_us >= telling->since_us + HARDEN_AFTER_US);
        timed = timed || telling->wanted || telling->waiting || holding->tombstones.missed ||
                holding->expiring.count > 0 || holding->expiring.missed_ms != EXPIRING_NEVER ||
                !holding->tree.complete;
    }
    if (harden) {
        replica->engine->ops->harden(replica->engine);
    }
    if (timed) {
        replica_wake_at(replica, now.mono_us + REPLICA_SECOND_US);
    }
}

uint64_t replica_step(struct replica *replica, struct moment now, uint32_t budget)
{
    if (replica->durability.failed != 0) {
        return TIMERS_NEVER;
    }
    replica->stepped = now;
    replica->step_budget = budget;
    if (now.mono_us >= replica->review_us) {
        replica_review(replica, now);
    }
    while (budget > 0 && !queue_empty(&replica->working) && queue_empty(&replica->upkeep.link)) {
        struct queue *link = queue_pop(&replica->working);
        struct holding *holding = QUEUE_ITEM(link, struct holding, work);
        budget--;
        int result = replica_work(replica, holding, now, &budget);
        if (result < 0) {
            replica_wake_at(replica, now.mono_us + REPLICA_SECOND_US);
            continue;
        }
        if (result == REPLICA_PENDING) {
            queue_remove(&holding->work);
            queue_push(replica->working.next, &holding->work); /* in front of all others */
            replica_wait_upkeep(replica);
        } else if (replica_busy(holding, now)) {
            holding_wake(holding);
        }
    }
    bool more = !queue_empty(&replica->working) && queue_empty(&replica->upkeep.link);
    return more ? now.mono_us : replica->review_us;
}

void replica_rest(struct replica *replica)
{
    waiting_leave(&replica->upkeep);
}
