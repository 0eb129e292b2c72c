/* Compaction of a volume that nothing else uses: one engine for all partitions, whose jobs are run
 * on the spot, turned until there is nothing left to do. */
#include "storage/log_engine.h"

#include <stdio.h>

#include "shoal/error.h"

#define TURN_US 1000000u /* time passes for the engine, so that it need not wait for any */

/* Jobs wait here until the engine has returned. */
struct inline_offload {
    struct offload_job *first;
    struct offload_job *last;
};

static void inline_submit(void *self, enum offload_lane lane, struct offload_job *job)
{
    struct inline_offload *queue = self;
    (void)lane;
    job->next = NULL;
    if (queue->first == NULL) {
        queue->first = job;
    } else {
        queue->last->next = job;
    }
    queue->last = job;
}

static void inline_run(struct inline_offload *queue)
{
    while (queue->first != NULL) {
        struct offload_job *job = queue->first;
        queue->first = job->next;
        job->run(job);
        job->done(job, false);
    }
}

/* Nobody waits for anything. */
static void ignore_ready(void *self, uint64_t ticket, int code)
{
    (void)self;
    (void)ticket;
    (void)code;
}

static void ignore_sequence(void *self, uint64_t sequence)
{
    (void)self;
    (void)sequence;
}

static void ignore_failed(void *self, int code)
{
    (void)self;
    (void)code;
}

static void ignore_damaged(void *self, uint32_t partition)
{
    (void)self;
    (void)partition;
}

int log_compact_offline(struct log_volume *volume, char text[512])
{
    struct inline_offload queue = {0};
    struct log_engine_options options = {
        .engine = {.partitions = volume->partitions},
        .volume = volume,
        .offload = {.self = &queue, .submit = inline_submit},
        .workers = 1,
        .tuning = {.scrub_interval_us = UINT64_MAX, .never_fills = true}};
    struct engine *engine;
    int code = log_engine_new(&options, &engine, text);
    if (code != 0) {
        return code;
    }
    engine->events = (struct engine_events){.ready = ignore_ready,
                                            .settled = ignore_sequence,
                                            .durable = ignore_sequence,
                                            .failed = ignore_failed,
                                            .damaged = ignore_damaged};
    log_volume_loaded(volume);
    log_engine_compact_all(engine);
    do {
        engine->now_us += TURN_US;
        engine->ops->flush(engine);
        inline_run(&queue);
    } while (!log_engine_idle(engine));
    enum engine_health health = engine->ops->health(engine);
    engine->ops->free(engine);
    if (health == ENGINE_FAILED) {
        snprintf(text, 512, "%s", volume->disk->ops->explain(volume->disk));
        return SHOAL_EIO;
    }
    if (health == ENGINE_FULL) {
        snprintf(text, 512, "the disk is full: there is no room to copy what is alive");
        return SHOAL_ENOSPC;
    }
    return 0;
}
