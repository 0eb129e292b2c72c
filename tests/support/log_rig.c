#include "support/log_rig.h"

#include "base/assert.h"
#include "shoal/error.h"

#define TURNS_MAX 1000000u

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

static const struct engine_events ignored = {.ready = ignore_ready,
                                             .settled = ignore_sequence,
                                             .durable = ignore_sequence,
                                             .failed = ignore_failed,
                                             .damaged = ignore_damaged};

void log_rig_init(struct log_rig *rig, struct disk *disk, uint32_t partitions)
{
    *rig = (struct log_rig){
        .volume_options = {.disk = disk, .partitions = partitions, .boot = 1, .id = 77},
        .options = {.engine = {.partitions = partitions},
                    .workers = 1,
                    .interval_us = 100000,
                    .tuning = {.segment_bytes_min = 16384,
                               .segment_bytes_max = 65536,
                               .scrub_interval_us = UINT64_MAX}},
        .events = ignored};
    manual_offload_init(&rig->offload);
}

int log_rig_open(struct log_rig *rig)
{
    int code = log_volume_open(&rig->volume_options, &rig->volume, rig->text);
    if (code != 0) {
        return code;
    }
    struct log_engine_options options = rig->options;
    options.volume = rig->volume;
    options.offload = manual_offload_port(&rig->offload);
    ASSERT(options.workers <= LOG_RIG_WORKERS_MAX);
    for (uint32_t i = 0; i < options.workers; i++) {
        options.worker = i;
        code = log_engine_new(&options, &rig->engines[i], rig->text);
        if (code != 0) {
            while (i-- > 0) {
                rig->engines[i]->ops->free(rig->engines[i]);
            }
            log_volume_close(rig->volume, false);
            return code;
        }
        rig->engines[i]->events = rig->events;
        rig->engines[i]->now_us = rig->now_us;
    }
    log_volume_loaded(rig->volume);
    return 0;
}

struct engine *log_rig_engine(const struct log_rig *rig, uint32_t partition)
{
    return rig->engines[engine_worker_of(partition, rig->options.engine.partitions,
                                         rig->options.workers)];
}

void log_rig_flush(struct log_rig *rig)
{
    rig->now_us += LOG_RIG_TURN_US;
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        rig->engines[i]->now_us = rig->now_us;
        rig->engines[i]->ops->flush(rig->engines[i]);
    }
}

void log_rig_turn(struct log_rig *rig)
{
    log_rig_flush(rig);
    (void)manual_offload_run(&rig->offload);
}

static bool is_idle(const struct log_rig *rig)
{
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        if (!log_engine_idle(rig->engines[i])) {
            return false;
        }
    }
    return manual_offload_count(&rig->offload) == 0;
}

void log_rig_rest(struct log_rig *rig)
{
    uint32_t turns = 0;
    do {
        ASSERT(turns++ < TURNS_MAX);
        log_rig_turn(rig);
    } while (!is_idle(rig));
}

void log_rig_check(const struct log_rig *rig)
{
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        log_engine_check(rig->engines[i]);
    }
}

static void engines_free(struct log_rig *rig)
{
    manual_offload_end(&rig->offload);
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        rig->engines[i]->ops->free(rig->engines[i]);
        rig->engines[i] = NULL;
    }
}

/* Durable are all writes when a second request to harden finds nothing to do. */
static void harden(struct log_rig *rig)
{
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        rig->engines[i]->ops->harden(rig->engines[i]);
    }
    log_rig_rest(rig);
}

static void close_all(struct log_rig *rig, bool clean)
{
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        rig->engines[i]->events = ignored;
    }
    engines_free(rig);
    log_volume_close(rig->volume, clean);
    rig->volume = NULL;
}

bool log_rig_stop(struct log_rig *rig)
{
    bool clean = true;
    harden(rig);
    for (uint32_t i = 0; i < rig->options.workers; i++) {
        clean = clean && rig->engines[i]->ops->health(rig->engines[i]) != ENGINE_FAILED;
    }
    close_all(rig, clean);
    return clean;
}

void log_rig_kill(struct log_rig *rig)
{
    close_all(rig, false);
}
