/* The one place where what is held changes, and with it, in the same event: the tree, the clock,
 * what is tracked, and the syncs that have compared the key already. See replica_inside.h. */
#include "base/mutant.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* ---- the engine ---- */

static int replica_issued(struct replica *replica, int result, uint64_t sequence)
{
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
        return REPLICA_HELD;
    }
    return result;
}

static int replica_put(struct replica *replica, const struct engine_key *key,
                       const struct object *object, struct bytes encoded)
{
    uint64_t sequence = 0;
    if (encoded.data == NULL) {
        buffer_clear(&replica->scratch);
        int result = object_encode(object, &replica->scratch);
        if (result < 0) {
            return result;
        }
        encoded = buffer_bytes(&replica->scratch);
    }
    int result = replica->engine->ops->put(replica->engine, key, encoded, &sequence);
    return replica_issued(replica, result, sequence);
}

static int replica_remove(struct replica *replica, const struct engine_key *key)
{
    uint64_t sequence = 0;
    int result = replica->engine->ops->remove(replica->engine, key, &sequence);
    return replica_issued(replica, result, sequence);
}

int replica_confirm_held(const struct replica *replica)
{
    const struct durability *durability = &replica->durability;
    if (durability_reached(durability, DURABILITY_SETTLED)) {
        return REPLICA_DONE;
    }
    return durability->failed != 0 ? durability->failed : REPLICA_HELD;
}

/* ---- what goes with it ---- */

uint64_t replica_expiry_due_ms(const struct replica *replica, uint64_t expiry_ms)
{
    uint64_t ahead_ms = MUTANT(purge_early) ? 0 : replica->clock.ahead_ms_max;
    return expiry_ms < EXPIRING_NEVER - 1 - ahead_ms ? expiry_ms + ahead_ms + 1
                                                     : EXPIRING_NEVER - 1;
}

/* A sibling that came, but for the tree. */
static void replica_track(struct replica *replica, struct holding *holding,
                          const struct sync_watch *by, uint64_t position,
                          const struct sibling *sibling)
{
    bool ahead = patrol_will_meet(&holding->patrol, position);
    if (sibling->kind == SIBLING_TOMBSTONE && !(ahead && holding->patrol.collects)) {
        tombstones_add(&holding->tombstones, position, sibling->dot);
        if (tombstones_alone(&holding->tombstones)) {
            replica_wake_at(replica, replica->engine->now_us + REPLICA_SECOND_US);
        }
    }
    if (sibling->expiry_ms != 0 && !(ahead && holding->patrol.tracks_expiry)) {
        expiring_add(&holding->expiring, replica_expiry_due_ms(replica, sibling->expiry_ms),
                     position, sibling->dot);
        replica_wake_at(replica, replica->engine->now_us + REPLICA_SECOND_US);
    }
    for (struct queue *link = holding->watches.next; link != &holding->watches; link = link->next) {
        struct sync_watch *watch = QUEUE_ITEM(link, struct sync_watch, link);
        if (watch != by && !MUTANT(no_recheck) &&
            partition_clock_seen(watch->peer_clock, sibling->dot)) {
            watch->late(watch, position);
        }
    }
}

static void replica_came(struct replica *replica, struct holding *holding,
                         const struct sync_watch *by, uint64_t position,
                         const struct sibling *sibling)
{
    if (!MUTANT(tree_not_added)) {
        live_tree_add(&holding->tree, &replica->position_secret, position, sibling->dot);
    }
    replica_track(replica, holding, by, position, sibling);
}

static void replica_went(struct replica *replica, struct holding *holding, uint64_t position,
                         struct dot dot)
{
    if (!MUTANT(tree_not_removed)) {
        live_tree_subtract(&holding->tree, &replica->position_secret, position, dot);
    }
}

/* The wrong variant: the context as if each of its dots had been seen. */
static void replica_see_context(struct holding *holding, struct version_vector context)
{
    for (uint32_t i = 0; i < context.count; i++) {
        struct clock_actor all = {.actor = context.entries[i].actor,
                                  .base = context.entries[i].counter};
        struct partition_clock clock = {.actors = &all, .count = 1, .capacity = 1};
        partition_clock_join(&holding->clock, &clock);
    }
}

/* One sibling in place of another. */
static void replica_exchanged(struct replica *replica, struct holding *holding,
                              const struct sync_watch *by, uint64_t position, struct dot went,
                              const struct sibling *came)
{
    live_tree_exchange(&holding->tree, &replica->position_secret, position, went, came->dot);
    partition_clock_add(&holding->clock, came->dot);
    replica_track(replica, holding, by, position, came);
}

static bool replica_is_exchange(const struct object *before, const struct object *after)
{
    return before->sibling_count == 1 && after->sibling_count == 1 &&
           !dot_equal(before->siblings->dot, after->siblings->dot);
}

/* Walks both in the order of dots. */
static void replica_compare(struct replica *replica, struct holding *holding,
                            const struct sync_watch *by, uint64_t position,
                            const struct object *before, const struct object *after)
{
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < before->sibling_count || j < after->sibling_count) {
        int order;
        if (i == before->sibling_count) {
            order = 1;
        } else if (j == after->sibling_count) {
            order = -1;
        } else {
            order = dot_compare(before->siblings[i].dot, after->siblings[j].dot);
        }
        if (order < 0) {
            replica_went(replica, holding, position, before->siblings[i].dot);
        } else {
            partition_clock_add(&holding->clock, after->siblings[j].dot);
        }
        if (order > 0) {
            replica_came(replica, holding, by, position, &after->siblings[j]);
        }
        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
    }
}

static void replica_changed(struct replica *replica, struct holding *holding,
                            const struct sync_watch *by, uint64_t position,
                            const struct object *before, const struct object *after)
{
    if (replica_is_exchange(before, after)) {
        replica_exchanged(replica, holding, by, position, before->siblings->dot, after->siblings);
    } else {
        replica_compare(replica, holding, by, position, before, after);
    }
    if (MUTANT(context_clock)) {
        replica_see_context(holding, after->context);
    }
    if (live_tree_outgrown(&holding->tree)) {
        holding_wake(holding);
    }
}

int replica_hold(struct replica *replica, struct holding *holding, const struct sync_watch *by,
                 const struct engine_key *key, const struct object *before,
                 const struct object *after, struct bytes encoded)
{
    if (replica->durability.failed != 0) {
        return replica->durability.failed;
    }
    int result;
    if (after->sibling_count > 0) {
        result = replica_put(replica, key, after, encoded);
    } else if (before->sibling_count > 0) {
        result = replica_remove(replica, key);
    } else {
        return replica_confirm_held(replica);
    }
    for (uint32_t i = 0; MUTANT(clock_unstored) && i < after->sibling_count; i++) {
        partition_clock_add(&holding->clock, after->siblings[i].dot);
    }
    if (result >= 0) {
        replica_changed(replica, holding, by, key->position, before, after);
    }
    return result;
}
