/* The life of a process: start, stop, crash, and what each end means for what the node had
 * confirmed.
 */
#include "base/assert.h"
#include "shoal/error.h"
#include "sim_ports.h"
#include "sim_world.h"

#define STOP_PATIENCE_US UINT64_C(8000000)
#define DOOM_PATIENCE_US UINT64_C(1000000)

static void patience_ends(struct timer *timer, uint64_t now_us);
static void doom_comes(struct timer *timer, uint64_t now_us);

void sim_life_init(struct sim_node *node)
{
    node->stop_patience.fire = patience_ends;
    node->doom.fire = doom_comes;
}

/* ---- start ---- */

static int start_worker(struct sim_node *node, uint32_t index)
{
    struct sim_world *world = node->world;
    struct sim_worker *worker = &node->workers[index];
    struct engine *engine;
    int code = sim_store_engine(&node->store, index, node->worker_count, &worker->offload.port,
                                &engine, node->why);
    if (code != 0) {
        return code;
    }
    struct worker_options options = {
        .index = index,
        .count = node->worker_count,
        .config = &node->config,
        .ports = sim_ports_make(worker),
        .engine = engine,
        .metrics = node->metrics,
        .random_seed = random_u64(&world->random),
        .kept = index == 0 ? buffer_bytes(&node->kept) : (struct bytes){0},
        .now = sim_clock_moment(&node->clock, world->now_us),
    };
    options.tails = tail_set_of(node->feed.tails, index, &options.tail_count);
    options.lanes = tail_set_lanes(node->feed.tails);
    worker->engine = engine;
    code = worker_new(&options, &worker->core);
    if (code != 0) {
        worker->core = NULL;
        sim_offload_end(&worker->offload, false);
        engine->ops->free(engine);
        worker->engine = NULL;
        return code;
    }
    sim_tap_open(&worker->tap, engine, &world->verdict);
    sim_ports_observe(worker);
    return 0;
}

static int open_feed(struct sim_node *node)
{
    struct offload offloads[SIM_WORKERS_MAX];
    for (uint32_t i = 0; i < node->worker_count; i++) {
        offloads[i] = node->workers[i].offload.port;
    }
    return sim_feed_open(&node->feed, node->worker_count, offloads, node->kept.len > 0);
}

static int start_workers(struct sim_node *node)
{
    int code = sim_store_open(&node->store, node->why);
    if (code == 0) {
        code = open_feed(node);
    }
    node->metrics = metrics_new(node->worker_count);
    if (code == 0) {
        code = node->metrics == NULL ? SHOAL_ENOMEM : worker_declare_metrics(node->metrics);
    }
    for (uint32_t i = 0; i < node->worker_count && code == 0; i++) {
        memset(node->workers[i].letter_due_us, 0, sizeof(node->workers[i].letter_due_us));
        code = start_worker(node, i);
    }
    if (code == 0) {
        sim_store_loaded(&node->store);
    }
    return code;
}

static bool workers_clean(const struct sim_node *node)
{
    for (uint32_t i = 0; i < node->worker_count; i++) {
        if (node->workers[i].core == NULL || !worker_clean(node->workers[i].core)) {
            return false;
        }
    }
    return true;
}

static void drop_items(struct sim_node *node)
{
    struct sim_world *world = node->world;
    while (!queue_empty(&node->held)) {
        sim_item_free(QUEUE_ITEM(node->held.next, struct sim_item, link));
    }
    /* Letters may live in requests that are about to be given back. */
    for (struct queue *at = world->items.next; at != &world->items;) {
        struct sim_item *item = QUEUE_ITEM(at, struct sim_item, link);
        at = at->next;
        if (item->node == node->index) {
            sim_item_free(item);
        }
    }
}

/* Everything of the process but what is on its way. True when it ended clean. */
static bool end_process(struct sim_node *node, bool told)
{
    struct sim_world *world = node->world;
    sim_request_orphan(world, node);
    timers_stop(&world->timers, &node->stop_patience);
    timers_stop(&world->timers, &node->doom);
    node->stop_patience.fire = patience_ends;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        if (!told) {
            sim_tap_close(&node->workers[i].tap);
        }
        sim_offload_end(&node->workers[i].offload, told);
    }
    bool clean = told && workers_clean(node);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct sim_worker *worker = &node->workers[i];
        timers_stop(&world->timers, &worker->tick);
        timers_stop(&world->timers, &worker->flush);
        sim_tap_close(&worker->tap);
        if (worker->core != NULL) {
            world->counts.store.damaged += worker->tap.damages;
            sim_store_tell(&node->store, worker->engine, &world->counts.store);
            worker_free(worker->core);
        }
        worker->core = NULL;
        worker->engine = NULL;
    }
    sim_feed_close(&node->feed, clean);
    sim_store_close(&node->store, clean);
    metrics_free(node->metrics);
    node->metrics = NULL;
    drop_items(node);
    node->state = SIM_DOWN;
    node->paused = false;
    return clean;
}

