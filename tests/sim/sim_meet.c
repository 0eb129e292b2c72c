/* One meeting at a time. See sim_meet.h. */
#include "sim_meet.h"

#define APART_US UINT64_C(5000000) /* until operators are sure that it doesn't heal by itself */
#define MEET_US UINT64_C(3000000)

static const struct snapshot *view_from(const struct sim_node *node)
{
    return node->state == SIM_UP && !node->paused ? sim_node_snapshot(node) : NULL;
}

static bool knows(const struct snapshot *snapshot, const struct snapshot *other)
{
    const struct snapshot_node *known = snapshot_find(snapshot, other->self);
    return known != NULL && known->record.peer_port != 0;
}

/* Who knows that it was removed has nothing more to learn. */
static bool are_apart(const struct snapshot *one, const struct snapshot *other)
{
    return one != NULL && other != NULL &&
           view_facts(one->view)->id == view_facts(other->view)->id &&
           !view_removed(other->view, other->self) && !knows(one, other) && !knows(other, one);
}

/* A member, and a node that it doesn't know and that doesn't know it; false when there are none. */
static bool find_two(struct sim_world *world, struct sim_node **member, struct sim_node **other)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *one = &world->nodes[i];
        const struct snapshot *snapshot = view_from(one);
        if (snapshot == NULL || one->removed || sim_members_standing(world, one) != SIM_MEMBER) {
            continue;
        }
        for (uint32_t k = 0; k < world->node_count; k++) {
            if (k != i && are_apart(snapshot, view_from(&world->nodes[k]))) {
                *member = one;
                *other = &world->nodes[k];
                return true;
            }
        }
    }
    return false;
}

bool sim_meet_done(struct sim_world *world)
{
    struct sim_node *member;
    struct sim_node *other;
    return !find_two(world, &member, &other);
}

static void met(struct sim_request *request)
{
    struct sim_meet *meet = request->user;
    meet->asked = false;
    meet->since_us = 0;
}

void sim_meet_look(struct sim_meet *meet, struct sim_world *world)
{
    struct sim_node *member;
    struct sim_node *other;
    if (meet->asked) {
        return;
    }
    if (!find_two(world, &member, &other)) {
        meet->since_us = 0;
        return;
    }
    meet->since_us = meet->since_us == 0 ? world->now_us : meet->since_us;
    if (world->now_us < meet->since_us + APART_US) {
        return;
    }
    struct sim_ask ask = {.node = member->index,
                          .op = REQUEST_JOIN,
                          .key = bytes_from_string(other->config.advertise_host),
                          .limit = other->config.peer_port,
                          .options = {.timeout_us = MEET_US},
                          .completed = met,
                          .user = meet};
    meet->asked = true;
    world->counts.meetings++;
    sim_trace_say(&world->trace, world->now_us, "an operator has node%u meet node%u", member->index,
                  other->index);
    sim_request_submit(world, &ask);
}
