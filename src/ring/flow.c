#include "ring/flow.h"

#include "base/memory.h"
#include "ring/flow_state.h"
#include "shoal/error.h"

/* What stays: place by place over all rows, so that what doesn't fit any more falls to rows as
 * different as can be. A flow of cost 0 is a cheapest one of its size, as the method needs. */
static void keep_what_fits(struct flow *flow)
{
    uint32_t before_replicas = flow->input->before_replicas;
    for (uint32_t place = 0; place < before_replicas; place++) {
        for (uint32_t partition = 0; partition < flow->partitions; partition++) {
            uint32_t first = partition * flow->replicas;
            uint16_t member = row_before(flow, first)[place];
            uint32_t slot = first + place;
            if (member == PLANNER_NONE || !member_has_room(flow, member)) {
                continue;
            }
            if (place >= flow->replicas) {
                for (slot = first; slot < first + flow->replicas; slot++) {
                    if (flow->owners[slot] == PLANNER_NONE) {
                        break;
                    }
                }
                if (slot == first + flow->replicas) {
                    continue;
                }
            }
            struct zone_rule rule = zone_rule_of(flow, slot);
            if (zone_allowed(flow, &rule, member_zone(flow, member))) {
                slot_take(flow, slot, member);
            }
        }
    }
}

/* Fills as many holes as the shortest paths allow. */
static void phase_run(struct flow *flow)
{
    int32_t nearest = FLOW_FAR;
    uint32_t kept = 0;
    distances_compute(flow);
    for (uint32_t i = 0; i < flow->hole_count; i++) {
        int32_t distance = slot_distance(flow, flow->holes[i]);
        nearest = distance < nearest ? distance : nearest;
    }
    ASSERT(nearest < FLOW_FAR); /* the shares say that a full flow exists */
    for (uint32_t member = 0; member < flow->member_count; member++) {
        flow->member_dead[member] = false;
    }
    for (uint32_t slot = 0; slot < flow->partitions * flow->replicas; slot++) {
        flow->slot_dead[slot] = false;
    }
    for (uint32_t i = 0; i < flow->hole_count; i++) {
        uint32_t slot = flow->holes[i];
        if (!slot_fill(flow, slot, nearest)) {
            flow->holes[kept++] = slot;
        }
    }
    ASSERT(kept < flow->hole_count);
    flow->hole_count = kept;
}

static void holes_find(struct flow *flow)
{
    flow->hole_count = 0;
    for (uint32_t place = 0; place < flow->replicas; place++) {
        for (uint32_t partition = 0; partition < flow->partitions; partition++) {
            uint32_t slot = partition * flow->replicas + place;
            if (flow->owners[slot] == PLANNER_NONE) {
                flow->holes[flow->hole_count++] = slot;
            }
        }
    }
}

/* Members zone by zone, room for each one's list, an empty table. */
static void flow_prepare(struct flow *flow)
{
    uint32_t slots = flow->partitions * flow->replicas;
    uint32_t sum = 0;
    for (uint32_t member = 0; member < flow->member_count; member++) {
        flow->held_start[member] = sum + member; /* a place more than its floor */
        sum += flow->shares[member].floor;
        flow->load[member] = 0;
        flow->zone_start[member_zone(flow, (uint16_t)member) + 1]++;
    }
    flow->pool_room = slots - sum;
    for (uint32_t zone = 0; zone < flow->zone_count; zone++) {
        flow->zone_start[zone + 1] += flow->zone_start[zone];
    }
    for (uint32_t member = flow->member_count; member-- > 0;) {
        uint32_t zone = member_zone(flow, (uint16_t)member);
        flow->ranked[flow->zone_start[zone] + flow->load[zone]++].member = (uint16_t)member;
    }
    for (uint32_t member = 0; member < flow->member_count; member++) {
        flow->load[member] = 0;
    }
    for (uint32_t slot = 0; slot < slots; slot++) {
        flow->owners[slot] = PLANNER_NONE;
    }
}

static void flow_deinit(struct flow *flow)
{
    mem_free(flow->slot_dead);
    mem_free(flow->member_dead);
    mem_free(flow->zones);
    mem_free(flow->zone_start);
    mem_free(flow->ranked);
    mem_free(flow->distance);
    mem_free(flow->holes);
    mem_free(flow->position);
    mem_free(flow->load);
    mem_free(flow->held_start);
    mem_free(flow->held);
}

static int flow_init(struct flow *flow)
{
    size_t slots = (size_t)flow->partitions * flow->replicas;
    size_t members = flow->member_count;
    flow->held = mem_alloc((slots + members) * sizeof(*flow->held));
    flow->held_start = mem_alloc(members * sizeof(*flow->held_start));
    flow->load = mem_alloc(members * sizeof(*flow->load));
    flow->position = mem_alloc(slots * sizeof(*flow->position));
    flow->holes = mem_alloc(slots * sizeof(*flow->holes));
    flow->distance = mem_alloc(members * sizeof(*flow->distance));
    flow->ranked = mem_alloc(members * sizeof(*flow->ranked));
    flow->zone_start = mem_alloc_zeroed(flow->zone_count + 1, sizeof(*flow->zone_start));
    flow->zones = mem_alloc(flow->zone_count * sizeof(*flow->zones));
    flow->member_dead = mem_alloc(members * sizeof(*flow->member_dead));
    flow->slot_dead = mem_alloc(slots * sizeof(*flow->slot_dead));
    if (flow->held == NULL || flow->held_start == NULL || flow->load == NULL ||
        flow->position == NULL || flow->holes == NULL || flow->distance == NULL ||
        flow->ranked == NULL || flow->zone_start == NULL || flow->zones == NULL ||
        flow->member_dead == NULL || flow->slot_dead == NULL) {
        flow_deinit(flow);
        return SHOAL_ENOMEM;
    }
    return 0;
}

int flow_assign(const struct planner_input *input, uint32_t replicas, uint32_t zone_count,
                const struct share *shares, uint16_t *owners)
{
    struct flow flow = {.input = input,
                        .shares = shares,
                        .partitions = input->partitions,
                        .replicas = replicas,
                        .member_count = input->member_count,
                        .zone_count = zone_count,
                        .spare = replicas > zone_count ? replicas - zone_count : 0,
                        .owners = owners};
    int r = flow_init(&flow);
    if (r != 0) {
        return r;
    }
    flow_prepare(&flow);
    if (input->before != NULL) {
        keep_what_fits(&flow);
    }
    holes_find(&flow);
    while (flow.hole_count > 0) {
        phase_run(&flow);
    }
    flow_deinit(&flow);
    return 0;
}
