/* Layout trackers: what this node may say of each live layout, and when a layout may go. A pure
 * step: given the view and what this node has done, the next view. The rules are view.h's. */
#ifndef MEMBER_TRACKER_H
#define MEMBER_TRACKER_H

#include "ring/view.h"

struct tracker_facts {
    uint64_t self;
    /* Bit i (view->live[i]): no request in flight at this node knows only older layouts. */
    uint64_t seen;
    /* Bit i: all this node owns of view->live[i] is complete here: for each partition, a sync with
     * enough owners of each older live layout, begun after all had seen it. */
    uint64_t synced;
};

/* Sets the marks that the facts allow, then drops what may go: 0 and a new view, or 1 when there is
 * nothing to change. SHOAL_ENOMEM. */
int tracker_step(const struct view *view, const struct tracker_facts *facts, struct view **out);

/* Are syncs for this layout meaningful yet: has everyone counted seen it? */
bool tracker_sync_ready(const struct view *view, uint32_t index);

/* How many owners of the older live layout `source` a sync of the partition must have heard:
 * min(N-W+1, owners left); the node's own holding counts where it owns it there. */
uint32_t tracker_sync_number(const struct view *view, uint32_t source, uint32_t partition);

#endif
