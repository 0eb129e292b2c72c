/* What a node does when a letter comes, and by itself: trackers, gossip, fills. */
#include "layouts_world.h"

#include "base/assert.h"

#include <string.h>

void node_tell(struct world *world, const struct world_node *node, uint32_t to)
{
    letter_send(world, (struct letter){.kind = GOSSIP, .from = node->n, .to = to}, node->view);
}

/* ---- letters ---- */

/* A fallback keeps the write for the owners, apart from what it holds itself. */
static void keep_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (node->owed_count == WORLD_HINTS) {
        return;
    }
    node->owed[node->owed_count++] =
        (struct owed){.partition = letter->partition, .write = letter->write};
    letter_send(world,
                (struct letter){.kind = ANSWER,
                                .from = node->n,
                                .to = letter->from,
                                .operation = letter->operation,
                                .keep = true},
                node->view);
}

static void request_handle(struct world *world, struct world_node *node,
                           const struct letter *letter)
{
    const struct place *place = &node->places[letter->partition];
    if (!view_owns_at(node->view, node->n, letter->partition) && !MUTANT(serve_unowned)) {
        node_tell(world, node, letter->from);
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
                                .refilling = place->refilling,
                                .data = place->data},
                node->view);
}

/* A source knows the target, from the letter's view, before it serves. */
static void sync_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    const struct place *place = &node->places[letter->partition];
    if ((letter->for_target && view_find(node->view, &letter->target) < 0) ||
        !view_owns_at(node->view, node->n, letter->partition)) {
        node_tell(world, node, letter->from);
        return;
    }
    struct letter answer = *letter;
    answer.kind = SYNCED;
    answer.from = node->n;
    answer.to = letter->from;
    answer.data = place->data;
    answer.refilling = place->refilling;
    letter_send(world, answer, node->view);
}

/* Counts for the holding that asked, and for the target that it was begun for. */
static void synced_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    uint32_t p = letter->partition;
    struct place *place = &node->places[p];
    if (!view_owns_at(node->view, node->n, p) || place->actor != letter->actor) {
        return;
    }
    bool same = place->fill.has_target && content_hash_equal(&place->fill.target, &letter->target);
    bool refilling = letter->refilling && !MUTANT(refill_by_refilling);
    node_store(world, node, p, &letter->data);
    fill_note(&place->fill, letter->from + 1, letter->source_counts, refilling,
              letter->for_target && same);
    if (place->refilling && fill_refilled(&place->fill, node->view, node->n + 1)) {
        place->refilling = false;
        world_say(world, "n%u: p%u is complete again", node->n, p);
    }
}

static void push_handle(struct world *world, struct world_node *node, const struct letter *letter)
{
    if (view_owns_at(node->view, node->n, letter->partition)) {
        node_store(world, node, letter->partition, &letter->data);
    }
}

void node_handle(struct world *world, const struct letter *letter)
{
    struct world_node *node = &world->nodes[letter->to];
    if (letter->kind != ANSWER || !MUTANT(view_unchecked)) {
        node_learn(world, node, letter->view); /* answers bring the view of whoever gives them */
    }
    switch (letter->kind) {
    case WRITE:
    case READ:
        if (letter->keep) {
            keep_handle(world, node, letter);
        } else {
            request_handle(world, node, letter);
        }
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
    case HINT:
    case HINTED:
        hints_handle(world, node, letter);
        break;
    default:
        release_handle(world, node, letter);
        break;
    }
}

/* ---- by itself ---- */

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

static bool synced_whole(const struct world *world, const struct world_node *node)
{
    const struct layout *newest = view_newest(node->view);
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (layout_owns(newest, node->n + 1, p) &&
            !content_hash_equal(&node->places[p].synced, &newest->key.hash)) {
            return false;
        }
    }
    return true;
}

void node_track(struct world *world, struct world_node *node)
{
    struct tracker_facts facts = {.self = node->n + 1};
    struct view *next;
    for (uint32_t i = 0; i < node->view->live_count; i++) {
        facts.seen |= (uint64_t)none_flies_without(node, i) << i;
    }
    facts.synced = (uint64_t)synced_whole(world, node) << (node->view->live_count - 1);
    int r = tracker_step(node->view, &facts, &next);
    if (r < 0) {
        world_fail(world, "n%u: the tracker fails", node->n);
    } else if (r == 0) {
        node_adopt(world, node, next);
    }
    if (MUTANT(view_forgotten) && world_chance(world, .1)) {
        view_unref(node->stable);
        node->stable = view_ref(node->view);
    }
}

static void gossip(struct world *world, struct world_node *node)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t other = world_below(world, world->node_count);
        if (other != node->n) {
            node_tell(world, node, other);
        }
    }
}

/* The newest layout is what is synced, until this node has marked it. */
static void target_set(const struct world_node *node, struct place *place, uint32_t p)
{
    const struct view *view = node->view;
    const struct layout *newest = view_newest(view);
    bool wanted = view->live_count > 1 &&
                  !view_marked(view, view->live_count - 1, MARK_SYNCED, node->n + 1) &&
                  layout_owns(newest, node->n + 1, p) &&
                  !content_hash_equal(&place->synced, &newest->key.hash);
    fill_set_target(&place->fill, wanted ? &newest->key.hash : NULL);
}

static void place_fill(struct world *world, struct world_node *node, uint32_t p)
{
    const struct view *view = node->view;
    struct place *place = &node->places[p];
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    target_set(node, place, p);
    if (place->fill.has_target && fill_synced(&place->fill, view, node->n + 1, place->refilling)) {
        place->synced = place->fill.target;
        world_say(world, "n%u: p%u is synced", node->n, p);
        fill_set_target(&place->fill, NULL);
    }
    struct letter ask = {.kind = SYNC, .from = node->n, .partition = p, .actor = place->actor};
    ask.for_target = place->fill.has_target && tracker_sync_ready(view, view->live_count - 1);
    if (ask.for_target) {
        ask.target = place->fill.target;
    }
    uint32_t count = fill_candidates(&place->fill, view, node->n + 1, place->refilling, candidates);
    for (uint32_t i = 0; i < count; i++) {
        ask.to = (uint32_t)candidates[i] - 1;
        ask.source_counts = layout_owns(view_read_layout(view), candidates[i], p);
        if (world_chance(world, world->reach)) {
            letter_send(world, ask, view);
        }
    }
}

void node_fill(struct world *world, struct world_node *node)
{
    for (uint32_t p = 0; p < world->partitions; p++) {
        if (view_owns_at(node->view, node->n, p)) {
            place_fill(world, node, p);
        }
    }
}

/* A change that is due is committed again by whom it is about, or by any member. */
static void recommit(struct world *world, struct world_node *node)
{
    const struct view *view = node->view;
    const struct role *own = roles_find(&view->roles, node->n + 1);
    bool member = (counted_mask(view) >> node->n & 1) || (own != NULL && own->kind == ROLE_IN);
    if (view_due(view) && member && !view_removed(view, node->n + 1) && world_chance(world, .15)) {
        world->again_count++;
        operator_commit(world, node);
    }
}

void node_tick(struct world *world, struct world_node *node, bool every)
{
    void (*const parts[])(struct world *, struct world_node *) = {
        node_track, gossip, node_fill, release_step, hints_step, operations_retry, recommit};
    for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (every || world_chance(world, .6)) {
            parts[i](world, node);
        }
    }
}
