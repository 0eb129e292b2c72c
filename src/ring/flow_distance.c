/* Distances: how far from each member, and from each slot, it is to where there is room. */
#include "ring/flow_state.h"

#include <stdlib.h>

static int ranked_compare(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }
    return a->member < b->member ? -1 : a->member > b->member;
}

/* Sorts the members of each zone, and the zones by their nearest member. */
static void members_rank(struct flow *flow)
{
    for (uint32_t zone = 0; zone < flow->zone_count; zone++) {
        uint32_t start = flow->zone_start[zone];
        uint32_t end = flow->zone_start[zone + 1];
        for (uint32_t i = start; i < end; i++) {
            flow->ranked[i].distance = flow->distance[flow->ranked[i].member];
        }
        qsort(&flow->ranked[start], end - start, sizeof(*flow->ranked), ranked_compare);
        flow->zones[zone] =
            (struct ranked){.distance = flow->ranked[start].distance, .member = (uint16_t)zone};
    }
    qsort(flow->zones, flow->zone_count, sizeof(*flow->zones), ranked_compare);
}

/* The distance over the nearest member of the zone that isn't in the row, taken as new to it. */
static int32_t zone_distance(const struct flow *flow, const uint16_t *row, uint32_t zone)
{
    for (uint32_t i = flow->zone_start[zone]; i < flow->zone_start[zone + 1]; i++) {
        if (!row_has(flow, row, flow->ranked[i].member)) {
            return flow->ranked[i].distance + FLOW_COST + 1;
        }
    }
    return FLOW_FAR;
}

int32_t slot_distance(const struct flow *flow, uint32_t slot)
{
    struct zone_rule rule = zone_rule_of(flow, slot);
    int32_t best = FLOW_FAR;
    if (rule.own != UINT32_MAX) {
        best = zone_distance(flow, rule.row, rule.own);
    }
    for (uint32_t i = 0; i < flow->zone_count; i++) {
        if (flow->zones[i].distance + FLOW_COST + 1 >= best) {
            break;
        }
        uint32_t zone = flow->zones[i].member;
        if (zone != rule.own && zone_allowed(flow, &rule, zone)) {
            int32_t distance = zone_distance(flow, rule.row, zone);
            best = distance < best ? distance : best;
        }
    }
    if (flow->input->before != NULL) {
        const uint16_t *before = row_before(flow, slot);
        for (uint32_t i = 0; i < flow->input->before_replicas; i++) {
            uint16_t member = before[i];
            if (member != PLANNER_NONE && flow->distance[member] + 1 < best &&
                !row_has(flow, rule.row, member) &&
                zone_allowed(flow, &rule, member_zone(flow, member))) {
                best = flow->distance[member] + 1;
            }
        }
    }
    return best;
}

/* One round of Bellman and Ford's: true when a distance has become shorter. */
static bool distances_relax(struct flow *flow)
{
    bool any = false;
    members_rank(flow);
    for (uint32_t slot = 0; slot < flow->partitions * flow->replicas; slot++) {
        uint16_t holder = flow->owners[slot];
        if (holder == PLANNER_NONE) {
            continue;
        }
        int32_t best = slot_distance(flow, slot);
        if (best < FLOW_FAR && best - cost_of(flow, slot, holder) + 1 < flow->distance[holder]) {
            flow->distance[holder] = best - cost_of(flow, slot, holder) + 1;
            any = true;
        }
    }
    for (uint16_t member = 0; member < flow->member_count; member++) {
        if (flow->load[member] > flow->shares[member].floor &&
            flow->distance[member] + 1 < flow->pool_distance) {
            flow->pool_distance = flow->distance[member] + 1;
        }
    }
    for (uint16_t member = 0; member < flow->member_count; member++) {
        if (member_may_swap(flow, member) && flow->pool_distance + 1 < flow->distance[member]) {
            flow->distance[member] = flow->pool_distance + 1;
            any = true;
        }
    }
    return any;
}

void distances_compute(struct flow *flow)
{
    flow->pool_distance = FLOW_FAR;
    for (uint16_t member = 0; member < flow->member_count; member++) {
        flow->distance[member] = member_has_room(flow, member) ? 0 : FLOW_FAR;
    }
    while (distances_relax(flow)) {
    }
}
