/* What holds of every view, checked anew: of those that come from peers and disks, and by tests
 * after every step. What is derived (view_seal) is not looked at. */
#include "ring/view_parts.h"

static bool marks_check(const struct view *view, const struct view_layout *live)
{
    for (uint32_t i = 0; i < live->mark_count; i++) {
        const struct mark *mark = &live->marks[i];
        if (mark->bits == 0 || mark->bits > (MARK_SEEN | MARK_SYNCED | MARK_ALL_SYNCED) ||
            (i > 0 && live->marks[i - 1].node >= mark->node) ||
            roles_find(&view->roles, mark->node) == NULL) {
            return false;
        }
    }
    return true;
}

/* The removed are those with a final role, and all those whom a live layout knows as such. */
static bool removed_check(const struct view *view)
{
    for (uint32_t i = 0; i < view->removed_count; i++) {
        const struct role *role = roles_find(&view->roles, view->removed[i]);
        if (role == NULL || role->kind != ROLE_REMOVED || role->staged ||
            (i > 0 && view->removed[i - 1] >= view->removed[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct roles *roles = &view->live[i].layout->roles;
        for (uint32_t k = 0; k < roles->count; k++) {
            if (roles->items[k].kind == ROLE_REMOVED &&
                !nodes_contain(view->removed, view->removed_count, roles->items[k].node)) {
                return false;
            }
        }
    }
    return true;
}

bool view_check(const struct view *view)
{
    if (view->live_count == 0 || view->live_count > LIMIT_LIVE_LAYOUTS_HARD) {
        return false;
    }
    for (uint32_t i = 0; i < view->live_count; i++) {
        const struct view_layout *live = &view->live[i];
        if (!cluster_facts_equal(&live->layout->facts, view_facts(view)) ||
            roles_behind(&view->roles, &live->layout->roles) || !marks_check(view, live) ||
            (i > 0 &&
             layout_key_compare(&view->live[i - 1].layout->key, &live->layout->key) >= 0)) {
            return false;
        }
    }
    return removed_check(view);
}
