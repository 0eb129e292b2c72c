/* Reference counting and look-up of snapshots. See snapshot.h. */
#include "node/snapshot.h"

#include "base/memory.h"

struct snapshot *snapshot_ref(const struct snapshot *snapshot)
{
    struct snapshot *shared = (struct snapshot *)snapshot; /* the count is not part of the value */
    (void)__atomic_add_fetch(&shared->references, 1, __ATOMIC_RELAXED);
    return shared;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    view_unref(snapshot->view);
    mem_free(snapshot->nodes);
    mem_free(snapshot->tickets);
    mem_free(snapshot->tickets_void);
    mem_free(snapshot);
}

const struct snapshot_node *snapshot_find(const struct snapshot *snapshot, uint64_t node)
{
    uint32_t low = 0;
    uint32_t high = snapshot->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t id = snapshot->nodes[middle].record.id;
        if (id == node) {
            return &snapshot->nodes[middle];
        }
        if (id < node) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
