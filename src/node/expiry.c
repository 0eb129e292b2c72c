/* Removing what has expired. Expiry itself only hides; here the first healthy owner of the key puts
 * a tombstone of its own in the place of just that sibling and sends the object to the other
 * owners. Nobody waits for them: who misses it hears of it by a sync, or removes the sibling itself
 * once this node is gone. Should two owners both take themselves for the first, both tombstones
 * stand beside each other until they are dropped. (In Cassandra every replica lets an expired cell
 * turn into a tombstone by its own clock, and clocks that differ make replicas differ.) */
#include "node/core.h"

/* Is this node the one to do it? */
static bool expiry_is_ours(struct worker *worker, uint32_t partition)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint64_t self = worker->snapshot->self;
    uint32_t count = layout_owners(view_newest(worker->snapshot->view), partition, owners);
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] == self) {
            return coordinator_fit(&worker->coordinator, self) &&
                   !worker->coordinator.self_clock_doubtful;
        }
        if (reach_linked(&worker->reach, owners[i]) &&
            coordinator_fit(&worker->coordinator, owners[i])) {
            return false;
        }
    }
    return false;
}

static void expiry_send(struct worker *worker, const struct engine_key *key,
                        const struct replica_written *written)
{
    const struct view *view = worker->snapshot->view;
    struct message_store store = {
        .partition = key->partition,
        .key = key->key,
        .object = written->encoded,
        .view_digest = view->digest,
        .actor = written->dot.actor,
    };
    buffer_clear(&worker->frame);
    if (message_store_encode(&store, &worker->frame) < 0) {
        return;
    }
    uint64_t owners[LIMIT_REPLICAS];
    for (uint32_t i = 0; i < view->live_count; i++) {
        uint32_t count = layout_owners(view->live[i].layout, key->partition, owners);
        for (uint32_t j = 0; j < count; j++) {
            if (owners[j] != worker->snapshot->self) {
                (void)worker_send(worker, owners[j], buffer_bytes(&worker->frame));
            }
        }
    }
}

bool worker_on_expired(void *self, struct holding *holding, const struct engine_key *key,
                       const struct object *held, struct dot dot)
{
    struct worker *worker = self;
    struct replica_written written;
    if (worker->stopping || worker->snapshot == NULL || holding->refilling ||
        unit_key_locked(worker, key) || !expiry_is_ours(worker, key->partition) ||
        replica_expire(&worker->replica, holding, key, held, dot, worker->now.wall_ms, &written) <
            0) {
        return false;
    }
    if (worker->observer.expired != NULL) {
        worker->observer.expired(worker->observer.self, worker_node_id(worker), key->key,
                                 written.dot, dot);
    }
    feed_lane_expired(worker, key->key);
    expiry_send(worker, key, &written);
    return true;
}
