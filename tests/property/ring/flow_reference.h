/* The planner's problem solved the slow and plain way: every node and arc of the network written
 * out, augmented one unit at a time along a shortest path by Bellman and Ford's method. It knows
 * nothing of how the planner works and tells only what the best plan costs. */
#ifndef TESTS_FLOW_REFERENCE_H
#define TESTS_FLOW_REFERENCE_H

#include "ring/shares.h"

struct flow_reference_result {
    uint32_t placed; /* copies that could be placed: partitions * replicas when a plan exists */
    uint32_t moved;  /* the fewest of them that are new to their member */
};

struct flow_reference_result flow_reference(const struct planner_input *input, uint32_t replicas,
                                            uint32_t zone_count, const struct share *shares);

#endif
