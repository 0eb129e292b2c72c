/* Letting go: of partitions that no live layout names a node for, once every owner has taken what
 * it lacks; and of writes kept for owners that were away, once every owner has them. */
#include "layouts_world.h"

#include "base/assert.h"

#include <string.h>

/* ---- partitions ---- */

/* Forgets the holding: what a later one says is its own. */
static void place_drop(struct world *world, struct world_node *node, uint32_t p)
{
    struct place *place = &node->places[p];
    world_say(world, "n%u: lets go of p%u", node->n, p);
    world->release_count++;
    *place = (struct place){0};
    fill_init(&place->fill, p);
}

/* Who must have taken what is here: nobody while this node is to keep it. */
static uint32_t takers(const struct world_node *node, uint32_t p)
{
    const struct view *view = node->view;
    if (MUTANT(release_early)) {
        uint32_t owners = owners_mask(view_newest(view), p) & ~removed_mask(view);
        return owners >> node->n & 1 ? 0 : owners;
    }
    return view_owns_at(view, node->n, p) ? 0 : view_owners_mask(view, p);
}

static void place_release(struct world *world, struct world_node *node, uint32_t p)
{
    struct place *place = &node->places[p];
    uint32_t owners = takers(node, p);
    if (owners == 0) {
        return;
    }
    if (place->release_id == 0) {
        place->release_id = ++world->ids;
    }
    uint32_t missing = owners & ~place->released;
    if (missing == 0 || writes_empty(&place->data) || MUTANT(release_unasked)) {
        place_drop(world, node, p);
        return;
    }
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (missing >> n & 1) {
            letter_send(world,
                        (struct letter){.kind = RELEASE,
                                        .from = node->n,
                                        .to = n,
                                        .operation = place->release_id,
                                        .partition = p,
                                        .actor = place->actor},
                        node->view);
        }
    }
}

void release_step(struct world *world, struct world_node *node)
{
    if (view_removed(node->view, node->n + 1)) {
        return;
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (node->places[p].actor != 0) {
            place_release(world, node, p);
        }
    }
}

static void answer(struct world *world, struct world_node *node, const struct letter *letter,
                   enum message_is kind, const struct writes *data)
{
    struct letter reply = *letter;
    reply.kind = kind;
    reply.from = node->n;
    reply.to = letter->from;
    reply.data = *data;
    letter_send(world, reply, node->view);
}

void release_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    static const struct writes nothing;
    uint32_t p = letter->partition;
    struct place *place = &node->places[p];
    bool owns = view_owns_at(node->view, node->n, p);
    if (letter->kind == RELEASE && owns) {
        answer(world, node, letter, TAKE, &nothing);
    } else if (letter->kind == TAKE && place->actor == letter->actor) {
        answer(world, node, letter, TAKEN, &place->data);
    } else if (letter->kind == TAKEN && owns) {
        node_store(world, node, p, &letter->data);
        answer(world, node, letter, RELEASED, &nothing);
    } else if (letter->kind == RELEASED && place->actor == letter->actor &&
               place->release_id == letter->operation) {
        place->released |= 1u << letter->from;
    }
}

/* ---- hints ---- */

/* Owed to the owners of the present view; with other owners all are asked anew. */
static bool owed_step(struct world *world, struct world_node *node, struct owed *owed)
{
    uint32_t owners = view_owners_mask(node->view, owed->partition);
    if (owed->round == 0 || owed->owners != owners) {
        owed->round = ++world->ids;
        owed->owners = owners;
        owed->confirmed = 0;
    }
    uint32_t missing = owners & ~owed->confirmed;
    for (uint32_t n = 0; n < world->node_count; n++) {
        if ((missing >> n & 1) && world_chance(world, .5)) {
            letter_send(world,
                        (struct letter){.kind = HINT,
                                        .from = node->n,
                                        .to = n,
                                        .operation = owed->round,
                                        .partition = owed->partition,
                                        .write = owed->write},
                        node->view);
        }
    }
    return (missing == 0 || (MUTANT(hint_one_owner) && owed->confirmed != 0)) && owners != 0;
}

void hints_step(struct world *world, struct world_node *node)
{
    for (uint32_t i = node->owed_count; i-- > 0;) {
        if (owed_step(world, node, &node->owed[i])) {
            node->owed[i] = node->owed[--node->owed_count];
            world->hint_count++;
        }
    }
}

void hints_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (letter->kind == HINT) {
        if (view_owns_at(node->view, node->n, letter->partition)) {
            struct writes one = {0};
            writes_add(&one, letter->write);
            node_store(world, node, letter->partition, &one);
            answer(world, node, letter, HINTED, &one);
        }
        return;
    }
    for (uint32_t i = 0; i < node->owed_count; i++) {
        if (node->owed[i].round == letter->operation) {
            node->owed[i].confirmed |= 1u << letter->from;
        }
    }
}
