/* A copy of the database while it is used: RocksDB's checkpoint, which writes what is in memory to
 * tables and links all tables. The engines of one store are asked for the same folder each: the
 * first makes the copy, the others have nothing to add. */
#include <stdio.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/lsm_engine_inside.h"

struct lsm_backup {
    struct offload_job job;
    struct lsm_engine *engine;
    uint64_t ticket;
    int code;
    char folder[LSM_PATH_BYTES];
};

/* Is this engine the first to be asked for the folder? */
static bool claim(struct lsm_store *store, const char *folder)
{
    (void)pthread_mutex_lock(&store->side_lock);
    bool first = strcmp(store->backup_folder, folder) != 0;
    snprintf(store->backup_folder, sizeof(store->backup_folder), "%s", folder);
    (void)pthread_mutex_unlock(&store->side_lock);
    return first;
}

static void backup_run(struct offload_job *job)
{
    struct lsm_backup *backup = (struct lsm_backup *)(void *)job;
    struct lsm_store *store = backup->engine->store;
    char path[LSM_PATH_BYTES + 4];
    char *error = NULL;
    if (!claim(store, backup->folder)) {
        return;
    }
    snprintf(path, sizeof(path), "%s/db", backup->folder);
    rocksdb_t *db = lsm_store_enter(store);
    if (db == NULL) {
        backup->code = SHOAL_EIO;
        return;
    }
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(db, &error);
    if (checkpoint != NULL) {
        rocksdb_checkpoint_create(checkpoint, path, 0, &error);
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    lsm_store_leave(store);
    backup->code = lsm_error_code(error, NULL);
}

static void backup_done(struct offload_job *job, bool dropped)
{
    struct lsm_backup *backup = (struct lsm_backup *)(void *)job;
    const struct engine_events *events = &backup->engine->engine.events;
    uint64_t ticket = backup->ticket;
    int code = backup->code;
    backup->engine->backups--;
    mem_free(backup);
    if (!dropped) {
        events->ready(events->self, ticket, code);
    }
}

int lsm_backup_begin(struct lsm_engine *lsm, const char *folder, uint64_t ticket)
{
    if (strlen(folder) >= LSM_PATH_BYTES) {
        return SHOAL_EINVAL;
    }
    struct lsm_backup *backup = mem_alloc(sizeof(*backup));
    if (backup == NULL) {
        return SHOAL_ENOMEM;
    }
    backup->job = (struct offload_job){.run = backup_run, .done = backup_done};
    backup->engine = lsm;
    backup->ticket = ticket;
    backup->code = 0;
    snprintf(backup->folder, sizeof(backup->folder), "%s", folder);
    lsm->backups++;
    lsm->offload.submit(lsm->offload.self, OFFLOAD_SLOW, &backup->job);
    return 0;
}
