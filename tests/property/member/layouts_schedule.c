/* A schedule: requests, faults, the network; then everything heals and the last checks are made.
 */
#include "layouts_world.h"

#include "base/assert.h"

#include <stdlib.h>

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
    if (role == NULL || role->kind != ROLE_OUT || role->staged || node->owed_count > 0 ||
        (counted_mask(node->view) >> node->n & 1)) {
        return;
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (!writes_empty(&node->places[p].data)) {
            return;
        }
    }
    if (another_knows(world, node)) {
        node->halted = true;
        world_say(world, "n%u: has left and stops for ever", node->n);
    }
}

static void answers_drop(struct letters *letters, uint32_t from)
{
    for (uint32_t i = letters->count; i-- > 0;) {
        if (letters->items[i].kind == ANSWER && letters->items[i].from == from) {
            struct letter letter = letters_take(letters, i);
            view_unref(letter.view);
        }
    }
}

/* Links to it break, and with them goes what it has confirmed of writes still in flight. */
static void votes_lapse(struct world *world, uint32_t who)
{
    if (MUTANT(vote_outlives)) {
        return;
    }
    answers_drop(&world->net, who);
    answers_drop(&world->late, who);
    for (uint32_t n = 0; n < world->node_count; n++) {
        for (uint32_t i = 0; i < world->nodes[n].operation_count; i++) {
            struct operation *operation = world->nodes[n].operations[i];
            operation->votes &= operation->is_write ? ~(1u << who) : UINT32_MAX;
        }
    }
}

void node_lose_disk(struct world *world, struct world_node *node)
{
    world_say(world, "n%u: loses its disk", node->n);
    world->disk_lost = true;
    world->disk_count++;
    node_crash(node);
    node->owed_count = 0;
    votes_lapse(world, node->n);
    for (uint32_t p = 0; p < world->partitions; p++) {
        struct place *place = &node->places[p];
        if (place->actor != 0) {
            place->actor = ++world->ids;
            place->refilling = true;
            place->data = (struct writes){0};
        }
    }
    node->up = true;
}

/* W - 1 disks: one at a time, and the next when that is made good. */
static bool disk_may_go(const struct world *world)
{
    for (uint32_t n = 0; n < world->node_count; n++) {
        for (uint32_t p = 0; p < world->partitions; p++) {
            if (world->nodes[n].places[p].refilling) {
                return false;
            }
        }
    }
    return world->disks > 0;
}

static void node_fault(struct world *world, struct world_node *node, double dice)
{
    if (node->up && dice < .55 && disk_may_go(world)) {
        world->disks--;
        node_lose_disk(world, node);
    } else if (node->up && dice < .7) {
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
        world_operate(world);
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
        if (i % 16 == 0) {
            world_check_held(world);
        }
    }
    if (world->failure[0] == 0) {
        world_heal(world);
    }
}
