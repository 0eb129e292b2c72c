/* Operators: they ask, stage, commit, cancel and remove, at any node. */
#include "layouts_world.h"

#include "base/assert.h"
#include "shoal/error.h"

#include <stdlib.h>

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

static struct asked *change_find(const struct world *world, const struct role *role)
{
    for (uint32_t i = 0; i < world->asked_count; i++) {
        const struct role *asked = &world->asked[i].role;
        if (asked->node == role->node && asked->stamp == role->stamp &&
            asked->author == role->author && role_same(asked, role)) {
            return &world->asked[i];
        }
    }
    return NULL;
}

bool change_is_known(const struct world *world, const struct role *role, bool committed)
{
    const struct asked *asked = change_find(world, role);
    return asked != NULL && (asked->committed != 0 || !committed);
}

/* Whatever the node's roles say that nobody knows yet was just asked there. */
static void changes_note(struct world *world, const struct world_node *node)
{
    const struct roles *roles = &node->view->roles;
    for (uint32_t i = 0; i < roles->count; i++) {
        const struct role *role = &roles->items[i];
        struct asked *asked = change_find(world, role);
        if (asked == NULL) {
            world->asked = realloc(world->asked, (world->asked_count + 1u) * sizeof(*world->asked));
            ASSERT(world->asked != NULL);
            asked = &world->asked[world->asked_count++];
            *asked = (struct asked){.role = *role, .by = node->n};
        }
        asked->committed |= role->staged ? 0 : 1u << node->n;
    }
}

void operator_ask(struct world *world, struct world_node *node, uint32_t who, enum role_kind kind,
                  uint32_t weight, bool staged)
{
    struct role role = {
        .node = who + 1, .author = node->n + 1, .kind = kind, .weight = weight, .staged = staged};
    struct view *next;
    int r = view_with_role(node->view, &role, &next);
    if (r != 0) {
        if (r == 1) {
            view_unref(next);
        }
        return; /* there already, or removed meanwhile, or its change is under way */
    }
    world_say(world, "n%u: operator asks n%u -> %u%s", node->n, who, kind,
              staged ? ", staged" : "");
    node_adopt(world, node, next);
    changes_note(world, node);
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

void operator_commit_staged(struct world *world, struct world_node *node)
{
    struct view *next;
    int r = view_unstage(node->view, &next);
    ASSERT(r >= 0);
    world_say(world, "n%u: operator commits what is staged", node->n);
    node_adopt(world, node, next);
    changes_note(world, node);
    operator_commit(world, node);
}

void operator_cancel(struct world *world, struct world_node *node)
{
    struct view *next;
    int r = view_cancel(node->view, &next);
    ASSERT(r >= 0);
    world->cancel_count += r == 0;
    world_say(world, "n%u: operator cancels what is staged", node->n);
    node_adopt(world, node, next);
    changes_note(world, node);
}

void operator_remove(struct world *world, struct world_node *node, uint32_t who)
{
    world->removed_count++;
    operator_ask(world, node, who, ROLE_REMOVED, 1, false);
    operator_commit(world, node);
}

static bool remove_one(struct world *world, struct world_node *node)
{
    uint32_t dead[WORLD_NODES];
    uint32_t dead_count = 0;
    for (uint32_t n = 0; n < world->node_count; n++) {
        if (world->nodes[n].dead && !world->nodes[n].up && !(world->ever_removed >> n & 1)) {
            dead[dead_count++] = n;
        }
    }
    if (dead_count == 0 || !world_chance(world, .7)) {
        return false;
    }
    operator_remove(world, node, dead[world_below(world, dead_count)]);
    return true;
}

/* A joiner, another weight for a member, or a leaver. */
static void change_one(struct world *world, struct world_node *node)
{
    static const uint32_t weights[] = {1, 1, 10, 1000};
    uint32_t who = world_below(world, world->node_count);
    if ((world->ever_removed >> who & 1) || world->nodes[who].dead) {
        return;
    }
    enum role_kind kind = ROLE_IN;
    bool staged = world_chance(world, .3);
    if (world->losable > 0 && (world->joined >> who & 1) && world_chance(world, .5)) {
        kind = ROLE_OUT;
        world->losable--;
    }
    operator_ask(world, node, who, kind, weights[world_below(world, 4)], staged);
    if (!staged && world_chance(world, .7)) {
        operator_commit(world, node);
    }
}

void world_operate(struct world *world)
{
    struct world_node *fit[WORLD_NODES];
    uint32_t fit_count = world_fit(world, fit);
    if (fit_count == 0) {
        return;
    }
    struct world_node *node = fit[world_below(world, fit_count)];
    double dice = random_unit(&world->random);
    if (dice < .15) {
        operator_commit(world, node);
    } else if (dice < .25) {
        operator_commit_staged(world, node);
    } else if (dice < .3) {
        operator_cancel(world, node);
    } else if (!remove_one(world, node) && world->changes > 0) {
        world->changes--;
        change_one(world, node);
    }
}
