/* Writing: objects from elsewhere are merged in, writes of one's own are given a dot. Both read
 * what is held only where they must: what the engine's index tells of an object (its dot, if that
 * is all there is) is enough whenever the outcome is the incoming object itself, or what is held
 * already. That is the blind overwrite of docs/consistency.md; Riak and Cassandra read, or give up
 * siblings.
 */
#include "base/assert.h"
#include "base/limits.h"
#include "replica/replica.h"
#include "shoal/error.h"

static int replica_put_encoded(struct replica *replica, const struct engine_key *key,
                               struct bytes encoded)
{
    if (replica->durability.failed != 0) {
        return replica->durability.failed;
    }
    uint64_t sequence = 0;
    int result = replica->engine->ops->put(replica->engine, key, encoded, &sequence);
    if (result == 1) {
        durability_issue(&replica->durability, sequence);
        return REPLICA_HELD;
    }
    return result;
}

/* Encodes into the scratch buffer and puts. */
static int replica_put(struct replica *replica, const struct engine_key *key,
                       const struct object *object)
{
    buffer_clear(&replica->scratch);
    int result = object_encode(object, &replica->scratch);
    return result < 0 ? result : replica_put_encoded(replica, key, buffer_bytes(&replica->scratch));
}

/* ---- from elsewhere ---- */

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
static enum merge_outlook replica_outlook(struct replica *replica, const struct engine_key *key,
                                          const struct object *incoming, bool *concurrent)
{
    struct engine_brief brief;
    if (replica->engine->ops->brief(replica->engine, key, &brief) == SHOAL_ENOTFOUND) {
        return incoming->context.count == 0 ? MERGE_INCLUDED : MERGE_REPLACES;
    }
    if (!brief.simple) {
        return MERGE_UNKNOWN;
    }
    struct version_vector held = {.entries = &brief.dot, .count = 1};
    bool covered = version_vector_covers(incoming->context, brief.dot);
    if (version_vector_descends(held, incoming->context)) {
        /* The same context: the same object, if it has the dot itself, for a dot is given once. */
        bool same = incoming->sibling_count == 1 && dot_equal(incoming->siblings[0].dot, brief.dot);
        *concurrent = !same;
        return !covered || same ? MERGE_INCLUDED : MERGE_UNKNOWN;
    }
    return covered && !replica_swallows(brief.dot, incoming) ? MERGE_REPLACES : MERGE_UNKNOWN;
}

/* Nothing new: but what is held may itself not be settled yet, or never be. */
static int replica_confirm_held(const struct replica *replica)
{
    const struct durability *durability = &replica->durability;
    if (durability_reached(durability, DURABILITY_SETTLED)) {
        return REPLICA_DONE;
    }
    return durability->failed != 0 ? durability->failed : REPLICA_HELD;
}

static void replica_observe_clock(struct replica *replica, const struct object *object,
                                  uint64_t wall_ms)
{
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        (void)hlc_observe(&replica->clock, object->siblings[i].hlc, wall_ms);
    }
}

/* Is anything in what is held that the other does not have? */
static bool replica_adds(const struct object *held, const struct object *other)
{
    for (uint32_t i = 0, j = 0; i < held->sibling_count; i++) {
        struct dot dot = held->siblings[i].dot;
        while (j < other->sibling_count && dot_compare(other->siblings[j].dot, dot) < 0) {
            j++;
        }
        if (j == other->sibling_count || !dot_equal(other->siblings[j].dot, dot)) {
            return true;
        }
    }
    return false;
}

static int replica_merge(struct replica *replica, const struct engine_key *key,
                         const struct object *incoming, struct bytes encoded,
                         struct replica_stored *out)
{
    struct object held;
    struct object merged;
    int result = replica_read(replica, key, &held);
    if (result == SHOAL_EDAMAGED) {
        return replica_put_encoded(replica, key, encoded); /* nothing is left to merge with */
    }
    if (result == REPLICA_DONE) {
        result = object_merge(replica->arena, &held, incoming, &merged);
    }
    if (result != REPLICA_DONE) {
        return result;
    }
    out->concurrent = replica_adds(&merged, incoming);
    return object_equal(&merged, &held) ? replica_confirm_held(replica)
                                        : replica_put(replica, key, &merged);
}

