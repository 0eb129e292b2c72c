/* The end of a schedule: no more faults, operators remove what stays down and commit what is
 * pending, and in bounded time one layout is left and everything is where it belongs. */
#include "layouts_world.h"

#include <string.h>

#define TURNS 80u

static void drain(struct world *world)
{
    while (world->net.count > 0) {
        struct letter letter = letters_take(&world->net, world->net.count - 1);
        if (world->nodes[letter.to].up) {
            node_handle(world, &letter);
        }
        view_unref(letter.view);
    }
}

static void faults_end(struct world *world)
{
    world_say(world, "-- all heals --");
    world->cut = 0;
    world->reach = 1;
    world->deadline = 8;
    world->lag = 0;
    while (world->late.count > 0) {
        letters_add(&world->net, letters_take(&world->late, 0));
    }
    for (uint32_t n = 0; n < world->node_count; n++) {
        struct world_node *node = &world->nodes[n];
        node->paused = false;
        node->up = node->up || !(node->dead || node->halted);
    }
}

/* Everybody tells everybody all, anti-entropy included. */
static void exchange(struct world *world, struct world_node *node)
{
    for (uint32_t to = 0; to < world->node_count; to++) {
        letter_send(world, (struct letter){.kind = GOSSIP, .from = node->n, .to = to}, node->view);
        for (uint32_t p = 0; p < world->partitions; p++) {
            if (view_owns_at(node->view, node->n, p) &&
                (owners_mask(view_newest(node->view), p) >> to & 1)) {
                letter_send(world,
                            (struct letter){.kind = PUSH,
                                            .from = node->n,
                                            .to = to,
                                            .partition = p,
                                            .data = node->data[p]},
                            node->view);
            }
        }
    }
}

static bool good(const struct world_node *node)
{
    return node->up && !view_removed(node->view, node->n + 1);
}

/* All of a partition's owners have the same, and nobody else has any. */
static bool partition_settled(const struct world *world, const struct layout *layout, uint32_t p)
{
    uint32_t owners = owners_mask(layout, p);
    const struct writes *data = NULL;
    for (uint32_t n = 0; n < world->node_count; n++) {
        const struct world_node *node = &world->nodes[n];
        if (!(owners >> n & 1)) {
            if (good(node) && !writes_empty(&node->data[p])) {
                return false;
            }
            continue;
        }
        if (data != NULL && !writes_equal(data, &node->data[p])) {
            return false;
        }
        data = &node->data[p];
    }
    return true;
}

static bool settled(const struct world *world, const struct view *view)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        const struct view *other = world->nodes[n].view;
        if (good(&world->nodes[n]) &&
            (other->live_count != 1 || view_pending(other) ||
             layout_key_compare(&view_newest(other)->key, &view_newest(view)->key) != 0)) {
            return false;
        }
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (!partition_settled(world, view_newest(view), p)) {
            return false;
        }
    }
    return true;
}

/* Nothing is pending any more: what the roles ask is what the layout has. */
static void check_changes(struct world *world, const struct view *view)
{
    for (uint32_t i = 0; i < world->asked_count; i++) {
        struct roles one = {.items = &world->asked[i].role, .count = 1};
        if (!world->nodes[world->asked[i].by].dead && roles_behind(&view->roles, &one)) {
            world_fail(world, "check 3: a change of n%llu was dropped",
                       (unsigned long long)(world->asked[i].role.node - 1));
        }
    }
}

static void check_data(struct world *world, const struct layout *layout)
{
    for (uint32_t p = 0; p < world->partitions; p++) {
        uint32_t holder = (uint32_t)__builtin_ctz(owners_mask(layout, p));
        const struct writes *data = &world->nodes[holder].data[p];
        struct writes lost = writes_less(&world->acked[p], &world->excused[p], data);
        if (!writes_empty(&lost)) {
            world_fail(world, "check 2: acknowledged writes of p%u are lost", p);
        }
        lost = writes_less(&world->held[p], &world->excused[p], data);
        if (!writes_empty(&lost) && !world->declared[p] && world->ever_removed == 0) {
            world_fail(world, "check 2: writes of p%u, once held, were thrown away", p);
        }
    }
}

static void check_requests(struct world *world)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t count = world_fit(world, fit);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t p = 0; p < world->partitions; p++) {
            for (int is_write = 0; is_write < 2; is_write++) {
                uint64_t id = operation_begin(world, fit[i], is_write, p);
                drain(world);
                if (operation_find(fit[i], id) != NULL) {
                    world_fail(world, "check 4: a request at n%u does not finish", fit[i]->n);
                }
            }
        }
    }
}

static struct world_node *operator_node(struct world *world)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t count = world_fit(world, fit);
    for (uint32_t i = 0; i < count; i++) {
        if (counted_mask(fit[i]->view) >> fit[i]->n & 1) {
            return fit[i];
        }
    }
    return NULL;
}

/* The first node that changes wait for and that is down. */
static int down_and_counted(const struct world *world, const struct view *view)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (!world->nodes[n].up && (counted_mask(view) >> n & 1)) {
            return (int)n;
        }
    }
    return -1;
}

static void turn_run(struct world *world)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (world->nodes[n].up) {
            node_tick(world, &world->nodes[n], true);
            exchange(world, &world->nodes[n]);
        }
    }
    drain(world);
}

void world_heal(struct world *world)
{
    faults_end(world);
    for (uint32_t turn = 0; turn < TURNS && world->failure[0] == 0; turn++) {
        world->now++;
        turn_run(world);
        struct world_node *node = operator_node(world);
        if (node == NULL) {
            world_fail(world, "check 4: nobody is left to operate");
            return;
        }
        int down = down_and_counted(world, node->view);
        if (turn > 5 && down >= 0) {
            operator_remove(world, node, (uint32_t)down);
        } else if (turn > 1 && view_pending(node->view)) {
            operator_commit(world, node);
        } else if (turn > 1 && settled(world, node->view)) {
            check_changes(world, node->view);
            check_data(world, view_newest(node->view));
            check_requests(world);
            return;
        }
    }
    world_fail(world, "check 4: no end to the changes");
}
