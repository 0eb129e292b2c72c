/* The end of a schedule: no more faults, operators remove what stays down, and in bounded time one
 * layout is left, what was due is in it, and everything is where it belongs. */
#include "layouts_world.h"

#include "base/assert.h"

#include <string.h>

#define TURNS 120u

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
                                            .data = node->places[p].data},
                            node->view);
            }
        }
    }
}

/* ---- what holds at any time ---- */

/* All that any node knows. */
static struct view *view_of_all(const struct world *world)
{
    struct view *all = view_ref(world->nodes[0].view);
    for (uint32_t n = 1; n < world->node_count; n++) {
        struct view *joined;
        ASSERT(view_join(all, world->nodes[n].view, &joined) == 0);
        view_unref(all);
        all = joined;
    }
    return all;
}

/* Who is refilling, or was removed, may have lost it. */
void world_check_held(struct world *world)
{
    struct view *all = view_of_all(world);
    const struct layout *layout = view_read_layout(all);
    for (uint32_t p = 0; p < world->partitions; p++) {
        uint32_t owners = owners_mask(layout, p);
        for (int write = 0; write < world->write_count; write++) {
            uint64_t bit = UINT64_C(1) << write % 64;
            if (!(world->acked[p].words[write / 64] & ~world->excused[p].words[write / 64] & bit)) {
                continue;
            }
            uint32_t holders = removed_mask(all);
            for (uint32_t n = 0; n < world->node_count; n++) {
                const struct place *place = &world->nodes[n].places[p];
                bool holds = place->refilling || (place->data.words[write / 64] & bit) != 0;
                holders |= (uint32_t)holds << n;
            }
            if (__builtin_popcount(owners & holders) < (int)WORLD_W) {
                world_fail(world, "check 6: write %d of p%u is held by %x only, of owners %x",
                           write, p, holders, owners);
            }
        }
    }
    view_unref(all);
}

/* ---- the end ---- */

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
            if (good(node) && !writes_empty(&node->places[p].data)) {
                return false;
            }
            continue;
        }
        if (node->places[p].refilling ||
            (data != NULL && !writes_equal(data, &node->places[p].data))) {
            return false;
        }
        data = &node->places[p].data;
    }
    return true;
}

static bool settled(const struct world *world, const struct view *view)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        const struct view *other = world->nodes[n].view;
        if (good(&world->nodes[n]) &&
            (other->live_count != 1 || view_due(other) || world->nodes[n].owed_count > 0 ||
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

/* Nothing is due any more, so what was committed is what the layout has. What only the dead knew of
 * is excused. */
static void check_changes(struct world *world, const struct view *view)
{
    uint32_t dead = 0;
    for (uint32_t n = 0; n < world->node_count; n++) {
        dead |= (uint32_t)world->nodes[n].dead << n;
    }
    for (uint32_t i = 0; i < world->asked_count; i++) {
        const struct asked *asked = &world->asked[i];
        struct role role = asked->role;
        struct roles one = {.items = &role, .count = 1};
        role.staged = (asked->committed & ~dead) == 0;
        if (!(role.staged && (dead >> asked->by & 1)) && roles_behind(&view->roles, &one)) {
            world_fail(world, "check 3: a change of n%llu was dropped: %s at n%u with stamp %llu",
                       (unsigned long long)(role.node - 1), role.staged ? "staged" : "committed",
                       asked->by, (unsigned long long)role.stamp);
        }
    }
}

static void check_data(struct world *world, const struct layout *layout)
{
    for (uint32_t p = 0; p < world->partitions; p++) {
        uint32_t holder = (uint32_t)__builtin_ctz(owners_mask(layout, p));
        const struct writes *data = &world->nodes[holder].places[p].data;
        struct writes lost = writes_less(&world->acked[p], &world->excused[p], data);
        if (!writes_empty(&lost)) {
            world_fail(world, "check 2: acknowledged writes of p%u are lost", p);
        }
        lost = writes_less(&world->held[p], &world->excused[p], data);
        if (!writes_empty(&lost) && !world->declared[p] && world->ever_removed == 0 &&
            !world->disk_lost) {
            world_fail(world, "check 2: writes of p%u, once held, were thrown away", p);
        }
    }
}

/* Writes acknowledged with fallbacks' help are there once their hints are delivered; unless one of
 * those who said that they have it was removed, or a disk was lost. */
static void check_helped(struct world *world, const struct layout *layout)
{
    for (uint32_t i = 0; i < world->helped_count; i++) {
        const struct helped *helped = &world->helped[i];
        uint32_t holder = (uint32_t)__builtin_ctz(owners_mask(layout, helped->partition));
        struct writes one = {0};
        writes_add(&one, helped->write);
        struct writes lost = writes_less(&one, &world->nodes[holder].places[helped->partition].data,
                                         &world->excused[helped->partition]);
        if (!writes_empty(&lost) && !world->disk_lost && world->ever_removed == 0) {
            world_fail(world, "check 2: write %d of p%u, kept for an owner, is lost", helped->write,
                       helped->partition);
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
        } else if (turn > 1 && settled(world, node->view)) {
            check_changes(world, node->view);
            world_check_held(world);
            check_data(world, view_newest(node->view));
            check_helped(world, view_newest(node->view));
            check_requests(world);
            return;
        }
    }
    world_fail(world, "check 4: no end to the changes");
}
