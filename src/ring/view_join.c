/* The join of two views: commutative, associative, idempotent, so that it doesn't matter in what
 * order, how often and by what way nodes hear of each other's. */
#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "ring/view_parts.h"
#include "shoal/error.h"

#include <string.h>

static int marks_join(const struct view_layout *a, const struct view_layout *b,
                      struct view_layout *out)
{
    struct mark *marks = mem_alloc(((size_t)a->mark_count + b->mark_count) * sizeof(*marks));
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t k = 0;
    if (marks == NULL) {
        return SHOAL_ENOMEM;
    }
    while (i < a->mark_count || k < b->mark_count) {
        if (k == b->mark_count || (i < a->mark_count && a->marks[i].node < b->marks[k].node)) {
            marks[count++] = a->marks[i++];
        } else if (i == a->mark_count || b->marks[k].node < a->marks[i].node) {
            marks[count++] = b->marks[k++];
        } else {
            marks[count] = a->marks[i++];
            marks[count++].bits |= b->marks[k++].bits;
        }
    }
    *out = (struct view_layout){.marks = marks, .mark_count = count};
    return 0;
}

/* Both sides' layouts, each with both sides' marks, less what has gone. */
static int live_join(const struct view *a, const struct view *b, struct view *out)
{
    const struct view_layout nothing = {0};
    bool b_higher = layout_key_compare(&a->floor, &b->floor) < 0 && !MUTANT(floor_forgotten);
    const struct layout_key *floor = b_higher ? &b->floor : &a->floor;
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < a->live_count || k < b->live_count) {
        int order = i == a->live_count ? 1 : -1;
        if (i < a->live_count && k < b->live_count) {
            order = layout_key_compare(&a->live[i].layout->key, &b->live[k].layout->key);
        }
        const struct view_layout *left = order <= 0 ? &a->live[i++] : &nothing;
        const struct view_layout *right = order >= 0 ? &b->live[k++] : &nothing;
        struct layout *layout = left->layout != NULL ? left->layout : right->layout;
        if (layout_key_compare(&layout->key, floor) < 0) {
            continue;
        }
        if (out->live_count == LIMIT_LIVE_LAYOUTS_HARD) {
            return SHOAL_EOVERLOAD;
        }
        int r = marks_join(left, right, &out->live[out->live_count]);
        if (r != 0) {
            return r;
        }
        out->live[out->live_count++].layout = layout_ref(layout);
    }
    return 0;
}

static int removed_join(const struct view *a, const struct view *b, struct view *out)
{
    uint32_t i = 0;
    uint32_t k = 0;
    out->removed = mem_alloc(((size_t)a->removed_count + b->removed_count) * sizeof(*out->removed));
    if (out->removed == NULL) {
        return SHOAL_ENOMEM;
    }
    while (i < a->removed_count || k < b->removed_count) {
        bool from_a =
            k == b->removed_count || (i < a->removed_count && a->removed[i] <= b->removed[k]);
        uint64_t node = from_a ? a->removed[i] : b->removed[k];
        i += i < a->removed_count && a->removed[i] == node;
        k += k < b->removed_count && b->removed[k] == node;
        out->removed[out->removed_count++] = node;
    }
    return 0;
}

/* A wrong variant: what the newest layout does not descend from is no more. */
static void losers_drop(struct view *view)
{
    const struct layout *newest = view_newest(view);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < view->live_count; i++) {
        bool parent = view->live[i].layout == newest;
        for (uint32_t k = 0; k < newest->parent_count; k++) {
            parent =
                parent || content_hash_equal(&newest->parents[k], &view->live[i].layout->key.hash);
        }
        if (parent) {
            view->live[kept++] = view->live[i];
        } else {
            layout_unref(view->live[i].layout);
            mem_free(view->live[i].marks);
        }
    }
    view->live_count = kept;
}

/* The roles of both; a wrong variant forgets those of the side whose layout has lost. */
static int joined_roles(const struct view *a, const struct view *b, struct roles *out)
{
    if (content_hash_equal(&a->roles_name, &b->roles_name)) {
        return roles_copy(&a->roles, out);
    }
    if (MUTANT(loser_cleared)) {
        int order = layout_key_compare(&view_newest(a)->key, &view_newest(b)->key);
        return roles_join(order < 0 ? &b->roles : &a->roles, &(struct roles){0}, out);
    }
    return roles_join(&a->roles, &b->roles, out);
}

static int join_whole(const struct view *a, const struct view *b, struct view **out)
{
    struct view *joined = view_begin(a->live_count + b->live_count);
    if (joined == NULL) {
        return SHOAL_ENOMEM;
    }
    int r = live_join(a, b, joined);
    if (r == 0) {
        r = removed_join(a, b, joined);
    }
    if (r == 0) {
        r = joined_roles(a, b, &joined->roles);
    }
    if (r != 0) {
        view_unref(joined);
        return r;
    }
    if (MUTANT(loser_goes)) {
        losers_drop(joined);
    }
    bool same_roles = content_hash_equal(&a->roles_name, &b->roles_name);
    return view_seal_like(joined, same_roles && view_like(joined, a) ? a : NULL, out);
}

int view_join(const struct view *a, const struct view *b, struct view **out)
{
    if (!cluster_facts_equal(view_facts(a), view_facts(b))) {
        return SHOAL_ECLUSTER;
    }
    if (a->digest == b->digest) {
        *out = view_ref(a);
        return 0;
    }
    struct view *joined;
    int r = join_whole(a, b, &joined);
    if (r != 0) {
        return r;
    }
    const struct view *same = joined->digest == a->digest   ? a
                              : joined->digest == b->digest ? b
                                                            : joined;
    *out = view_ref(same);
    view_unref(joined);
    return 0;
}
