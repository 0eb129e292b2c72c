/* Writes: batches of records on their way to a segment. Records go to the write that is being
 * filled, at the place where they will lie. One write is in flight at a time, so that while it is
 * written and synced the next one collects what comes (group commit: as many puts as arrive in the
 * time of a sync share one), and so that a crash tears at most one batch. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define IDLE_WRITES_MAX 2u
#define IDLE_BYTES_MAX (4u * LIMIT_MIB) /* a larger buffer is not kept */
#define QUEUE_BYTES_DEFAULT (64u * LIMIT_MIB)
#define QUICK_BYTES_MAX (64u * LIMIT_KIB)
#define HOLD_SYNC_US_MIN 500u /* below, a timer is not exact enough to be worth it */
#define HOLD_SHARE 2u         /* of the time of the last sync */
#define HOLD_BYTES_MAX (1u * LIMIT_MIB)

/* ---- filling ---- */

static struct log_write *write_new(struct log_engine *log)
{
    struct queue *link = queue_pop(&log->idle_writes);
    if (link != NULL) {
        log->idle_count--;
        return QUEUE_ITEM(link, struct log_write, link);
    }
    struct log_write *write = mem_alloc_zeroed(1, sizeof(*write));
    if (write != NULL) {
        write->log = log;
        queue_init(&write->link);
        buffer_init(&write->bytes, 0);
    }
    return write;
}

static void write_free(struct log_write *write)
{
    struct log_engine *log = write->log;
    queue_remove(&write->link);
    if (log->idle_count < IDLE_WRITES_MAX && write->bytes.capacity <= IDLE_BYTES_MAX) {
        buffer_clear(&write->bytes);
        queue_push(&log->idle_writes, &write->link);
        log->idle_count++;
        return;
    }
    buffer_deinit(&write->bytes);
    mem_free(write);
}

/* An empty write at the end of the slot. */
static void write_begin(struct log_write *write, struct log_slot *slot)
{
    struct log_engine *log = slot->log;
    write->slot = slot;
    write->offset = slot->end;
    write->records = 0;
    write->number = ++log->write_number;
    write->sequence = log->sequence;
    write->seal = false;
    write->made_up = false;
    queue_push(&log->writes, &write->link);
}

