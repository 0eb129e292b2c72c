/* What if: the layout that would follow a view, for operators to look at before they commit.
 * Nothing here changes anything. */
#include "base/memory.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int view_plan_roles(const struct view *view, const struct roles *roles, struct layout **out,
                    struct planner_report *report)
{
    const struct layout *parents[LIMIT_LIVE_LAYOUTS_HARD];
    for (uint32_t i = 0; i < view->live_count; i++) {
        parents[i] = view->live[i].layout;
    }
    return layout_plan_report(parents, view->live_count, roles, out, report);
}

/* A copy of the roles, with room for `more`, as if what is staged were committed. */
static int roles_unstaged(const struct roles *roles, uint32_t more, struct roles *out)
{
    struct role *items = mem_alloc(((size_t)roles->count + more) * sizeof(*items));
    if (items == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < roles->count; i++) {
        items[i] = roles->items[i];
        items[i].staged = false;
    }
    *out = (struct roles){.items = items, .count = roles->count};
    return 0;
}

int view_plan(const struct view *view, struct layout **out, struct planner_report *report)
{
    struct roles roles = {0};
    if (!view_pending(view)) {
        return 1;
    }
    int r = roles_unstaged(&view->roles, 0, &roles);
    if (r == 0) {
        r = view_plan_roles(view, &roles, out, report);
    }
    roles_deinit(&roles);
    return r;
}

/* What if there were so many members. */

/* The zones that members are in, and how many each has. */
struct zones {
    const char *names[LIMIT_MEMBERS];
    uint32_t members[LIMIT_MEMBERS];
    uint32_t count;
};

static void zones_count(struct zones *zones, const char *name)
{
    uint32_t at = 0;
    while (at < zones->count && strcmp(zones->names[at], name) != 0) {
        at++;
    }
    if (at < zones->count) {
        zones->members[at]++;
    } else if (zones->count < LIMIT_MEMBERS) {
        zones->names[zones->count] = name;
        zones->members[zones->count++] = 1;
    }
}

/* Of the zones with the fewest members the first by name. */
static uint32_t zones_next(const struct zones *zones)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < zones->count; i++) {
        if (zones->members[i] < zones->members[best] ||
            (zones->members[i] == zones->members[best] &&
             strcmp(zones->names[i], zones->names[best]) < 0)) {
            best = i;
        }
    }
    return best;
}

static int node_compare(const void *left, const void *right)
{
    const struct role *a = left;
    const struct role *b = right;
    return a->node < b->node ? -1 : a->node > b->node;
}

/* Members as they might come, behind the roles, which have room for them; then sorted. */
static void members_add(struct roles *roles, uint32_t members, uint32_t more, struct zones *zones)
{
    const struct roles known = *roles;
    uint64_t weight = 0;
    uint64_t node = 0;
    for (uint32_t i = 0; i < known.count; i++) {
        if (known.items[i].kind == ROLE_IN) {
            weight += known.items[i].weight;
            zones_count(zones, known.items[i].zone);
        }
    }
    for (uint32_t i = 0; i < more; i++) {
        struct role *role = &roles->items[roles->count];
        uint32_t zone = zones_next(zones);
        do {
            node++;
        } while (roles_find(&known, node) != NULL);
        *role = (struct role){.node = node, .kind = ROLE_IN, .weight = 1};
        if (members > 0) {
            role->weight = (uint32_t)((weight + members / 2) / members);
            (void)snprintf(role->zone, sizeof(role->zone), "%s", zones->names[zone]);
            zones->members[zone]++;
        }
        (void)snprintf(role->name, sizeof(role->name), "+%u", i + 1);
        roles->count++;
    }
}

static int later_first(const void *left, const void *right)
{
    const struct role *a = *(struct role *const *)left;
    const struct role *b = *(struct role *const *)right;
    if (a->stamp != b->stamp) {
        return a->stamp > b->stamp ? -1 : 1;
    }
    return a->node > b->node ? -1 : a->node < b->node;
}

/* Takes out so many of the members, those first whose roles are the newest. */
static int members_drop(struct roles *roles, uint32_t less)
{
    uint32_t count = 0;
    struct role **members = mem_alloc(roles->count * sizeof(struct role *));
    if (members == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < roles->count; i++) {
        if (roles->items[i].kind == ROLE_IN) {
            members[count++] = &roles->items[i];
        }
    }
    qsort(members, count, sizeof(struct role *), later_first);
    for (uint32_t i = 0; i < less; i++) {
        members[i]->kind = ROLE_OUT;
    }
    mem_free(members);
    return 0;
}

static int members_change(struct roles *roles, uint32_t members, uint32_t nodes)
{
    if (nodes <= members) {
        return members_drop(roles, members - nodes);
    }
    struct zones *zones = mem_alloc_zeroed(1, sizeof(*zones));
    if (zones == NULL) {
        return SHOAL_ENOMEM;
    }
    members_add(roles, members, nodes - members, zones);
    qsort(roles->items, roles->count, sizeof(*roles->items), node_compare);
    mem_free(zones);
    return 0;
}

int view_plan_nodes(const struct view *view, uint32_t nodes, struct layout **out,
                    struct planner_report *report)
{
    struct roles roles = {0};
    uint32_t members = 0;
    if (nodes == 0 || nodes > LIMIT_MEMBERS) {
        return SHOAL_EINVAL;
    }
    int r = roles_unstaged(&view->roles, nodes, &roles);
    for (uint32_t i = 0; i < roles.count; i++) {
        members += roles.items[i].kind == ROLE_IN;
    }
    if (r == 0) {
        r = members_change(&roles, members, nodes);
    }
    if (r == 0) {
        r = view_plan_roles(view, &roles, out, report);
    }
    roles_deinit(&roles);
    return r;
}
