/* A schedule: operators, faults, the network; then everything heals and the last checks are made.
 */
#include "layouts_world.h"

#include "base/assert.h"
#include "shoal/error.h"

#include <stdlib.h>
#include <string.h>

/* Operators. */

/* Up, in the cluster, and not removed as far as it knows itself. */
static bool node_fit(const struct world *world, const struct world_node *node)
{
    return node->up && !node->paused && (world->joined >> node->n & 1) &&
           !view_removed(node->view, node->n + 1);
}

uint32_t world_fit(struct world *world, struct world_node **out)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (node_fit(world, &world->nodes[n])) {
            out[count++] = &world->nodes[n];
        }
    }
    return count;
}

static void operator_stage(struct world *world, struct world_node *node, uint32_t who,
                           enum role_kind kind)
{
    static const uint32_t weights[] = {1, 1, 10, 1000};
    struct role role = {.node = who + 1,
                        .author = node->n + 1,
                        .kind = kind,
                        .weight = weights[world_below(world, 4)]};
    struct view *next;
    int r = view_with_role(node->view, &role, &next);
    if (r != 0) {
        if (r == 1) {
            view_unref(next);
        }
        return; /* there already, or removed meanwhile */
    }
    world->asked = realloc(world->asked, (world->asked_count + 1u) * sizeof(*world->asked));
    ASSERT(world->asked != NULL);
    world->asked[world->asked_count++] =
        (struct asked){.role = *roles_find(&next->roles, who + 1), .by = node->n};
    world_say(world, "n%u: operator asks n%u -> %u", node->n, who, kind);
    node_adopt(world, node, next);
}

void operator_commit(struct world *world, struct world_node *node)
{
    struct view *next;
    int r = view_commit(node->view, &next);
    if (r == 0) {
        world->commit_count++;
        world->ever_removed |= removed_mask(next);
        world_say(world, "n%u: commits version %llu, %u live", node->n,
                  (unsigned long long)view_newest(next)->key.version, next->live_count);
        node_adopt(world, node, next);
    } else if (r == 1) {
        view_unref(next);
    } else if (r != SHOAL_EOVERLOAD) {
        world_fail(world, "n%u: a commit fails with %d", node->n, r);
    }
}

void operator_remove(struct world *world, struct world_node *node, uint32_t who)
{
    world->removed_count++;
    operator_stage(world, node, who, ROLE_REMOVED);
    operator_commit(world, node);
}

static void operate(struct world *world)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t fit_count = world_fit(world, fit);
    if (fit_count == 0) {
        return;
    }
    struct world_node *node = fit[world_below(world, fit_count)];
    if (world_chance(world, .3)) {
        operator_commit(world, node);
        return;
    }
    uint32_t dead[WORLD_NODES];
    uint32_t dead_count = 0;
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (world->nodes[n].dead && !world->nodes[n].up && !(world->ever_removed >> n & 1)) {
            dead[dead_count++] = n;
        }
    }
    if (dead_count > 0 && world_chance(world, .7)) {
        operator_remove(world, node, dead[world_below(world, dead_count)]);
        return;
    }
    if (world->changes == 0) {
        return;
    }
    world->changes--;
    uint32_t who = world_below(world, world->node_count);
    if ((world->ever_removed >> who & 1) || world->nodes[who].dead) {
        return;
    }
    enum role_kind kind = ROLE_IN; /* a joiner, or another weight for a member */
    if (world->losable > 0 && (world->joined >> who & 1) && world_chance(world, .5)) {
        kind = ROLE_OUT;
        world->losable--;
    }
    operator_stage(world, node, who, kind);
    if (world_chance(world, .7)) {
        operator_commit(world, node);
    }
}

/* Faults. */

/* Someone else up, and counted, knows all that the node knows. */
static bool another_knows(const struct world *world, const struct world_node *node)
{
    bool known = false;
    for (uint32_t n = 0; n < world->node_count && !known; n++) {
        const struct world_node *other = &world->nodes[n];
        struct view *joined;
        if (other->up && (counted_mask(other->view) >> n & 1)) {
            ASSERT(view_join(other->view, node->view, &joined) == 0);
            known = joined == other->view;
            view_unref(joined);
        }
    }
    return known;
}

/* A leaver that is done may stop for ever: it holds nothing and has told all it knows. */
static void maybe_halt(struct world *world, struct world_node *node)
{
    const struct role *role = roles_find(&node->view->roles, node->n + 1);
    if (role == NULL || role->kind != ROLE_OUT || (counted_mask(node->view) >> node->n & 1)) {
        return;
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (!writes_empty(&node->data[p])) {
            return;
        }
    }
    if (another_knows(world, node)) {
        node->halted = true;
        world_say(world, "n%u: has left and stops for ever", node->n);
    }
}

static void node_fault(struct world *world, struct world_node *node, double dice)
{
    if (node->up && dice < .7) {
        node_crash(node);
        world_say(world, "n%u: crashes", node->n);
        if (world->losable > 0 && world_chance(world, .6) && !node->dead) {
            node->dead = true;
            world->losable--;
        }
        maybe_halt(world, node);
    } else if (!node->up && !node->halted) {
        if (!node->dead || ((world->ever_removed >> node->n & 1) && world_chance(world, .5))) {
            node->up = true;
            world_say(world, "n%u: restarts", node->n);
        }
    }
}

