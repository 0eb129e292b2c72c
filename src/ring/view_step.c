/* The steps by which a view grows at a node: founding, marking, dropping; those of operators stand
 * in view_change.c. Each makes a new view; its join with the old one is itself. */
#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <string.h>

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
        return view_unchanged(view, out);
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
    return view_seal_like(next, view, out);
}

/* The newest layout that all have synced and know all to have synced; 0 when none has got there. */
static uint32_t oldest_to_stay(const struct view *view)
{
    for (uint32_t i = view->live_count; i-- > 1;) {
        if (view_all_marked(view, i, MARK_SYNCED) &&
            (view_all_marked(view, i, MARK_ALL_SYNCED) || MUTANT(drop_early))) {
            return i;
        }
    }
    return 0;
}

int view_drop_synced(const struct view *view, struct view **out)
{
    uint32_t stay = oldest_to_stay(view);
    if (stay == 0) {
        return view_unchanged(view, out);
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
