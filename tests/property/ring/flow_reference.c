#include "flow_reference.h"

#include "base/assert.h"

#include <stdlib.h>

struct arc {
    uint32_t from;
    uint32_t to;
    uint32_t room;
    int32_t cost;
};

struct network {
    struct arc *arcs; /* the reverse of arc i is arc i ^ 1 */
    uint32_t arc_count;
    uint32_t arc_capacity;
    uint32_t node_count;
};

static void arc_add(struct network *network, uint32_t from, uint32_t to, uint32_t room,
                    int32_t cost)
{
    if (network->arc_count + 2 > network->arc_capacity) {
        network->arc_capacity = network->arc_capacity * 2 + 64;
        network->arcs = realloc(network->arcs, network->arc_capacity * sizeof(*network->arcs));
        ASSERT(network->arcs != NULL);
    }
    network->arcs[network->arc_count++] = (struct arc){from, to, room, cost};
    network->arcs[network->arc_count++] = (struct arc){to, from, 0, -cost};
}

/* One unit along a shortest path: false when there is none. */
static bool augment(struct network *network, uint32_t source, uint32_t sink, int32_t *cost)
{
    int32_t *distance = malloc(network->node_count * sizeof(*distance));
    uint32_t *via = malloc(network->node_count * sizeof(*via));
    ASSERT(distance != NULL && via != NULL);
    for (uint32_t i = 0; i < network->node_count; i++) {
        distance[i] = INT32_MAX;
    }
    distance[source] = 0;
    for (bool any = true; any;) {
        any = false;
        for (uint32_t i = 0; i < network->arc_count; i++) {
            const struct arc *arc = &network->arcs[i];
            if (arc->room > 0 && distance[arc->from] != INT32_MAX &&
                distance[arc->from] + arc->cost < distance[arc->to]) {
                distance[arc->to] = distance[arc->from] + arc->cost;
                via[arc->to] = i;
                any = true;
            }
        }
    }
    bool found = distance[sink] != INT32_MAX;
    for (uint32_t node = sink; found && node != source; node = network->arcs[via[node]].from) {
        network->arcs[via[node]].room--;
        network->arcs[via[node] ^ 1].room++;
    }
    if (found) {
        *cost += distance[sink];
    }
    free(via);
    free(distance);
    return found;
}

static bool was_owner(const struct planner_input *input, uint32_t partition, uint32_t member)
{
    for (uint32_t i = 0; input->before != NULL && i < input->before_replicas; i++) {
        if (input->before[partition * input->before_replicas + i] == member) {
            return true;
        }
    }
    return false;
}

struct flow_reference_result flow_reference(const struct planner_input *input, uint32_t replicas,
                                            uint32_t zone_count, const struct share *shares)
{
    uint32_t zones_needed = zone_count < replicas ? zone_count : replicas;
    uint32_t each = 3 + zone_count; /* a partition, one a zone, spare, partition in zone */
    uint32_t members = 3 + input->partitions * each;
    const uint32_t source = 0;
    const uint32_t sink = 1;
    const uint32_t pool = 2;
    struct network network = {.node_count = members + input->member_count};
    uint32_t floors = 0;
    for (uint32_t p = 0; p < input->partitions; p++) {
        uint32_t partition = 3 + p * each;
        arc_add(&network, source, partition, replicas, 0);
        arc_add(&network, partition, partition + 1, zones_needed, 0);
        arc_add(&network, partition, partition + 2, replicas - zones_needed, 0);
        for (uint32_t zone = 0; zone < zone_count; zone++) {
            arc_add(&network, partition + 1, partition + 3 + zone, 1, 0);
            arc_add(&network, partition + 2, partition + 3 + zone, replicas, 0);
        }
        for (uint32_t m = 0; m < input->member_count; m++) {
            arc_add(&network, partition + 3 + input->members[m].zone, members + m, 1,
                    was_owner(input, p, m) ? 0 : 1);
        }
    }
    for (uint32_t m = 0; m < input->member_count; m++) {
        floors += shares[m].floor;
        arc_add(&network, members + m, sink, shares[m].floor, 0);
        arc_add(&network, members + m, pool, shares[m].numerator > 0, 0);
    }
    arc_add(&network, pool, sink, input->partitions * replicas - floors, 0);

    struct flow_reference_result result = {0};
    int32_t cost = 0;
    while (augment(&network, source, sink, &cost)) {
        result.placed++;
    }
    result.moved = (uint32_t)cost;
    free(network.arcs);
    return result;
}
