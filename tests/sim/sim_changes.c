/* What operators think of, and when; what they do is in sim_deeds.c. */
#include "sim_changes.h"

#include "sim_deeds.h"

#define LOOK_US UINT64_C(250000)
#define REMOVE_US_MEAN UINT64_C(3000000)
#define SHORTLY_US_MEAN UINT64_C(300000)
#define RETURN_CHANCE 0.15

enum idea {
    IDEA_GROW,
    IDEA_LEAVE,
    IDEA_REMOVE,
    IDEA_BURY,
    IDEA_FORCE,
    IDEA_REPLACE,
    IDEA_SET,
    IDEA_DECIDE, /* what is staged */
    IDEA_BOTH_SIDES,
};

static enum idea draw_idea(struct sim_changes *changes)
{
    static const enum idea ideas[] = {
        IDEA_GROW,  IDEA_GROW,   IDEA_GROW,    IDEA_GROW,       IDEA_LEAVE,
        IDEA_LEAVE, IDEA_LEAVE,  IDEA_REMOVE,  IDEA_REMOVE,     IDEA_BURY,
        IDEA_BURY,  IDEA_FORCE,  IDEA_REPLACE, IDEA_REPLACE,    IDEA_SET,
        IDEA_SET,   IDEA_DECIDE, IDEA_DECIDE,  IDEA_BOTH_SIDES,
    };
    return ideas[random_below(&changes->random, sizeof(ideas) / sizeof(ideas[0]))];
}

/* ---- the dead ---- */

static void bury(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    struct sim_node *node = sim_faults_choose(changes->faults);
    bool reckless = world->options.change.reckless && random_chance(&changes->random, 0.3);
    if (node == NULL || node->removed || !sim_deed_may_shrink(changes) ||
        (!reckless && !sim_world_may_lose(world, node))) {
        return;
    }
    sim_trace_say(&world->trace, world->now_us, "node%u dies for good", node->index);
    world->counts.burials++;
    node->buried = true;
    node->lost = true;
    sim_oracle_loss(&world->oracle);
    sim_node_crash(node, random_chance(&changes->random, 0.5) ? SIM_EXIT_POWER : SIM_EXIT_KILL);
    changes->remove_us[node->index] =
        world->now_us + sim_faults_draw_us(changes->faults, REMOVE_US_MEAN);
    changes->refused[node->index] = false;
    changes->rests[node->index] = false;
}

/* A machine that is set up anew founds a cluster of its own until an operator has it join. Where it
 * is a seed, a joiner that was cut off from all others would join it there, and rightly: two nodes
 * are a cluster then that no operator's join takes back. So it waits until nobody asks seeds. */
static void renew(struct sim_changes *changes, struct sim_node *node)
{
    if (sim_members_seeking(changes->world)) {
        return;
    }
    if (node->state != SIM_DOWN) {
        sim_node_crash(node, SIM_EXIT_KILL);
    }
    sim_node_renew(node);
    sim_deed_start(changes, node, false);
}

/* Its machine may be repaired, its disk with everything on it, or set up anew; or it rests. */
static void decide_return(struct sim_changes *changes, struct sim_node *node)
{
    struct sim_world *world = changes->world;
    if (changes->tidying && random_chance(&changes->random, 0.4)) {
        changes->rests[node->index] = true;
    } else if (!changes->tidying && !random_chance(&changes->random, RETURN_CHANCE)) {
        return;
    } else if (random_chance(&changes->random, 0.5)) {
        sim_trace_say(&world->trace, world->now_us, "node%u was removed and returns", node->index);
        node->buried = false;
        sim_faults_revive(changes->faults, node);
    } else {
        renew(changes, node);
    }
}

/* A dead node is removed, gently first. */
static void look_after_dead(struct sim_changes *changes, struct sim_node *node)
{
    struct sim_world *world = changes->world;
    uint32_t index = node->index;
    if (node->removed) {
        if (!node->lost && !changes->rests[index]) {
            decide_return(changes, node);
        }
        return;
    }
    if (world->now_us < changes->remove_us[index] || sim_deed_about(changes, index)) {
        return;
    }
    struct sim_deed deed = {.op = CHANGE_REMOVE,
                            .target = index,
                            .force = changes->refused[index] &&
                                     (changes->tidying || random_chance(&changes->random, 0.5))};
    (void)sim_deed_plan(changes, &deed, 0);
    changes->remove_us[index] = world->now_us + LOOK_US * 4;
}

/* ---- the absent ---- */

/* One that was removed by mistake stays up for a while, then its machine is set up anew. */
static void look_after_removed(struct sim_changes *changes, struct sim_node *node)
{
    struct sim_world *world = changes->world;
    bool known =
        node->removed_known_us != 0 && world->now_us > node->removed_known_us + REMOVE_US_MEAN;
    if (known && !node->lost && !node->condemned && node->state == SIM_UP && !node->paused &&
        random_chance(&changes->random, 0.1)) {
        renew(changes, node);
    }
}

