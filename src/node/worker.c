/* The entry points of a worker: every event comes in here, sets the time, and goes to the part that
 * it concerns. See worker.h for the contract and core.h for the parts. */
#include "node/worker.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/feed_hub.h"
#include "node/feed_work.h"
#include "node/steward.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "wire/frame.h"

#include <stdio.h>

#define UPKEEP_ENTRIES 512u /* looked at in a loop turn by what the replica does by itself */

/* ---- life ---- */

static void worker_wire(struct worker *worker, const struct worker_options *options)
{
    struct coordinator *coordinator = &worker->coordinator;
    coordinator->courier = (struct courier){
        .self = worker,
        .send = worker_send,
        .learn = worker_learn,
        .complete = worker_on_complete,
        .reroute = worker_reroute,
        .clock_ahead = worker_clock_ahead,
        .storage = worker_storage,
        .locked = worker_key_locked,
        .changed = options->tail_count > 0 ? feed_lane_changed : NULL,
        .name = worker_node_name,
        .address = worker_node_address,
    };
    coordinator->spans = worker->spans;
    coordinator->replica = &worker->replica;
    coordinator->reach = &worker->reach;
    coordinator->timers = &worker->timers;
    coordinator->arena = &worker->arena;
    coordinator->frame = &worker->frame;
    coordinator->request_timeout_us = worker->config->request_timeout_us;
    coordinator->memory_bytes_max = worker->config->memory_bytes_max;

    struct hint_delivery *delivery = &worker->delivery;
    delivery->ports = (struct hint_ports){
        .self = worker, .send = worker_send, .learn = worker_learn, .name = worker_node_name};
    delivery->hints = &worker->hints;
    delivery->reach = &worker->reach;
    delivery->timers = &worker->timers;
    delivery->arena = &worker->arena;
    delivery->frame = &worker->frame;
    delivery->pace = &worker->pace;
}

int worker_new(const struct worker_options *options, struct worker **out)
{
    struct worker *worker = mem_alloc_zeroed(1, sizeof(*worker));
    if (worker == NULL) {
        return SHOAL_ENOMEM;
    }
    ASSERT(options->count > 0 && options->index < options->count);
    worker->index = options->index;
    worker->count = options->count;
    worker->config = options->config;
    worker->ports = options->ports;
    worker->metrics = options->metrics;
    worker->spans = options->spans;
    worker->now = options->now;
    worker->upkeep_us = TIMERS_NEVER;
    worker->engine = options->engine;
    random_init(&worker->random, options->random_seed);
    arena_init(&worker->arena, LIMIT_ARENA_KEEP_BYTES);
    timers_init(&worker->timers);
    buffer_init(&worker->frame, 0);
    buffer_init(&worker->reply, 0);
    units_init(worker, options->random_seed);
    feed_lane_init(worker, options);
    queue_init(&worker->inbound);
    queue_init(&worker->confirms);
    queue_init(&worker->backups);
    queue_init(&worker->backup_parts);
    queue_init(&worker->verifies);
    queue_init(&worker->verify_parts);
    table_init(&worker->verify_questions);
    worker->verify_next_id = VERIFY_ID_FIRST;
    queue_init(&worker->repairs);
    parking_init(&worker->parking);
    reach_init(&worker->reach);
    replica_init(&worker->replica, options->engine, &worker->random, &worker->arena,
                 options->config->clock_ahead_ms_max);
    worker->replica.listener = (struct replica_listener){
        .self = worker, .began = worker_on_began, .expired = worker_on_expired};
    coordinator_init(&worker->coordinator);
    worker->coordinator.sloppy = options->config->sloppy;
    worker_repair_init(worker);
    hints_init(&worker->hints, &worker->replica, options->config->hints_bytes_max / options->count);
    hint_delivery_init(&worker->delivery, HINT_ID_FIRST);
    worker_wire(worker, options);
    worker_find_metrics(worker);
    worker->synced_count = options->config->partitions / options->count + 1;
    worker->synced = mem_alloc_zeroed(worker->synced_count, sizeof(*worker->synced));
    int result = worker->synced == NULL ? SHOAL_ENOMEM : 0;
    if (result == 0 && worker->index == 0) {
        result = steward_new(worker, options->kept, &worker->steward);
    }
    result = result == 0 ? feed_work_new(worker, &worker->feed) : result;
    if (result == 0 && worker->index == 0) {
        result = feed_hub_new(worker, &worker->hub);
    }
    if (result < 0) {
        worker->engine = NULL; /* stays the caller's */
        worker_free(worker);
        return result;
    }
    *out = worker;
    return 0;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL) {
        return;
    }
    steward_free(worker->steward);
    feed_work_free(worker->feed);
    feed_hub_free(worker->hub);
    worker_backup_close(worker);
    worker_verify_close(worker);
    repair_now_close(worker);
    parking_close(worker);
    serve_close(worker);
    worker_repair_deinit(worker);
    hint_delivery_deinit(&worker->delivery);
    hints_deinit(&worker->hints);
    units_deinit(worker);
    feed_lane_deinit(worker);
    coordinator_deinit(&worker->coordinator);
    inbound_close(worker);
    replica_deinit(&worker->replica);
    reach_deinit(&worker->reach);
    table_deinit(&worker->verify_questions);
    snapshot_unref(worker->snapshot);
    timers_deinit(&worker->timers);
    buffer_deinit(&worker->frame);
    buffer_deinit(&worker->reply);
    arena_deinit(&worker->arena);
    mem_free(worker->synced);
    if (worker->engine != NULL) {
        worker->engine->ops->free(worker->engine);
    }
    mem_free(worker);
}

