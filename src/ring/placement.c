/* Who is asked for one partition, and when enough of them have answered. */
#include "base/assert.h"
#include "base/mutant.h"
#include "ring/view.h"
#include "shoal/error.h"

static uint64_t removed_bit(const struct view *view, uint64_t node, uint32_t index)
{
    return view->removed_count > 0 && view_removed(view, node) ? UINT64_C(1) << index : 0;
}

/* One live layout: its owners, in order. */
static void place_one(const struct view *view, uint32_t partition, struct placement *out)
{
    const struct layout *layout = view->live[0].layout;
    const uint16_t *row = &layout->owners[(size_t)partition * layout->replicas];
    uint64_t removed = 0;
    for (uint32_t i = 0; i < layout->replicas; i++) {
        out->nodes[i] = layout->members[row[i]].node;
        removed |= removed_bit(view, out->nodes[i], i);
    }
    out->node_count = layout->replicas;
    out->layout_count = 1;
    out->read_layout = 0;
    out->newest_count = layout->replicas;
    out->owners[0] = (UINT64_C(1) << layout->replicas) - 1;
    out->present[0] = out->owners[0] & ~removed;
}

/* The node's index, or the next free one. */
static uint32_t node_slot(const struct placement *placement, uint64_t node)
{
    uint32_t i = 0;
    while (i < placement->node_count && placement->nodes[i] != node) {
        i++;
    }
    return i;
}

static int place_many(const struct view *view, uint32_t partition, struct placement *out)
{
    uint64_t removed = 0;
    out->node_count = 0;
    out->layout_count = view->live_count;
    out->read_layout = view->read_index;
    for (uint32_t l = view->live_count; l-- > 0;) {
        const struct layout *layout = view->live[l].layout;
        const uint16_t *row = &layout->owners[(size_t)partition * layout->replicas];
        out->owners[l] = 0;
        for (uint32_t i = 0; i < layout->replicas; i++) {
            uint64_t node = layout->members[row[i]].node;
            uint32_t slot = node_slot(out, node);
            if (slot == LIMIT_REQUEST_TARGETS) {
                return SHOAL_EOVERLOAD;
            }
            if (slot == out->node_count) {
                out->nodes[out->node_count++] = node;
                removed |= removed_bit(view, node, slot);
            }
            out->owners[l] |= UINT64_C(1) << slot;
        }
        out->present[l] = out->owners[l] & ~removed;
    }
    out->newest_count = view_newest(view)->replicas;
    return 0;
}

int view_place(const struct view *view, uint32_t partition, struct placement *out)
{
    ASSERT(partition < view_facts(view)->partitions);
    if (view->live_count == 1) {
        place_one(view, partition, out);
        return 0;
    }
    return place_many(view, partition, out);
}

static uint32_t count_bits(uint64_t bits)
{
    return (uint32_t)__builtin_popcountll(bits);
}

bool placement_met(const struct placement *placement, uint32_t layout, uint64_t votes,
                   uint32_t number)
{
    ASSERT(layout < placement->layout_count);
    uint64_t present = placement->present[layout];
    uint32_t have = count_bits(votes & present);
    if (MUTANT(excuse_lowers)) {
        uint32_t removed = count_bits(placement->owners[layout] & ~present);
        number = removed < number ? number - removed : 0;
    }
    if (have >= number) {
        return true;
    }
    bool newest = layout == placement->layout_count - 1;
    if (newest && (present == placement->owners[layout] || present == 0)) {
        return false;
    }
    return have == count_bits(present);
}

bool placement_write_met(const struct placement *placement, uint64_t votes, uint32_t w)
{
    uint32_t first = MUTANT(write_newest) ? placement->layout_count - 1 : 0;
    for (uint32_t i = first; i < placement->layout_count; i++) {
        if (!placement_met(placement, i, votes, w - (MUTANT(write_one_less) ? 1 : 0))) {
            return false;
        }
    }
    return true;
}

bool placement_read_met(const struct placement *placement, uint64_t votes, uint32_t r)
{
    return (votes & placement->present[placement->read_layout]) != 0 &&
           placement_met(placement, placement->read_layout, votes,
                         r - (MUTANT(read_one_less) ? 1 : 0));
}

int placement_index(const struct placement *placement, uint64_t node)
{
    uint32_t slot = node_slot(placement, node);
    return slot < placement->node_count ? (int)slot : -1;
}
