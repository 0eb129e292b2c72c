/* One at a time; what comes of it is seen in the nodes' views. */
#include "sim_deeds.h"

#include "shoal/error.h"

#include <stdio.h>

#define CHANGE_US UINT64_C(3000000)
#define AGAIN_US UINT64_C(200000)
#define FOUND_US UINT64_C(1000000) /* in which a machine founds a cluster of its own */
#define STUCK_US UINT64_C(15000000)

/* Beyond enum change_op: a join, by the node's own operator. */
#define DEED_JOIN 100u

/* ---- who ---- */

static bool may_be_asked(const struct sim_changes *changes, const struct sim_node *node)
{
    return node->state == SIM_UP && !node->paused && !node->removed &&
           sim_members_standing(changes->world, node) == SIM_MEMBER;
}

static struct sim_node *choose_asked(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    uint32_t from = (uint32_t)random_below(&changes->random, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[(from + i) % world->node_count];
        if (may_be_asked(changes, node)) {
            return node;
        }
    }
    return NULL;
}

bool sim_deed_about(const struct sim_changes *changes, uint32_t target)
{
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        const struct sim_deed *deed = &changes->deeds[i];
        if (deed->busy && deed->target == target && deed->op != CHANGE_COMMIT &&
            deed->op != CHANGE_CANCEL) {
            return true;
        }
    }
    return false;
}

struct sim_node *sim_deed_choose_member(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    struct sim_node *node = &world->nodes[random_below(&changes->random, world->node_count)];
    bool fit =
        may_be_asked(changes, node) && !node->condemned && !sim_deed_about(changes, node->index);
    return fit ? node : NULL;
}

/* Those who are to stay members by all that this view knows. */
static uint32_t count_staying(struct sim_world *world, const struct view *view)
{
    uint32_t count = 0;
    const struct layout *newest = view_newest(view);
    for (uint32_t i = 0; i < newest->member_count; i++) {
        uint64_t id = newest->members[i].node;
        const struct role *role = roles_find(&view->roles, id);
        const struct sim_node *node = sim_members_find(world, id);
        count += role != NULL && role->kind == ROLE_IN && node != NULL && !node->buried &&
                 !node->condemned && !node->removed;
    }
    return count;
}

static uint32_t fewest_staying(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    uint32_t fewest = UINT32_MAX;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].state == SIM_UP && may_be_asked(changes, &world->nodes[i])) {
            uint32_t count = count_staying(world, sim_node_snapshot(&world->nodes[i])->view);
            fewest = count < fewest ? count : fewest;
        }
    }
    return fewest == UINT32_MAX ? 0 : fewest;
}

static uint32_t needed(const struct sim_changes *changes)
{
    const struct sim_options *options = &changes->world->options;
    return options->r > options->w ? options->r : options->w;
}

bool sim_deed_may_shrink(struct sim_changes *changes)
{
    uint32_t going = 0;
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        const struct sim_deed *deed = &changes->deeds[i];
        going += deed->busy && (deed->op == CHANGE_LEAVE || deed->op == CHANGE_REMOVE);
    }
    for (uint32_t i = 0; i < changes->world->node_count; i++) {
        going += changes->world->nodes[i].buried && !changes->world->nodes[i].removed;
    }
    return fewest_staying(changes) > needed(changes) + going;
}

/* ---- asking ---- */

static void answered(struct sim_request *request)
{
    struct sim_deed *deed = request->user;
    struct sim_changes *changes = deed->changes;
    struct sim_world *world = changes->world;
    struct sim_node *target = &world->nodes[deed->target];
    bool known = request->done && shoal_error_nothing_applied(request->code) != 0;
    deed->busy = false;
    if (request->done && request->code == 0) {
        world->counts.changes++;
        world->counts.commits += request->outcome.changed != NULL && request->changed.committed;
    } else if (known) {
        world->counts.changes_refused++;
        changes->refused[deed->target] = deed->op == CHANGE_REMOVE;
    } else {
        world->counts.changes_unknown++;
    }
    if (deed->condemns && known && request->code != 0) {
        target->condemned = false;
    }
    if ((deed->op == DEED_JOIN || deed->op == CHANGE_REPLACE) &&
        !(request->done && request->code == 0)) {
        memset(changes->joins->waits, 0, sizeof(changes->joins->waits));
    }
}

static void dress(struct sim_deed *deed)
{
    struct sim_changes *changes = deed->changes;
    struct message_change *change = &deed->change;
    const struct sim_node *target = &changes->world->nodes[deed->target];
    static const char *const zones[] = {"z", "y", "x"};
    snprintf(deed->name, sizeof(deed->name), "node%u", target->index);
    change->op = deed->op;
    change->stage = deed->stage;
    change->force = deed->force;
    change->timeout_us = CHANGE_US;
    if (deed->op != CHANGE_COMMIT && deed->op != CHANGE_CANCEL && deed->at != deed->target) {
        change->node = bytes_from_string(deed->name);
    }
    if (deed->op == CHANGE_SET) {
        change->node = bytes_from_string(deed->name);
        change->weight = (uint32_t)random_below(&changes->random, 5);
        if (change->weight == 0 || random_chance(&changes->random, 0.3)) {
            change->zone = bytes_from_string(zones[random_below(&changes->random, 3)]);
        }
    }
}

