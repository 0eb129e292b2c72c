/* The view: all that a node knows of layouts. Views only grow: they merge by join, travel whole,
 * and are durable before they are acted on or told. Immutable and shared between threads.
 *
 *      live      the layouts in force, in order; usually one
 *      marks     per live layout and node: seen, synced, all synced
 *      floor     the oldest layout key that may be live: what has gone can't return. It is always
 *                the oldest live layout's own key, for a view that raises it has that layout
 *      removed   node ids removed by force, grow-only
 *      roles     what has been asked: staged; or committed, and *due* to be planned again where
 *                the newest layout has something else
 *
 * The rules (in the manner of Garage's layout history, with every mark kept per content hash):
 *   write    a quorum of the owners of EVERY live layout
 *   read     a quorum of the owners of the newest layout that is fully synced (its members, less
 * the removed, have marked it synced); the oldest live one always counts as such counted  the
 * members of every live layout, less the removed drop     when all counted say "all synced" of a
 * layout, everything older goes number   quorums keep their number; in a layout older than the
 * newest, or where owners were removed by force, they fall to "all that are left" where fewer are
 * left. The newest layout's own shortage (fewer members than W) is never excused. */
#ifndef RING_VIEW_H
#define RING_VIEW_H

#include "ring/layout.h"

enum mark_kind {
    MARK_SEEN = 1,       /* none of my requests in flight knows only older layouts */
    MARK_SYNCED = 2,     /* all I own of it is here */
    MARK_ALL_SYNCED = 4, /* I know that everyone counted has synced it */
};

struct mark {
    uint64_t node;
    uint8_t bits; /* of enum mark_kind */
};

struct view_layout {
    struct layout *layout;
    struct mark *marks; /* sorted by node id */
    uint32_t mark_count;
};

#define VIEW_PARTS_BITS 16

struct view {
    uint32_t references;      /* private */
    struct view_layout *live; /* sorted by key; at least one */
    uint32_t live_count;
    struct layout_key floor;
    uint64_t *removed; /* sorted */
    uint32_t removed_count;
    struct roles roles;

    /* Derived. */
    uint64_t digest; /* of the content, layouts by their hashes; never 0; equal views, equal; in its
                        VIEW_PARTS_BITS highest bits of the layouts and roles alone */
    struct content_hash roles_name; /* of the content of roles */
    uint32_t read_index;            /* in live: the newest that is fully synced */
    uint64_t *counted;              /* node ids whose marks are asked, sorted */
    uint32_t counted_count;
};

/* The newest live layout. */
const struct layout *view_newest(const struct view *view);
const struct layout *view_read_layout(const struct view *view);
const struct cluster_facts *view_facts(const struct view *view);

struct view *view_ref(const struct view *view);
void view_unref(struct view *view); /* NULL is fine; thread-safe */

/* The view of a cluster just founded: its first layout, all marks of the founder set. 0,
 * SHOAL_EINVAL, SHOAL_ENOMEM. */
int view_found(const struct cluster_facts *facts, const struct role *founder, struct view **out);

/* The join of two views of one cluster: 0 and a new reference, SHOAL_ECLUSTER for views of
 * different clusters, SHOAL_ENOMEM. `*out` is a itself (referenced) when b adds nothing. */
int view_join(const struct view *a, const struct view *b, struct view **out);

/* New views from one step. 0, or 1 with *out = view (referenced) when nothing changes. */
/* Changes nothing where the layout is not live; SHOAL_EINVAL for a node that has no role. */
int view_with_mark(const struct view *view, const struct layout_key *key, enum mark_kind kind,
                   uint64_t node, struct view **out);
/* Asks for a change, staged or not as the role says, with the failures of roles_with. Changes
 * nothing where the same is asked already. SHOAL_EOVERLOAD also for a staged role where one of the
 * node's is due: it would hide that (commit it first). */
int view_with_role(const struct view *view, const struct role *role, struct view **out);
/* Takes what is staged for committed. 1 when nothing is staged. */
int view_unstage(const struct view *view, struct view **out);
/* Asks again, for each node of which something is staged, what is committed of it: the newest role
 * that a live layout records, ROLE_OUT where none does. 1 when nothing is staged. */
int view_cancel(const struct view *view, struct view **out);
/* Commits what is due: plans the successor of the live layouts (where a role is staged it records
 * the newest that a live layout has, so that a loser's change is due though another is staged over
 * it), and counts those to be removed by force as removed. 1 when nothing is due; SHOAL_EINVAL when
 * no member would be left; SHOAL_EOVERLOAD over LIMIT_LIVE_LAYOUTS (wait for a change to finish;
 * never for a removal: it has more room, and where even that is used up it counts at once, while
 * its layout stays pending). */
int view_commit(const struct view *view, struct view **out);
/* The layout that view_commit would make now, staged changes included, and what the planner says of
 * it. 0, 1 when nothing is pending, SHOAL_EINVAL, SHOAL_ENOMEM. */