int replica_store(struct replica *replica, const struct engine_key *key, struct bytes encoded,
                  uint64_t wall_ms, struct replica_stored *out)
{
    struct replica_stored ignored;
    struct replica_stored *stored = out == NULL ? &ignored : out;
    struct object incoming;
    int result = object_decode(replica->arena, encoded, &incoming);
    if (result < 0) {
        return result;
    }
    replica_observe_clock(replica, &incoming, wall_ms);
    *stored = (struct replica_stored){0};
    switch (replica_outlook(replica, key, &incoming, &stored->concurrent)) {
    case MERGE_REPLACES:
        return replica_put_encoded(replica, key, encoded);
    case MERGE_INCLUDED:
        return replica_confirm_held(replica);
    case MERGE_UNKNOWN:
        break;
    }
    return replica_merge(replica, key, &incoming, encoded, stored);
}

/* ---- one's own ---- */

/* What is held, as far as a write that replaces what `seen` covers is concerned: of one sibling
 * that will be replaced the dot is enough. */
static int replica_read_replaced(struct replica *replica, const struct engine_key *key,
                                 struct version_vector seen, struct object *held)
{
    struct engine_brief brief;
    if (replica->engine->ops->brief(replica->engine, key, &brief) == SHOAL_ENOTFOUND) {
        *held = object_empty();
        return REPLICA_DONE;
    }
    if (brief.simple && version_vector_covers(seen, brief.dot)) {
        struct sibling *sibling = arena_alloc(replica->arena, sizeof(*sibling));
        if (sibling == NULL) {
            return SHOAL_ENOMEM;
        }
        *sibling = (struct sibling){.dot = brief.dot};
        *held = (struct object){.context = {.entries = &sibling->dot, .count = 1},
                                .siblings = sibling,
                                .sibling_count = 1};
        return REPLICA_DONE;
    }
    int result = replica_read(replica, key, held);
    if (result == SHOAL_EDAMAGED) {
        *held = object_empty();
        return REPLICA_DONE;
    }
    return result;
}

/* The same, by a holding that is on record and remembers every dot of its own in it: if the object
 * knows of one that this holding doesn't remember giving, it has forgotten, and begins anew. */
static int replica_read_own(struct replica *replica, struct holding *holding,
                            const struct engine_key *key, struct version_vector seen,
                            struct object *held)
{
    int result = replica_record(replica, holding);
    if (result == 0) {
        result = replica_read_replaced(replica, key, seen, held);
    }
    if (result == REPLICA_DONE &&
        version_vector_get(held->context, holding->actor) > holding->counter) {
        replica_renew(replica, holding, true);
        return replica_read_own(replica, holding, key, seen, held);
    }
    return result;
}

/* Would the write let the object grow beyond what writes may? Those that shrink it are always let
 * in. */
static bool replica_overgrown(const struct object *before, const struct object *after)
{
    return (after->sibling_count > LIMIT_SIBLINGS_WRITTEN &&
            after->sibling_count > before->sibling_count) ||
           (after->context.count > LIMIT_CONTEXT_ENTRIES_WRITTEN &&
            after->context.count > before->context.count);
}

/* Was the put refused before anything was touched, so that its dot was never anywhere? */
static bool replica_refused(int result)
{
    return result == SHOAL_ENOMEM || result == SHOAL_ETOOBIG || result == SHOAL_ENOSPC ||
           result == SHOAL_EOVERLOAD;
}

int replica_write(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  struct version_vector seen, const struct sibling *added, uint64_t wall_ms,
                  struct replica_written *out)
{
    struct object held;
    int result = replica->durability.failed;
    if (result == 0) {
        result = replica_read_own(replica, holding, key, seen, &held);
    }
    if (result != REPLICA_DONE) {
        return result;
    }
    struct replica_written written = {.own_counter_before =
                                          version_vector_get(held.context, holding->actor)};
    struct sibling sibling = *added;
    sibling.dot = holding_next_dot(holding);
    sibling.hlc = hlc_next(&replica->clock, wall_ms);
    result = object_write(replica->arena, &held, seen, &sibling, &written.object);
    if (result < 0) {
        return result;
    }
    if (replica_overgrown(&held, &written.object)) {
        return SHOAL_EOVERLOAD;
    }
    result = replica_put(replica, key, &written.object);
    if (result < 0) {
        if (!replica_refused(result)) {
            /* What became of the write is not certain: this holding may not go on as it was. */
            replica_renew(replica, holding, holding->refilling);
        }
        return result;
    }
    written.encoded = buffer_bytes(&replica->scratch);
    written.dot = sibling.dot;
    *out = written;
    return result;
}
