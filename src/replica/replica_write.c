/* Writes of one's own are given a dot. What is held is read only where it must be: of one sibling
 * that will be replaced the dot is enough, and engines know it without reading. */
#include "base/assert.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* What is held, as far as a write that replaces what `seen` covers (NULL: all) is concerned: of one
 * sibling that will be replaced the dot is enough. */
static int replica_read_replaced(struct replica *replica, const struct engine_key *key,
                                 const struct version_vector *seen, struct object *held)
{
    struct engine_brief brief;
    if (replica->engine->ops->brief(replica->engine, key, &brief) == SHOAL_ENOTFOUND) {
        *held = object_empty();
        return REPLICA_DONE;
    }
    if (brief.simple && (seen == NULL || version_vector_covers(*seen, brief.dot))) {
        struct sibling *sibling = arena_alloc(replica->arena, sizeof(*sibling));
        if (sibling == NULL) {
            return SHOAL_ENOMEM;
        }
        *sibling = (struct sibling){.dot = brief.dot,
                                    .kind = brief.tombstone ? SIBLING_TOMBSTONE : SIBLING_VALUE};
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
    int result = MUTANT(actor_unrecorded) ? 0 : replica_record(replica, holding);
    if (result == 0) {
        result = replica_read_replaced(replica, key, &seen, held);
    }
    if (result == REPLICA_DONE && !MUTANT(keep_actor) &&
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

/* Puts the object with the dot that was just given. */
static int replica_put_own(struct replica *replica, struct holding *holding,
                           const struct engine_key *key, const struct object *held,
                           struct replica_written *written)
{
    int result =
        replica_hold(replica, holding, NULL, key, held, &written->object, bytes_make(NULL, 0));
    if (result < 0 && !replica_refused(result) && !MUTANT(write_uncertain)) {
        /* What became of the write is not certain: this holding may not go on as it was. */
        replica_change_actor(replica, holding);
    }
    written->encoded = buffer_bytes(&replica->scratch);
    return result;
}

/* The end of a write. A dot that was given and then refused a place was never anywhere: without it
 * in the clock it would leave a gap there for as long as this holding lives. */
static int replica_wrote(struct holding *holding, const struct replica_written *written, int result,
                         struct replica_written *out)
{
    if (result >= 0) {
        *out = *written;
    } else if (holding->actor == written->dot.actor) {
        partition_clock_add(&holding->clock, written->dot);
    }
    return result;
}

int replica_write_on(struct replica *replica, struct holding *holding, const struct engine_key *key,
                     const struct object *held, struct version_vector seen,
                     const struct sibling *added, uint64_t wall_ms, struct replica_written *out)
{
    struct replica_written written = {
        .seen = seen, .own_counter_before = version_vector_get(held->context, holding->actor)};
    struct sibling sibling = *added;
    sibling.dot = holding_next_dot(holding);
    sibling.hlc = added->hlc != 0 ? added->hlc : hlc_next(&replica->clock, wall_ms);
    written.dot = sibling.dot;
    int result = object_write(replica->arena, held, seen, &sibling, &written.object);
    if (result == 0 && replica_overgrown(held, &written.object)) {
        result = SHOAL_EOVERLOAD;
    }
    if (result == 0) {
        result = replica_put_own(replica, holding, key, held, &written);
    }
    return replica_wrote(holding, &written, result, out);
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
    return result != REPLICA_DONE
               ? result
               : replica_write_on(replica, holding, key, &held, seen, added, wall_ms, out);
}

int replica_read_dots(struct replica *replica, const struct engine_key *key, struct object *out)
{
    return replica_read_replaced(replica, key, NULL, out);
}

int replica_replace(struct replica *replica, struct holding *holding, const struct engine_key *key,
                    const struct object *held, const struct sibling *added, uint64_t wall_ms,
                    struct replica_written *out)
{
    int result = replica->durability.failed;
    if (result == 0) {
        result = replica_record(replica, holding);
    }
    if (result == 0 && !MUTANT(keep_actor) &&
        version_vector_get(held->context, holding->actor) > holding->counter) {
        replica_renew(replica, holding, true);
        result = replica_record(replica, holding);
    }
    return result != 0
               ? result
               : replica_write_on(replica, holding, key, held, held->context, added, wall_ms, out);
}

int replica_put_back(struct replica *replica, struct holding *holding, const struct engine_key *key,
                     const struct object *written, const struct object *before,
                     struct bytes encoded)
{
    return replica_hold(replica, holding, NULL, key, written, before, encoded);
}

int replica_expire(struct replica *replica, struct holding *holding, const struct engine_key *key,
                   const struct object *held, struct dot expired, uint64_t wall_ms,
                   struct replica_written *out)
{
    struct replica_written written = {.own_counter_before =
                                          version_vector_get(held->context, holding->actor)};
    int result = replica->durability.failed;
    if (result == 0) {
        result = replica_record(replica, holding);
    }
    if (result < 0) {
        return result;
    }
    if (written.own_counter_before > holding->counter) {
        replica_renew(replica, holding, true); /* it has forgotten: who is left removes it */
        return SHOAL_ECONTEXT;
    }
    struct sibling tombstone = {.kind = SIBLING_TOMBSTONE};
    tombstone.dot = holding_next_dot(holding);
    tombstone.hlc = hlc_next(&replica->clock, wall_ms);
    written.dot = tombstone.dot;
    result = MUTANT(expire_all)
                 ? object_write(replica->arena, held, held->context, &tombstone, &written.object)
                 : object_replace(replica->arena, held, expired, &tombstone, &written.object);
    if (result == 0) {
        result = replica_put_own(replica, holding, key, held, &written);
    }
    return replica_wrote(holding, &written, result, out);
}
