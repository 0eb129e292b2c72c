#include "member/tracker.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"

/* Replaces the view by the next one: the outcomes of the view's own steps. */
static int advance(struct view **view, int outcome, struct view *next)
{
    if (outcome < 0) {
        return outcome;
    }
    view_unref(*view);
    *view = next;
    return outcome == 0;
}

/* 1 when the mark is new, 0 when it was there. */
static int mark(struct view **view, uint32_t index, enum mark_kind kind, uint64_t node)
{
    struct view *next = NULL;
    if (view_marked(*view, index, kind, node)) {
        return 0;
    }
    int r = view_with_mark(*view, &(*view)->live[index].layout->key, kind, node, &next);
    return advance(view, r, next);
}

/* All marks of one layout that the facts allow: how many are new. Marking drops no layout, so
 * indexes stay what they were. The oldest is what the others are synced from: it needs no more than
 * to be seen. */
static int mark_layout(struct view **view, uint32_t index, const struct tracker_facts *facts)
{
    int marked = 0;
    int r = 0;
    if ((facts->seen >> index & 1) || MUTANT(seen_in_flight)) {
        r = mark(view, index, MARK_SEEN, facts->self);
        marked += r;
    }
    bool synced = (facts->synced >> index & 1) && tracker_sync_ready(*view, index);
    if (r >= 0 && index > 0 && (synced || MUTANT(sync_marked_early))) {
        r = mark(view, index, MARK_SYNCED, facts->self);
        marked += r;
    }
    if (r >= 0 && index > 0 && view_all_marked(*view, index, MARK_SYNCED)) {
        r = mark(view, index, MARK_ALL_SYNCED, facts->self);
        marked += r;
    }
    return r < 0 ? r : marked;
}

/* Marks what may be marked, then drops what may go: how many steps were taken. */
static int step(struct view **view, const struct tracker_facts *facts)
{
    int steps = 0;
    struct view *next = NULL;
    uint32_t layouts = view_counted(*view, facts->self) ? (*view)->live_count : 0;
    for (uint32_t i = 0; i < layouts; i++) {
        int r = mark_layout(view, i, facts);
        if (r < 0) {
            return r;
        }
        steps += r;
    }
    int r = view_drop_synced(*view, &next);
    r = advance(view, r, next);
    return r < 0 ? r : steps + r;
}

int tracker_step(const struct view *view, const struct tracker_facts *facts, struct view **out)
{
    struct view *now = view_ref(view);
    int r = step(&now, facts);
    if (r <= 0) {
        view_unref(now);
        return r < 0 ? r : 1;
    }
    *out = now;
    return 0;
}

bool tracker_sync_ready(const struct view *view, uint32_t index)
{
    return view_all_marked(view, index, MARK_SEEN) || MUTANT(sync_unseen);
}

uint32_t tracker_sync_number(const struct view *view, uint32_t source, uint32_t partition)
{
    ASSERT(source < view->live_count);
    const struct cluster_facts *facts = view_facts(view);
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view->live[source].layout, partition, owners);
    uint32_t number = facts->n - facts->w + 1;
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        left += !view_removed(view, owners[i]);
    }
    number = MUTANT(sync_one_owner) ? 1 : number;
    return number < left ? number : left;
}