int sim_node_start(struct sim_node *node)
{
    struct sim_world *world = node->world;
    ASSERT(node->state == SIM_DOWN);
    if (node->life > 0 && random_chance(&world->random, world->options.store.rework_rate)) {
        node->worker_count = 1 + (uint32_t)random_below(&world->random, SIM_WORKERS_MAX);
    }
    node->life++;
    node->resumed_us = world->now_us;
    node->holdings_begun = 0;
    node->holdings_refilling = 0;
    world->counts.starts++;
    sim_trace_say(&world->trace, world->now_us, "node%u starts with %u workers", node->index,
                  node->worker_count);
    int code = start_workers(node);
    if (sim_store_doomed(&node->store)) {
        code = 1;
    }
    if (code != 0) {
        sim_trace_say(&world->trace, world->now_us, "node%u does not start: %s", node->index,
                      code == 1 ? "it is ended" : node->why);
        sim_store_freeze(&node->store);
        sim_feed_freeze(&node->feed);
        end_process(node, false);
        sim_feed_end(&node->feed, code == 1 ? node->store.doom : SIM_EXIT_KILL, world->now_us);
        world->counts.starts_ended += code == 1;
        world->counts.reverted_writes +=
            sim_store_end(&node->store, code == 1 ? node->store.doom : SIM_EXIT_KILL);
        return code;
    }
    node->state = SIM_UP;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        worker_start(node->workers[i].core, sim_clock_moment(&node->clock, world->now_us));
        sim_node_after_event(&node->workers[i]);
    }
    return 0;
}

/* ---- end ---- */

/* What it had confirmed before is not there any more, or may not be. */
static void forgets(struct sim_node *node)
{
    struct sim_world *world = node->world;
    node->lost = true;
    world->counts.losses++;
    sim_oracle_forget(&world->oracle, node->index);
    sim_oracle_loss(&world->oracle);
}

static void take_down(struct sim_node *node, enum sim_exit how)
{
    struct sim_world *world = node->world;
    if (how != SIM_EXIT_STOP) {
        sim_store_freeze(&node->store);
        sim_feed_freeze(&node->feed);
    }
    bool clean = end_process(node, how == SIM_EXIT_STOP);
    if (how == SIM_EXIT_STOP && sim_store_doomed(&node->store)) {
        how = node->store.doom;
        clean = false;
    }
    world->counts.cleans += clean;
    sim_network_forget(&world->network, node->index, how == SIM_EXIT_STOP);
    sim_ports_crash_keeping(node, how == SIM_EXIT_STOP ? NULL : &world->random);
    world->counts.reverted_writes += sim_store_end(&node->store, how);
    sim_feed_end(&node->feed, how, world->now_us);
    if (!clean) {
        sim_oracle_crash(&world->oracle, node->index);
    }
    if (sim_store_forgets(&node->store, how)) {
        forgets(node);
    }
    sim_request_abandon(world);
}

void sim_node_crash(struct sim_node *node, enum sim_exit how)
{
    struct sim_world *world = node->world;
    ASSERT(node->state != SIM_DOWN);
    ASSERT(how != SIM_EXIT_STOP);
    sim_trace_say(&world->trace, world->now_us, "node%u %s", node->index,
                  how == SIM_EXIT_POWER ? "loses power" : "is killed");
    world->counts.crashes++;
    world->counts.outages += how == SIM_EXIT_POWER;
    take_down(node, how);
}

void sim_node_lose_disk(struct sim_node *node)
{
    sim_node_crash(node, SIM_EXIT_KILL);
    sim_trace_say(&node->world->trace, node->world->now_us, "node%u loses its disk", node->index);
    sim_store_wipe(&node->store);
    sim_feed_wipe(&node->feed);
    forgets(node);
}

