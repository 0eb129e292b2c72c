/* A plain list, the counted first. See closing_members.h. */
#include "repair/closing_members.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

void closing_members_deinit(struct closing_members *members)
{
    mem_free(members->nodes);
    *members = (struct closing_members){0};
}

static uint64_t *list_all(const struct view *view, const uint64_t *leavers, uint32_t leaver_count,
                          uint32_t *count)
{
    uint64_t *nodes = mem_alloc_zeroed(view->counted_count + leaver_count + 1, sizeof(*nodes));
    *count = 0;
    if (nodes == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < view->counted_count; i++) {
        nodes[(*count)++] = view->counted[i];
    }
    for (uint32_t i = 0; i < leaver_count && !MUTANT(close_releasing); i++) {
        nodes[(*count)++] = leavers[i];
    }
    return nodes;
}

int closing_members_set(struct closing_members *members, const struct view *view,
                        const uint64_t *leavers, uint32_t leaver_count)
{
    uint32_t count;
    uint64_t *nodes = list_all(view, leavers, leaver_count, &count);
    if (nodes != NULL && count == members->count &&
        memcmp(nodes, members->nodes, count * sizeof(*nodes)) == 0) {
        mem_free(nodes);
        return 0;
    }
    closing_members_deinit(members);
    if (nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *members = (struct closing_members){.nodes = nodes, .count = count};
    return 1;
}

int closing_members_find(const struct closing_members *members, uint64_t node)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->nodes[i] == node) {
            return (int)i;
        }
    }
    return -1;
}
