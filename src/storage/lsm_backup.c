/* A copy of the database while it is used: RocksDB's checkpoint, which writes what is in memory to
 * tables and links all tables. The engines of one store are asked for the same folder each: the
 * first makes the copy, the others find it made. */
#include <stdio.h>
#include <unistd.h>

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

static int copy(struct lsm_store *store, const char *path)
{
    char *error = NULL;
    rocksdb_t *db = lsm_store_enter(store);
    if (db == NULL) {
        return SHOAL_EIO;
    }
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(db, &error);
    if (checkpoint != NULL) {
        rocksdb_checkpoint_create(checkpoint, path, 0, &error);
        rocksdb_checkpoint_object_destroy(checkpoint);
    }
    lsm_store_leave(store);
    return lsm_error_code(error, NULL);
}

/* RocksDB gives the copy its name when it is whole. */
static void backup_run(struct offload_job *job)
{
    struct lsm_backup *backup = (struct lsm_backup *)(void *)job;
    struct lsm_store *store = backup->engine->store;
    char path[LSM_PATH_BYTES + 4];
    snprintf(path, sizeof(path), "%s/db", backup->folder);
    (void)pthread_mutex_lock(&store->backup_lock);
    if (access(path, F_OK) != 0) {
        backup->code = copy(store, path);
    }
    (void)pthread_mutex_unlock(&store->backup_lock);
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
