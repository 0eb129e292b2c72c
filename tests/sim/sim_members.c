/* See sim_members.h. */
#include "sim_members.h"

#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "sim_world.h"

/* Looks at everything between two looks at all that is owed. */
#define OBLIGATIONS_EVERY 16u
/* What a removed node had under way when it learned of it is answered within this time. */
#define GHOST_US UINT64_C(10000000)

int sim_members_init(struct sim_world *world)
{
    struct sim_members *members = &world->members;
    members->seen = mem_alloc_zeroed(world->node_room, sizeof(*members->seen));
    members->declared = mem_alloc_zeroed(world->options.partitions, sizeof(*members->declared));
    return members->seen == NULL || members->declared == NULL ? SHOAL_ENOMEM : 0;
}

void sim_members_deinit(struct sim_world *world)
{
    mem_free(world->members.seen);
    mem_free(world->members.declared);
}

/* ---- who ---- */

enum sim_standing sim_members_standing(const struct sim_world *world, const struct sim_node *node)
{
    const struct snapshot *snapshot = sim_node_snapshot(node);
    if (snapshot == NULL || (world->cluster != 0 && !sim_world_is_member(world, node))) {
        return SIM_OUTSIDE;
    }
    if (view_removed(snapshot->view, snapshot->self)) {
        return SIM_REMOVED;
    }
    if (layout_member_index(view_newest(snapshot->view), snapshot->self) >= 0) {
        return SIM_MEMBER;
    }
    const struct role *role = roles_find(&snapshot->view->roles, snapshot->self);
    if (role == NULL) {
        return SIM_OUTSIDE;
    }
    return role->kind != ROLE_IN ? SIM_LEAVER : role->staged ? SIM_STAGED : SIM_OUTSIDE;
}

struct sim_node *sim_members_any(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->state == SIM_UP && !node->removed &&
            sim_members_standing(world, node) == SIM_MEMBER) {
            return node;
        }
    }
    return NULL;
}

struct sim_node *sim_members_contact(struct sim_world *world)
{
    struct sim_node *member = sim_members_any(world);
    for (uint32_t i = 0; member == NULL && i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->state == SIM_UP && !node->removed &&
            sim_members_standing(world, node) == SIM_LEAVER) {
            return node;
        }
    }
    return member;
}

const struct snapshot *sim_members_snapshot(struct sim_world *world)
{
    const struct sim_node *node = sim_members_any(world);
    return node == NULL ? NULL : sim_node_snapshot(node);
}

struct sim_node *sim_members_find(struct sim_world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (world->nodes[i].id == id) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

bool sim_members_seeking(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node->life > 0 && node->id == 0 && !node->buried && node->config.seed_count > 0) {
            return true;
        }
    }
    return false;
}

uint32_t sim_members_ghosts(const struct sim_world *world)
{
    uint32_t ghosts = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        ghosts +=
            node->removed && node->state != SIM_DOWN &&
            (node->removed_known_us == 0 || world->now_us - node->removed_known_us < GHOST_US);
    }
    return ghosts;
}

/* ---- what views tell ---- */

static void note_removed(struct sim_world *world, const struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->id == 0 || !view_removed(snapshot->view, node->id)) {
            continue;
        }
        if (!node->removed) {
            sim_trace_say(&world->trace, world->now_us, "node%u is removed by force", i);
            world->counts.removals++;
        }
        node->removed = true;
        if (snapshot->self == node->id && node->removed_known_us == 0) {
            node->removed_known_us = world->now_us;
        }
    }
}

/* All that a removed node owed has been taken over: what it lost is lost to nobody. */
static bool is_made_up_for(const struct sim_world *world, const struct sim_node *removed)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[i]);
        if (snapshot != NULL && view_removed(snapshot->view, removed->id) &&
            snapshot->self != removed->id && snapshot->view->live_count == 1 &&
            layout_member_index(view_newest(snapshot->view), removed->id) < 0) {
            return true;
        }
    }
    return false;
}

