/* The segments being written: the active one, and the spare that is made while it fills. Going on
 * to the spare costs nothing. While there is none because the disk is full, users' writes are
 * refused although the active segment has room: that room is for compaction, which must be able to
 * copy what is alive before it can remove what is dead.
 *
 *                 room for it?                        full
 *      spare ------------------> active (filling) ------------> sealing ------------> closed
 *      created, then written     puts, compaction   last batch, with its seal;        hint made,
 *      over with zeros                              synced                            cut to size
 *
 * Writing a spare over costs bandwidth once and saves, in `sync`, most of what each fdatasync costs
 * after: in space that was only reserved, every write changes the file's metadata too. */
#include "storage/log_engine_inside.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

#define SEGMENT_BYTES_MIN_DEFAULT (4u * LIMIT_MIB)
#define SEGMENT_SHARE 16u /* of what is alive */
#define SEGMENT_ROUND 4096u
#define FILL_BYTES (512u * LIMIT_KIB)
#define UPKEEP_SHARE 4u /* of a segment that removals leave to compaction on a full disk */

static const uint8_t zeros[FILL_BYTES];

static uint64_t tuned(uint64_t value, uint64_t otherwise)
{
    return value == 0 ? otherwise : value;
}

/* The size of the next segment. */
uint64_t log_active_capacity(const struct log_engine *log)
{
    uint64_t min = tuned(log->options.tuning.segment_bytes_min, SEGMENT_BYTES_MIN_DEFAULT);
    uint64_t max = tuned(log->options.tuning.segment_bytes_max, LOG_SEGMENT_BYTES_MAX);
    uint64_t wanted = log->live_bytes / SEGMENT_SHARE;
    wanted = wanted < min ? min : wanted;
    wanted = wanted > max ? max : wanted;
    return (wanted + SEGMENT_ROUND - 1) / SEGMENT_ROUND * SEGMENT_ROUND;
}

/* What a segment must hold so that the record fits into it as its only one. */
static uint64_t capacity_for(size_t size)
{
    return LOG_HEADER_BYTES + LOG_BATCH_BYTES + size + LOG_BATCH_BYTES;
}

/* ---- creating ---- */

/* Bytes; UINT64_MAX where that can't be told. */
static uint64_t create_space(struct log_engine *log)
{
    uint64_t free_bytes;
    return log->disk->ops->space(log->disk, &free_bytes) == 0 ? free_bytes : UINT64_MAX;
}

static void create_run(struct offload_job *job)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    struct log_engine *log = slot->log;
    /* Where there plainly is too little nothing is tried: until it fails it would take all that is
     * left, from under who writes a small file. */
    slot->space_free = create_space(log);
    slot->task_code = SHOAL_ENOSPC;
    if (slot->space_free >= slot->capacity) {
        slot->task_code = log_volume_create(log->volume, slot->origin.number, slot->capacity,
                                            slot->task_first_sequence, &slot->created);
        slot->space_free = create_space(log);
    }
}

static void created(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    log->space_free = slot->space_free;
    if (slot->task_code == SHOAL_ENOSPC) {
        if (!log->create_full) {
            log_error("storage: the disk is full: writes are refused until there is space",
                      LOG_U64("needed_bytes", slot->capacity),
                      LOG_U64("free_bytes", slot->space_free));
        }
        log->create_full = true;
        slot->task_retry_us = log->engine.now_us + LOG_RETRY_US;
    } else if (slot->task_code == SHOAL_ENOMEM) {
        slot->task_retry_us = log->engine.now_us + LOG_RETRY_US;
    } else if (slot->task_code != 0) {
        log_engine_fail(log, "a segment could not be created", slot->task_code);
    } else {
        if (log->create_full) {
            log_info("storage: there is space again: writes are taken");
        }
        log->create_full = false;
        slot->segment = slot->created;
        slot->durable = LOG_HEADER_BYTES;
        slot->filled = LOG_HEADER_BYTES;
    }
}

static void create_done(struct offload_job *job, bool dropped)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    slot->task = LOG_TASK_NONE;
    if (!dropped) {
        created(slot);
    }
}

static void create_begin(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    slot->task = LOG_TASK_CREATE;
    slot->task_first_sequence = slot->first_sequence;
    slot->task_retry_us = TIMERS_NEVER;
    slot->job.run = create_run;
    slot->job.done = create_done;
    enum offload_lane lane = slot == log->spare ? OFFLOAD_SLOW : OFFLOAD_WRITE;
    log->options.offload.submit(log->options.offload.self, lane, &slot->job);
}

/* A slot whose file is yet to be created. */
static int slot_plan(struct log_engine *log, uint64_t capacity, struct log_slot **out)
{
    struct log_slot *slot;
    int code = log_slot_new(log, &slot);
    if (code != 0) {
        return code;
    }
    slot->state = LOG_SLOT_OPEN;
    slot->capacity = capacity;
    slot->first_sequence = log->sequence + 1;
    slot->origin =
        (struct log_origin){.volume = log->volume->id, .number = log_volume_number(log->volume)};
    slot->end = LOG_HEADER_BYTES;
    slot->written = LOG_HEADER_BYTES;
    *out = slot;
    return 0;
}

