/* A machine, and the events of its process. How that starts and ends is in sim_life.c, its ports
 * are in sim_ports.c. */
#include "sim_node.h"

#include "base/assert.h"
#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "sim_world.h"

#include <stdio.h>

#define PEER_PORT_FIRST 4001u
#define TRANSFERS 8u
/* Looks into a worker between two looks at everything. */
#define CHECK_SHARE 16u
#define TICK_LATE_US_MAX 100u
#define FLUSH_LATE_US_MAX 200u

/* ---- birth ---- */

static void configure(struct sim_node *node)
{
    const struct sim_options *options = &node->world->options;
    struct node_config *config = &node->config;
    config->weight = 1;
    snprintf(config->name, sizeof(config->name), "node%u", node->index);
    snprintf(config->zone, sizeof(config->zone), "z");
    snprintf(config->cluster_name, sizeof(config->cluster_name), "sim");
    snprintf(config->advertise_host, sizeof(config->advertise_host), "host%u", node->index);
    config->partitions = options->partitions;
    config->n = options->n;
    config->r = options->r;
    config->w = options->w;
    config->sloppy = options->sloppy;
    config->repair_interval_us = options->repair_us;
    config->peer_port = (uint16_t)(PEER_PORT_FIRST + node->index);
    config->client_port = (uint16_t)(config->peer_port - 1000);
    config->heartbeat_interval_us = options->heartbeat_us;
    config->heartbeat_fanout = 2;
    config->phi_threshold = 8.0;
    config->request_timeout_us = options->request_timeout_us;
    config->clock_ahead_ms_max = SIM_CLOCK_AHEAD_MS;
    config->key_bytes_max = LIMIT_KEY_BYTES_DEFAULT;
    config->value_bytes_max = LIMIT_VALUE_BYTES_DEFAULT;
    config->hints_bytes_max = options->hints_bytes_max;
    config->transfers = TRANSFERS;
}

/* The first nodes seed everyone: founders are among them, joiners are not. */
static int configure_seeds(struct sim_node *node)
{
    const struct sim_options *options = &node->world->options;
    struct node_config *config = &node->config;
    bool alone = options->nodes < 2 && (node->index == 0 || options->spares == 0);
    if (options->setup == SIM_SETUP_JOIN || alone) {
        return 0;
    }
    config->seeds = mem_alloc_zeroed(options->nodes, sizeof(*config->seeds));
    if (config->seeds == NULL) {
        return SHOAL_ENOMEM;
    }
    bool few = options->seeds > 0 && options->seeds < options->nodes;
    config->seed_count = few ? options->seeds : options->nodes;
    for (uint32_t i = 0; i < config->seed_count; i++) {
        snprintf(config->seeds[i].host, sizeof(config->seeds[i].host), "host%u", i);
        config->seeds[i].port = (uint16_t)(PEER_PORT_FIRST + i);
    }
    return 0;
}

static void tick_fires(struct timer *timer, uint64_t now_us);
static void flush_fires(struct timer *timer, uint64_t now_us);

int sim_node_init(struct sim_node *node, struct sim_world *world, uint32_t index)
{
    memset(node, 0, sizeof(*node));
    node->world = world;
    node->index = index;
    node->worker_count = world->options.workers[index];
    sim_life_init(node);
    queue_init(&node->held);
    queue_init(&node->keeping);
    buffer_init(&node->kept, 0);
    sim_clock_init(&node->clock, &world->options.clock, &world->random);
    for (uint32_t i = 0; i < SIM_WORKERS_MAX; i++) {
        node->workers[i].node = node;
        node->workers[i].index = i;
        node->workers[i].tick.fire = tick_fires;
        node->workers[i].flush.fire = flush_fires;
        sim_offload_init(&node->workers[i].offload, &node->workers[i]);
    }
    sim_store_init(&node->store, &world->options.store, world->options.partitions, &world->random);
    sim_feed_init(&node->feed, &world->options.store, index + 1);
    configure(node);
    node->actors = mem_alloc_zeroed(world->options.partitions, sizeof(*node->actors));
    return node->actors == NULL ? SHOAL_ENOMEM : configure_seeds(node);
}

void sim_node_deinit(struct sim_node *node)
{
    sim_life_end(node);
    sim_store_deinit(&node->store);
    sim_feed_deinit(&node->feed);
    buffer_deinit(&node->kept);
    mem_free(node->config.seeds);
    mem_free(node->actors);
}

/* ---- events ---- */

static void flush_now(struct sim_worker *worker)
{
    struct sim_world *world = worker->node->world;
    timers_stop(&world->timers, &worker->flush);
    worker_flush(worker->core, sim_clock_moment(&worker->node->clock, world->now_us));
}

static void flush_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_worker *worker = QUEUE_ITEM(timer, struct sim_worker, flush);
    if (worker->node->paused) {
        return;
    }
    sim_trace_event(&worker->node->world->trace, now_us, 33, worker->node->index, worker->index,
                    (struct bytes){0});
    flush_now(worker);
    sim_node_after_event(worker);
}

