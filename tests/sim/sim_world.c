/* The loop from event to event. */
#include "sim_world.h"

#include "base/assert.h"
#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"

/* Events without time moving, or between two looks at overdue requests. */
#define SAME_TIME_EVENTS_MAX 200000u
#define CONDITION_US UINT64_C(5000)
/* Looks at everything between two looks into engines. */
#define ENGINES_EVERY 8u

int sim_world_init(struct sim_world *world, const struct sim_options *options, FILE *trace)
{
    memset(world, 0, sizeof(*world));
    world->options = *options;
    world->trace.out = trace;
    timers_init(&world->timers);
    arena_init(&world->arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&world->scratch, 0);
    random_init(&world->random, options->seed);
    queue_init(&world->items);
    queue_init(&world->requests);
    queue_init(&world->completed);
    queue_init(&world->buried);
    sim_network_init(&world->network, world, random_u64(&world->random));
    uint32_t count = options->nodes + options->joiners + options->spares;
    world->node_room = count + (options->reserve ? 1 : 0);
    ASSERT(world->node_room <= SIM_NODES_MAX);
    ASSERT(options->partitions <= SIM_PARTITIONS_MAX);
    sim_oracle_init(&world->oracle, &world->verdict, world->node_room, options->n, options->r,
                    options->w);
    world->oracle.doubled = options->network.hostile && options->network.duplicate_rate > 0;
    world->nodes = mem_alloc_zeroed(world->node_room, sizeof(*world->nodes));
    if (world->nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        world->node_count++;
        int code = sim_node_init(&world->nodes[i], world, i);
        if (code != 0) {
            return code;
        }
    }
    return sim_members_init(world);
}

struct sim_node *sim_world_enlist(struct sim_world *world)
{
    if (world->node_count == world->node_room) {
        return NULL;
    }
    struct sim_node *node = &world->nodes[world->node_count];
    ASSERT(sim_node_init(node, world, world->node_count++) == 0);
    sim_clock_heal(&node->clock);
    return node;
}

void sim_world_deinit(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        sim_node_deinit(&world->nodes[i]);
    }
    while (!queue_empty(&world->items)) {
        sim_item_free(QUEUE_ITEM(world->items.next, struct sim_item, link));
    }
    sim_network_deinit(&world->network);
    sim_request_free_all(world);
    sim_oracle_deinit(&world->oracle);
    timers_deinit(&world->timers);
    arena_deinit(&world->arena);
    sim_members_deinit(world);
    mem_free(world->nodes);
    buffer_deinit(&world->scratch);
}

/* ---- what nodes show ---- */

int sim_world_peek(struct sim_world *world, struct sim_node *node, struct bytes key,
                   struct object *out)
{
    struct sim_worker *worker = sim_node_worker_of(node, key);
    struct object object = object_empty();
    sim_store_calm(&node->store, true);
    int code = worker_peek(worker->core, &world->arena, key, &object);
    sim_store_calm(&node->store, false);
    *out = code == 0 ? object : object_empty();
    return code;
}

/* Shows the oracle what the node holds of a key. */
static void show(struct sim_world *world, struct sim_node *node, uint32_t at)
{
    struct sim_key *key = &world->oracle.history.keys[at];
    struct bytes name = bytes_make(key->name, key->name_len);
    struct object object = object_empty();
    arena_reset(&world->arena);
    int code = sim_world_peek(world, node, name, &object);
    if (code != 0 && code != SHOAL_ENOTFOUND) {
        sim_oracle_forget_key(&world->oracle, node->index, at);
        return;
    }
    sim_oracle_holding(&world->oracle, node->index, name, &object);
}

/* The same, but what a worker that is in no cluster yet or no owner has is its own affair. */
static void show_if_owner(struct sim_world *world, struct sim_node *node, uint32_t at)
{
    struct sim_key *key = &world->oracle.history.keys[at];
    struct bytes name = bytes_make(key->name, key->name_len);
    const struct snapshot *snapshot = worker_snapshot(sim_node_worker_of(node, name)->core);
    if (snapshot == NULL) {
        return;
    }
    uint32_t partition = partition_of_key(name, world->options.partitions);
    if (view_owns(snapshot->view, snapshot->self, partition)) {
        show(world, node, at);
        if (sim_tap_settled(&sim_node_worker_of(node, name)->tap)) {
            sim_oracle_settled(&world->oracle, node->index, at);
        }
    } else {
        sim_oracle_forget_key(&world->oracle, node->index, at);
    }
}

/* The write stands in the holding already, and perhaps not for longer than this event: a look now
 * tells whose dot it is. */
static void look(struct sim_world *world, uint32_t node, struct bytes key)
{
    if (!world->verdict.broken) {
        show(world, &world->nodes[node], sim_history_key(&world->oracle.history, key));
    }
}

void sim_world_expired(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot,
                       struct dot replaced)
{
    sim_oracle_expired(&world->oracle, key, dot, replaced);
    sim_trace_event(&world->trace, world->now_us, 66, node, 0, key);
    sim_trace_say(&world->trace, world->now_us, "node%u lets (%llx,%llu) of %.*s expire", node,
                  (unsigned long long)replaced.actor, (unsigned long long)replaced.counter,
                  (int)key.len, (const char *)key.data);
    look(world, node, key);
}

void sim_world_dropped(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot)
{
    sim_oracle_dropped(&world->oracle, key, dot);
    sim_trace_event(&world->trace, world->now_us, 67, node, 0, key);
    sim_trace_say(&world->trace, world->now_us, "node%u drops (%llx,%llu) of %.*s", node,
                  (unsigned long long)dot.actor, (unsigned long long)dot.counter, (int)key.len,
                  (const char *)key.data);
}

