/* Writes that depend on what they replace: an addition to a counter, another expiry. What is held
 * is read whole, and the new sibling made of it, with its dot, and put in one event: nothing comes
 * between. A holding that is refilling may hold what has long been replaced elsewhere, so there
 * only what a read quorum answered counts, beside what this holding has given dots itself; the rest
 * stays beside the write as if it were concurrent, until the holding has been filled. */
#include "replica/replica_inside.h"
#include "shoal/error.h"

/* What the write replaces. */
static int amend_seen(struct replica *replica, const struct holding *holding,
                      const struct object *held, struct version_vector quorum,
                      struct version_vector *out)
{
    if (!holding->refilling) {
        return version_vector_join(replica->arena, held->context, quorum, out);
    }
    struct dot own = {.actor = holding->actor,
                      .counter = version_vector_get(held->context, holding->actor)};
    *out = quorum;
    return own.counter == 0 ? 0 : version_vector_with(replica->arena, quorum, own, out);
}

/* The siblings that it replaces, and its context. */
static int amend_replaced(struct replica *replica, const struct object *held,
                          struct version_vector seen, struct object *out)
{
    struct sibling *siblings =
        arena_alloc_array(replica->arena, (size_t)held->sibling_count + 1, sizeof(*siblings));
    if (siblings == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < held->sibling_count; i++) {
        if (version_vector_covers(seen, held->siblings[i].dot)) {
            siblings[count++] = held->siblings[i];
        }
    }
    *out = (struct object){.context = seen, .siblings = siblings, .sibling_count = count};
    return 0;
}

static int amend_read(struct replica *replica, struct holding *holding,
                      const struct engine_key *key, struct object *held)
{
    int result = replica->durability.failed;
    if (result == 0) {
        result = replica_record(replica, holding);
    }
    if (result == 0) {
        result = replica_read(replica, key, held);
    }
    if (result == REPLICA_DONE &&
        version_vector_get(held->context, holding->actor) > holding->counter) {
        replica_renew(replica, holding, true);
        return SHOAL_EREFILLING; /* what there is is for others to say */
    }
    return result;
}

/* Makes the sibling under the dot that is next, which is not given if that fails. */
static int amend_make(struct replica *replica, const struct holding *holding,
                      const struct object *held, struct version_vector seen,
                      const struct replica_amendment *amendment, struct sibling *out)
{
    struct dot dot = {.actor = holding->actor, .counter = holding->counter + 1};
    struct object replaced;
    int result = amend_replaced(replica, held, seen, &replaced);
    return result == 0 ? amendment->make(amendment->self, &replaced, dot, out) : result;
}

int replica_amend(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  struct version_vector quorum, const struct replica_amendment *amendment,
                  uint64_t wall_ms, struct replica_written *out)
{
    struct object held;
    struct version_vector seen;
    struct sibling added = {0};
    int result = amend_read(replica, holding, key, &held);
    if (result != REPLICA_DONE) {
        return result;
    }
    result = amend_seen(replica, holding, &held, quorum, &seen);
    if (result == 0) {
        result = amend_make(replica, holding, &held, seen, amendment, &added);
    }
    if (result < 0) {
        return result;
    }
    uint64_t actor = holding->actor;
    result = replica_write_on(replica, holding, key, &held, seen, &added, wall_ms, out);
    bool uncertain = result < 0 && holding->actor != actor;
    return uncertain ? SHOAL_EUNKNOWN : result;
}
