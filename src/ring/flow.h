/* The minimum-cost flow under the planner: gives every partition its copies so that all members
 * meet their shares, all rows keep to the zones' rule, and as few copies as possible move.
 *
 *      source -> partition -> (one a zone | spare) -> partition in zone -> member -> floor -> sink
 *                  R copies     spare: R - zones                            cost 0 if   \-> pool ->
 * sink it was here,  one each else 1
 *
 * Successive shortest paths, the flow starting from all that can stay without a conflict; all paths
 * of one length are used in one phase, as in Dinic's algorithm. The arcs partition -> member,
 * nearly all pairs there are, are never stored: a partition's distance is found from the members
 * sorted by theirs, so a sweep over the graph costs O(Q R^2) however many members there are. */
#ifndef RING_FLOW_H
#define RING_FLOW_H

#include "ring/shares.h"

/* Fills owners[partitions * replicas]: rows of distinct members, in no particular order but that
 * what stays keeps its place in the row where it can. `shares` must be those of shares_compute,
 * which is what makes a full flow exist. 0 or SHOAL_ENOMEM. */
int flow_assign(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                const struct share *shares, uint16_t *owners);

#endif
