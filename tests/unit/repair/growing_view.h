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

/* The view in which this node was removed by force. */
struct view *view_without(const struct view *view, uint64_t node);

#endif