int log_active_open(struct log_engine *log, char text[512])
{
    int code = slot_plan(log, log_active_capacity(log), &log->active);
    if (code != 0) {
        snprintf(text, 512, "%s", shoal_error_text(code));
        return code;
    }
    queue_push(&log->unsynced, &log->active->unsynced);
    log->active->task_first_sequence = log->active->first_sequence;
    create_run(&log->active->job);
    if (log->active->task_code != 0 && log->active->task_code != SHOAL_ENOSPC) {
        snprintf(text, 512, "a segment could not be created: %s",
                 log->disk->ops->explain(log->disk));
        return log->active->task_code;
    }
    created(log->active);
    return 0;
}

/* ---- measuring ---- */

static void space_run(struct offload_job *job)
{
    struct log_space *space = QUEUE_ITEM(job, struct log_space, job);
    struct disk *disk = space->log->disk;
    if (disk->ops->space(disk, &space->free) != 0) {
        space->free = UINT64_MAX;
    }
}

static void space_done(struct offload_job *job, bool dropped)
{
    struct log_space *space = QUEUE_ITEM(job, struct log_space, job);
    space->running = false;
    if (dropped) {
        return;
    }
    space->log->space_free = space->free;
    if (space->free / 2 >= space->wanted) {
        space->wanted = 0;
    }
}

/* Until there is the space that was missing. */
static void space_turn(struct log_engine *log)
{
    struct log_space *space = &log->space;
    if (space->wanted == 0 || space->running || log->engine.now_us < space->retry_us) {
        return;
    }
    space->log = log;
    space->running = true;
    space->retry_us = log->engine.now_us + LOG_RETRY_US;
    space->job.run = space_run;
    space->job.done = space_done;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_SLOW, &space->job);
}

/* ---- rolling ---- */

static bool fits(const struct log_engine *log, size_t size)
{
    const struct log_slot *slot = log->active;
    uint64_t header = log->filling == NULL ? LOG_BATCH_BYTES : 0;
    return slot->end + header < LOG_SEGMENT_BYTES_MAX &&
           slot->end + header + size + LOG_BATCH_BYTES <= slot->capacity;
}

/* The slot to go on to: the spare if it is large enough, else one of its own. Where the file is not
 * there yet, what is accepted waits for it; so there should be space. */
static int slot_next(struct log_engine *log, uint64_t capacity, struct log_slot **out)
{
    struct log_slot *spare = log->spare;
    bool suits = spare != NULL && spare->capacity >= capacity;
    if (suits && spare->segment != NULL) {
        *out = spare;
        return 0;
    }
    uint64_t wanted = log_active_capacity(log) > capacity ? log_active_capacity(log) : capacity;
    if (log->space_free / 2 < wanted) {
        log->space.wanted = wanted;
        return SHOAL_ENOSPC;
    }
    if (suits) {
        *out = spare;
        return 0;
    }
    return slot_plan(log, wanted, out);
}

static int roll(struct log_engine *log, uint64_t capacity)
{
    struct log_slot *before = log->active;
    struct log_slot *next;
    int code = slot_next(log, capacity, &next);
    if (code != 0) {
        return code;
    }
    code = log_writes_seal(log, before);
    if (code != 0) {
        if (next != log->spare) {
            log_slot_free(next);
        }
        return code;
    }
    before->state = LOG_SLOT_SEALING;
    next->first_sequence = log->sequence + 1; /* the header may say less, if it was made before */
    log->active = next;
    queue_push(&log->unsynced, &next->unsynced);
    if (next == log->spare) {
        log->spare = NULL;
    }
    return 0;
}

int log_active_room(struct log_engine *log, size_t size, enum log_purpose purpose)
{
    const struct log_slot *slot = log->active;
    bool full = log_engine_is_full(log);
    uint64_t left = slot->capacity > slot->end ? slot->capacity - slot->end : 0;
    if (full && purpose == LOG_FOR_UPKEEP && left < slot->capacity / UPKEEP_SHARE) {
        return SHOAL_ENOSPC;
    }
    if (fits(log, size)) {
        return 0;
    }
    return full ? SHOAL_ENOSPC : roll(log, capacity_for(size));
}

int log_active_roll(struct log_engine *log)
{
    bool empty = log->active->end == LOG_HEADER_BYTES ||
                 (log->filling != NULL && log->filling->records == 0 &&
                  log->filling->offset == LOG_HEADER_BYTES);
    return empty ? 0 : roll(log, capacity_for(0));
}

/* ---- writing over in advance ---- */

static void fill_run(struct offload_job *job)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    const struct disk_ops *disk = slot->log->disk->ops;
    uint64_t left = slot->capacity - slot->filled;
    size_t len = left < FILL_BYTES ? (size_t)left : FILL_BYTES;
    slot->task_code = disk->write(slot->segment->file, slot->filled, bytes_make(zeros, len));
    if (slot->task_code == 0 && disk->sync(slot->segment->file) != 0) {
        slot->task_code = SHOAL_EIO;
    }
}

