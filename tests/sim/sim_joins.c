/* One look at all nodes, every now and then. */
#include "sim_joins.h"

#include "shoal/error.h"

#define LOOK_US UINT64_C(200000)

static void join_answered(struct sim_request *request)
{
    struct sim_joins *joins = request->user;
    joins->asked[request->node] = false;
    if (request->done && request->code == 0) {
        joins->world->counts.joins++;
    } else {
        joins->refused++;
    }
}

static uint64_t cluster_of(const struct sim_node *node)
{
    const struct snapshot *snapshot = sim_node_snapshot(node);
    return snapshot == NULL ? 0 : view_facts(snapshot->view)->id;
}

static void ask(struct sim_joins *joins, const struct sim_node *node)
{
    struct sim_world *world = joins->world;
    const struct sim_node *member = sim_members_contact(world);
    const struct node_config *first =
        member == NULL || world->cluster == 0 ? &world->nodes[0].config : &member->config;
    struct sim_ask ask = {.node = node->index,
                          .op = REQUEST_JOIN,
                          .key = bytes_from_string(first->advertise_host),
                          .limit = first->peer_port,
                          .completed = join_answered,
                          .user = joins};
    joins->asked[node->index] = true;
    sim_request_submit(world, &ask);
}

static void start(struct sim_joins *joins, uint32_t from, uint32_t to)
{
    struct sim_world *world = joins->world;
    for (uint32_t i = from; i < to; i++) {
        struct sim_node *node = &world->nodes[i];
        int code = node->life == 0 ? sim_node_start(node) : 0;
        if (code != 0) {
            sim_world_fail(world, SIM_ROBUSTNESS, "node%u does not start: code %d", i, code);
        }
    }
}

static void look(struct timer *timer, uint64_t now_us)
{
    struct sim_joins *joins = QUEUE_ITEM(timer, struct sim_joins, timer);
    struct sim_world *world = joins->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (joins->late_us[i] != 0 && now_us >= joins->late_us[i]) {
            joins->late_us[i] = 0;
            sim_oracle_loss(&world->oracle);
            world->oracle.unstable = true;
            start(joins, i, i + 1);
        }
    }
    uint64_t first = world->cluster != 0 ? world->cluster : cluster_of(&world->nodes[0]);
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        bool apart = first != 0 && cluster_of(node) != 0 && cluster_of(node) != first;
        if (apart && node->state == SIM_UP && !joins->asked[i] && !joins->waits[i]) {
            ask(joins, node);
        }
    }
    timers_start(&world->timers, timer, now_us + LOOK_US);
}

void sim_joins_init(struct sim_joins *joins, struct sim_world *world)
{
    *joins = (struct sim_joins){.world = world, .timer = {.fire = look}};
}

void sim_joins_begin(struct sim_joins *joins)
{
    start(joins, 0, joins->world->options.nodes);
    timers_start(&joins->world->timers, &joins->timer, joins->world->now_us + LOOK_US);
}

void sim_joins_late(struct sim_joins *joins, uint32_t node, uint64_t at_us)
{
    joins->late_us[node] = at_us;
}
