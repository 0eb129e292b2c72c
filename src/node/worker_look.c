/* Looking into a worker: what the loops, the surfaces and the tests may ask of it or have checked
 * between events. Nothing here is an event, and nothing changes what the worker does. */
#include <stdio.h>

#include "base/mutant.h"
#include "node/core.h"
#include "node/steward.h"
#include "node/worker.h"
#include "ring/partition.h"
#include "shoal/error.h"

/* A node that was removed by force may connect: it is to hear so, and then goes by itself. */
int worker_check_hello(struct worker *worker, const struct message_hello *hello, char text[256])
{
    if (hello->version_min > PROTOCOL_VERSION || hello->version_max < PROTOCOL_VERSION) {
        (void)snprintf(text, 256,
                       "this node speaks version %u of the protocol, the other %u to %u: run "
                       "versions next to each other",
                       PROTOCOL_VERSION, hello->version_min, hello->version_max);
        return SHOAL_EVERSION;
    }
    if (hello->role != ROLE_PEER || hello->cluster == 0 || worker->snapshot == NULL) {
        return 0;
    }
    const struct view *view = worker->snapshot->view;
    const struct cluster_facts *facts = view_facts(view);
    if (hello->cluster != facts->id && !MUTANT(other_cluster)) {
        (void)snprintf(text, 256,
                       "node '%.40s' is of another cluster (id %016llx) than this one ('%.40s', id "
                       "%016llx): they have nothing to say to each other",
                       hello->name, (unsigned long long)hello->cluster, facts->name,
                       (unsigned long long)facts->id);
        return SHOAL_ECLUSTER;
    }
    return 0;
}

const struct snapshot *worker_snapshot(const struct worker *worker)
{
    return worker->snapshot;
}

uint64_t worker_node_id(const struct worker *worker)
{
    if (worker->steward != NULL) {
        return steward_node_id(worker->steward);
    }
    return worker->snapshot == NULL ? 0 : worker->snapshot->self;
}

uint64_t worker_cluster_id(const struct worker *worker)
{
    return worker->snapshot == NULL ? 0 : view_facts(worker->snapshot->view)->id;
}

const struct node_config *worker_config(const struct worker *worker)
{
    return worker->config;
}

bool worker_stopping(const struct worker *worker)
{
    return worker->stopping;
}

void worker_check(const struct worker *worker)
{
    replica_check(&worker->replica);
    coordinator_check(&worker->coordinator);
    hints_check(&worker->hints);
    hint_delivery_check(&worker->delivery);
    closing_check(&worker->closing);
    release_check(&worker->release);
    taking_check(&worker->taking);
    ended_check(&worker->ended);
    units_check(worker);
    if (worker->steward != NULL) {
        steward_check(worker->steward);
    }
}

static void worker_issued(void *self, struct bytes key, struct dot dot, struct version_vector seen)
{
    struct worker *worker = self;
    worker->observer.issued(worker->observer.self, worker_node_id(worker), key, dot, seen);
}

static void worker_dropped(void *self, const struct engine_key *key, struct dot dot)
{
    struct worker *worker = self;
    worker->observer.dropped(worker->observer.self, worker_node_id(worker), key->key, dot);
}

void worker_observe(struct worker *worker, const struct worker_observer *observer)
{
    worker->observer = *observer;
    worker->coordinator.issued = observer->issued == NULL ? NULL : worker_issued;
    worker->coordinator.issued_self = worker;
    worker->replica.listener.dropped = observer->dropped == NULL ? NULL : worker_dropped;
}

int worker_peek(struct worker *worker, struct arena *arena, struct bytes key, struct object *out)
{
    if (worker->snapshot == NULL) {
        return SHOAL_ENOTFOUND;
    }
    uint32_t partition = partition_of_key(key, view_facts(worker->snapshot->view)->partitions);
    struct engine_key wanted = replica_key(&worker->replica, partition, key);
    struct bytes encoded;
    int result = worker->engine->ops->get(worker->engine, &wanted, 0, &encoded);
    if (result != 0) {
        return result;
    }
    struct bytes copy = arena_copy(arena, encoded);
    return copy.data == NULL ? SHOAL_ENOMEM : object_decode(arena, copy, out);
}

uint64_t worker_hints(const struct worker *worker)
{
    return worker->hints.keys;
}
