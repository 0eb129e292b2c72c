/* A look at the roles that all who run know of. See sim_rescue.h. */
#include "sim_rescue.h"

#define STRANDED_US UINT64_C(5000000) /* until operators are sure that nobody else comes */

/* Is everybody who lives on its way out, and somebody dead and not removed? A member of the newest
 * layout may be on its way out, too, while there is no room for one more. Not where a machine is
 * left that has never run, or where one has yet to say what it knows. */
static bool is_stranded(struct sim_world *world)
{
    bool dead = false;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        dead = dead || (node->buried && !node->removed);
        if (node->buried || node->removed) {
            continue;
        }
        const struct snapshot *snapshot = sim_node_snapshot(node);
        const struct role *role =
            snapshot == NULL ? NULL : roles_find(&snapshot->view->roles, snapshot->self);
        if (role == NULL || role->kind == ROLE_IN || !sim_world_is_member(world, node)) {
            return false;
        }
    }
    return dead;
}

struct sim_node *sim_rescue_look(struct sim_rescue *rescue, struct sim_world *world)
{
    if (!is_stranded(world)) {
        rescue->since_us = 0;
        return NULL;
    }
    rescue->since_us = rescue->since_us == 0 ? world->now_us : rescue->since_us;
    if (world->now_us < rescue->since_us + STRANDED_US) {
        return NULL;
    }
    struct sim_node *node = sim_world_enlist(world);
    if (node != NULL) {
        sim_trace_say(&world->trace, world->now_us,
                      "nobody who lives is to stay: an operator starts node%u, a new one",
                      node->index);
        node->config.seed_count = 0;
        world->counts.rescues++;
    }
    return node;
}
