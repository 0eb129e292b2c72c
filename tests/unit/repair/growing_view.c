#include "growing_view.h"

#include "base/assert.h"

static struct view *all_have(const struct view *view, enum mark_kind kind)
{
    struct view *now = view_ref(view);
    for (uint32_t i = 0; i < view->counted_count; i++) {
        struct view *next;
        ASSERT(view_with_mark(now, &view_newest(view)->key, kind, view->counted[i], &next) >= 0);
        view_unref(now);
        now = next;
    }
    return now;
}

static struct view *all_have_synced(const struct view *seen)
{
    struct view *synced = all_have(seen, MARK_SYNCED);
    struct view *all = all_have(synced, MARK_ALL_SYNCED);
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
    growing->seen = all_have(growing->both, MARK_SEEN);
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

struct view *view_without(const struct view *view, uint64_t node)
{
    struct role role = ring_role(node, ROLE_REMOVED);
    return ring_view_commit(view_ref(view), &role);
}
