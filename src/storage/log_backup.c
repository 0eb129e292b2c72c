/* A backup: the active segment is closed, so that everything written before lies in closed
 * segments, and these are put into the folder, by hard links where that is possible. Until that is
 * done no segment is removed. Engines of one node share segments and put them there one after
 * another. */
#include "storage/log_engine_inside.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

struct log_backup {
    struct offload_job job;
    struct log_engine *log;
    char *folder;
    uint64_t ticket;
    bool running;
    int code;
    uint32_t count;
    struct log_slot *slots[];
};

static void backup_free(struct log_backup *backup)
{
    mem_free(backup->folder);
    mem_free(backup);
}

static int duplicate_one(const struct log_backup *backup, const struct log_slot *slot)
{
    struct disk *disk = backup->log->disk;
    char name[LOG_NAME_BYTES];
    log_segment_name(slot->origin.number, name);
    int code = disk->ops->duplicate(disk, name, backup->folder, UINT64_MAX);
    if (code != 0) {
        return code;
    }
    log_hint_name(slot->origin.number, name);
    code = disk->ops->duplicate(disk, name, backup->folder, UINT64_MAX);
    return code == SHOAL_ENOTFOUND ? 0 : code; /* it would be made again */
}

static void backup_run(struct offload_job *job)
{
    struct log_backup *backup = QUEUE_ITEM(job, struct log_backup, job);
    struct disk *disk = backup->log->disk;
    /* Whose segments they are. */
    backup->code = disk->ops->duplicate(disk, LOG_VOLUME_FILE, backup->folder, UINT64_MAX);
    for (uint32_t i = 0; i < backup->count && backup->code == 0; i++) {
        backup->code = duplicate_one(backup, backup->slots[i]);
    }
}

static void backup_end(struct log_backup *backup, int code)
{
    struct log_engine *log = backup->log;
    uint64_t ticket = backup->ticket;
    log->backup = NULL;
    backup_free(backup);
    log->engine.events.ready(log->engine.events.self, ticket, code);
}

static void backup_done(struct offload_job *job, bool dropped)
{
    struct log_backup *backup = QUEUE_ITEM(job, struct log_backup, job);
    backup->running = false;
    if (!dropped) {
        backup_end(backup, backup->code);
    }
}

int log_engine_backup(struct engine *engine, const char *folder, uint64_t ticket)
{
    struct log_engine *log = log_engine_of(engine);
    log_lent_reset(log);
    if (log->backup != NULL) {
        return SHOAL_EOVERLOAD;
    }
    if (log->failed) {
        return SHOAL_EIO;
    }
    size_t slots = log->slot_count * sizeof(struct log_slot *);
    struct log_backup *backup = mem_alloc_zeroed(1, sizeof(*backup) + slots);
    char *copy = mem_copy_string(folder, strlen(folder));
    int code = backup == NULL || copy == NULL ? SHOAL_ENOMEM : log_active_roll(log);
    if (code != 0) {
        mem_free(backup);
        mem_free(copy);
        return code;
    }
    backup->log = log;
    backup->folder = copy;
    backup->ticket = ticket;
    for (uint32_t i = 0; i < log->slot_capacity; i++) {
        struct log_slot *slot = log->slots[i];
        if (slot != NULL && (slot->state == LOG_SLOT_SEALING || slot->state == LOG_SLOT_CLOSED)) {
            backup->slots[backup->count++] = slot;
        }
    }
    log->backup = backup;
    return 0;
}

void log_backup_turn(struct log_engine *log)
{
    struct log_backup *backup = log->backup;
    if (backup == NULL || backup->running) {
        return;
    }
    if (log->failed) {
        backup_end(backup, SHOAL_EIO);
        return;
    }
    for (uint32_t i = 0; i < backup->count; i++) {
        if (backup->slots[i]->state != LOG_SLOT_CLOSED) {
            return;
        }
    }
    backup->running = true;
    backup->job.run = backup_run;
    backup->job.done = backup_done;
    log->options.offload.submit(log->options.offload.self, OFFLOAD_SLOW, &backup->job);
}

void log_backup_deinit(struct log_engine *log)
{
    if (log->backup != NULL) {
        ASSERT(!log->backup->running);
        backup_free(log->backup);
    }
}
