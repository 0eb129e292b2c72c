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
                                    .id = ++world->operation_ids,
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

static const struct layout *read_layout(const struct world *world, const struct view *view)
{
    return world->mutant == MUTANT_READ_NEWEST ? view_newest(view) : view_read_layout(view);
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
        const struct layout *layout = read_layout(world, view);
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

static bool write_done(const struct world *world, const struct placement *placement, uint64_t votes)
{
    if (world->mutant == MUTANT_WRITE_NEWEST) {
        return placement_met(placement, placement->layout_count - 1, votes, WORLD_W);
    }
    return placement_write_met(placement, votes, WORLD_W);
}

static void write_judge(struct world *world, struct world_node *node, struct operation *operation)
{
    struct placement placement;
    const struct view *view = node->view;
    uint32_t p = operation->partition;
    view_unref(operation->known);
    operation->known = view_ref(view);
    ASSERT(view_place(view, p, &placement) == 0);
    if (!write_done(world, &placement, votes_place(&placement, operation->votes))) {
        if (operation->votes != 0) {
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
    if (!content_hash_equal(&operation->layout, &read_layout(world, view)->key.hash)) {
        operation_ask(world, node, operation);
        return;
    }
    ASSERT(view_place(view, p, &placement) == 0);
    if (world->mutant == MUTANT_READ_NEWEST) {
        placement.read_layout = placement.layout_count - 1;
    }
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
        operation->votes |= vote;
        write_judge(world, node, operation);
        return;
    }
    int index = view_find(node->view, &operation->layout);
    if (index >= 0) {
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