static void look(struct timer *timer, uint64_t now_us)
{
    struct sim_changes *changes = QUEUE_ITEM(timer, struct sim_changes, look);
    struct sim_world *world = changes->world;
    sim_members_look(world);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->buried) {
            look_after_dead(changes, node);
        } else if (node->removed && changes->going) {
            look_after_removed(changes, node);
        }
    }
    if (changes->tidying && !sim_changes_tidy(changes)) {
        sim_deed_tidy(changes);
        sim_meet_look(&changes->meet, world);
        struct sim_node *fresh = sim_rescue_look(&changes->rescue, world);
        if (fresh != NULL) {
            sim_deed_start(changes, fresh, false);
        }
    }
    sim_deed_absolve(changes);
    timers_start(&world->timers, timer, now_us + LOOK_US);
}

/* ---- ideas ---- */

static void think_of(struct sim_changes *changes, enum idea idea, uint64_t delay_us);

/* The network falls in two, and operators act on both sides. */
static void both_sides(struct sim_changes *changes)
{
    sim_faults_split(changes->faults);
    for (uint32_t i = 2 + (uint32_t)random_below(&changes->random, 3); i > 0; i--) {
        enum idea idea = draw_idea(changes);
        if (idea != IDEA_BOTH_SIDES && idea != IDEA_BURY) {
            think_of(changes, idea, sim_faults_draw_us(changes->faults, SHORTLY_US_MEAN));
        }
    }
}

static void shrink(struct sim_changes *changes, uint32_t op, bool force, uint64_t delay_us)
{
    struct sim_deed deed = {.op = op, .force = force, .condemns = op != CHANGE_LEAVE};
    struct sim_node *node = sim_deed_choose_member(changes);
    if (node == NULL || !sim_deed_may_shrink(changes) ||
        (deed.condemns && !sim_world_may_lose(changes->world, node))) {
        return;
    }
    deed.target = node->index;
    (void)sim_deed_plan(changes, &deed, delay_us);
}

static void set(struct sim_changes *changes, uint64_t delay_us)
{
    struct sim_deed deed = {.op = CHANGE_SET};
    const struct sim_node *node = sim_deed_choose_member(changes);
    if (node != NULL) {
        deed.target = node->index;
        (void)sim_deed_plan(changes, &deed, delay_us);
    }
}

static void decide(struct sim_changes *changes, uint64_t delay_us)
{
    struct sim_deed deed = {.op = random_chance(&changes->random, 0.7) ? CHANGE_COMMIT
                                                                       : CHANGE_CANCEL};
    (void)sim_deed_plan(changes, &deed, delay_us);
}

static void think_of(struct sim_changes *changes, enum idea idea, uint64_t delay_us)
{
    switch (idea) {
    case IDEA_GROW:
        sim_deed_grow(changes, delay_us);
        break;
    case IDEA_LEAVE:
        shrink(changes, CHANGE_LEAVE, false, delay_us);
        break;
    case IDEA_REMOVE:
        shrink(changes, CHANGE_REMOVE, false, delay_us);
        break;
    case IDEA_FORCE:
        shrink(changes, CHANGE_REMOVE, true, delay_us);
        break;
    case IDEA_BURY:
        bury(changes);
        break;
    case IDEA_REPLACE:
        sim_deed_replace(changes, delay_us);
        break;
    case IDEA_SET:
        set(changes, delay_us);
        break;
    case IDEA_DECIDE:
        decide(changes, delay_us);
        break;
    case IDEA_BOTH_SIDES:
        both_sides(changes);
        break;
    }
}

static void arm(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    timers_start(&world->timers, &changes->strike,
                 world->now_us +
                     sim_faults_draw_us(changes->faults, world->options.change.change_us));
}

static void strike(struct timer *timer, uint64_t now_us)
{
    struct sim_changes *changes = QUEUE_ITEM(timer, struct sim_changes, strike);
    think_of(changes, draw_idea(changes), 0);
    if (changes->world->options.change.troubled && random_chance(&changes->random, 0.3)) {
        sim_faults_trouble(changes->faults, now_us);
    }
    arm(changes);
}

/* ---- life ---- */

void sim_changes_init(struct sim_changes *changes, struct sim_world *world,
                      struct sim_faults *faults, struct sim_joins *joins)
{
    memset(changes, 0, sizeof(*changes));
    changes->world = world;
    changes->faults = faults;
    changes->joins = joins;
    changes->strike.fire = strike;
    changes->look.fire = look;
    random_init(&changes->random, world->options.seed ^ UINT64_C(0x6368616e676573));
    sim_deeds_init(changes);
}

void sim_changes_deinit(struct sim_changes *changes)
{
    timers_stop(&changes->world->timers, &changes->strike);
    timers_stop(&changes->world->timers, &changes->look);
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        timers_stop(&changes->world->timers, &changes->deeds[i].timer);
    }
}

void sim_changes_begin(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    if (world->options.change.change_us == 0) {
        return;
    }
    changes->going = true;
    world->oracle.unstable = true;
    arm(changes);
    timers_start(&world->timers, &changes->look, world->now_us + LOOK_US);
}

void sim_changes_rest(struct sim_changes *changes)
{
    timers_stop(&changes->world->timers, &changes->look);
}

void sim_changes_end(struct sim_changes *changes)
{
    changes->tidying = changes->going;
    memset(changes->joins->waits, 0, sizeof(changes->joins->waits));
    changes->going = false;
    timers_stop(&changes->world->timers, &changes->strike);
}