static void submit(struct sim_deed *deed)
{
    struct sim_world *world = deed->changes->world;
    struct sim_node *at = &world->nodes[deed->at];
    struct sim_ask ask = {.node = deed->at,
                          .op = REQUEST_CHANGE,
                          .change = &deed->change,
                          .options = {.timeout_us = CHANGE_US},
                          .completed = answered,
                          .user = deed};
    ask.worker = (uint32_t)random_below(&deed->changes->random, at->worker_count);
    deed->asked = true;
    sim_trace_say(&world->trace, world->now_us, "an operator asks node%u: change %u of node%u%s%s",
                  deed->at, deed->op, deed->target, deed->stage ? ", staged" : "",
                  deed->force ? ", by force" : "");
    sim_request_submit(world, &ask);
}

static void submit_join(struct sim_deed *deed)
{
    struct sim_world *world = deed->changes->world;
    const struct sim_node *to = choose_asked(deed->changes);
    const struct sim_node *at = &world->nodes[deed->at];
    if (to == NULL || at->state != SIM_UP || at->paused) {
        deed->busy = false;
        return;
    }
    struct sim_ask ask = {.node = deed->at,
                          .op = REQUEST_JOIN,
                          .key = bytes_from_string(to->config.advertise_host),
                          .limit = to->config.peer_port,
                          .stage = deed->stage,
                          .options = {.timeout_us = CHANGE_US},
                          .completed = answered,
                          .user = deed};
    deed->asked = true;
    sim_trace_say(&world->trace, world->now_us, "an operator has node%u join at node%u%s", deed->at,
                  to->index, deed->stage ? ", staged" : "");
    sim_request_submit(world, &ask);
}

static void deed_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_deed *deed = QUEUE_ITEM(timer, struct sim_deed, timer);
    struct sim_changes *changes = deed->changes;
    struct sim_world *world = changes->world;
    (void)now_us;
    if (deed->op == DEED_JOIN) {
        submit_join(deed);
        return;
    }
    struct sim_node *target = &world->nodes[deed->target];
    struct sim_node *at = choose_asked(changes);
    if (deed->op == CHANGE_LEAVE && may_be_asked(changes, target) &&
        random_chance(&changes->random, 0.5)) {
        at = target; /* its own operator */
    }
    if (at == NULL || (deed->condemns && !sim_world_may_lose(world, target))) {
        deed->busy = false;
        return;
    }
    target->condemned = target->condemned || deed->condemns;
    deed->at = at->index;
    dress(deed);
    submit(deed);
}

bool sim_deed_plan(struct sim_changes *changes, const struct sim_deed *wanted, uint64_t delay_us)
{
    struct sim_world *world = changes->world;
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        struct sim_deed *deed = &changes->deeds[i];
        if (deed->busy) {
            continue;
        }
        *deed = *wanted;
        deed->changes = changes;
        deed->busy = true;
        deed->timer = (struct timer){.fire = deed_fires};
        deed->stage = wanted->op != CHANGE_COMMIT && wanted->op != CHANGE_CANCEL &&
                      !changes->tidying &&
                      random_chance(&changes->random, world->options.change.stage_rate);
        timers_start(&world->timers, &deed->timer, world->now_us + delay_us);
        return true;
    }
    return false;
}

/* ---- growing ---- */

void sim_deed_start(struct sim_changes *changes, struct sim_node *node, bool waits)
{
    struct sim_world *world = changes->world;
    if (waits || random_chance(&changes->random, 0.3)) {
        node->config.seed_count = 0;
    }
    changes->joins->waits[node->index] = waits;
    int code = sim_node_start(node);
    if (code != 0 && node->store.troubled) {
        sim_faults_revive(changes->faults, node);
    } else if (code != 0) {
        sim_world_fail(world, SIM_ROBUSTNESS, "node%u does not start: code %d: %s", node->index,
                       code, node->why);
    }
}

static bool has_left(const struct sim_world *world, const struct sim_node *node)
{
    return node->state == SIM_UP && !node->paused && !node->removed &&
           sim_members_standing(world, node) == SIM_LEAVER;
}

void sim_deed_grow(struct sim_changes *changes, uint64_t delay_us)
{
    struct sim_world *world = changes->world;
    uint32_t from = (uint32_t)random_below(&changes->random, world->node_count);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[(from + i) % world->node_count];
        if (sim_deed_about(changes, node->index)) {
            continue;
        }
        struct sim_deed deed = {.op = DEED_JOIN, .at = node->index, .target = node->index};
        if (node->life == 0) {
            bool waits = !changes->tidying && random_chance(&changes->random, 0.3);
            sim_deed_start(changes, node, waits);
            if (waits) {
                (void)sim_deed_plan(changes, &deed, FOUND_US + delay_us);
            }
            return;
        }
        if (has_left(world, node)) {
            (void)sim_deed_plan(changes, &deed, delay_us);
            return;
        }
    }
}

