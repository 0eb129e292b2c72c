/* Writes for owners that the sender could not reach: a member that owns the partition in no live
 * layout keeps them until it can deliver (replica/hints, repair/hint_delivery). To an owner such a
 * store is like any other: it is what the sender wanted in the first place, and didn't know. */
#include "base/mutant.h"
#include "node/core.h"
#include "shoal/error.h"

bool serve_is_hint(const struct worker *worker, const struct message_store *store)
{
    const struct view *view = worker->snapshot->view;
    bool exists = store->partition < view_facts(view)->partitions;
    return store->hint && !(exists && view_owns(view, worker->snapshot->self, store->partition));
}

static bool serve_is_member(const struct worker *worker)
{
    const struct view *view = worker->snapshot->view;
    uint64_t self = worker->snapshot->self;
    return layout_member_index(view_newest(view), self) >= 0 && !view_removed(view, self);
}

int serve_hint(struct worker *worker, const struct message_store *store)
{
    if (store->partition >= view_facts(worker->snapshot->view)->partitions ||
        !serve_is_member(worker)) {
        return SHOAL_ENOTOWNER;
    }
    if (worker->hints.partitions == 0) {
        return SHOAL_ENOMEM; /* the next snapshot begins them */
    }
    if (MUTANT(hint_unstored)) {
        return REPLICA_DONE;
    }
    int result = hints_store(&worker->hints, store->partition, store->key, store->object);
    if (result == REPLICA_DONE || result == REPLICA_HELD) {
        hint_delivery_owe(&worker->delivery, store->partition);
    }
    return result;
}
