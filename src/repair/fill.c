/* The rules of filling, as pure functions of the view and of what was heard. See fill.h. */
#include "repair/fill.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "member/tracker.h"

void fill_init(struct fill *fill, uint32_t partition)
{
    *fill = (struct fill){.partition = partition};
}

void fill_forget(struct fill *fill)
{
    fill->heard_count = 0;
}

void fill_set_target(struct fill *fill, const struct content_hash *target)
{
    bool same = fill->has_target == (target != NULL) &&
                (target == NULL || content_hash_equal(&fill->target, target));
    if (same) {
        return;
    }
    fill->has_target = target != NULL;
    if (target != NULL) {
        fill->target = *target;
    }
    for (uint32_t i = 0; i < fill->heard_count; i++) {
        fill->heard[i].for_target = false;
        fill->heard[i].whole_for_target = false;
    }
}

static const struct fill_heard *fill_find(const struct fill *fill, uint64_t node)
{
    for (uint32_t i = 0; i < fill->heard_count; i++) {
        if (fill->heard[i].node == node) {
            return &fill->heard[i];
        }
    }
    return NULL;
}

void fill_note(struct fill *fill, uint64_t node, bool counts, bool refilling, bool for_target)
{
    struct fill_heard *heard = (struct fill_heard *)fill_find(fill, node);
    if (heard == NULL) {
        if (fill->heard_count == LIMIT_REQUEST_TARGETS) {
            return;
        }
        heard = &fill->heard[fill->heard_count++];
        *heard = (struct fill_heard){.node = node};
    }
    heard->counts = heard->counts || counts;
    heard->whole = heard->whole || (counts && !refilling);
    heard->for_target = heard->for_target || for_target;
    heard->whole_for_target = heard->whole_for_target || (for_target && !refilling);
}

/* What is still missing of one older layout's owners. */
struct fill_tally {
    uint32_t left;  /* owners that may be asked: not this node, not removed */
    uint32_t heard; /* of these, heard in any state */
    uint32_t whole; /* of these, heard while complete */
    bool self;      /* this node is an owner */
};

static struct fill_tally fill_tally(const struct fill *fill, const struct view *view,
                                    uint32_t layout, uint64_t self, bool for_target)
{
    struct fill_tally tally = {0};
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view->live[layout].layout, fill->partition, owners);
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] == self) {
            tally.self = true;
            continue;
        }
        if (view_removed(view, owners[i])) {
            continue;
        }
        tally.left++;
        const struct fill_heard *heard = fill_find(fill, owners[i]);
        if (heard != NULL && (for_target ? heard->for_target : heard->counts)) {
            tally.heard++;
            tally.whole += (for_target ? heard->whole_for_target : heard->whole) ? 1 : 0;
        }
    }
    return tally;
}

static bool fill_layout_refilled(const struct fill *fill, const struct view *view, uint32_t layout,
                                 uint64_t self)
{
    const struct cluster_facts *facts = view_facts(view);
    struct fill_tally tally = fill_tally(fill, view, layout, self, false);
    return tally.heard == tally.left ||
           tally.whole >= facts->n - facts->w + (MUTANT(fill_one_less) ? 0 : 1);
}

/* The layout that reads go by is enough: its owners hold all that was acknowledged, before it and
 * since. An owner of a later one that is not synced yet holds nothing to go by, and having heard it
 * then must not count once that layout is the only one left. */
bool fill_refilled(const struct fill *fill, const struct view *view, uint64_t self)
{
    return fill_layout_refilled(fill, view, view->read_index, self);
}

static bool fill_same_owners(const struct layout *a, const struct layout *b, uint32_t partition)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(a, partition, owners);
    if (count != b->replicas) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!layout_owns(b, owners[i], partition)) {
            return false;
        }
    }
    return true;
}

static bool fill_layout_synced(const struct fill *fill, const struct view *view, uint32_t layout,
                               uint32_t target, uint64_t self, bool refilling)
{
    if (fill_same_owners(view->live[layout].layout, view->live[target].layout, fill->partition)) {
        return true;
    }
    struct fill_tally tally = fill_tally(fill, view, layout, self, true);
    uint32_t number = tracker_sync_number(view, layout, fill->partition);
    uint32_t own = tally.self && (!refilling || MUTANT(own_refilling)) ? 1 : 0;
    return tally.heard == tally.left || tally.whole + own >= number;
}

bool fill_synced(const struct fill *fill, const struct view *view, uint64_t self, bool refilling)
{
    int target = fill->has_target ? view_find(view, &fill->target) : -1;
    if (target < 0 || !tracker_sync_ready(view, (uint32_t)target)) {
        return false;
    }
    for (uint32_t i = 0; i < (uint32_t)target; i++) {
        if (!fill_layout_synced(fill, view, i, (uint32_t)target, self, refilling)) {
            return false;
        }
    }
    return true;
}

static void fill_add_owners(const struct fill *fill, const struct view *view, uint32_t layout,
                            uint64_t self, bool for_target, uint64_t *out, uint32_t *count)
{
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t owner_count = layout_owners(view->live[layout].layout, fill->partition, owners);
    for (uint32_t i = 0; i < owner_count; i++) {
        const struct fill_heard *heard = fill_find(fill, owners[i]);
        bool done = heard != NULL && (for_target ? heard->whole_for_target : heard->whole);
        bool known = owners[i] == self || view_removed(view, owners[i]) || done;
        for (uint32_t j = 0; j < *count && !known; j++) {
            known = out[j] == owners[i];
        }
        if (!known && *count < LIMIT_REQUEST_TARGETS) {
            out[(*count)++] = owners[i];
        }
    }
}

uint32_t fill_candidates(const struct fill *fill, const struct view *view, uint64_t self,
                         bool refilling, uint64_t out[LIMIT_REQUEST_TARGETS])
{
    uint32_t count = 0;
    int target = fill->has_target ? view_find(view, &fill->target) : -1;
    if (target >= 0 && tracker_sync_ready(view, (uint32_t)target)) {
        for (uint32_t i = 0; i < (uint32_t)target; i++) {
            if (!fill_layout_synced(fill, view, i, (uint32_t)target, self, refilling)) {
                fill_add_owners(fill, view, i, self, true, out, &count);
            }
        }
    }
    if (refilling && !fill_layout_refilled(fill, view, view->read_index, self)) {
        fill_add_owners(fill, view, view->read_index, self, false, out, &count);
    }
    return count;
}
