/* What a node does when a letter comes, and by itself: trackers, gossip, syncs, releases. */
#include "layouts_world.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

static struct progress *progress_find(struct world_node *node, const struct content_hash *target,
                                      const struct content_hash *source, uint32_t partition,
                                      bool make)
{
    for (uint32_t i = 0; i < node->progress_count; i++) {
        struct progress *progress = &node->progress[i];
        if (progress->partition == partition && content_hash_equal(&progress->target, target) &&
            content_hash_equal(&progress->source, source)) {
            return progress;
        }
    }
    if (!make) {
        return NULL;
    }
    node->progress = realloc(node->progress, (node->progress_count + 1u) * sizeof(*node->progress));
    ASSERT(node->progress != NULL);
    node->progress[node->progress_count] =
        (struct progress){.target = *target, .source = *source, .partition = partition};
    return &node->progress[node->progress_count++];
}

static void tell(struct world *world, const struct world_node *node, uint32_t to)
{
    letter_send(world, (struct letter){.kind = GOSSIP, .from = node->n, .to = to}, node->view);
}

/* Letters. */

static void request_handle(struct world *world, struct world_node *node,
                           const struct letter *letter)
{
    if (!view_owns_at(node->view, node->n, letter->partition)) {
        tell(world, node, letter->from);
        return;
    }
    if (letter->kind == WRITE) {
        struct writes one = {0};
        writes_add(&one, letter->write);
        node_store(world, node, letter->partition, &one);
    }
    letter_send(world,
                (struct letter){.kind = ANSWER,
                                .from = node->n,
                                .to = letter->from,
                                .operation = letter->operation,
                                .data = node->data[letter->partition]},
                node->view);
}

/* A source knows the target, from the letter's view, before it serves. */
static void sync_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (view_find(node->view, &letter->target) < 0 ||
        !view_owns_at(node->view, node->n, letter->partition)) {
        tell(world, node, letter->from);
        return;
    }
    struct letter answer = *letter;
    answer.kind = SYNCED;
    answer.from = node->n;
    answer.to = letter->from;
    answer.data = node->data[letter->partition];
    letter_send(world, answer, node->view);
}

static void synced_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (view_find(node->view, &letter->target) >= 0 &&
        view_owns_at(node->view, node->n, letter->partition)) {
        node_store(world, node, letter->partition, &letter->data);
        progress_find(node, &letter->target, &letter->source, letter->partition, true)->served |=
            1u << letter->from;
    }
}

static void push_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (view_owns_at(node->view, node->n, letter->partition)) {
        node_store(world, node, letter->partition, &letter->data);
        struct letter answer = *letter;
        answer.kind = PUSHED;
        answer.from = node->n;
        answer.to = letter->from;
        letter_send(world, answer, node->view);
    }
}

static void pushed_handle(struct world_node *node, const struct letter *letter)
{
    uint32_t p = letter->partition;
    if (!writes_equal(&node->pushed_data[p], &letter->data)) {
        node->pushed[p] = 0;
        node->pushed_data[p] = letter->data;
    }
    node->pushed[p] |= 1u << letter->from;
}

void node_handle(struct world *world, const struct letter *letter)
{
    struct world_node *node = &world->nodes[letter->to];
    node_learn(world, node, letter->view);
    switch (letter->kind) {
    case GOSSIP:
        break;
    case WRITE:
    case READ:
        request_handle(world, node, letter);
        break;
    case ANSWER:
        operation_answered(world, node, letter);
        break;
    case SYNC:
        sync_handle(world, node, letter);
        break;
    case SYNCED:
        synced_handle(world, node, letter);
        break;
    case PUSH:
        push_handle(world, node, letter);
        break;
    case PUSHED:
        pushed_handle(node, letter);
        break;
    }
}

/* By itself. */

/* Who has served; the node's own holding counts where it is an owner. */
static uint32_t sources(struct world_node *node, uint32_t target, uint32_t source, uint32_t p)
{
    const struct view *view = node->view;
    struct progress *progress = progress_find(node, &view->live[target].layout->key.hash,
                                              &view->live[source].layout->key.hash, p, false);
    uint32_t own = owners_mask(view->live[source].layout, p) & 1u << node->n;
    return own | (progress != NULL ? progress->served : 0);
}

static bool synced_from(const struct world *world, struct world_node *node, uint32_t target,
                        uint32_t source, uint32_t p)
{
    const struct view *view = node->view;
    uint32_t owners = owners_mask(view->live[source].layout, p) & ~removed_mask(view);
    uint32_t number = tracker_sync_number(view, source, p);
    if (world->mutant == MUTANT_SYNC_ONE_PEER) {
        number = number < 1 ? number : 1;
    }
    return (uint32_t)__builtin_popcount(sources(node, target, source, p) & owners) >= number;
}