static void fault(struct world *world)
{
    struct world_node *node = &world->nodes[world_below(world, world->node_count)];
    for (uint32_t n = 0; n < world->node_count; n++) {
        struct world_node *back = &world->nodes[n];
        if (back->dead && !back->up && (world->ever_removed >> n & 1) && world_chance(world, .2)) {
            node = back;
        }
    }
    double dice = random_unit(&world->random);
    if (dice < .25) {
        world->cut = world_chance(world, .66) ? 0 : world_below(world, 256);
        world_say(world, "cut: %x", world->cut);
    } else if (dice < .45) {
        node->paused = !node->paused && node->up;
    } else {
        node_fault(world, node, dice);
    }
}

/* The network. */

static bool apart(const struct world *world, const struct letter *letter)
{
    return ((world->cut >> letter->from ^ world->cut >> letter->to) & 1) &&
           letter->from != letter->to;
}

/* A node that rarely hears news: slow, or no member. */
static bool deaf(const struct world *world, const struct letter *letter)
{
    return letter->kind == GOSSIP &&
           ((world->slow >> letter->to & 1) ||
            (world->aloof && !(counted_mask(letter->view) >> letter->to & 1)));
}

static void deliver(struct world *world)
{
    if (world->late.count > 0 && world_chance(world, .02)) {
        letters_add(&world->net, letters_take(&world->late, world_below(world, world->late.count)));
    }
    if (world->net.count == 0) {
        return;
    }
    struct letter letter = letters_take(&world->net, world_below(world, world->net.count));
    struct world_node *node = &world->nodes[letter.to];
    if (node->paused || (apart(world, &letter) && world_chance(world, .3))) {
        letters_add(&world->net, letter);
        return;
    }
    if (world_chance(world, world->repeat)) {
        letters_add(&world->net, letter);
        view_ref(letter.view);
    }
    bool lost = (deaf(world, &letter) && world_chance(world, .9)) || !node->up ||
                apart(world, &letter) ||
                (letter.from != letter.to && world_chance(world, world->loss));
    if (!lost) {
        node_handle(world, &letter);
    }
    view_unref(letter.view);
}

/* One round of a probe: its own letters are quick, those that meet an obstacle are put aside. */
static void probe_round(struct world *world, struct letters *aside)
{
    struct letters now = world->net;
    world->net = (struct letters){0};
    while (now.count > 0) {
        struct letter letter = letters_take(&now, world_below(world, now.count));
        struct world_node *to = &world->nodes[letter.to];
        if (letter.kind == GOSSIP || to->paused || apart(world, &letter) ||
            world_chance(world, .1)) {
            letters_add(aside, letter);
            continue;
        }
        if (to->up) {
            node_handle(world, &letter);
        }
        view_unref(letter.view);
    }
    letters_clear(&now);
}

static void probe_one(struct world *world, struct world_node *node, bool is_write, uint32_t p)
{
    struct letters aside = world->net;
    world->net = (struct letters){0};
    operation_begin(world, node, is_write, p);
    for (uint32_t round = 0; round < 4; round++) {
        probe_round(world, &aside);
    }
    for (uint32_t i = 0; i < aside.count; i++) {
        letters_add(&world->net, aside.items[i]);
    }
    free(aside.items);
}

static int knows_less(const struct world *world, const struct world_node *a,
                      const struct world_node *b)
{
    return world->by_base ? layout_key_compare(&view_read_layout(a->view)->key,
                                               &view_read_layout(b->view)->key)
                          : layout_key_compare(&a->view->floor, &b->view->floor);
}

/* A write at one node and then a read at another, often those that know most and least. */
static void probe(struct world *world)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t count = world_fit(world, fit);
    if (count == 0) {
        return;
    }
    uint32_t p = world_below(world, world->partitions);
    struct world_node *writer = fit[world_below(world, count)];
    struct world_node *reader = fit[world_below(world, count)];
    if (world_chance(world, .7)) {
        for (uint32_t i = 0; i < count; i++) {
            writer = knows_less(world, writer, fit[i]) < 0 ? fit[i] : writer;
            reader = knows_less(world, fit[i], reader) < 0 ? fit[i] : reader;
        }
    }
    if (world_chance(world, .3)) {
        struct world_node *other = writer;
        writer = reader;
        reader = other;
    }
    probe_one(world, writer, true, p);
    probe_one(world, reader, false, p);
}

/* The schedule. */

static uint32_t kind_pick(struct world *world)
{
    double sum = 0;
    for (uint32_t i = 0; i < 7; i++) {
        sum += world->weights[i];
    }
    double dice = random_unit(&world->random) * sum;
    uint32_t kind = 0;
    while (kind < 6 && dice >= world->weights[kind]) {
        dice -= world->weights[kind++];
    }
    return kind;
}

static void request_begin(struct world *world, bool is_write)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t count = world_fit(world, fit);
    if (count > 0) {
        operation_begin(world, fit[world_below(world, count)], is_write,
                        world_below(world, world->partitions));
    }
}

static void world_step(struct world *world)
{
    struct world_node *node = &world->nodes[world_below(world, world->node_count)];
    switch (kind_pick(world)) {
    case 0:
        for (uint32_t i = 0; i < 1 + world->net.count / 60; i++) {
            deliver(world);
        }
        break;
    case 1:
        if (node->up && !node->paused) {
            node_tick(world, node, false);
        }
        break;
    case 2:
        request_begin(world, true);
        break;
    case 3:
        request_begin(world, false);
        break;
    case 4:
        operate(world);
        break;
    case 5:
        fault(world);
        break;
    default:
        probe(world);
        break;
    }
}

void world_run(struct world *world)
{
    for (uint32_t i = 0; i < world->steps && world->failure[0] == 0; i++) {
        world->now++;
        world_step(world);
    }
    if (world->failure[0] == 0) {
        world_heal(world);
    }
}
