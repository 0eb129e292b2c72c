/* A cluster of three that node 4 joins: every partition is owned by nodes 1, 2 and 3 in the older
 * layout, and by node 4 and two of these in some partitions of the newer one. */
#ifndef UNIT_REPAIR_GROWING_VIEW_H
#define UNIT_REPAIR_GROWING_VIEW_H

#include "support/ring_history.h"

#define GROWING_PARTITIONS 16u

struct growing {
    struct view *before; /* the older layout alone */
    struct view *both;   /* and the newer one, seen by nobody */
    struct view *seen;   /* the same, seen by all */
    struct view *after;  /* the newer one alone */
    uint32_t moved;      /* a partition that node 4 gets ... */
    uint64_t stays[2];   /* ... its owners in both layouts ... */
    uint64_t leaves;     /* ... and the one that loses it */
    uint32_t kept;       /* a partition whose owners stay the same */
};

void growing_init(struct growing *growing, uint32_t w);
void growing_deinit(struct growing *growing);

/* Then a node leaves, while the layout that node 4 joined by is not synced yet. */
struct growing_on {
    struct view *seen;   /* all three layouts, seen by all; reads go by the oldest */
    struct view *synced; /* the same after all have synced the second one: reads go by that */
};

void growing_then_leaves(const struct growing *growing, uint64_t node, struct growing_on *on);
void growing_on_deinit(struct growing_on *on);

/* The view with this mark of every node that counts at the live layout of that index. */
struct view *view_marked_by_all(const struct view *view, uint32_t layout, enum mark_kind kind);

/* The view in which this node was removed by force. */
struct view *view_without(const struct view *view, uint64_t node);

#endif
