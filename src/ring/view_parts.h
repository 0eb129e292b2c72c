/* How a view is put together: begun empty or as a copy, changed, then sealed; from there on it is
 * immutable. Private to ring. */
#ifndef RING_VIEW_PARTS_H
#define RING_VIEW_PARTS_H

#include "ring/view.h"

/* A view with room for so many layouts, held once, all else empty. NULL when there is no memory. */
struct view *view_begin(uint32_t live_max);

/* An unsealed copy with room for `more` layouts behind its own. NULL when there is no memory. */
struct view *view_copy(const struct view *view, uint32_t more);

/* Computes floor, counted, the layout to read by, and the digest. Takes the view over: on failure
 * it is freed. 0 or SHOAL_ENOMEM. */
int view_seal(struct view *view, struct view **out);
/* The same of a view with the roles of `like`, a sealed one that view_like says is like it: far
 * cheaper, and what nearly every view is while marks are set. NULL: like none. */
int view_seal_like(struct view *view, const struct view *like, struct view **out);
/* Are layouts and removed nodes the same? */
bool view_like(const struct view *view, const struct view *like);

/* A step that changes nothing: the view itself, and 1. */
static inline int view_unchanged(const struct view *view, struct view **out)
{
    *out = view_ref(view);
    return 1;
}

/* What of the node's role is committed: the role itself, or where it is staged, the newest that a
 * live layout records; NULL when there is none. */
const struct role *view_committed(const struct view *view, const struct role *role);

/* Plans the successor of all live layouts for these roles. As layout_plan_report. */
int view_plan_roles(const struct view *view, const struct roles *roles, struct layout **out,
                    struct planner_report *report);

/* What a view in brief has in common with a whole one (view_codec.c): a layout as one bin, the
 * removed nodes, and the end, which drops what was written since `start` if anything went wrong or
 * it is beyond LIMIT_VIEW_BYTES. */
void view_write_layout(struct writer *writer, const struct layout *layout);
void view_write_removed(struct writer *writer, const struct view *view);
int view_write_end(struct writer *writer, size_t start);
int view_read_removed(struct reader *reader, struct view *view);

/* Where in `nodes` (sorted) the node is or would be. */
uint32_t nodes_position(const uint64_t *nodes, uint32_t count, uint64_t node);

static inline bool nodes_contain(const uint64_t *nodes, uint32_t count, uint64_t node)
{
    uint32_t position = nodes_position(nodes, count, node);
    return position < count && nodes[position] == node;
}

/* Where in the marks the node's is or would be. */
uint32_t marks_position(const struct view_layout *live, uint64_t node);

#endif