static void fill_done(struct offload_job *job, bool dropped)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    slot->task = LOG_TASK_NONE;
    if (dropped) {
        return;
    }
    uint64_t left = slot->capacity - slot->filled;
    slot->filled += left < FILL_BYTES ? left : FILL_BYTES;
    if (slot->task_code == SHOAL_ENOSPC) {
        slot->filled = slot->capacity; /* it will do as it is */
    } else if (slot->task_code != 0) {
        log_engine_fail(slot->log, "a segment could not be written over", slot->task_code);
    }
}

/* The spare, a little ahead of how far the active segment is used. */
static void fill_turn(struct log_engine *log)
{
    struct log_slot *slot = log->spare;
    if (log->durability != LOG_SYNC || log->options.tuning.never_fills || slot == NULL ||
        slot->segment == NULL || slot->task != LOG_TASK_NONE || slot->filled >= slot->capacity) {
        return;
    }
    uint64_t used = log->active->end * slot->capacity / log->active->capacity;
    if (slot->filled > used + 2 * (uint64_t)FILL_BYTES) {
        return;
    }
    slot->task = LOG_TASK_FILL;
    slot->job.run = fill_run;
    slot->job.done = fill_done;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_SLOW, &slot->job);
}

/* ---- closing ---- */

static void seal_run(struct offload_job *job)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    slot->task_code = log_volume_seal(slot->log->volume, slot->segment);
}

static void seal_done(struct offload_job *job, bool dropped)
{
    struct log_slot *slot = QUEUE_ITEM(job, struct log_slot, job);
    struct log_engine *log = slot->log;
    slot->task = LOG_TASK_NONE;
    if (dropped) {
        return;
    }
    if (slot->task_code == SHOAL_ENOSPC || slot->task_code == SHOAL_ENOMEM) {
        slot->task_retry_us = log->engine.now_us + LOG_RETRY_US;
        return;
    }
    if (slot->task_code != 0) {
        log_engine_fail(log, "a segment could not be closed", slot->task_code);
        return;
    }
    slot->state = LOG_SLOT_CLOSED;
    log->closed_count++;
    log_durable_slot(slot);
    log_durable_advance(log);
}

void log_slot_close(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    ASSERT(slot->state == LOG_SLOT_SEALING && slot->sealed && slot->task == LOG_TASK_NONE);
    if (slot->syncing || log->failed) {
        return; /* after a failed sync the next one succeeds, and means nothing */
    }
    slot->task = LOG_TASK_SEAL;
    slot->task_retry_us = TIMERS_NEVER;
    slot->job.run = seal_run;
    slot->job.done = seal_done;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_SLOW, &slot->job);
}

/* ---- the turn ---- */

static void slot_turn(struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    if (slot->task != LOG_TASK_NONE) {
        return;
    }
    bool due = slot->task_retry_us == TIMERS_NEVER || log->engine.now_us >= slot->task_retry_us;
    if (slot->segment == NULL && due) {
        create_begin(slot);
    } else if (slot->sealed && slot->state == LOG_SLOT_SEALING && due) {
        log_slot_close(slot);
    }
}

void log_active_turn(struct log_engine *log)
{
    if (log->failed) {
        return;
    }
    if (log->spare == NULL && slot_plan(log, log_active_capacity(log), &log->spare) != 0) {
        log->spare = NULL;
    }
    if (log->spare != NULL) {
        slot_turn(log->spare);
    }
    struct queue *link = log->unsynced.next;
    while (link != &log->unsynced) {
        struct queue *next = link->next;
        slot_turn(QUEUE_ITEM(link, struct log_slot, unsynced));
        link = next;
    }
    fill_turn(log);
    space_turn(log);
}

void log_active_retry(struct log_engine *log)
{
    if (log->spare != NULL && log->spare->task_retry_us != TIMERS_NEVER) {
        log->spare->task_retry_us = log->engine.now_us;
    }
    for (struct queue *link = log->unsynced.next; link != &log->unsynced; link = link->next) {
        struct log_slot *slot = QUEUE_ITEM(link, struct log_slot, unsynced);
        if (slot->task_retry_us != TIMERS_NEVER) {
            slot->task_retry_us = log->engine.now_us;
        }
    }
    log->write_retry_us = log->engine.now_us;
}

uint64_t log_active_next_us(const struct log_engine *log)
{
    uint64_t next = log->write_full ? log->write_retry_us : TIMERS_NEVER;
    if (log->space.wanted > 0 && !log->space.running && log->space.retry_us < next) {
        next = log->space.retry_us;
    }
    if (log->spare != NULL && log->spare->task_retry_us < next) {
        next = log->spare->task_retry_us;
    }
    for (const struct queue *link = log->unsynced.next; link != &log->unsynced; link = link->next) {
        const struct log_slot *slot =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct log_slot, unsynced);
        next = slot->task_retry_us < next ? slot->task_retry_us : next;
    }
    return next;
}
