/* What operators change: a node's role is asked for, staged or at once; what is staged is committed
 * or cancelled; what is due is planned into a new layout. Any node may do any of it, with nobody's
 * consent: all of this merges.
 *
 *      nothing --ask, stage--> staged --unstage--> due --commit--> in the newest layout
 *         |                      |                  ^                     |
 *         |                      +--cancel--> as it was                   |
 *         +--ask-----------------------------------> +<--another commit wins--+
 */
#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

const struct role *view_committed(const struct view *view, const struct role *role)
{
    const struct role *newest = NULL;
    if (!role->staged) {
        return role;
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct role *recorded = roles_find(&view->live[i].layout->roles, role->node);
        if (recorded != NULL && (newest == NULL || role_newer(recorded, newest))) {
            newest = recorded;
        }
    }
    return newest;
}

static bool role_due(const struct view *view, const struct role *role)
{
    const struct role *has = roles_find(&view_newest(view)->roles, role->node);
    return !role_same(view_committed(view, role), has);
}

bool view_due(const struct view *view)
{
    for (uint32_t i = 0; i < view->roles.count; i++) {
        if (role_due(view, &view->roles.items[i])) {
            return true;
        }
    }
    return false;
}

bool view_pending(const struct view *view)
{
    for (uint32_t i = 0; i < view->roles.count; i++) {
        const struct role *role = &view->roles.items[i];
        const struct role *has = roles_find(&view_newest(view)->roles, role->node);
        if (!role_same(role, has) || role_due(view, role)) {
            return true;
        }
    }
    return false;
}

uint32_t view_staged(const struct view *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->roles.count; i++) {
        count += view->roles.items[i].staged;
    }
    return count;
}

int view_with_role(const struct view *view, const struct role *role, struct view **out)
{
    const struct role *now = roles_find(&view->roles, role->node);
    struct roles roles = {0};
    int r = roles_with(&view->roles, role, &roles);
    if (r != 0) {
        return r;
    }
    bool staged = now != NULL && now->staged;
    bool same = role_same(now, role) && (!staged || role->staged);
    if (same || (role->staged && !staged && now != NULL && role_due(view, now))) {
        roles_deinit(&roles);
        return same ? view_unchanged(view, out) : SHOAL_EOVERLOAD;
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

static void roles_unstage(struct roles *roles)
{
    for (uint32_t i = 0; i < roles->count; i++) {
        roles->items[i].staged = false;
    }
}

int view_unstage(const struct view *view, struct view **out)
{
    if (view_staged(view) == 0) {
        return view_unchanged(view, out);
    }
    struct view *next = view_copy(view, 0);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    roles_unstage(&next->roles);
    return view_seal(next, out);
}

int view_cancel(const struct view *view, struct view **out)
{
    uint32_t staged = view_staged(view);
    uint64_t stamp = roles_stamp(&view->roles);
    if (staged == 0) {
        return view_unchanged(view, out);
    }
    if (stamp > ROLE_STAMP_MAX - staged) {
        return SHOAL_EINVAL;
    }
    struct view *next = view_copy(view, 0);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < next->roles.count; i++) {
        struct role *role = &next->roles.items[i];
        const struct role *committed = view_committed(view, role);
        if (!role->staged) {
            continue;
        }
        uint64_t author = role->author;
        if (committed != NULL) {
            *role = *committed;
        } else {
            role->kind = ROLE_OUT;
        }
        role->staged = false;
        role->stamp = ++stamp;
        role->author = author;
    }
    return view_seal(next, out);
}

/* How many nodes the roles remove by force that don't count as removed yet. */
static uint32_t removals_pending(const struct view *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->roles.count; i++) {
        const struct role *role = &view->roles.items[i];
        count += role->kind == ROLE_REMOVED && !role->staged && !view_removed(view, role->node);
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
        if (view->roles.items[i].kind == ROLE_REMOVED && !view->roles.items[i].staged) {
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
static int layout_add(struct view *view)
{
    struct planner_report report;
    struct view_layout *live = &view->live[view->live_count];
    struct roles roles = {.items = mem_alloc(view->roles.count * sizeof(*roles.items))};
    if (roles.items == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < view->roles.count; i++) {
        const struct role *committed = view_committed(view, &view->roles.items[i]);
        if (committed != NULL) {
            roles.items[roles.count++] = *committed;
        }
    }
    int r = view_plan_roles(view, &roles, &live->layout, &report);
    roles_deinit(&roles);
    view->live_count += r == 0;
    return r;
}

int view_commit(const struct view *view, struct view **out)
{
    if (!view_due(view)) {
        return view_unchanged(view, out);
    }
    uint32_t removals = removals_pending(view);
    bool forced = removals > 0 && !MUTANT(removal_refused);
    bool room = view->live_count < (forced ? LIMIT_LIVE_LAYOUTS_FORCED : LIMIT_LIVE_LAYOUTS);
    if (!room && !forced) {
        return SHOAL_EOVERLOAD;
    }
    struct view *next = view_copy(view, 1);
    if (next == NULL) {
        return SHOAL_ENOMEM;
    }
    if (MUTANT(staged_commits)) {
        roles_unstage(&next->roles);
        removals = removals_pending(next);
    }
    int r = room ? layout_add(next) : 0;
    if (r == 0) {
        r = removed_add(next, removals);
    }
    if (r != 0) {
        view_unref(next);
        return r;
    }
    return view_seal(next, out);
}
