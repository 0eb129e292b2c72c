#include "ring/flow.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"

#include <stdlib.h>

/* Distances to the sink: cost first, then the number of members passed, in one number. */
#define COST 65536
#define FAR (INT32_MAX / 2)

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

static uint32_t member_zone(const struct flow *flow, uint16_t member)
{
    return flow->input->members[member].zone;
}

static const uint16_t *row_of(const struct flow *flow, uint32_t slot)
{
    return &flow->owners[slot / flow->replicas * flow->replicas];
}

static bool row_has(const struct flow *flow, const uint16_t *row, uint16_t member)
{
    for (uint32_t i = 0; i < flow->replicas; i++) {
        if (row[i] == member) {
            return true;
        }
    }
    return false;
}

static const uint16_t *row_before(const struct flow *flow, uint32_t slot)
{
    return &flow->input->before[(size_t)(slot / flow->replicas) * flow->input->before_replicas];
}

static bool was_owner(const struct flow *flow, uint32_t slot, uint16_t member)
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

static int32_t cost_of(const struct flow *flow, uint32_t slot, uint16_t member)
{
    return was_owner(flow, slot, member) ? 0 : COST;
}

static bool member_has_fraction(const struct flow *flow, uint16_t member)
{
    return flow->shares[member].numerator > 0;
}

static bool member_has_room(const struct flow *flow, uint16_t member)
{
    uint32_t floor = flow->shares[member].floor;
    return flow->load[member] < floor || (flow->load[member] == floor && flow->pool_room > 0 &&
                                          member_has_fraction(flow, member));
}

/* May it own one more if another gives up its extra one? */
static bool member_may_swap(const struct flow *flow, uint16_t member)
{
    return flow->load[member] == flow->shares[member].floor && member_has_fraction(flow, member);
}

/* Which zones a slot may be filled from, when what is in it goes. */
struct zone_rule {
    const uint16_t *row;
    uint32_t own;    /* the zone of who goes; UINT32_MAX for a hole */
    bool spare_left; /* zones the row has already will do as well */
};

static struct zone_rule zone_rule_of(const struct flow *flow, uint32_t slot)
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

static bool zone_allowed(const struct flow *flow, const struct zone_rule *rule, uint32_t zone)
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

/* The table, changed one slot at a time. */

static void slot_leave(struct flow *flow, uint32_t slot)
{
    uint16_t member = flow->owners[slot];
    uint32_t *list = &flow->held[flow->held_start[member]];
    uint32_t last = list[--flow->load[member]];
    list[flow->position[slot]] = last;
    flow->position[last] = flow->position[slot];
    flow->owners[slot] = PLANNER_NONE;
}

static void slot_take(struct flow *flow, uint32_t slot, uint16_t member)
{
    if (flow->load[member] == flow->shares[member].floor) {
        ASSERT(flow->pool_room > 0);
        flow->pool_room--;
    }
    flow->held[flow->held_start[member] + flow->load[member]] = slot;
    flow->position[slot] = flow->load[member]++;
    flow->owners[slot] = member;
}

/* The slot's holder goes, if it has one. */
static void slot_release(struct flow *flow, uint32_t slot)
{
    uint16_t member = flow->owners[slot];
    if (flow->load[member] > flow->shares[member].floor) {
        flow->pool_room++;
    }
    slot_leave(flow, slot);
}

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

/* Distances. */

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
            return flow->ranked[i].distance + COST + 1;
        }
    }
    return FAR;
}

/* The distance of a copy that must go into the slot, whose holder goes. */
static int32_t slot_distance(const struct flow *flow, uint32_t slot)
{
    struct zone_rule rule = zone_rule_of(flow, slot);
    int32_t best = FAR;
    if (rule.own != UINT32_MAX) {
        best = zone_distance(flow, rule.row, rule.own);
    }
    for (uint32_t i = 0; i < flow->zone_count; i++) {
        if (flow->zones[i].distance + COST + 1 >= best) {
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
        if (best < FAR && best - cost_of(flow, slot, holder) + 1 < flow->distance[holder]) {
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

static void distances_compute(struct flow *flow)
{
    flow->pool_distance = FAR;
    for (uint16_t member = 0; member < flow->member_count; member++) {
        flow->distance[member] = member_has_room(flow, member) ? 0 : FAR;
    }
    while (distances_relax(flow)) {
    }
}

/* Paths: each step goes to where the distance says the rest of the way is exactly as long as is
 * left. Distances fall at every step, so the recursion ends and never meets a member twice. */

static bool slot_fill(struct flow *flow, uint32_t slot, int32_t left);

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

/* Gives the slot another member over a path that is `left` long. */
static bool slot_fill(struct flow *flow, uint32_t slot, int32_t left)
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
            slot_try_zone(flow, slot, &rule, zone, left - COST - 1)) {
            return true;
        }
    }
    return false;
}

/* Fills as many holes as the shortest paths allow. */
static void phase_run(struct flow *flow)
{
    int32_t nearest = FAR;
    uint32_t kept = 0;
    distances_compute(flow);
    for (uint32_t i = 0; i < flow->hole_count; i++) {
        int32_t distance = slot_distance(flow, flow->holes[i]);
        nearest = distance < nearest ? distance : nearest;
    }
    ASSERT(nearest < FAR); /* the shares say that a full flow exists */
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
