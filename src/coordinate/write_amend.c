/* Writes that depend on what they replace: an addition to a counter, another expiry. R owners are
 * read first, whole, unless this node alone is the read quorum. What they come to is stored here,
 * and then, in one event, what is held is read, amended and written, in place of all of it.
 *
 * An addition is made once. Its operation gives at most one dot: it never vouches, so it is never
 * made again on top of others', and a holding that ends under it leaves it unknown. It isn't passed
 * to another coordinator once one may have made it, either. */
#include "coordinate/write.h"
#include "model/shown.h"
#include "shoal/error.h"

struct amendment {
    struct operation *operation;
    int64_t number;
};

static int amend_add(void *self, const struct object *object, struct dot dot, struct sibling *out)
{
    struct amendment *amendment = self;
    struct operation *operation = amendment->operation;
    struct coordinator *coordinator = operation->coordinator;
    int result = object_add(coordinator->arena, object, coordinator_expiry_ms(coordinator), dot,
                            operation->request->delta, out, &amendment->number);
    operation->put_expiry_ms = result == 0 ? out->expiry_ms : 0;
    return result;
}

static int amend_expire(void *self, const struct object *object, struct dot dot,
                        struct sibling *out)
{
    struct amendment *amendment = self;
    struct operation *operation = amendment->operation;
    struct coordinator *coordinator = operation->coordinator;
    uint64_t had_ms = 0;
    int result = object_set_expiry(coordinator->arena, object, coordinator_expiry_ms(coordinator),
                                   dot, operation->request->expiry_ms, out, &had_ms);
    operation->put_expiry_ms = operation->request->expiry_ms;
    operation->put_bytes = result == 0 && out->kind == SIBLING_VALUE ? out->value.len : 0;
    amendment->number = had_ms > INT64_MAX ? INT64_MAX : (int64_t)had_ms;
    return result;
}

/* Takes in what the read quorum answered. */
static int amend_store(struct operation *operation)
{
    struct coordinator *coordinator = operation->coordinator;
    if (operation->merged.len == 0) {
        return REPLICA_DONE;
    }
    int result = replica_store(coordinator->replica, &operation->key,
                               buffer_bytes(&operation->merged), coordinator->now.wall_ms, NULL);
    return result == REPLICA_HELD ? REPLICA_DONE : result;
}

int write_amend(struct operation *operation, struct holding *holding,
                struct replica_written *written)
{
    struct coordinator *coordinator = operation->coordinator;
    struct amendment amendment = {.operation = operation};
    struct replica_amendment how = {.self = &amendment,
                                    .make = operation->request->op == REQUEST_ADD ? amend_add
                                                                                  : amend_expire};
    struct object quorum;
    int result = write_read_quorum(operation, &quorum);
    if (result == 0 && version_vector_get(quorum.context, holding->actor) > holding->counter) {
        replica_renew(coordinator->replica, holding, true); /* this holding has forgotten */
    }
    if (result == 0) {
        result = amend_store(operation);
    }
    if (result == REPLICA_DONE) {
        result = replica_amend(coordinator->replica, holding, &operation->key, &quorum, &how,
                               coordinator->now.wall_ms, written);
    }
    if (result == REPLICA_DONE || result == REPLICA_HELD) {
        operation->number = amendment.number;
    }
    return result;
}

bool write_amend_fail(struct operation *operation, int code)
{
    switch (code) {
    case SHOAL_EINVAL:
        coordinator_fail(operation, code, "value is not an integer or out of range");
        return true;
    case SHOAL_ETOOBIG:
        coordinator_fail(operation, SHOAL_EINVAL, "increment or decrement would overflow");
        return true;
    case SHOAL_ENOTFOUND:
        coordinator_fail(operation, code, "no such key");
        return true;
    case SHOAL_EOVERLOAD:
        coordinator_fail(
            operation, code,
            "the key has too many siblings or actors, or a counter too many parts (put "
            "its value to begin anew), or too much waits to be written to disk (try "
            "again later); %s",
            operation_fate(operation));
        return true;
    case SHOAL_EUNKNOWN:
        operation->begun = true; /* it may be kept or not */
        return false;
    default:
        return false;
    }
}