static struct sim_node *choose_spare(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].life == 0) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

void sim_deed_replace(struct sim_changes *changes, uint64_t delay_us)
{
    struct sim_world *world = changes->world;
    struct sim_node *spare = choose_spare(changes);
    struct sim_node *node = sim_deed_choose_member(changes);
    for (uint32_t i = 0; i < world->node_count && random_chance(&changes->random, 0.5); i++) {
        if (world->nodes[i].buried && !world->nodes[i].removed) {
            node = &world->nodes[i]; /* a dead one's place */
        }
    }
    if (spare == NULL || node == NULL || (!node->buried && !sim_world_may_lose(world, node))) {
        return;
    }
    sim_deed_start(changes, spare, true);
    struct sim_deed deed = {.op = CHANGE_REPLACE, .target = node->index, .condemns = !node->buried};
    deed.change.port = spare->config.peer_port;
    snprintf(deed.change.host, sizeof(deed.change.host), "%s", spare->config.advertise_host);
    (void)sim_deed_plan(changes, &deed, FOUND_US + delay_us);
}

/* ---- the end ---- */

static bool any_staged(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[i]);
        if (snapshot != NULL && !world->nodes[i].removed && view_staged(snapshot->view) > 0) {
            return true;
        }
    }
    return false;
}

/* It was to leave, and has never said that it let go of all: status goes on showing it. Or it has
 * joined when there was no room for one more layout, and is a member as soon as there is. */
static bool is_missed(const struct snapshot *snapshot, const struct sim_node *dead)
{
    const struct snapshot_node *known = snapshot_find(snapshot, dead->id);
    const struct role *role = roles_find(&snapshot->view->roles, dead->id);
    if (role != NULL && role->kind == ROLE_IN) {
        return !role->staged;
    }
    return known != NULL && known->record.state != NODE_LEFT && role != NULL &&
           role->kind == ROLE_OUT;
}

static bool is_counted(struct sim_world *world, const struct sim_node *dead)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[i]);
        if (snapshot != NULL && !world->nodes[i].removed && is_missed(snapshot, dead)) {
            return true;
        }
        for (uint32_t k = 0; snapshot != NULL && k < snapshot->view->counted_count; k++) {
            if (snapshot->view->counted[k] == dead->id && !world->nodes[i].removed) {
                return true;
            }
        }
    }
    return false;
}

bool sim_changes_tidy(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    if (!changes->tidying) {
        return true;
    }
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        bool stuck = node->life > 0 && !node->buried && sim_node_snapshot(node) == NULL;
        bool restless = node->removed ? !changes->rests[i] : is_counted(world, node);
        if (stuck || (node->buried && restless)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        if (changes->deeds[i].busy) {
            return false;
        }
    }
    return !any_staged(world) && fewest_staying(changes) >= needed(changes) && sim_meet_done(world);
}

/* Its seeds are all gone: an operator takes them out of its configuration. */
static void free_stuck(struct sim_changes *changes, struct sim_node *node)
{
    if (node->state == SIM_UP && !node->paused && sim_node_snapshot(node) == NULL &&
        changes->world->now_us > node->resumed_us + STUCK_US) {
        sim_node_crash(node, SIM_EXIT_KILL);
        sim_node_renew(node);
        sim_deed_start(changes, node, false);
    }
}

void sim_deed_tidy(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    memset(changes->joins->waits, 0, sizeof(changes->joins->waits));
    for (uint32_t i = 0; i < world->node_count; i++) {
        free_stuck(changes, &world->nodes[i]);
    }
    for (uint32_t i = 0; i < SIM_DEEDS_MAX; i++) {
        if (changes->deeds[i].busy) {
            return;
        }
    }
    if (any_staged(world)) {
        struct sim_deed deed = {.op = random_chance(&changes->random, 0.6) ? CHANGE_COMMIT
                                                                           : CHANGE_CANCEL};
        (void)sim_deed_plan(changes, &deed, AGAIN_US);
    } else if (fewest_staying(changes) < needed(changes)) {
        sim_deed_grow(changes, AGAIN_US);
    }
}

/* Is its removal known, asked or staged, to anybody who runs; and does everybody run? */
static bool may_still_be_removed(struct sim_world *world, const struct sim_node *condemned)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct snapshot *snapshot = sim_node_snapshot(node);
        if (node->life == 0 || node->buried) {
            continue;
        }
        if (snapshot == NULL) {
            return true;
        }
        const struct role *role = roles_find(&snapshot->view->roles, condemned->id);
        if (role != NULL && role->kind == ROLE_REMOVED) {
            return true;
        }
    }
    return false;
}

void sim_deed_absolve(struct sim_changes *changes)
{
    struct sim_world *world = changes->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->condemned && !node->removed && !sim_deed_about(changes, i) &&
            !may_still_be_removed(world, node)) {
            node->condemned = false;
        }
    }
}

void sim_deeds_init(struct sim_changes *changes)
{
    memset(changes->deeds, 0, sizeof(changes->deeds));
}