/* Has its removal died with the only ones who knew of it? */
static bool is_forgotten(const struct sim_world *world, const struct sim_node *removed)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct snapshot *snapshot = sim_node_snapshot(node);
        if (node->life == 0 || node->buried) {
            continue;
        }
        if (snapshot == NULL || view_removed(snapshot->view, removed->id)) {
            return false;
        }
    }
    return true;
}

void sim_members_absolve(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->removed && is_forgotten(world, node)) {
            sim_trace_say(&world->trace, world->now_us, "nobody knows that node%u was removed", i);
            node->removed = false;
            node->removed_known_us = 0;
        }
        if (node->removed && (node->lost || node->condemned) && is_made_up_for(world, node)) {
            node->lost = false;
            node->condemned = false;
        }
    }
}

static void declare(struct sim_world *world, uint32_t partition)
{
    struct sim_history *history = &world->oracle.history;
    if (!world->members.declared[partition]) {
        world->members.declared[partition] = true;
        world->counts.declared++;
        sim_trace_say(&world->trace, world->now_us, "partition %u may have lost writes", partition);
    }
    for (uint32_t i = 0; i < history->key_count; i++) {
        const struct sim_key *key = &history->keys[i];
        if (partition_of_key(bytes_make(key->name, key->name_len), world->options.partitions) ==
            partition) {
            sim_oracle_excuse(&world->oracle, i);
        }
    }
}

static void note_declared(struct sim_world *world, const struct view *view)
{
    if (view->removed_count == 0) {
        return;
    }
    uint32_t capacity = world->options.partitions;
    uint32_t *list = arena_alloc_array(&world->arena, capacity, sizeof(*list));
    uint32_t count = list == NULL ? 0 : view_may_lose(view, list, capacity);
    for (uint32_t i = 0; i < count; i++) {
        declare(world, list[i]);
    }
}

static void note_view(struct sim_world *world, struct sim_node *node,
                      const struct snapshot *snapshot)
{
    struct sim_members *members = &world->members;
    members->seen[node->index] = snapshot->view->digest;
    node->id = snapshot->self;
    if (world->cluster != 0 && view_facts(snapshot->view)->id != world->cluster) {
        return;
    }
    note_removed(world, snapshot);
    note_declared(world, snapshot->view);
    if (snapshot->view->floor.version > members->floor) {
        members->floor = snapshot->view->floor.version;
        members->risen = true;
    }
    if (snapshot->view->live_count > world->counts.live_most) {
        world->counts.live_most = snapshot->view->live_count;
    }
}

void sim_members_look(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[i]);
        if (snapshot != NULL && world->members.seen[i] != snapshot->view->digest) {
            note_view(world, &world->nodes[i], snapshot);
        }
    }
}

void sim_members_adopted(struct sim_worker *worker)
{
    struct sim_node *node = worker->node;
    struct sim_world *world = node->world;
    const struct snapshot *snapshot = worker_snapshot(worker->core);
    if (snapshot == NULL || worker->seen == snapshot->view->digest) {
        return;
    }
    worker->seen = snapshot->view->digest;
    for (uint32_t i = 0; i < world->oracle.history.key_count; i++) {
        const struct sim_key *key = &world->oracle.history.keys[i];
        struct bytes name = bytes_make(key->name, key->name_len);
        uint32_t partition = partition_of_key(name, world->options.partitions);
        if (sim_node_worker_of(node, name) == worker &&
            !view_owns(snapshot->view, snapshot->self, partition)) {
            sim_oracle_forget_key(&world->oracle, node->index, i);
        }
    }
}

/* ---- settled ---- */

static bool node_settled(struct sim_world *world, const struct sim_node *node, uint64_t *digest)
{
    if (node->state != SIM_UP || node->paused) {
        return false;
    }
    const struct snapshot *snapshot = sim_node_snapshot(node);
    if (node->removed) {
        return snapshot != NULL && view_removed(snapshot->view, snapshot->self);
    }
    if (!sim_node_settled(node) || sim_members_standing(world, node) == SIM_OUTSIDE ||
        (*digest != 0 && *digest != snapshot->view->digest)) {
        return false;
    }
    *digest = snapshot->view->digest;
    return true;
}

