/* Summing up. See compare.h. */
#include "repair/compare.h"

#include "base/byteorder.h"

static struct wire_sum wire_sum_plus(struct wire_sum a, struct wire_sum b)
{
    struct tree_sum sum = tree_sum_plus((struct tree_sum){.low = a.low, .high = a.high},
                                        (struct tree_sum){.low = b.low, .high = b.high});
    return (struct wire_sum){.low = sum.low, .high = sum.high};
}

void comparison_add(struct comparison *a, const struct comparison *b)
{
    a->sum = wire_sum_plus(a->sum, b->sum);
    a->shared += b->shared;
    a->incomplete = a->incomplete || b->incomplete;
    a->untold = a->untold || b->untold;
}

bool comparison_shares(const struct view *view, uint32_t partition, uint64_t self, uint64_t node)
{
    const struct layout *layout = view_newest(view);
    return layout_owns(layout, self, partition) && layout_owns(layout, node, partition);
}

static struct wire_sum comparison_term(const struct hash_secret *secret, uint32_t partition,
                                       struct tree_sum root, uint64_t clock)
{
    uint8_t bytes[28];
    store_u32_le(bytes, partition);
    store_u64_le(bytes + 4, root.low);
    store_u64_le(bytes + 12, root.high);
    store_u64_le(bytes + 20, clock);
    struct hash_wide wide = hash_keyed_wide(secret, bytes_make(bytes, sizeof(bytes)));
    return (struct wire_sum){.low = wide.low, .high = wide.high};
}

static void comparison_one(struct replica *replica, uint32_t partition, uint64_t node,
                           struct comparison *out)
{
    struct holding *holding = replica_holding(replica, partition);
    struct hash_tree *tree = holding == NULL ? NULL : replica_tree(holding);
    out->shared++;
    if (tree == NULL || holding->refilling) {
        out->incomplete = true;
        return;
    }
    replica_tell_clock(replica, holding);
    struct wire_sum term =
        comparison_term(&replica->position_secret, partition, hash_tree_root(tree),
                        partition_clock_digest(&holding->clock));
    out->sum = wire_sum_plus(out->sum, term);
    out->untold = out->untold || !replica_heard(holding, node);
}

void comparison_make(struct replica *replica, const struct view *view, struct worker_share share,
                     uint64_t self, uint64_t node, struct comparison *out)
{
    *out = (struct comparison){0};
    uint32_t partitions = view_facts(view)->partitions;
    for (uint32_t p = share.index; p < partitions; p += share.count) {
        if (comparison_shares(view, p, self, node)) {
            comparison_one(replica, p, node, out);
        }
    }
}
