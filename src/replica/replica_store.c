/* Objects from elsewhere are merged with what is held: by stores, and by syncs, which may also take
 * away what the peer knows to be gone. What is held is read only where it must be: what the
 * engine's index tells of an object (its dot, if that is all there is) is enough whenever the
 * outcome is the incoming object itself, what is held already, or nothing. That is the blind
 * overwrite of docs/consistency.md; Riak and Cassandra read, or give up siblings. */
#include "base/mutant.h"
#include "replica/gone.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* An object on its way in. */
struct arrival {
    const struct engine_key *key;
    struct holding *holding;
    struct sync_watch *watch; /* the sync that it came by, or NULL */
    struct bytes encoded;     /* data NULL: the peer holds nothing */
    struct object sent;
    /* Results. */
    bool concurrent;
    uint32_t stored;
    uint32_t removed;
    uint32_t dropped;
};

/* What merging comes to, as far as it can be told without reading. */
enum merge_outlook {
    MERGE_UNKNOWN,  /* read what is held */
    MERGE_REPLACES, /* the merge is the incoming object */
    MERGE_INCLUDED, /* the merge is what is held */
};

/* A sibling that the held context covers and the held object lacks would be left out of the merge:
 * of the held object's actor, and older than its one dot. */
static bool replica_swallows(struct dot held, const struct object *incoming)
{
    for (uint32_t i = 0; i < incoming->sibling_count; i++) {
        struct dot dot = incoming->siblings[i].dot;
        if (dot.actor == held.actor && dot.counter < held.counter) {
            return true;
        }
    }
    return false;
}

/* The rule of the blind overwrite: held is one sibling and its context is exactly that dot. If the
 * incoming context covers it, nothing of what is held would be left in the merge but what incoming
 * has itself; if it covers no more than the dot covers, nothing would be added by it. */
static enum merge_outlook replica_outlook(struct dot held, const struct object *incoming)
{
    struct version_vector context = {.entries = &held, .count = 1};
    bool covered = version_vector_covers(incoming->context, held);
    if (version_vector_descends(context, incoming->context)) {
        /* The same context: the same object, if it has the dot itself, for a dot is given once. */
        bool same = incoming->sibling_count == 1 && dot_equal(incoming->siblings[0].dot, held);
        return !covered || same ? MERGE_INCLUDED : MERGE_UNKNOWN;
    }
    covered = covered || MUTANT(blind_uncovered);
    return covered && !replica_swallows(held, incoming) ? MERGE_REPLACES : MERGE_UNKNOWN;
}

/* How many siblings of a does b not have? Sets how many of these are tombstones. */
static uint32_t replica_lacks_some(const struct object *a, const struct object *b,
                                   uint32_t *tombstones)
{
    uint32_t count = 0;
    *tombstones = 0;
    for (uint32_t i = 0, j = 0; i < a->sibling_count; i++) {
        struct dot dot = a->siblings[i].dot;
        while (j < b->sibling_count && dot_compare(b->siblings[j].dot, dot) < 0) {
            j++;
        }
        if (j == b->sibling_count || !dot_equal(b->siblings[j].dot, dot)) {
            count++;
            *tombstones += a->siblings[i].kind == SIBLING_TOMBSTONE ? 1 : 0;
        }
    }
    return count;
}

static uint32_t replica_lacks(const struct object *a, const struct object *b)
{
    uint32_t tombstones;
    return replica_lacks_some(a, b, &tombstones);
}

/* What of the object sent is not known to be gone here. */
static int replica_admit(const struct replica *replica, const struct arrival *arrival,
                         const struct object *held, struct object *out)
{
    if (MUTANT(accept_covered)) {
        *out = arrival->sent;
        return 0;
    }
    return gone_leave_out(replica->arena, &arrival->sent, &arrival->holding->clock, held, out);
}

/* What of the merge the peer does not know to be gone. */
static int replica_yield(const struct replica *replica, const struct arrival *arrival,
                         const struct object *merged, struct object *out)
{
    if (arrival->watch == NULL || MUTANT(keep_gone)) {
        *out = *merged;
        return 0;
    }
    return gone_leave_out(replica->arena, merged, arrival->watch->peer_clock, &arrival->sent, out);
}

static int replica_arrive(struct replica *replica, struct arrival *arrival,
                          const struct object *held, const struct object *merged,
                          const struct object *after)
{
    bool as_sent = after->sibling_count == arrival->sent.sibling_count &&
                   after->siblings == arrival->sent.siblings &&
                   after->context.entries == arrival->sent.context.entries;
    arrival->concurrent = replica_lacks(after, &arrival->sent) > 0;
    arrival->stored = replica_lacks(after, held);
    arrival->removed = replica_lacks_some(merged, after, &arrival->dropped);
    return replica_hold(replica, arrival->holding, arrival->watch, arrival->key, held, after,
                        as_sent ? arrival->encoded : bytes_make(NULL, 0));
}

/* Is the object sent all there will be, or what is held? Decides by the index and carries it out;
 * false where that is not enough. */