/* The write to add to, with room for so many bytes and for a seal. 0 or SHOAL_ENOMEM. */
static int write_open(struct log_engine *log, size_t size, struct log_write **out)
{
    static const uint8_t header[LOG_BATCH_BYTES];
    struct log_write *write = log->filling;
    bool fresh = write == NULL;
    if (fresh) {
        write = write_new(log);
        if (write == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    ASSERT(fresh || write->slot == log->active);
    int code = buffer_reserve(&write->bytes, size + 2 * LOG_BATCH_BYTES);
    if (code != 0) {
        if (fresh) {
            write_free(write);
        }
        return code;
    }
    if (fresh) {
        ASSERT(buffer_append(&write->bytes, header, sizeof(header)) == 0);
        write_begin(write, log->active);
        log->active->end += LOG_BATCH_BYTES;
        log->filling = write;
    }
    *out = write;
    return 0;
}

static uint64_t queue_bytes_max(const struct log_engine *log)
{
    uint64_t max = log->options.tuning.queue_bytes_max;
    return max == 0 ? QUEUE_BYTES_DEFAULT : max;
}

bool log_engine_behind(const struct engine *engine)
{
    const struct log_engine *log = log_engine_of_const(engine);
    return log->queued_bytes > queue_bytes_max(log) / 2;
}

static int may_append(const struct log_engine *log, size_t size, enum log_purpose purpose)
{
    if (log->failed || log_volume_failed(log)) {
        return SHOAL_EIO;
    }
    if (purpose == LOG_FOR_USER && log_engine_is_full(log)) {
        return SHOAL_ENOSPC;
    }
    if (log->queued_bytes > 0 && log->queued_bytes + size > queue_bytes_max(log)) {
        return SHOAL_EOVERLOAD;
    }
    return 0;
}

int log_append(struct log_engine *log, const struct log_record *record, enum log_purpose purpose,
               struct log_spot *spot)
{
    size_t size = log_record_size(record->key.len, record->value.len);
    struct log_write *write;
    int code = may_append(log, size, purpose);
    if (code == 0) {
        code = log_active_room(log, size, purpose);
    }
    if (code == 0) {
        code = write_open(log, size, &write);
    }
    if (code != 0) {
        return code;
    }
    struct log_slot *slot = write->slot;
    ASSERT(slot->end == write->offset + write->bytes.len);
    code = log_record_encode(&slot->origin, slot->end, record, &write->bytes);
    if (code != 0) {
        return code;
    }
    *spot = (struct log_spot){
        .write = write,
        .place = {.slot = slot->number, .unit = (uint32_t)(slot->end / LOG_UNIT_BYTES)},
        .size_class = log_size_class(size),
        .size = size,
        .number_before = log->append_number};
    log->append_number = write->number;
    log->taken_bytes += purpose == LOG_FOR_COMPACTION ? 0 : size;
    slot->end += size;
    write->records++;
    write->sequence = record->sequence > write->sequence ? record->sequence : write->sequence;
    log->queued_bytes += size;
    return 0;
}

void log_append_undo(struct log_engine *log, const struct log_spot *spot)
{
    struct log_write *write = spot->write;
    ASSERT(write == log->filling && write->records > 0);
    write->bytes.len -= spot->size;
    write->slot->end -= spot->size;
    write->records--;
    log->append_number = spot->number_before;
    write->sequence = log->sequence; /* that of the record was never given out */
    log->queued_bytes -= spot->size;
}

int log_writes_seal(struct log_engine *log, struct log_slot *slot)
{
    struct log_write *write = log->filling;
    ASSERT(slot == log->active);
    if (write == NULL) {
        write = write_new(log);
        if (write == NULL || buffer_reserve(&write->bytes, LOG_BATCH_BYTES) != 0) {
            if (write != NULL) {
                write_free(write);
            }
            return SHOAL_ENOMEM;
        }
        write_begin(write, slot);
    } else if (write->records == 0) {
        slot->end -= LOG_BATCH_BYTES;
        buffer_clear(&write->bytes);
    }
    write->seal = true;
    slot->end += LOG_BATCH_BYTES;
    log->filling = NULL;
    return 0;
}

/* ---- writing ---- */

static void write_make_up(struct log_write *write)
{
    const struct log_slot *slot = write->slot;
    if (write->made_up) {
        return;
    }
    write->made_up = true;
    struct log_batch batch = {.records = write->records,
                              .bytes = write->bytes.len,
                              .durable = slot->durable,
                              .sequence = write->sequence};
    if (write->records > 0) {
        log_batch_encode(&slot->origin, write->offset, &batch, write->bytes.data);
    }
    if (write->seal) {
        uint8_t seal[LOG_BATCH_BYTES];
        batch.records = 0;
        batch.bytes = LOG_BATCH_BYTES;
        batch.seal = true;
        log_batch_encode(&slot->origin, write->offset + write->bytes.len, &batch, seal);
        ASSERT(buffer_append(&write->bytes, seal, sizeof(seal)) == 0);
    }
}

static void write_run(struct offload_job *job)
{
    struct log_write *write = QUEUE_ITEM(job, struct log_write, job);
    const struct disk_ops *disk = write->log->disk->ops;
    struct disk_file *file = write->slot->segment->file;
    write->code = disk->write(file, write->offset, buffer_bytes(&write->bytes));
    if (write->code == 0 && write->syncs && !MUTANT(sync_skipped)) {
        int code = disk->sync(file);
        if (code != 0 && MUTANT(sync_retried)) {
            code = disk->sync(file);
        }
        /* What a failed sync leaves behind nobody knows: it is never taken for a full disk. */
        write->code = code == 0 ? 0 : SHOAL_EIO;
    }
}

/* Those who were just told write again, most of them at once. If the first of them, and those who
 * wait already, went now, the others would go with the next batch, and so on for ever: each sync
 * would serve half of them, and a sync costs as much as a hundred puts. So the batch is held back
 * until about as many have come, for half a sync at most (commit_delay in PostgreSQL). Who is alone
 * never waits. */
static void hold_back(struct log_engine *log, const struct log_write *done)
{
    uint64_t took_us = log->engine.now_us - log->submitted_us;
    uint32_t waiting = log->filling == NULL ? 0 : log->filling->records;
    if (done->syncs && done->records > 1 && took_us >= HOLD_SYNC_US_MIN) {
        log->hold_records = waiting + done->records;
        log->hold_until_us = log->engine.now_us + took_us / HOLD_SHARE;
    }
}

static bool is_held_back(const struct log_engine *log, const struct log_write *write)
{
    return write == log->filling && log->engine.now_us < log->hold_until_us &&
           write->records < log->hold_records && write->bytes.len < HOLD_BYTES_MAX;
}

static void write_done(struct offload_job *job, bool dropped)
{
    struct log_write *write = QUEUE_ITEM(job, struct log_write, job);
    struct log_engine *log = write->log;
    struct log_slot *slot = write->slot;
    log->writing = false;
    if (dropped) {
        return;
    }
    if (MUTANT(full_accepted) && write->code == SHOAL_ENOSPC) {
        write->code = 0;
    }
    if (write->code == SHOAL_ENOSPC) {
        log->write_full = true;
        log->write_retry_us = log->engine.now_us + LOG_RETRY_US;
        return;
    }
    if (write->code != 0) {
        log_engine_fail(log, "a write to a segment failed", write->code);
        return;
    }
    log->write_full = false;
    log->figures.batches++;
    log->figures.syncs += write->syncs ? 1 : 0;
    slot->written = write->offset + write->bytes.len;
    slot->sealed = write->seal;
    log_lent_reset(log);
    log->queued_bytes -=
        write->records > 0 ? write->bytes.len - LOG_BATCH_BYTES * (write->seal ? 2u : 1u) : 0;
    hold_back(log, write);
    log_durable_written(log, write);
    write_free(write);
    if (slot->sealed) {
        log_slot_close(slot);
    }
    log_durable_advance(log);
}

/* The write to begin now; NULL: none, or it has to wait. */
static struct log_write *write_next(struct log_engine *log)
{
    if (log->writing || log->failed || queue_empty(&log->writes)) {
        return NULL;
    }
    struct log_write *write = QUEUE_ITEM(log->writes.next, struct log_write, link);
    bool full = log->write_full && log->engine.now_us < log->write_retry_us;
    /* Its file may be being created or written over. */
    bool ready = write->slot->segment != NULL && write->slot->task == LOG_TASK_NONE;
    bool empty = write->records == 0 && !write->seal;
    return empty || full || !ready || is_held_back(log, write) ? NULL : write;
}

/* What only goes to the page cache is sooner done than given to another thread, unless it is much
 * or the file is being synced: then the kernel may let it wait. */
static bool is_quick(const struct log_write *write)
{
    return write->log->durability != LOG_SYNC && write->bytes.len <= QUICK_BYTES_MAX &&
           !write->slot->syncing;
}

void log_writes_submit(struct log_engine *log)
{
    struct log_write *write;
    while ((write = write_next(log)) != NULL) {
        if (write == log->filling) {
            log->filling = NULL;
        }
        write_make_up(write);
        write->syncs = log->durability == LOG_SYNC && write->records > 0;
        write->job.run = write_run;
        write->job.done = write_done;
        log->writing = true;
        log->submitted_us = log->engine.now_us;
        log->hold_until_us = 0;
        if (MUTANT(settled_early)) {
            log_durable_written(log, write);
        }
        if (!is_quick(write)) {
            log->options.offload.submit(log->options.offload.self, OFFLOAD_WRITE, &write->job);
            return;
        }
        write_run(&write->job);
        write_done(&write->job, false);
    }
}

/* When the batch that is held back is to go. */
uint64_t log_writes_next_us(const struct log_engine *log)
{
    bool waits = log->filling != NULL && log->filling->records > 0 && !log->writing;
    return waits && log->hold_until_us > log->engine.now_us ? log->hold_until_us : TIMERS_NEVER;
}

/* ---- reading back ---- */

bool log_writes_find(const struct log_engine *log, struct log_place place, struct bytes *out)
{
    const struct log_slot *slot = log->slots[place.slot];
    uint64_t offset = log_place_offset(place);
    if (offset < slot->written) {
        return false;
    }
    for (const struct queue *link = log->writes.previous; link != &log->writes;
         link = link->previous) {
        const struct log_write *write =
            QUEUE_ITEM((struct queue *)(uintptr_t)link, struct log_write, link);
        if (write->slot == slot && offset >= write->offset) {
            uint64_t at = offset - write->offset;
            ASSERT(at < write->bytes.len);
            *out = bytes_make(write->bytes.data + at, write->bytes.len - at);
            return true;
        }
    }
    ASSERT(false); /* what is not in the file is waiting to be written */
    return false;
}

void log_writes_deinit(struct log_engine *log)
{
    struct queue *link;
    log->idle_count = IDLE_WRITES_MAX;
    while ((link = queue_pop(&log->writes)) != NULL ||
           (link = queue_pop(&log->idle_writes)) != NULL) {
        struct log_write *write = QUEUE_ITEM(link, struct log_write, link);
        buffer_deinit(&write->bytes);
        mem_free(write);
    }
}
