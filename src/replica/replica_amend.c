/* Writes that depend on what they replace: an addition to a counter, another expiry. What is held
 * is read whole, and the new sibling made of it, with its dot, and put in one event: nothing comes
 * between. A holding that is refilling may hold what has long been replaced elsewhere, so there
 * only what a read quorum answered counts, beside what this holding has given dots itself; the rest
 * stays beside the write as if it were concurrent, until the holding has been filled. */
#include "replica/replica_inside.h"
#include "shoal/error.h"

static bool amend_holds(const struct object *held, struct dot dot)
{
    uint32_t i = 0;
    while (i < held->sibling_count && !dot_equal(held->siblings[i].dot, dot)) {
        i++;
    }
    return i < held->sibling_count;
}

/* Those of the siblings held that `seen` covers. */
static int amend_covered(struct replica *replica, const struct object *held,
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

/* What a refilling holding amends. Since the quorum answered, others' writes may have come in here
 * and replaced what it answered: that is still what is amended, beside them. But when writes of
 * this holding came since, too, it can't be told whose replaced it, and whether it still counts. */
static int amend_refilling(struct replica *replica, const struct holding *holding,
                           const struct object *held, const struct object *quorum,
                           struct object *out)
{
    struct dot own = {.actor = holding->actor,
                      .counter = version_vector_get(held->context, holding->actor)};
    struct version_vector seen;
    if (own.counter <= version_vector_get(quorum->context, own.actor)) {
        *out = *quorum;
        return 0;
    }
    int result = version_vector_with(replica->arena, quorum->context, own, &seen);
    if (result == 0) {
        result = amend_covered(replica, held, seen, out);
    }
    bool unseen = result == 0 && out->sibling_count < held->sibling_count;
    for (uint32_t i = 0; unseen && i < quorum->sibling_count; i++) {
        if (!amend_holds(held, quorum->siblings[i].dot)) {
            return SHOAL_EREFILLING;
        }
    }
    return result;
}

/* What is amended, and replaced: its context is all that the write has seen. */
static int amend_basis(struct replica *replica, const struct holding *holding,
                       const struct object *held, const struct object *quorum, struct object *out)
{
    if (holding->refilling) {
        return amend_refilling(replica, holding, held, quorum, out);
    }
    *out = *held;
    return version_vector_join(replica->arena, held->context, quorum->context, &out->context);
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

int replica_amend(struct replica *replica, struct holding *holding, const struct engine_key *key,
                  const struct object *quorum, const struct replica_amendment *amendment,
                  uint64_t wall_ms, struct replica_written *out)
{
    struct object held;
    struct object basis = object_empty();
    struct sibling added = {0};
    int result = amend_read(replica, holding, key, &held);
    if (result != REPLICA_DONE) {
        return result;
    }
    result = amend_basis(replica, holding, &held, quorum, &basis);
    if (result == 0) {
        /* A dot that is next, and not given if this fails. */
        struct dot dot = {.actor = holding->actor, .counter = holding->counter + 1};
        result = amendment->make(amendment->self, &basis, dot, &added);
    }
    if (result < 0) {
        return result;
    }
    uint64_t actor = holding->actor;
    result = replica_write_on(replica, holding, key, &held, basis.context, &added, wall_ms, out);
    bool uncertain = result < 0 && holding->actor != actor;
    return uncertain ? SHOAL_EUNKNOWN : result;
}