void worker_enter(struct worker *worker, struct moment now)
{
    ASSERT(worker->serving == 0);
    worker->serving = 1;
    worker->now = now;
    worker->engine->now_us = now.mono_us;
    worker->coordinator.now = now;
    worker_repair_enter(worker);
    worker->delivery.now = now;
    arena_reset(&worker->arena);
}

/* Storage that begins to fail, or recovers, is told at once, not with the next heartbeat. */
static void worker_watch_storage(struct worker *worker)
{
    uint32_t storage = worker_own_storage(worker);
    if (storage == worker->storage_told) {
        return;
    }
    if (storage == NODE_STORAGE_FULL) {
        log_error("storage: the disk is full; writes are refused until there is room, reads go on");
    } else if (storage == NODE_STORAGE_OK) {
        log_info("storage: takes writes again");
    }
    worker->storage_told = storage;
    worker_tell(worker, LETTER_TALLY);
}

void worker_leave(struct worker *worker)
{
    worker_watch_storage(worker);
    worker_release_leave(worker);
    if (worker->fills_wanted && worker->snapshot != NULL) {
        worker_review_fills(worker);
    }
    units_leave(worker);
    worker->serving = 0;
}

void worker_start(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    if (worker->steward != NULL) {
        steward_start(worker->steward);
    }
    worker_leave(worker);
}

/* ---- requests, frames, answers, links ---- */

void worker_submit(struct worker *worker, struct moment now, struct request *request)
{
    worker_enter(worker, now);
    worker_take_request(worker, request);
    worker_leave(worker);
}

void worker_frame(struct worker *worker, struct moment now, struct source source,
                  struct bytes payload)
{
    worker_enter(worker, now);
    worker_dispatch(worker, source, payload, 0);
    worker_leave(worker);
}

void worker_answer(struct worker *worker, struct moment now, uint64_t node, struct bytes payload)
{
    worker_enter(worker, now);
    worker_take_answer(worker, node, payload);
    worker_leave(worker);
}

void worker_link(struct worker *worker, struct moment now, uint64_t node, bool up)
{
    worker_enter(worker, now);
    if (reach_link(&worker->reach, node, up) < 0) {
        worker->ports.unlink(worker->ports.self, node); /* the next snapshot links it anew */
    } else {
        if (worker->snapshot != NULL) {
            coordinator_on_link(&worker->coordinator, node, up);
            hint_delivery_on_link(&worker->delivery, node, up);
        }
        worker_repair_link(worker, node, up);
        if (worker->hub != NULL) {
            feed_hub_link(worker->hub, node, up);
        }
    }
    worker_leave(worker);
}

void worker_stranger(struct worker *worker, struct moment now, uint64_t node)
{
    worker_enter(worker, now);
    if (worker->steward != NULL) {
        steward_on_stranger(worker->steward, node); /* the other workers meet the same stranger */
    }
    worker_leave(worker);
}

/* ---- what was begun outside has come back ---- */

void worker_contacted(struct worker *worker, struct moment now, uint64_t ticket, int code,
                      struct bytes payload)
{
    worker_enter(worker, now);
    steward_on_contacted(worker->steward, ticket, code, payload);
    worker_leave(worker);
}

void worker_kept(struct worker *worker, struct moment now, uint64_t sequence, int code)
{
    worker_enter(worker, now);
    steward_on_kept(worker->steward, sequence, code);
    worker_leave(worker);
}

void worker_offloaded(struct worker *worker, struct moment now, struct offload_job *job,
                      bool dropped)
{
    worker_enter(worker, now);
    job->done(job, dropped);
    worker_leave(worker);
}

/* ---- time ---- */

uint64_t worker_next_us(const struct worker *worker)
{
    uint64_t timers_us = timers_next_us(&worker->timers);
    uint64_t engine_us = worker->engine->ops->next_us(worker->engine);
    uint64_t next_us = engine_us < timers_us ? engine_us : timers_us;
    return worker->upkeep_us < next_us ? worker->upkeep_us : next_us;
}

void worker_tick(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    timers_fire(&worker->timers, now.mono_us);
    worker_leave(worker);
}

void worker_flush(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    worker_part(worker);
    if (worker->parting) {
        replica_rest(&worker->replica);
        worker->upkeep_us = TIMERS_NEVER;
    } else {
        worker->upkeep_us = replica_step(&worker->replica, worker->now, UPKEEP_ENTRIES);
    }
    worker->engine->ops->flush(worker->engine);
    feed_lane_flush(worker);
    worker_leave(worker);
}

void worker_stop(struct worker *worker, struct moment now)
{
    worker_enter(worker, now);
    if (!worker->stopping) {
        worker->stopping = true;
        verify_parts_stop(worker);
        repair_now_stop(worker);
        feed_work_stop(worker->feed);
        if (worker->hub != NULL) {
            feed_hub_stop(worker->hub);
        }
        if (worker->steward != NULL) {
            steward_stop(worker->steward);
        }
    }
    worker_leave(worker);
}