int view_plan(const struct view *view, struct layout **out, struct planner_report *report);
/* The same as if the cluster had so many members: more of the mean weight, spread over the zones
 * there are (named "+1", "+2", ..., node ids 1, 2, ... that nobody has), or without those that came
 * last. */
int view_plan_nodes(const struct view *view, uint32_t nodes, struct layout **out,
                    struct planner_report *report);
/* Applies the drop rule. */
int view_drop_synced(const struct view *view, struct view **out);

/* Do the roles ask for something else than the newest layout has? By content, see role_same. */
bool view_pending(const struct view *view);
/* Does anything committed? */
bool view_due(const struct view *view);
uint32_t view_staged(const struct view *view); /* how many roles are */
/* May writes that were acknowledged be lost, as at least W of the partition's owners in some live
 * layout, or all of them, were removed by force? Counts the partitions, and lists the first ones
 * (NULL: none). */
uint32_t view_may_lose(const struct view *view, uint32_t *out, uint32_t capacity);
bool view_removed(const struct view *view, uint64_t node);
bool view_counted(const struct view *view, uint64_t node);
bool view_marked(const struct view *view, uint32_t index, enum mark_kind kind, uint64_t node);
/* Every node of `counted` (for MARK_SYNCED: every member of that layout), less the removed. */
bool view_all_marked(const struct view *view, uint32_t index, enum mark_kind kind);
/* Some live layout names the node an owner, and it is not removed. */
bool view_owns(const struct view *view, uint64_t node, uint32_t partition);
/* The cluster keeps one copy of everything, and all of them are and have been the node's. */
bool view_alone(const struct view *view, uint64_t node);
/* The index in live of the layout with this hash; -1 when it is not live. */
int view_find(const struct view *view, const struct content_hash *hash);

/* Who is asked for one partition: the union of the owners over the live layouts, those of the
 * newest first and in its order, with a bit set per layout. Small and flat: computed for each
 * request. */
struct placement {
    uint32_t node_count;
    uint32_t layout_count;
    uint32_t read_layout;  /* index of the layout that reads go by */
    uint32_t newest_count; /* nodes[0 .. newest_count) own it in the newest layout */
    uint64_t nodes[LIMIT_REQUEST_TARGETS];
    uint64_t owners[LIMIT_LIVE_LAYOUTS_HARD];  /* bit i: nodes[i] is an owner in that live layout */
    uint64_t present[LIMIT_LIVE_LAYOUTS_HARD]; /* the same less the removed */
};

/* 0, or SHOAL_EOVERLOAD when live layouts name more than LIMIT_REQUEST_TARGETS nodes. */
int view_place(const struct view *view, uint32_t partition, struct placement *out);

/* Is the quorum `number` (at least 1) met in the layout by the votes (bit i: nodes[i])? Only of an
 * older layout with no owner left is it met by nobody. */
bool placement_met(const struct placement *placement, uint32_t layout, uint64_t votes,
                   uint32_t number);
/* For writes: in every live layout. */
bool placement_write_met(const struct placement *placement, uint64_t votes, uint32_t w);
/* For reads: in the layout that reads go by, by one owner at least. */
bool placement_read_met(const struct placement *placement, uint64_t votes, uint32_t r);
/* Could it still be met if all of `possible` voted? For failing early. */
static inline bool placement_write_possible(const struct placement *placement, uint64_t possible,
                                            uint32_t w)
{
    return placement_write_met(placement, possible, w);
}
/* -1 when the node is not among the targets. */
int placement_index(const struct placement *placement, uint64_t node);

/* Whole, with its layouts. 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int view_encode(const struct view *view, struct buffer *out);
/* Hostile input, as layout_decode. */
int view_decode(struct bytes bytes, struct view **out);

/* Do views of these digests have the same layouts and roles? As good as certain: who relies on it
 * must come through where it's wrong. */
static inline bool view_parts_same(uint64_t a_digest, uint64_t b_digest)
{
    return a_digest != 0 && b_digest != 0 && (a_digest ^ b_digest) >> (64 - VIEW_PARTS_BITS) == 0;
}

/* The names of a view's parts, appended, to be shown to others. 0 or SHOAL_ENOMEM. */
int view_names(const struct view *view, struct buffer *out);
/* In brief: parts whose names the receiver has shown (borrowed; it may be any bytes) stand by name.
 * As view_encode. */
int view_encode_brief(const struct view *view, struct bytes names, struct buffer *out);
/* Named parts are taken from the known views. 0; 1 and nothing in *out when one isn't there: the
 * sender will see from the names shown next; failures as those of view_decode. */
int view_decode_brief(struct bytes bytes, const struct view *const *known, uint32_t known_count,
                      struct view **out);
/* What is whole or in brief. */
int view_decode_any(struct bytes bytes, const struct view *const *known, uint32_t known_count,
                    struct view **out);

/* All that holds of any view, checked anew; for decoded views and for tests. */
bool view_check(const struct view *view);

#endif
