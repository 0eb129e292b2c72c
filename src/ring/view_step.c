/* The steps by which a view grows at a node: founding, marking, staging, committing, dropping. Each
 * makes a new view; its join with the old one is itself. */
#include "base/assert.h"
#include "base/memory.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <string.h>

static int unchanged(const struct view *view, struct view **out)
{
    *out = view_ref(view);
    return 1;
}

int view_found(const struct cluster_facts *facts, const struct role *founder, struct view **out)
{
    struct view *view = view_begin(1);
    if (view == NULL) {
        return SHOAL_ENOMEM;
    }
    struct view_layout *live = &view->live[0];
    int r = layout_found(facts, founder, &live->layout);
    if (r == 0) {
        view->live_count = 1;
        r = roles_copy(&live->layout->roles, &view->roles);
    }
    if (r == 0) {
        live->marks = mem_alloc(sizeof(*live->marks));
        r = live->marks == NULL ? SHOAL_ENOMEM : 0;
    }
    if (r != 0) {
        view_unref(view);
        return r;
    }
    live->marks[live->mark_count++] =
        (struct mark){.node = founder->node, .bits = MARK_SEEN | MARK_SYNCED | MARK_ALL_SYNCED};
    return view_seal(view, out);
}

static int mark_add(struct view_layout *live, enum mark_kind kind, uint64_t node)
{
    uint32_t position = marks_position(live, node);
    if (position == live->mark_count || live->marks[position].node != node) {
        struct mark *marks = mem_realloc(live->marks, (live->mark_count + 1u) * sizeof(*marks));
        if (marks == NULL) {
            return SHOAL_ENOMEM;
        }
        memmove(&marks[position + 1], &marks[position],
                (live->mark_count - position) * sizeof(*marks));
        marks[position] = (struct mark){.node = node};
        live->marks = marks;
        live->mark_count++;
    }
    live->marks[position].bits |= (uint8_t)kind;
    return 0;
}

int view_with_mark(const struct view *view, const struct layout_key *key, enum mark_kind kind,
                   uint64_t node, struct view **out)
{
    ASSERT(kind == MARK_SEEN || kind == MARK_SYNCED || kind == MARK_ALL_SYNCED);
    int index = view_find(view, &key->hash);
    if (roles_find(&view->roles, node) == NULL) {
        return SHOAL_EINVAL;
    }
    if (index < 0 || view_marked(view, (uint32_t)index, kind, node)) {
        return unchanged(view, out);
    }
    struct view *next = view_copy(view, 0);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    int r = mark_add(&next->live[index], kind, node);
    if (r != 0) {
        view_unref(next);
        return r;
    }
    return view_seal(next, out);
}

static bool role_asks_the_same(const struct role *a, const struct role *b)
{
    return a->kind == b->kind && a->weight == b->weight && strcmp(a->name, b->name) == 0 &&
           strcmp(a->zone, b->zone) == 0;
}

int view_with_role(const struct view *view, const struct role *role, struct view **out)
{
    const struct role *now = roles_find(&view->roles, role->node);
    struct roles roles = {0};
    int r = roles_with(&view->roles, role, &roles);
    if (r != 0) {
        return r;
    }
    if (now != NULL && role_asks_the_same(now, role)) {
        roles_deinit(&roles);
        return unchanged(view, out);
    }
    struct view *next = view_copy(view, 0);
    if (next == NULL) {
        roles_deinit(&roles);
        return SHOAL_ENOMEM;
    }
    roles_deinit(&next->roles);
    next->roles = roles;
    return view_seal(next, out);
}

int view_plan(const struct view *view, struct layout **out, struct planner_report *report)
{
    const struct layout *parents[LIMIT_LIVE_LAYOUTS_HARD];
    if (!view_pending(view)) {
        return 1;
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        parents[i] = view->live[i].layout;
    }
    return layout_plan_report(parents, view->live_count, &view->roles, out, report);
}

/* How many nodes the roles remove by force that don't count as removed yet. */
static uint32_t removals_pending(const struct view *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->roles.count; i++) {
        count += view->roles.items[i].kind == ROLE_REMOVED &&
                 !view_removed(view, view->roles.items[i].node);
    }
    return count;
}

/* Whoever the roles remove by force counts as removed. */
static int removed_add(struct view *view, uint32_t more)
{
    uint64_t *removed = mem_alloc((view->removed_count + (size_t)more) * sizeof(*removed));
    uint32_t count = 0;
    if (removed == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < view->roles.count; i++) {
        if (view->roles.items[i].kind == ROLE_REMOVED) {
            removed[count++] = view->roles.items[i].node;
        }
    }
    ASSERT(count == view->removed_count + more);
    mem_free(view->removed);
    view->removed = removed;
    view->removed_count = count;
    return 0;
}

/* The successor goes in behind the others: no key is higher than its own. */
static int layout_add(const struct view *view, struct view *next)
{
    struct planner_report report;
    struct view_layout *live = &next->live[next->live_count];
    int r = view_plan(view, &live->layout, &report);
    if (r != 0) {
        return r;
    }
    next->live_count++;
    return 0;
}

int view_commit(const struct view *view, struct view **out)
{
    if (!view_pending(view)) {
        return unchanged(view, out);
    }
    uint32_t removals = removals_pending(view);
    bool room = view->live_count < (removals > 0 ? LIMIT_LIVE_LAYOUTS_FORCED : LIMIT_LIVE_LAYOUTS);
    if (!room && removals == 0) {
        return SHOAL_EOVERLOAD;
    }
    struct view *next = view_copy(view, 1);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    int r = room ? layout_add(view, next) : 0;
    if (r == 0) {
        r = removed_add(next, removals);
    }
    if (r != 0) {
        view_unref(next);
        return r;
    }
    return view_seal(next, out);
}

/* The newest layout that all have synced and know all to have synced; 0 when none has got there. */
static uint32_t oldest_to_stay(const struct view *view)
{
    for (uint32_t i = view->live_count; i-- > 1;) {
        if (view_all_marked(view, i, MARK_SYNCED) && view_all_marked(view, i, MARK_ALL_SYNCED)) {
            return i;
        }
    }
    return 0;
}

int view_drop_synced(const struct view *view, struct view **out)
{
    uint32_t stay = oldest_to_stay(view);
    if (stay == 0) {
        return unchanged(view, out);
    }
    struct view *next = view_copy(view, 0);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < stay; i++) {
        layout_unref(next->live[i].layout);
        mem_free(next->live[i].marks);
    }
    next->live_count -= stay;
    memmove(next->live, &next->live[stay], next->live_count * sizeof(*next->live));
    return view_seal(next, out);
}