static bool synced_whole(const struct world *world, struct world_node *node, uint32_t target)
{
    const struct view *view = node->view;
    if (world->mutant == MUTANT_MARK_EARLY) {
        return true;
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (!layout_owns(view->live[target].layout, node->n + 1, p)) {
            continue;
        }
        for (uint32_t source = 0; source < target; source++) {
            if (!synced_from(world, node, target, source, p)) {
                return false;
            }
        }
    }
    return true;
}

static bool none_flies_without(const struct world_node *node, uint32_t index)
{
    for (uint32_t i = 0; i < node->operation_count; i++) {
        if (node->operations[i]->is_write &&
            view_find(node->operations[i]->known, &node->view->live[index].layout->key.hash) < 0) {
            return false;
        }
    }
    return true;
}

static void trackers_step(struct world *world, struct world_node *node)
{
    struct tracker_facts facts = {.self = node->n + 1};
    struct view *next;
    for (uint32_t i = 0; i < node->view->live_count; i++) {
        facts.seen |= (uint64_t)none_flies_without(node, i) << i;
        facts.synced |= (uint64_t)synced_whole(world, node, i) << i;
    }
    int r = tracker_step(node->view, &facts, &next);
    if (r < 0) {
        world_fail(world, "n%u: the tracker fails", node->n);
    } else if (r == 0) {
        node_adopt(world, node, next);
    }
}

static void gossip(struct world *world, struct world_node *node)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t other = world_below(world, world->node_count);
        if (other != node->n) {
            tell(world, node, other);
        }
    }
}

static void sync_ask(struct world *world, struct world_node *node, uint32_t target, uint32_t source,
                     uint32_t p)
{
    const struct view *view = node->view;
    uint32_t wanted = owners_mask(view->live[source].layout, p) & ~removed_mask(view) &
                      ~sources(node, target, source, p);
    for (uint32_t n = 0; n < world->node_count; n++) {
        if ((wanted >> n & 1) && world_chance(world, world->reach)) {
            letter_send(world,
                        (struct letter){.kind = SYNC,
                                        .from = node->n,
                                        .to = n,
                                        .partition = p,
                                        .target = view->live[target].layout->key.hash,
                                        .source = view->live[source].layout->key.hash},
                        view);
        }
    }
}

static void syncs_ask(struct world *world, struct world_node *node)
{
    const struct view *view = node->view;
    uint32_t first = world->only_newest ? view->live_count - 1 : 1;
    for (uint32_t target = first > 0 ? first : 1; target < view->live_count; target++) {
        if (view_marked(view, target, MARK_SYNCED, node->n + 1) ||
            !tracker_sync_ready(view, target)) {
            continue;
        }
        for (uint32_t p = 0; p < world->partitions; p++) {
            for (uint32_t source = 0; source < target; source++) {
                if (layout_owns(view->live[target].layout, node->n + 1, p)) {
                    sync_ask(world, node, target, source, p);
                }
            }
        }
    }
}

/* Pushes what is owned no longer to each owner; forgets it when all have confirmed. */
static void partition_release(struct world *world, struct world_node *node, uint32_t p)
{
    const struct view *view = node->view;
    bool early = world->mutant == MUTANT_RELEASE_EARLY;
    uint32_t owners = 0;
    for (uint32_t i = early ? view->live_count - 1 : 0; i < view->live_count; i++) {
        owners |= owners_mask(view->live[i].layout, p);
    }
    if (owners >> node->n & 1) {
        return;
    }
    owners &= ~removed_mask(view);
    bool same = writes_equal(&node->pushed_data[p], &node->data[p]);
    uint32_t missing = owners & ~(same ? node->pushed[p] : 0);
    if (missing != 0 && !early) {
        for (uint32_t n = 0; n < world->node_count; n++) {
            if (missing >> n & 1) {
                letter_send(world,
                            (struct letter){.kind = PUSH,
                                            .from = node->n,
                                            .to = n,
                                            .partition = p,
                                            .data = node->data[p]},
                            view);
            }
        }
    } else if (owners != 0) {
        world_say(world, "n%u: releases p%u", node->n, p);
        node->data[p] = (struct writes){0};
        node->pushed[p] = 0;
        node->progress_count = 0;
    }
}

static void release(struct world *world, struct world_node *node)
{
    if (view_removed(node->view, node->n + 1)) {
        return;
    }
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (!writes_empty(&node->data[p])) {
            partition_release(world, node, p);
        }
    }
}

void node_tick(struct world *world, struct world_node *node, bool every)
{
    void (*const parts[])(struct world *, struct world_node *) = {trackers_step, gossip, syncs_ask,
                                                                  release, operations_retry};
    for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (every || world_chance(world, .6)) {
            parts[i](world, node);
        }
    }
}