void sim_node_renew(struct sim_node *node)
{
    struct sim_world *world = node->world;
    ASSERT(node->state == SIM_DOWN);
    sim_trace_say(&world->trace, world->now_us, "node%u is set up anew", node->index);
    sim_store_mend(&node->store);
    sim_store_wipe(&node->store);
    sim_feed_mend(&node->feed);
    sim_feed_wipe(&node->feed);
    sim_ports_crash_keeping(node, NULL);
    buffer_clear(&node->kept);
    memset(node->actors, 0, world->options.partitions * sizeof(*node->actors));
    sim_oracle_forget(&world->oracle, node->index);
    /* It finds nobody by itself, and is nobody's seed: operators see to it. */
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (i == node->index || world->nodes[i].life == 0) {
            world->nodes[i].config.seed_count = 0;
        }
    }
    node->id = 0;
    node->buried = false;
    node->removed = false;
    node->removed_known_us = 0;
    node->lost = false;
    node->condemned = false;
}

bool sim_node_restore(struct sim_node *node)
{
    if (node->store.copy == NULL) {
        return false;
    }
    sim_node_crash(node, SIM_EXIT_KILL);
    sim_trace_say(&node->world->trace, node->world->now_us, "node%u has an old copy of its disk",
                  node->index);
    node->world->counts.restores++;
    ASSERT(sim_store_put_back(&node->store));
    sim_feed_put_back(&node->feed);
    forgets(node);
    return true;
}

void sim_node_doom(struct sim_node *node, enum sim_exit how)
{
    struct sim_world *world = node->world;
    sim_store_doom(&node->store, how);
    timers_start(&world->timers, &node->doom, world->now_us + DOOM_PATIENCE_US);
}

void sim_node_spare(struct sim_node *node)
{
    timers_stop(&node->world->timers, &node->doom);
    sim_store_spare(&node->store);
}

static void doom_comes(struct timer *timer, uint64_t now_us)
{
    struct sim_node *node = QUEUE_ITEM(timer, struct sim_node, doom);
    (void)now_us;
    sim_node_crash(node, node->store.doom);
}

/* The disk has stopped in the middle of an event: the process ends by an event of its own. */
void sim_life_look(struct sim_node *node)
{
    uint64_t now_us = node->world->now_us;
    bool due = timer_running(&node->doom) && node->doom.deadline_us <= now_us;
    if (sim_store_doomed(&node->store) && !due) {
        timers_start(&node->world->timers, &node->doom, now_us);
    }
}

/* A job has run, and the process may have ended in the middle of it. */
void sim_node_after_job(struct sim_node *node)
{
    if (sim_store_doomed(&node->store)) {
        node->world->counts.dooms++;
        sim_node_crash(node, node->store.doom);
    }
}

/* ---- stop ---- */

static void stopped(struct timer *timer, uint64_t now_us)
{
    struct sim_node *node = QUEUE_ITEM(timer, struct sim_node, stop_patience);
    struct sim_world *world = node->world;
    if (node->paused) {
        timers_start(&world->timers, timer, now_us + STOP_PATIENCE_US);
        return;
    }
    sim_trace_say(&world->trace, now_us, "node%u has stopped", node->index);
    take_down(node, SIM_EXIT_STOP);
}

/* The process ends by an event of its own: nothing of it may be on the call stack. */
void sim_life_stopped(struct sim_node *node)
{
    node->stop_patience.fire = stopped;
    timers_start(&node->world->timers, &node->stop_patience, node->world->now_us);
}

static void patience_ends(struct timer *timer, uint64_t now_us)
{
    struct sim_node *node = QUEUE_ITEM(timer, struct sim_node, stop_patience);
    (void)now_us;
    sim_node_crash(node, SIM_EXIT_KILL);
}

void sim_node_stop(struct sim_node *node)
{
    struct sim_world *world = node->world;
    ASSERT(node->state == SIM_UP);
    sim_trace_say(&world->trace, world->now_us, "node%u is told to stop", node->index);
    world->counts.stops++;
    node->state = SIM_STOPPING;
    node->stop_patience.fire = patience_ends;
    timers_start(&world->timers, &node->stop_patience, world->now_us + STOP_PATIENCE_US);
    struct moment now = sim_clock_moment(&node->clock, world->now_us);
    for (uint32_t i = 0; i < node->worker_count; i++) {
        worker_stop(node->workers[i].core, now);
        sim_node_after_event(&node->workers[i]);
    }
}

void sim_life_end(struct sim_node *node)
{
    if (node->state != SIM_DOWN) {
        take_down(node, SIM_EXIT_STOP);
    }
}
