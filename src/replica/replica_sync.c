/* What peers' holdings bring beside objects: their clocks, at the end of a sync and as reports, and
 * the tree that is compared with theirs. */
#include "replica/replica_inside.h"

struct hash_tree *replica_tree(struct holding *holding)
{
    return holding->tree.complete ? &holding->tree.tree : NULL;
}

void replica_watch(struct holding *holding, struct sync_watch *watch)
{
    watch->holding = holding;
    queue_push(&holding->watches, &watch->link);
}

void replica_join_clock(struct replica *replica, struct holding *holding,
                        const struct partition_clock *clock)
{
    uint64_t version = holding->clock.version;
    partition_clock_join(&holding->clock, clock);
    if (holding->clock.version != version) {
        replica_tell_clock(replica, holding);
    }
}

int replica_set_owners(struct holding *holding, const uint64_t *nodes, uint32_t count)
{
    holding_wake(holding);
    return tombstones_set_owners(&holding->tombstones, nodes, count);
}

void replica_report(struct holding *holding, uint64_t node, uint64_t actor,
                    const struct partition_clock *clock)
{
    tombstones_report(&holding->tombstones, node, actor, clock);
    holding_wake(holding);
}