/* Flushes, or leaves it to a later moment so that events come in batches. */
static void flush_perhaps(struct sim_worker *worker)
{
    struct sim_world *world = worker->node->world;
    if (timer_running(&worker->flush)) {
        return;
    }
    if (random_chance(&world->random, world->options.batch_rate)) {
        timers_start(&world->timers, &worker->flush,
                     world->now_us + random_below(&world->random, FLUSH_LATE_US_MAX));
        return;
    }
    flush_now(worker);
}

static void arm_tick(struct sim_worker *worker)
{
    struct sim_world *world = worker->node->world;
    uint64_t next_us = worker_next_us(worker->core);
    if (next_us == TIMERS_NEVER) {
        timers_stop(&world->timers, &worker->tick);
        return;
    }
    uint64_t due_us = sim_clock_world_us(&worker->node->clock, next_us);
    if (due_us < world->now_us) {
        due_us = world->now_us;
    }
    if (timer_running(&worker->tick) && worker->tick.deadline_us >= due_us &&
        worker->tick.deadline_us <= due_us + TICK_LATE_US_MAX) {
        return;
    }
    timers_start(&world->timers, &worker->tick,
                 due_us + 1 + random_below(&world->random, TICK_LATE_US_MAX));
}

static void tick_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_worker *worker = QUEUE_ITEM(timer, struct sim_worker, tick);
    struct sim_node *node = worker->node;
    if (node->paused) {
        return; /* resuming ticks */
    }
    sim_trace_event(&node->world->trace, now_us, 32, node->index, worker->index, (struct bytes){0});
    worker_tick(worker->core, sim_clock_moment(&node->clock, now_us));
    sim_node_after_event(worker);
}

static bool is_idle(const struct sim_node *node)
{
    for (uint32_t i = 0; i < node->worker_count; i++) {
        if (!worker_idle(node->workers[i].core) || timer_running(&node->workers[i].flush)) {
            return false;
        }
    }
    return true;
}

void sim_node_after_event(struct sim_worker *worker)
{
    struct sim_node *node = worker->node;
    struct sim_world *world = node->world;
    flush_perhaps(worker);
    sim_members_adopted(worker);
    sim_life_look(node);
    arm_tick(worker);
    if (world->trace.events % (world->options.check_every / CHECK_SHARE + 1) == 0) {
        worker_check(worker->core);
    }
    sim_request_settle(world);
    if (node->state == SIM_STOPPING && is_idle(node)) {
        sim_life_stopped(node);
    }
}

/* ---- pause ---- */

void sim_node_pause(struct sim_node *node)
{
    sim_trace_say(&node->world->trace, node->world->now_us, "node%u pauses", node->index);
    node->world->counts.pauses++;
    node->paused = true;
}

void sim_node_resume(struct sim_node *node)
{
    struct sim_world *world = node->world;
    sim_trace_say(&world->trace, world->now_us, "node%u resumes", node->index);
    node->paused = false;
    node->resumed_us = world->now_us;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        timers_start(&world->timers, &node->workers[i].flush, world->now_us);
        timers_start(&world->timers, &node->workers[i].tick,
                     world->now_us + random_below(&world->random, 2));
        sim_offload_resume(&node->workers[i].offload);
    }
    struct queue *link;
    while ((link = queue_pop(&node->held)) != NULL) {
        struct sim_item *item = QUEUE_ITEM(link, struct sim_item, link);
        queue_push(&world->items, &item->link);
        sim_item_at(item, world->now_us);
    }
}

/* ---- questions ---- */

struct sim_worker *sim_node_worker_of(struct sim_node *node, struct bytes key)
{
    uint32_t partition = partition_of_key(key, node->config.partitions);
    return &node->workers[partition % node->worker_count];
}

const struct snapshot *sim_node_snapshot(const struct sim_node *node)
{
    return node->state == SIM_DOWN ? NULL : worker_snapshot(node->workers[0].core);
}

uint64_t sim_node_hints(const struct sim_node *node)
{
    uint64_t hints = 0;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        const struct worker *core = node->workers[i].core;
        hints += core == NULL ? 0 : worker_hints(core);
    }
    return hints;
}

bool sim_node_settled(const struct sim_node *node)
{
    const struct snapshot *snapshot = sim_node_snapshot(node);
    if (snapshot == NULL || snapshot->view->live_count != 1) {
        return false;
    }
    /* What it says of itself lags behind a start. */
    uint64_t up_us = node->world->now_us - node->resumed_us;
    if (node->lost && up_us < 4 * node->world->options.heartbeat_us) {
        return false;
    }
    const struct snapshot_node *self = snapshot_find(snapshot, snapshot->self);
    return self != NULL && (self->state == NODE_UP || self->state == NODE_LEFT) &&
           self->record.pending_sync == 0 && self->record.releasing == 0 &&
           !view_due(snapshot->view) && sim_node_hints(node) == 0;
}