bool sim_members_settled(struct sim_world *world)
{
    uint32_t expected = 0;
    uint64_t digest = 0;
    sim_members_look(world);
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node->life == 0 || node->buried) {
            continue;
        }
        expected++;
        if (!node_settled(world, node, &digest)) {
            return false;
        }
    }
    const struct snapshot *snapshot = sim_members_snapshot(world);
    /* At first nobody is meant to be out. */
    return snapshot != NULL &&
           (world->cluster != 0 || view_newest(snapshot->view)->member_count == expected);
}

/* ---- invariant 6 ---- */

/* The join of what all running nodes of the cluster know; NULL when there is none. */
static struct view *join_all(struct sim_world *world)
{
    struct view *all = NULL;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[i]);
        struct view *joined;
        if (snapshot == NULL || !sim_world_is_member(world, &world->nodes[i])) {
            continue;
        }
        if (all == NULL) {
            all = view_ref(snapshot->view);
        } else if (all->digest != snapshot->view->digest &&
                   view_join(all, snapshot->view, &joined) == 0) {
            view_unref(all);
            all = joined;
        }
    }
    return all;
}

/* Does the worker that has the key know that it is an owner? One that has just started does not. */
static bool is_in_place(struct sim_world *world, struct sim_node *node, struct bytes key)
{
    const struct snapshot *snapshot =
        node->state == SIM_DOWN ? NULL : worker_snapshot(sim_node_worker_of(node, key)->core);
    return snapshot != NULL && view_owns(snapshot->view, snapshot->self,
                                         partition_of_key(key, world->options.partitions));
}

/* What can be said of an owner: its holding was looked at, or nobody knows and it may have all, or
 * it counts as lost. */
static void take_owner(struct sim_world *world, const struct view *view, uint64_t id, uint32_t key,
                       struct sim_obliged *obliged)
{
    struct sim_node *node = sim_members_find(world, id);
    if (node == NULL || node->removed || node->lost || node->condemned || node->store.rotten ||
        view_removed(view, id)) {
        obliged->lost++;
        return;
    }
    const struct sim_key *at = &world->oracle.history.keys[key];
    struct bytes name = bytes_make(at->name, at->name_len);
    struct object object = object_empty();
    arena_reset(&world->arena);
    int code = is_in_place(world, node, name) ? sim_world_peek(world, node, name, &object) : 1;
    if (code != 0 && code != SHOAL_ENOTFOUND) {
        obliged->unknown++;
        return;
    }
    sim_oracle_accounts(at, &object, &obliged->accounts[obliged->count++]);
}

static void check_key(struct sim_world *world, const struct view *view, uint32_t key)
{
    const struct sim_key *at = &world->oracle.history.keys[key];
    uint32_t partition =
        partition_of_key(bytes_make(at->name, at->name_len), world->options.partitions);
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count = layout_owners(view->live[0].layout, partition, owners);
    struct sim_obliged obliged = {0};
    for (uint32_t i = 0; i < count; i++) {
        take_owner(world, view, owners[i], key, &obliged);
    }
    world->members.checked++;
    sim_oracle_obliged(&world->oracle, key, &obliged);
}

void sim_members_check(struct sim_world *world)
{
    struct sim_members *members = &world->members;
    sim_members_look(world);
    if (world->cluster == 0 || (++members->looks % OBLIGATIONS_EVERY != 0 && !members->risen)) {
        return;
    }
    members->risen = false;
    struct view *view = join_all(world);
    for (uint32_t i = 0; view != NULL && i < world->oracle.history.key_count; i++) {
        if (!world->verdict.broken) {
            check_key(world, view, i);
        }
    }
    view_unref(view);
}
