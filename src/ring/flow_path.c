/* Paths: each step goes to where the distance says the rest of the way is exactly as long as is
 * left. Distances fall at every step, so the recursion ends and never meets a member twice. */
#include "base/hash.h"
#include "ring/flow_state.h"

/* Makes the member pass on one of its copies. */
static bool member_relieve(struct flow *flow, uint16_t member)
{
    const uint32_t *list = &flow->held[flow->held_start[member]];
    for (uint32_t i = flow->load[member]; i-- > 0;) {
        uint32_t slot = list[i];
        if (flow->slot_dead[slot]) {
            continue;
        }
        if (slot_fill(flow, slot, flow->distance[member] + cost_of(flow, slot, member) - 1)) {
            return true;
        }
        flow->slot_dead[slot] = true;
    }
    return false;
}

/* Makes room for one copy more: afterwards the member can take it. */
static bool member_make_room(struct flow *flow, uint16_t member)
{
    if (flow->member_dead[member]) {
        return false;
    }
    if (flow->distance[member] == 0) {
        if (member_has_room(flow, member)) {
            return true;
        }
    } else if (member_relieve(flow, member)) {
        return true;
    } else if (member_may_swap(flow, member) && flow->distance[member] == flow->pool_distance + 1) {
        for (uint16_t other = 0; other < flow->member_count; other++) {
            if (flow->load[other] > flow->shares[other].floor && !flow->member_dead[other] &&
                flow->distance[other] + 1 == flow->pool_distance) {
                if (member_relieve(flow, other)) {
                    return true;
                }
                flow->member_dead[other] = true;
            }
        }
    }
    flow->member_dead[member] = true;
    return false;
}

static bool slot_try(struct flow *flow, uint32_t slot, const struct zone_rule *rule,
                     uint16_t member)
{
    if (flow->member_dead[member] || row_has(flow, rule->row, member) ||
        !zone_allowed(flow, rule, member_zone(flow, member)) || !member_make_room(flow, member)) {
        return false;
    }
    if (flow->owners[slot] != PLANNER_NONE) {
        slot_release(flow, slot);
    }
    slot_take(flow, slot, member);
    flow->slot_dead[slot] = false;
    return true;
}

/* Where the members of a zone at this distance or further begin. */
static uint32_t zone_find(const struct flow *flow, uint32_t zone, int32_t distance)
{
    uint32_t low = flow->zone_start[zone];
    uint32_t high = flow->zone_start[zone + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (flow->ranked[middle].distance < distance) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Tries the zone's members at this distance, beginning somewhere that differs from slot to slot, so
 * that copies are spread over all pairs of members. */
static bool slot_try_zone(struct flow *flow, uint32_t slot, const struct zone_rule *rule,
                          uint32_t zone, int32_t distance)
{
    uint32_t start = zone_find(flow, zone, distance);
    uint32_t count = zone_find(flow, zone, distance + 1) - start;
    uint32_t turn = count > 0 ? (uint32_t)(hash_mix(slot + 1) % count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t member = flow->ranked[start + (turn + i) % count].member;
        if (!was_owner(flow, slot, member) && slot_try(flow, slot, rule, member)) {
            return true;
        }
    }
    return false;
}

bool slot_fill(struct flow *flow, uint32_t slot, int32_t left)
{
    struct zone_rule rule = zone_rule_of(flow, slot);
    if (flow->input->before != NULL) {
        const uint16_t *before = row_before(flow, slot);
        for (uint32_t i = 0; i < flow->input->before_replicas; i++) {
            if (before[i] != PLANNER_NONE && flow->distance[before[i]] + 1 == left &&
                slot_try(flow, slot, &rule, before[i])) {
                return true;
            }
        }
    }
    uint32_t turn = (uint32_t)(hash_mix(slot + UINT64_C(0x9e3779b97f4a7c15)) % flow->zone_count);
    for (uint32_t i = 0; i < flow->zone_count; i++) {
        uint32_t zone = (turn + i) % flow->zone_count;
        if (zone_allowed(flow, &rule, zone) &&
            slot_try_zone(flow, slot, &rule, zone, left - FLOW_COST - 1)) {
            return true;
        }
    }
    return false;
}
