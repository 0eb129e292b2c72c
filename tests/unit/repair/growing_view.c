#include "growing_view.h"

#include "base/assert.h"

struct view *view_marked_by_all(const struct view *view, uint32_t layout, enum mark_kind kind)
{
    const struct layout_key *key = &view->live[layout].layout->key;
    struct view *now = view_ref(view);
    for (uint32_t i = 0; i < view->counted_count; i++) {
        struct view *next;
        ASSERT(view_with_mark(now, key, kind, view->counted[i], &next) >= 0);
        view_unref(now);
        now = next;
    }
    return now;
}

static struct view *all_have_synced(const struct view *seen)
{
    struct view *synced = view_marked_by_all(seen, 1, MARK_SYNCED);
    struct view *all = view_marked_by_all(synced, 1, MARK_ALL_SYNCED);
    struct view *after;
    ASSERT(view_drop_synced(all, &after) >= 0 && after->live_count == 1);
    view_unref(synced);
    view_unref(all);
    return after;
}

static void find_partitions(struct growing *growing)
{
    const struct layout *newer = view_newest(growing->both);
    growing->moved = UINT32_MAX;
    growing->kept = UINT32_MAX;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        if (!layout_owns(newer, 4, p)) {
            growing->kept = p;
            continue;
        }
        uint32_t count = 0;
        growing->moved = p;
        for (uint64_t node = 1; node <= 3; node++) {
            if (layout_owns(newer, node, p)) {
                growing->stays[count++] = node;
            } else {
                growing->leaves = node;
            }
        }
        ASSERT(count == 2);
    }
    ASSERT(growing->moved != UINT32_MAX && growing->kept != UINT32_MAX);
}

void growing_init(struct growing *growing, uint32_t w)
{
    struct cluster_facts facts = ring_facts(GROWING_PARTITIONS, 3, 2, w);
    struct role role = ring_role(4, ROLE_IN);
    growing->before = ring_view_of(&facts, 3);
    growing->both = ring_view_commit(view_ref(growing->before), &role);
    growing->seen = view_marked_by_all(growing->both, 1, MARK_SEEN);
    growing->after = all_have_synced(growing->seen);
    find_partitions(growing);
}

void growing_deinit(struct growing *growing)
{
    view_unref(growing->before);
    view_unref(growing->both);
    view_unref(growing->seen);
    view_unref(growing->after);
}

void growing_then_leaves(const struct growing *growing, uint64_t node, struct growing_on *on)
{
    struct role role = ring_role(node, ROLE_OUT);
    struct view *three = ring_view_commit(view_ref(growing->seen), &role);
    on->seen = view_marked_by_all(three, 2, MARK_SEEN);
    on->synced = view_marked_by_all(on->seen, 1, MARK_SYNCED);
    ASSERT(on->seen->live_count == 3 && on->seen->read_index == 0 && on->synced->read_index == 1);
    view_unref(three);
}

void growing_on_deinit(struct growing_on *on)
{
    view_unref(on->seen);
    view_unref(on->synced);
}

struct view *view_without(const struct view *view, uint64_t node)
{
    struct role role = ring_role(node, ROLE_REMOVED);
    return ring_view_commit(view_ref(view), &role);
}
