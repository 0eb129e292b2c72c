/* Requests at their coordinators: writes by every live layout, reads by the newest that is synced,
 * both judged by the view joined with those that came with the answers. */
#include "layouts_world.h"

#include "base/assert.h"

#include <stdlib.h>

static uint64_t votes_place(const struct placement *placement, uint32_t votes)
{
    uint64_t placed = 0;
    for (uint32_t i = 0; i < placement->node_count; i++) {
        placed |= (uint64_t)(votes >> (placement->nodes[i] - 1) & 1) << i;
    }
    return placed;
}

uint64_t operation_begin(struct world *world, struct world_node *node, bool is_write,
                         uint32_t partition)
{
    struct operation *operation = calloc(1, sizeof(*operation));
    ASSERT(operation != NULL && node->operation_count < WORLD_OPERATIONS);
    *operation = (struct operation){.is_write = is_write,
                                    .id = ++world->ids,
                                    .partition = partition,
                                    .known = view_ref(node->view),
                                    .write = -1};
    if (is_write) {
        operation->write = world->write_count++;
        world_say(world, "n%u: write %d on p%u begins", node->n, operation->write, partition);
    } else {
        operation->must = world->acked[partition];
    }
    node->operations[node->operation_count++] = operation;
    operation_ask(world, node, operation);
    return operation->id;
}

struct operation *operation_find(struct world_node *node, uint64_t id)
{
    for (uint32_t i = 0; i < node->operation_count; i++) {
        if (node->operations[i]->id == id) {
            return node->operations[i];
        }
    }
    return NULL;
}

static void operation_end(struct world_node *node, struct operation *operation)
{
    for (uint32_t i = 0; i < node->operation_count; i++) {
        if (node->operations[i] == operation) {
            node->operations[i] = node->operations[--node->operation_count];
            break;
        }
    }
    view_unref(operation->known);
    free(operation);
}

/* Someone who owns it nowhere keeps the write for an owner that may be away. */
static void fallback_ask(struct world *world, struct world_node *node,
                         const struct operation *operation)
{
    uint32_t to = world_below(world, world->node_count);
    uint32_t owners = view_owners_mask(node->view, operation->partition);
    if ((owners >> to & 1) || !(counted_mask(node->view) >> to & 1)) {
        return;
    }
    letter_send(world,
                (struct letter){.kind = WRITE,
                                .from = node->n,
                                .to = to,
                                .operation = operation->id,
                                .partition = operation->partition,
                                .write = operation->write,
                                .keep = true},
                node->view);
}

void operation_ask(struct world *world, struct world_node *node, struct operation *operation)
{
    const struct view *view = node->view;
    uint32_t targets = 0;
    if (operation->is_write) {
        for (uint32_t i = 0; i < view->live_count; i++) {
            targets |= owners_mask(view->live[i].layout, operation->partition);
        }
    } else {
        const struct layout *layout = view_read_layout(view);
        if (!operation->asked || !content_hash_equal(&operation->layout, &layout->key.hash)) {
            operation->asked = true;
            operation->layout = layout->key.hash;
            operation->votes = 0;
            operation->data = (struct writes){0};
        }
        targets = owners_mask(layout, operation->partition);
    }
    targets &= ~removed_mask(view) & ~operation->votes;
    for (uint32_t n = 0; n < world->node_count; n++) {
        if ((targets >> n & 1) && world_chance(world, world->reach)) {
            letter_send(world,
                        (struct letter){.kind = operation->is_write ? WRITE : READ,
                                        .from = node->n,
                                        .to = n,
                                        .operation = operation->id,
                                        .partition = operation->partition,
                                        .write = operation->write},
                        view);
        }
    }
    if (operation->is_write && world_chance(world, world->sloppy)) {
        fallback_ask(world, node, operation);
    }
}

/* Acknowledged by nodes only that are, or will be, removed: excused. */
static bool only_removed_voted(const struct world *world, const struct view *view,
                               const struct operation *operation)
{
    for (uint32_t i = 0; i < view->live_count; i++) {
        uint32_t owners = owners_mask(view->live[i].layout, operation->partition);
        if (!(operation->votes & owners & ~world->ever_removed)) {
            return true;
        }
    }
    return false;
}