void sim_world_issued(struct sim_world *world, uint32_t node, struct bytes key, struct dot dot,
                      struct version_vector seen)
{
    sim_oracle_issued(&world->oracle, key, dot, seen);
    struct sim_key *at = &world->oracle.history.keys[sim_history_key(&world->oracle.history, key)];
    int index = sim_history_dot(at, dot);
    if (index >= 0) {
        const struct snapshot *snapshot = sim_node_snapshot(&world->nodes[node]);
        at->dots[index].node = node;
        at->dots[index].node_id = snapshot == NULL ? world->nodes[node].id : snapshot->self;
        at->dots[index].issued_us = world->now_us;
    }
    sim_trace_event(&world->trace, world->now_us, 65, node, 0, key);
    sim_trace_say(&world->trace, world->now_us, "node%u issues (%llx,%llu) on %.*s", node,
                  (unsigned long long)dot.actor, (unsigned long long)dot.counter, (int)key.len,
                  (const char *)key.data);
    look(world, node, key);
}

void sim_world_refilling(struct sim_world *world, uint32_t node, uint32_t partition)
{
    struct sim_history *history = &world->oracle.history;
    for (uint32_t i = 0; i < history->key_count; i++) {
        const struct sim_key *key = &history->keys[i];
        if (partition_of_key(bytes_make(key->name, key->name_len), world->options.partitions) ==
            partition) {
            sim_oracle_forget_key(&world->oracle, node, i);
        }
    }
}

void sim_world_check_holdings(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        /* Looking at rot would find it before its time. */
        if (world->nodes[i].state == SIM_DOWN || world->nodes[i].store.rotten) {
            continue;
        }
        for (uint32_t k = 0; k < world->oracle.history.key_count; k++) {
            if (!world->verdict.broken) {
                show_if_owner(world, &world->nodes[i], k);
            }
        }
    }
}

/* ---- the loop ---- */

/* A node that had lost its disk and has refilled may lose it again, or another its own. */
static void note_refills(struct sim_world *world)
{
    sim_members_absolve(world);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->lost && node->state == SIM_UP && !timer_running(&node->doom) &&
            sim_node_settled(node)) {
            node->lost = false;
            sim_trace_say(&world->trace, world->now_us, "node%u is refilled", i);
        }
    }
}

/* One node's at a time, for it walks everything. */
static void check_engines(struct sim_world *world)
{
    world->checked++;
    const struct sim_node *node = &world->nodes[world->checked / ENGINES_EVERY % world->node_count];
    for (uint32_t i = 0; i < node->worker_count; i++) {
        if (world->checked % ENGINES_EVERY == 0 && node->state != SIM_DOWN) {
            sim_store_check(&node->store, node->workers[i].engine);
        }
    }
}

bool sim_world_step(struct sim_world *world)
{
    uint64_t next_us = timers_next_us(&world->timers);
    if (next_us == TIMERS_NEVER || world->verdict.broken) {
        return false;
    }
    world->same_time = next_us > world->now_us ? 0 : world->same_time + 1;
    if (world->same_time > SAME_TIME_EVENTS_MAX) {
        sim_world_fail(world, SIM_LIVENESS, "time does not move any more");
        return false;
    }
    world->now_us = next_us > world->now_us ? next_us : world->now_us;
    world->oracle.now_us = world->now_us;
    timers_fire(&world->timers, world->now_us);
    if (world->trace.events - world->checked_at >= world->options.check_every) {
        world->checked_at = world->trace.events;
        note_refills(world);
        check_engines(world);
        sim_world_check_holdings(world);
        sim_members_check(world);
        sim_request_check(world);
    }
    return !world->verdict.broken;
}

void sim_world_run_us(struct sim_world *world, uint64_t duration_us)
{
    uint64_t end_us = world->now_us + duration_us;
    while (timers_next_us(&world->timers) <= end_us && sim_world_step(world)) {
    }
    if (!world->verdict.broken) {
        world->now_us = end_us;
    }
}

bool sim_world_run_until(struct sim_world *world, bool (*condition)(struct sim_world *world),
                         uint64_t timeout_us)
{
    uint64_t end_us = world->now_us + timeout_us;
    while (!world->verdict.broken) {
        if (condition(world)) {
            return true;
        }
        if (world->now_us >= end_us) {
            return false;
        }
        sim_world_run_us(world, CONDITION_US);
    }
    return false;
}

/* ---- questions ---- */

bool sim_world_is_member(const struct sim_world *world, const struct sim_node *node)
{
    const struct snapshot *snapshot = sim_node_snapshot(node);
    return snapshot != NULL && view_facts(snapshot->view)->id == world->cluster;
}

static void learn_cluster(struct sim_world *world, const struct snapshot *snapshot)
{
    world->cluster = view_facts(snapshot->view)->id;
    world->token_keys = snapshot->token_keys;
    world->has_token_keys = true;
}

bool sim_world_settled(struct sim_world *world)
{
    if (!sim_members_settled(world)) {
        return false;
    }
    learn_cluster(world, sim_members_snapshot(world));
    return true;
}

bool sim_world_may_lose(struct sim_world *world, const struct sim_node *node)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *other = &world->nodes[i];
        lost += (other->lost || other->condemned || other->store.rotten) && other != node;
    }
    return lost + 1 < world->options.w;
}
