/* New layouts: the first of a cluster, and the successors that the planner makes. */
#include "base/assert.h"
#include "base/memory.h"
#include "ring/layout_parts.h"
#include "ring/planner.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

static int text_compare(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;
    return strcmp(*a, *b);
}

/* The members as the planner wants them: zones numbered in the order of their names. */
static int members_make(const struct layout *layout, struct planner_member **out)
{
    struct planner_member *members = mem_alloc(layout->member_count * sizeof(*members));
    const char **zones = mem_alloc(layout->member_count * sizeof(*zones));
    if (members == NULL || zones == NULL) {
        mem_free(zones);
        mem_free(members);
        return SHOAL_ENOMEM;
    }
    uint32_t zone_count = 0;
    for (uint32_t i = 0; i < layout->member_count; i++) {
        zones[i] = roles_find(&layout->roles, layout->members[i].node)->zone;
    }
    qsort(zones, layout->member_count, sizeof(*zones), text_compare);
    for (uint32_t i = 0; i < layout->member_count; i++) {
        if (zone_count == 0 || strcmp(zones[zone_count - 1], zones[i]) != 0) {
            zones[zone_count++] = zones[i];
        }
    }
    for (uint32_t i = 0; i < layout->member_count; i++) {
        const struct role *role = roles_find(&layout->roles, layout->members[i].node);
        const char *zone = role->zone;
        const char **at = bsearch(&zone, zones, zone_count, sizeof(*zones), text_compare);
        ASSERT(at != NULL);
        members[i] = (struct planner_member){
            .node = role->node, .weight = role->weight, .zone = (uint32_t)(at - zones)};
    }
    mem_free(zones);
    *out = members;
    return 0;
}

/* The parent's owners as indexes of the new members. */
static int before_make(const struct layout *parent, const struct layout *layout, uint16_t **out)
{
    uint16_t *before = mem_alloc(layout_slots(parent) * sizeof(*before));
    uint16_t *moved_to = mem_alloc(parent->member_count * sizeof(*moved_to));
    if (before == NULL || moved_to == NULL) {
        mem_free(moved_to);
        mem_free(before);
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < parent->member_count; i++) {
        int index = layout_member_index(layout, parent->members[i].node);
        moved_to[i] = index < 0 ? PLANNER_NONE : (uint16_t)index;
    }
    for (size_t slot = 0; slot < layout_slots(parent); slot++) {
        before[slot] = moved_to[parent->owners[slot]];
    }
    mem_free(moved_to);
    *out = before;
    return 0;
}

/* Fills the owners, then names the layout. */
static int layout_finish(struct layout *layout, const struct layout *parent,
                         struct planner_report *report)
{
    struct planner_member *members = NULL;
    uint16_t *before = NULL;
    int r = members_make(layout, &members);
    if (r == 0 && parent != NULL) {
        r = before_make(parent, layout, &before);
    }
    if (r == 0) {
        struct planner_input input = {
            .partitions = layout->facts.partitions,
            .n = layout->facts.n,
            .members = members,
            .member_count = layout->member_count,
            .before = before,
            .before_replicas = parent != NULL ? parent->replicas : 0,
        };
        r = planner_plan(&input, layout->owners, report);
    }
    if (r == 0) {
        ASSERT(report->replicas == layout->replicas);
        layout_derive(layout);
        r = layout_seal(layout);
    }
    mem_free(before);
    mem_free(members);
    return r;
}

int layout_found(const struct cluster_facts *facts, const struct role *founder, struct layout **out)
{
    const char *why;
    struct roles none = {0};
    struct roles roles = {0};
    struct planner_report report;
    struct layout *layout = NULL;
    int r = cluster_facts_check(facts, &why);
    if (r == 0) {
        r = roles_with(&none, founder, &roles);
    }
    if (r == 0) {
        r = layout_begin(facts, &roles, 0, &layout);
    }
    if (r == 0) {
        layout->key.version = 1;
        r = layout_finish(layout, NULL, &report);
    }
    roles_deinit(&roles);
    if (r != 0) {
        layout_unref(layout);
        return r;
    }
    *out = layout;
    return 0;
}

int layout_plan_report(const struct layout *const *parents, uint32_t parent_count,
                       const struct roles *roles, struct layout **out,
                       struct planner_report *report)
{
    ASSERT(parent_count > 0 && parent_count <= LIMIT_LIVE_LAYOUTS_HARD);
    const struct layout *newest = parents[parent_count - 1];
    struct roles copy = {0};
    struct layout *layout = NULL;
    struct planner_report made;
    if (newest->key.version >= LAYOUT_VERSION_MAX) {
        return SHOAL_EOVERLOAD;
    }
    int r = roles_copy(roles, &copy);
    if (r == 0) {
        r = layout_begin(&newest->facts, &copy, parent_count, &layout);
    }
    if (r == 0) {
        layout->key.version = newest->key.version + 1;
        for (uint32_t i = 0; i < parent_count; i++) {
            ASSERT(i == 0 || layout_key_compare(&parents[i - 1]->key, &parents[i]->key) < 0);
            layout->parents[i] = parents[i]->key.hash;
        }
        r = layout_finish(layout, newest, &made);
    }
    roles_deinit(&copy);
    if (r != 0) {
        layout_unref(layout);
        return r;
    }
    *report = made;
    *out = layout;
    return 0;
}

int layout_plan(const struct layout *const *parents, uint32_t parent_count,
                const struct roles *roles, struct layout **out)
{
    struct planner_report report;
    return layout_plan_report(parents, parent_count, roles, out, &report);
}
