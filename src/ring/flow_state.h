/* The flow while it is being worked out: the table of slots, the members' loads, and one phase's
 * distances. Private to flow.c (the phases), flow_table.c, flow_distance.c and flow_path.c. */
#ifndef RING_FLOW_STATE_H
#define RING_FLOW_STATE_H

#include "base/assert.h"
#include "ring/flow.h"

/* Distances to the sink: cost first, then the number of members passed, in one number. */
#define FLOW_COST 65536
#define FLOW_FAR (INT32_MAX / 2)

struct ranked {
    int32_t distance;
    uint16_t member;
};

struct flow {
    const struct planner_input *input;
    const struct share *shares;
    uint32_t partitions;
    uint32_t replicas;
    uint32_t member_count;
    uint32_t zone_count;
    uint32_t spare; /* copies a row may have beyond one a zone */

    /* The table, and for each member the slots (partition * replicas + place) that it holds. */
    uint16_t *owners;
    uint32_t *held;       /* all members' lists, one after the other */
    uint32_t *held_start; /* per member: where its list begins */
    uint32_t *load;       /* per member: the list's length */
    uint32_t *position;   /* per slot: its place in its holder's list */
    uint32_t *holes;      /* slots still empty */
    uint32_t hole_count;
    uint32_t pool_room; /* how many members may still own one more than their floor */

    /* One phase. */
    int32_t *distance;     /* per member: of one copy that it must pass on */
    int32_t pool_distance; /* of one copy passed on by making a member give up its extra one */
    struct ranked *ranked; /* members zone by zone, nearest first */
    uint32_t *zone_start;  /* where each zone's begin; zone_count + 1 of them */
    struct ranked *zones;  /* the zones, nearest first: `member` is the zone */
    bool *member_dead;     /* nothing more goes through it in this phase */
    bool *slot_dead;
};

static inline uint32_t member_zone(const struct flow *flow, uint16_t member)
{
    return flow->input->members[member].zone;
}

static inline const uint16_t *row_of(const struct flow *flow, uint32_t slot)
{
    return &flow->owners[slot / flow->replicas * flow->replicas];
}

static inline bool row_has(const struct flow *flow, const uint16_t *row, uint16_t member)
{
    for (uint32_t i = 0; i < flow->replicas; i++) {
        if (row[i] == member) {
            return true;
        }
    }
    return false;
}

static inline const uint16_t *row_before(const struct flow *flow, uint32_t slot)
{
    return &flow->input->before[(size_t)(slot / flow->replicas) * flow->input->before_replicas];
}

static inline bool was_owner(const struct flow *flow, uint32_t slot, uint16_t member)
{
    if (flow->input->before == NULL) {
        return false;
    }
    const uint16_t *before = row_before(flow, slot);
    for (uint32_t i = 0; i < flow->input->before_replicas; i++) {
        if (before[i] == member) {
            return true;
        }
    }
    return false;
}

static inline int32_t cost_of(const struct flow *flow, uint32_t slot, uint16_t member)
{
    return was_owner(flow, slot, member) ? 0 : FLOW_COST;
}

static inline bool member_has_fraction(const struct flow *flow, uint16_t member)
{
    return flow->shares[member].numerator > 0;
}

static inline bool member_has_room(const struct flow *flow, uint16_t member)
{
    uint32_t floor = flow->shares[member].floor;
    return flow->load[member] < floor || (flow->load[member] == floor && flow->pool_room > 0 &&
                                          member_has_fraction(flow, member));
}

/* May it own one more if another gives up its extra one? */
static inline bool member_may_swap(const struct flow *flow, uint16_t member)
{
    return flow->load[member] == flow->shares[member].floor && member_has_fraction(flow, member);
}

/* Which zones a slot may be filled from, when what is in it goes. */
struct zone_rule {
    const uint16_t *row;
    uint32_t own;    /* the zone of who goes; UINT32_MAX for a hole */
    bool spare_left; /* zones the row has already will do as well */
};

struct zone_rule zone_rule_of(const struct flow *flow, uint32_t slot);
bool zone_allowed(const struct flow *flow, const struct zone_rule *rule, uint32_t zone);

/* Gives an empty slot to a member with room. */
void slot_take(struct flow *flow, uint32_t slot, uint16_t member);
/* The slot's holder goes. */
void slot_release(struct flow *flow, uint32_t slot);

/* Every member's distance to the sink, in the state as it is now; ranks members and zones by it. */
void distances_compute(struct flow *flow);
/* Of a copy that must go into the slot, whose holder goes; FLOW_FAR when there is no way. */
int32_t slot_distance(const struct flow *flow, uint32_t slot);

/* Gives the slot another member over a path that is `left` long by the distances computed; false
 * when there is none left. */
bool slot_fill(struct flow *flow, uint32_t slot, int32_t left);

#endif