/* A write that so many fallbacks help with needs fewer owners of each layout, but one. */
static bool write_helped(const struct world *world, struct world_node *node,
                         const struct operation *operation, const struct placement *placement)
{
    uint32_t helpers = (uint32_t)__builtin_popcount(operation->fallbacks);
    (void)node;
    if (helpers == 0 || world->sloppy == 0) {
        return false;
    }
    uint32_t w = helpers < WORLD_W ? WORLD_W - helpers : 1;
    return placement_write_met(placement, votes_place(placement, operation->votes), w);
}

static void helped_note(struct world *world, const struct operation *operation)
{
    world->helped = realloc(world->helped, (world->helped_count + 1u) * sizeof(*world->helped));
    ASSERT(world->helped != NULL);
    world->helped[world->helped_count++] =
        (struct helped){.partition = operation->partition,
                        .write = operation->write,
                        .nodes = operation->votes | operation->fallbacks};
}

static void write_judge(struct world *world, struct world_node *node, struct operation *operation)
{
    struct placement placement;
    const struct view *view = node->view;
    uint32_t p = operation->partition;
    view_unref(operation->known);
    operation->known = view_ref(view);
    ASSERT(view_place(view, p, &placement) == 0);
    bool helped = write_helped(world, node, operation, &placement);
    if (!placement_write_met(&placement, votes_place(&placement, operation->votes), WORLD_W)) {
        if (helped) {
            helped_note(world, operation);
            operation_end(node, operation);
        } else if (operation->votes != 0) {
            operation_ask(world, node, operation);
        }
        return;
    }
    writes_add(&world->acked[p], operation->write);
    world->acked_count++;
    if (only_removed_voted(world, view, operation)) {
        writes_add(&world->excused[p], operation->write);
    }
    world_say(world, "n%u: write %d acknowledged by %x", node->n, operation->write,
              operation->votes);
    operation_end(node, operation);
}

static void read_judge(struct world *world, struct world_node *node, struct operation *operation)
{
    struct placement placement;
    const struct view *view = node->view;
    uint32_t p = operation->partition;
    if (!content_hash_equal(&operation->layout, &view_read_layout(view)->key.hash)) {
        operation_ask(world, node, operation);
        return;
    }
    ASSERT(view_place(view, p, &placement) == 0);
    if (!placement_read_met(&placement, votes_place(&placement, operation->votes), WORLD_R)) {
        return;
    }
    struct writes missing = writes_less(&operation->must, &operation->data, &world->excused[p]);
    world->read_count++;
    if (!writes_empty(&missing) && (operation->votes & ~world->ever_removed)) {
        world_fail(world, "check 1: n%u read p%u from %x and missed writes", node->n, p,
                   operation->votes);
    }
    operation_end(node, operation);
}

void operation_answered(struct world *world, struct world_node *node, const struct letter *letter)
{
    struct operation *operation = operation_find(node, letter->operation);
    if (operation == NULL) {
        return;
    }
    uint32_t vote = 1u << letter->from;
    if (operation->is_write) {
        *(letter->keep ? &operation->fallbacks : &operation->votes) |= vote;
        write_judge(world, node, operation);
        return;
    }
    int index = view_find(node->view, &operation->layout);
    if (index >= 0 && (!letter->refilling || MUTANT(count_refilling))) {
        operation->votes |=
            vote & owners_mask(node->view->live[index].layout, operation->partition);
    }
    writes_join(&operation->data, &letter->data);
    read_judge(world, node, operation);
}

void operations_retry(struct world *world, struct world_node *node)
{
    for (uint32_t i = node->operation_count; i-- > 0;) {
        struct operation *operation = node->operations[i];
        operation->age++;
        if (operation->age > world->deadline) {
            operation_end(node, operation); /* its outcome is unknown */
        } else if (world->deadline < 10 || world_chance(world, .1)) {
            operation_ask(world, node, operation);
        }
    }
}