static bool replica_arrive_blind(struct replica *replica, struct arrival *arrival, int *result)
{
    struct engine_brief brief;
    struct sibling sibling;
    struct object held = object_empty();
    struct object admitted;
    struct object after;
    bool any = replica->engine->ops->brief(replica->engine, arrival->key, &brief) == 0;
    if (any && !brief.simple) {
        return false;
    }
    if (any) {
        sibling = (struct sibling){.dot = brief.dot};
        held = (struct object){.context = {.entries = &brief.dot, .count = 1},
                               .siblings = &sibling,
                               .sibling_count = 1};
    }
    *result = replica_admit(replica, arrival, &held, &admitted);
    if (*result < 0) {
        return true;
    }
    enum merge_outlook outlook = any ? replica_outlook(brief.dot, &admitted) : MERGE_REPLACES;
    if (outlook == MERGE_REPLACES) {
        *result = replica_arrive(replica, arrival, &held, &admitted, &admitted);
        return true;
    }
    if (outlook == MERGE_UNKNOWN) {
        return false;
    }
    *result = replica_yield(replica, arrival, &held, &after);
    if (*result == 0 && after.sibling_count == 0) {
        *result = replica_arrive(replica, arrival, &held, &held, &after);
    } else if (*result == 0) {
        arrival->concurrent = replica_lacks(&held, &arrival->sent) > 0;
        *result = replica_confirm_held(replica);
    }
    return true;
}

static int replica_arrive_reading(struct replica *replica, struct arrival *arrival)
{
    struct object held;
    struct object admitted;
    struct object merged;
    struct object after;
    int result = replica_read(replica, arrival->key, &held);
    if (result == SHOAL_EDAMAGED) {
        held = object_empty(); /* nothing is left to merge with */
        result = REPLICA_DONE;
    }
    if (result != REPLICA_DONE) {
        return result;
    }
    result = replica_admit(replica, arrival, &held, &admitted);
    if (result == 0) {
        result = object_merge(replica->arena, &held, &admitted, &merged);
    }
    if (result == 0) {
        result = replica_yield(replica, arrival, &merged, &after);
    }
    if (result < 0) {
        return result;
    }
    if (object_equal(&after, &held)) {
        arrival->concurrent = replica_lacks(&after, &arrival->sent) > 0;
        return replica_confirm_held(replica);
    }
    return replica_arrive(replica, arrival, &held, &merged, &after);
}

/* Does the object know of a dot that its holding gave and does not remember? */
static bool replica_reminds(const struct arrival *arrival)
{
    const struct holding *holding = arrival->holding;
    return version_vector_get(arrival->sent.context, holding->actor) > holding->counter &&
           !MUTANT(keep_actor);
}

static int replica_take_in(struct replica *replica, struct arrival *arrival, uint64_t wall_ms)
{
    int result;
    if (arrival->holding == NULL) {
        return SHOAL_ENOTOWNER;
    }
    live_tree_prefetch(&arrival->holding->tree, arrival->key->position);
    if (arrival->encoded.data != NULL) {
        result = object_decode(replica->arena, arrival->encoded, &arrival->sent);
        if (result < 0) {
            return result;
        }
    }
    if (replica_reminds(arrival)) {
        replica_renew(replica, arrival->holding, true);
        if (arrival->watch != NULL) {
            return SHOAL_ECONTEXT; /* the sync has ended with it */
        }
    }
    for (uint32_t i = 0; i < arrival->sent.sibling_count; i++) {
        (void)hlc_observe(&replica->clock, arrival->sent.siblings[i].hlc, wall_ms);
    }
    return replica_arrive_blind(replica, arrival, &result)
               ? result
               : replica_arrive_reading(replica, arrival);
}

int replica_store(struct replica *replica, const struct engine_key *key, struct bytes encoded,
                  uint64_t wall_ms, struct replica_stored *out)
{
    struct arrival arrival = {
        .key = key, .holding = replica_holding(replica, key->partition), .encoded = encoded};
    int result = encoded.len == 0 ? SHOAL_EPROTO : replica_take_in(replica, &arrival, wall_ms);
    if (out != NULL && (result == REPLICA_DONE || result == REPLICA_HELD)) {
        *out = (struct replica_stored){.concurrent = arrival.concurrent};
    }
    return result;
}

/* ---- by a sync ---- */

static int replica_taken(const struct arrival *arrival, int result, struct replica_taken *out)
{
    if (out != NULL && (result == REPLICA_DONE || result == REPLICA_HELD)) {
        *out = (struct replica_taken){
            .stored = arrival->stored, .removed = arrival->removed, .dropped = arrival->dropped};
    }
    return result;
}

int replica_take(struct replica *replica, struct sync_watch *watch, const struct engine_key *key,
                 struct bytes encoded, uint64_t wall_ms, struct replica_taken *out)
{
    struct arrival arrival = {
        .key = key, .holding = watch->holding, .watch = watch, .encoded = encoded};
    return replica_taken(&arrival, replica_take_in(replica, &arrival, wall_ms), out);
}

int replica_take_absence(struct replica *replica, struct sync_watch *watch, uint64_t position,
                         uint16_t tag, struct replica_taken *out)
{
    struct replica_found found;
    struct object after;
    struct arrival arrival = {.key = &found.key, .holding = watch->holding, .watch = watch};
    int result =
        replica_find(replica, watch->holding->partition, position, (struct dot){0}, tag, &found);
    if (result == SHOAL_ENOTFOUND) {
        return replica_taken(&arrival, replica_confirm_held(replica), out);
    }
    if (result == REPLICA_DONE) {
        result = replica_yield(replica, &arrival, &found.object, &after);
    }
    if (result != REPLICA_DONE) {
        return result;
    }
    result = after.sibling_count == found.object.sibling_count
                 ? replica_confirm_held(replica)
                 : replica_arrive(replica, &arrival, &found.object, &found.object, &after);
    return replica_taken(&arrival, result, out);
}
