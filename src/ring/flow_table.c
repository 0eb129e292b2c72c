/* The table and what may stand in its rows. */
#include "ring/flow_state.h"

struct zone_rule zone_rule_of(const struct flow *flow, uint32_t slot)
{
    const uint16_t *row = row_of(flow, slot);
    struct zone_rule rule = {.row = row, .own = UINT32_MAX};
    uint16_t holder = flow->owners[slot];
    uint32_t extra = 0;
    if (holder != PLANNER_NONE) {
        rule.own = member_zone(flow, holder);
    }
    if (flow->spare == 0) {
        return rule;
    }
    for (uint32_t i = 0; i < flow->replicas; i++) {
        bool seen = row[i] == PLANNER_NONE || &row[i] == &flow->owners[slot];
        for (uint32_t k = 0; !seen && k < i; k++) {
            if (row[k] != PLANNER_NONE && &row[k] != &flow->owners[slot] &&
                member_zone(flow, row[k]) == member_zone(flow, row[i])) {
                extra++;
                seen = true;
            }
        }
    }
    rule.spare_left = extra < flow->spare;
    return rule;
}

bool zone_allowed(const struct flow *flow, const struct zone_rule *rule, uint32_t zone)
{
    if (rule->spare_left || zone == rule->own) {
        return true;
    }
    for (uint32_t i = 0; i < flow->replicas; i++) {
        if (rule->row[i] != PLANNER_NONE && member_zone(flow, rule->row[i]) == zone) {
            return false;
        }
    }
    return true;
}

static void slot_leave(struct flow *flow, uint32_t slot)
{
    uint16_t member = flow->owners[slot];
    uint32_t *list = &flow->held[flow->held_start[member]];
    uint32_t last = list[--flow->load[member]];
    list[flow->position[slot]] = last;
    flow->position[last] = flow->position[slot];
    flow->owners[slot] = PLANNER_NONE;
}

void slot_take(struct flow *flow, uint32_t slot, uint16_t member)
{
    if (flow->load[member] == flow->shares[member].floor) {
        ASSERT(flow->pool_room > 0);
        flow->pool_room--;
    }
    flow->held[flow->held_start[member] + flow->load[member]] = slot;
    flow->position[slot] = flow->load[member]++;
    flow->owners[slot] = member;
}

void slot_release(struct flow *flow, uint32_t slot)
{
    uint16_t member = flow->owners[slot];
    if (flow->load[member] > flow->shares[member].floor) {
        flow->pool_room++;
    }
    slot_leave(flow, slot);
}
