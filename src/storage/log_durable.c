/* What is settled and what is durable. Writes are numbered in the order in which they are carried
 * out; a slot knows the last that was written to it and the last of these that is on stable
 * storage; everything is durable up to the first slot of which that is not the same.
 *
 *      durability    a write is settled      and durable
 *      sync          when it is synced, which each batch is before the next is begun
 *      interval      when it is written      after the next sync, at most the interval later
 *      os            when it is written      when somebody asks (harden), or its segment is closed
 *
 * Syncs of the latter two go on beside the writing: a batch does not wait for them. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"

/* Durable up to that write, of those in the slot. */
static void slot_durable(struct log_slot *slot, uint64_t written, uint64_t number,
                         uint64_t sequence)
{
    if (written > slot->durable) {
        slot->durable = written;
    }
    if (number > slot->durable_number) {
        slot->durable_number = number;
        slot->durable_sequence = sequence;
    }
}

void log_durable_slot(struct log_slot *slot)
{
    slot_durable(slot, slot->written, slot->written_number, slot->written_sequence);
}

void log_durable_written(struct log_engine *log, struct log_write *write)
{
    struct log_slot *slot = write->slot;
    if (write->records > 0) {
        slot->written_number = write->number;
        slot->written_sequence = write->sequence;
        if (write->syncs) {
            log_durable_slot(slot);
        } else if (log->durability == LOG_INTERVAL && log->sync_due_us == TIMERS_NEVER) {
            log->sync_due_us = log->engine.now_us + log->options.interval_us;
        }
    }
    if (write->sequence > log->settled_sequence) {
        log->settled_sequence = write->sequence;
        if (!log_volume_failed(log)) {
            log->engine.events.settled(log->engine.events.self, log->settled_sequence);
        }
    }
}

void log_durable_advance(struct log_engine *log)
{
    uint64_t before = log->durable_sequence;
    struct queue *link = log->unsynced.next;
    while (link != &log->unsynced) {
        struct log_slot *slot = QUEUE_ITEM(link, struct log_slot, unsynced);
        link = link->next;
        if (slot->durable_number > log->durable_number) {
            log->durable_number = slot->durable_number;
            log->durable_sequence = slot->durable_sequence;
        }
        if ((!slot->sealed || slot->durable_number < slot->written_number) &&
            !MUTANT(durable_past_gap)) {
            break;
        }
        if (slot->state == LOG_SLOT_CLOSED) {
            queue_remove(&slot->unsynced);
        }
    }
    if (log->durable_sequence > before && !log_volume_failed(log)) {
        log->engine.events.durable(log->engine.events.self, log->durable_sequence);
    }
}

static void sync_run(struct offload_job *job)
{
    struct log_sync *sync = QUEUE_ITEM(job, struct log_sync, job);
    const struct disk_ops *disk = sync->log->disk->ops;
    sync->code = 0;
    for (uint32_t i = 0; i < sync->count && sync->code == 0; i++) {
        sync->code = disk->sync(sync->slots[i].slot->segment->file);
    }
}

static void sync_done(struct offload_job *job, bool dropped)
{
    struct log_sync *sync = QUEUE_ITEM(job, struct log_sync, job);
    struct log_engine *log = sync->log;
    sync->running = false;
    for (uint32_t i = 0; i < sync->count; i++) {
        sync->slots[i].slot->readers--;
        sync->slots[i].slot->syncing = false;
    }
    if (dropped) {
        return;
    }
    if (sync->code != 0) {
        log_engine_fail(log, "a sync of a segment failed", sync->code);
        return;
    }
    log->figures.syncs++;
    for (uint32_t i = 0; i < sync->count; i++) {
        slot_durable(sync->slots[i].slot, sync->slots[i].written, sync->slots[i].number,
                     sync->slots[i].sequence);
    }
    log_durable_advance(log);
}

/* The first slots of which something is written and not durable. What is being closed is synced by
 * that. */
static void sync_collect(struct log_engine *log)
{
    struct log_sync *sync = &log->sync;
    sync->count = 0;
    for (struct queue *link = log->unsynced.next;
         link != &log->unsynced && sync->count < LOG_SYNC_SLOTS; link = link->next) {
        struct log_slot *slot = QUEUE_ITEM(link, struct log_slot, unsynced);
        if (slot->durable_number < slot->written_number && slot->task != LOG_TASK_SEAL) {
            sync->slots[sync->count].slot = slot;
            sync->slots[sync->count].written = slot->written;
            sync->slots[sync->count].number = slot->written_number;
            sync->slots[sync->count].sequence = slot->written_sequence;
            sync->count++;
        }
    }
}

void log_durable_turn(struct log_engine *log)
{
    struct log_sync *sync = &log->sync;
    if (log->harden_told && !log->failed) {
        log->harden_told = false;
        log->engine.events.durable(log->engine.events.self, log->durable_sequence);
    }
    bool due = log->engine.now_us >= log->sync_due_us || log->harden_number > log->durable_number;
    if (log->durability == LOG_SYNC || sync->running || log->failed || !due) {
        return;
    }
    sync_collect(log);
    log->sync_due_us = TIMERS_NEVER; /* what is written from now on sets it again */
    if (sync->count == 0) {
        return;
    }
    sync->log = log;
    sync->running = true;
    sync->job.run = sync_run;
    sync->job.done = sync_done;
    for (uint32_t i = 0; i < sync->count; i++) {
        sync->slots[i].slot->readers++;
        sync->slots[i].slot->syncing = true;
    }
    log->options.offload.submit(log->options.offload.self, OFFLOAD_WRITE, &sync->job);
}

uint64_t log_durable_next_us(const struct log_engine *log)
{
    return log->sync.running ? TIMERS_NEVER : log->sync_due_us; /* until the job comes back */
}

void log_durable_harden(struct log_engine *log, uint64_t number)
{
    if (number > log->harden_number) {
        log->harden_number = number;
    }
}
