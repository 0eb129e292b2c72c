/* What happens to a batch on the thread that may block: its writes become one write of the
 * database, with what follows from them: an entry among the names for every new key, and the
 * partition's figures, which so are exact after any crash. What a write replaces is looked up where
 * the engine didn't know. Where that can't be read, the figures may say too much, never too little:
 * a partition without keys is one in which nobody looks for any. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/lsm_engine_inside.h"

struct build {
    struct lsm_engine *lsm;
    struct lsm_write_job *job;
    rocksdb_t *db;
    rocksdb_writebatch_t *batch;
};

/* ---- figures ---- */

static struct lsm_partition *touch(struct build *build, uint32_t number)
{
    struct lsm_partition *partition = lsm_partition_of(build->lsm, number);
    if (!partition->touched) {
        partition->touched = true;
        partition->next_keys = partition->stored_keys;
        partition->next_bytes = partition->stored_bytes;
        partition->next_touched = build->job->touched;
        build->job->touched = partition;
    }
    return partition;
}

static void count_out(struct lsm_partition *partition, const struct lsm_before *before)
{
    if (before->present) {
        partition->next_keys -= partition->next_keys > 0 ? 1 : 0;
        partition->next_bytes -=
            partition->next_bytes > before->bytes ? before->bytes : partition->next_bytes;
    }
}

static void put_figures(struct build *build)
{
    const struct lsm_partition *partition = build->job->touched;
    while (partition != NULL) {
        uint8_t key[LSM_PARTITION_BYTES];
        uint8_t value[LSM_COUNTS_BYTES];
        uint32_t number = (uint32_t)(partition - build->lsm->store->partitions);
        lsm_partition_key(key, LSM_SPACE_COUNTS, number);
        store_u64_le(value, partition->next_keys);
        store_u64_le(value + 8, partition->next_bytes);
        rocksdb_writebatch_put(build->batch, (const char *)key, sizeof(key), (const char *)value,
                               sizeof(value));
        partition = partition->next_touched;
    }
}

/* ---- one write ---- */

/* What is in the database: no write of the key is on its way before this one, or it were known. */
static struct lsm_before read_before(const struct build *build, const struct lsm_write *write)
{
    char *error = NULL;
    size_t record_len = 0;
    rocksdb_pinnableslice_t *record =
        rocksdb_get_pinned(build->db, build->lsm->store->database.read,
                           (const char *)write->place.data, write->place.len, &error);
    bool unreadable = lsm_error_code(error, NULL) != 0;
    if (record != NULL) {
        (void)rocksdb_pinnableslice_value(record, &record_len);
        rocksdb_pinnableslice_destroy(record);
    }
    return (struct lsm_before){.known = true,
                               .present = record != NULL,
                               .unreadable = unreadable,
                               .bytes = write->key.len + record_len};
}

/* Looked up once: a batch that was refused may be in the database nevertheless when it is tried
 * again, and would then be taken for what it replaces. */
static const struct lsm_before *look_up(const struct build *build, struct lsm_write *write)
{
    if (!write->before.known) {
        write->before = read_before(build, write);
    }
    return &write->before;
}

/* The key's entry among the names: space and partition before it. */
static void put_name(struct build *build, const struct lsm_write *write)
{
    uint8_t prefix[LSM_PARTITION_BYTES];
    uint8_t position[sizeof(uint64_t)];
    lsm_partition_key(prefix, LSM_SPACE_NAMES, write->partition);
    store_u64_be(position, write->position);
    const char *keys[] = {(const char *)prefix, (const char *)write->key.data};
    const size_t key_sizes[] = {sizeof(prefix), write->key.len};
    const char *values[] = {(const char *)position};
    const size_t value_sizes[] = {sizeof(position)};
    rocksdb_writebatch_putv(build->batch, 2, keys, key_sizes, 1, values, value_sizes);
}

static void delete_name(struct build *build, const struct lsm_write *write)
{
    uint8_t prefix[LSM_PARTITION_BYTES];
    lsm_partition_key(prefix, LSM_SPACE_NAMES, write->partition);
    const char *keys[] = {(const char *)prefix, (const char *)write->key.data};
    const size_t key_sizes[] = {sizeof(prefix), write->key.len};
    rocksdb_writebatch_deletev(build->batch, 2, keys, key_sizes);
}

static void build_put(struct build *build, struct lsm_write *write)
{
    struct lsm_partition *partition = touch(build, write->partition);
    const struct lsm_before *before = look_up(build, write);
    rocksdb_writebatch_put(build->batch, (const char *)write->place.data, write->place.len,
                           (const char *)write->record.data, write->record.len);
    if (!before->present) {
        put_name(build, write);
    }
    count_out(partition, before);
    partition->next_keys++;
    partition->next_bytes += write->key.len + write->record.len;
}

static void build_remove(struct build *build, struct lsm_write *write)
{
    const struct lsm_before *before = look_up(build, write);
    if (before->present || before->unreadable) {
        rocksdb_writebatch_delete(build->batch, (const char *)write->place.data, write->place.len);
        delete_name(build, write);
        count_out(touch(build, write->partition), before);
    }
}

static void delete_space(struct build *build, enum lsm_space space, uint32_t number)
{
    uint8_t begin[LSM_PARTITION_BYTES];
    uint8_t end[LSM_PARTITION_BYTES];
    lsm_partition_key(begin, space, number);
    lsm_partition_end(end, space, number);
    rocksdb_writebatch_delete_range(build->batch, (const char *)begin, sizeof(begin),
                                    (const char *)end, sizeof(end));
}

static void build_drop(struct build *build, const struct lsm_write *write)
{
    uint8_t holding[LSM_PARTITION_BYTES];
    struct lsm_partition *partition = touch(build, write->partition);
    lsm_partition_key(holding, LSM_SPACE_HOLDINGS, write->partition);
    rocksdb_writebatch_delete(build->batch, (const char *)holding, sizeof(holding));
    delete_space(build, LSM_SPACE_DATA, write->partition);
    delete_space(build, LSM_SPACE_NAMES, write->partition);
    partition->next_keys = 0;
    partition->next_bytes = 0;
}

static void build_holding(struct build *build, const struct lsm_write *write)
{
    uint8_t key[LSM_PARTITION_BYTES];
    lsm_partition_key(key, LSM_SPACE_HOLDINGS, write->partition);
    rocksdb_writebatch_put(build->batch, (const char *)key, sizeof(key),
                           (const char *)write->record.data, write->record.len);
}

static void build_write(struct build *build, struct lsm_write *write)
{
    switch ((enum lsm_write_kind)write->kind) {
    case LSM_WRITE_PUT:
        build_put(build, write);
        return;
    case LSM_WRITE_REMOVE:
        build_remove(build, write);
        return;
    case LSM_WRITE_DROP:
        build_drop(build, write);
        return;
    case LSM_WRITE_HOLDING:
        build_holding(build, write);
        return;
    }
    ASSERT(false);
}

/* ---- all of it ---- */

/* The log of the database is synced by a write, never apart: so one that failed is met by nobody
 * but the writers, which RocksDB lets in one at a time. */
static void build_sync(struct build *build)
{
    static const char key[] = {LSM_SPACE_META, 's', 'y', 'n', 'c'};
    rocksdb_writebatch_put(build->batch, key, sizeof(key), "", 0);
}

static void figures_end(struct lsm_write_job *job)
{
    struct lsm_partition *partition = job->touched;
    while (partition != NULL) {
        partition->touched = false;
        if (job->code == 0) {
            partition->stored_keys = partition->next_keys;
            partition->stored_bytes = partition->next_bytes;
        }
        partition = partition->next_touched;
    }
}

/* Of a table RocksDB thinks better when there is space again; the rest is its log. */
static void write_batch(struct lsm_write_job *job, rocksdb_t *db)
{
    const struct lsm_database *database = &job->engine->store->database;
    struct build build = {
        .lsm = job->engine, .job = job, .db = db, .batch = rocksdb_writebatch_create()};
    if (job->batch == NULL) {
        build_sync(&build);
    } else {
        struct queue *writes = &job->batch->writes;
        for (struct queue *at = writes->next; at != writes; at = at->next) {
            build_write(&build, QUEUE_ITEM(at, struct lsm_write, link));
        }
        put_figures(&build);
    }
    char *error = NULL;
    bool sync = job->sync && !MUTANT(lsm_unsynced);
    rocksdb_write(db, sync ? database->write_sync : database->write, build.batch, &error);
    job->code = lsm_error_code(error, job->text);
    if (job->code == SHOAL_ENOSPC && strstr(job->text, ".sst") == NULL) {
        atomic_store(&job->engine->store->broken, true);
    }
    rocksdb_writebatch_destroy(build.batch);
    figures_end(job);
}

/* Room is left for the database's own work, so that it doesn't meet the end of the disk itself. */
static bool space_left(struct lsm_write_job *job)
{
    struct lsm_store *store = job->engine->store;
    uint64_t left = 0;
    if (store->disk->ops->space(store->disk, &left) != 0) {
        return true; /* let the write find out */
    }
    snprintf(job->text, sizeof(job->text), "%llu bytes are left, of which %llu are kept free",
             (unsigned long long)left, (unsigned long long)store->spare_bytes);
    return left > store->spare_bytes;
}

void lsm_write_job_run(struct offload_job *base)
{
    struct lsm_write_job *job = (struct lsm_write_job *)(void *)base;
    struct lsm_store *store = job->engine->store;
    job->spacious = space_left(job);
    job->code = job->spacious ? 0 : SHOAL_ENOSPC;
    if (job->code == 0 && job->insist) {
        job->code = lsm_store_reopen(store, job->opened, job->text);
    }
    job->opened = atomic_load(&store->opened);
    rocksdb_t *db = job->code == 0 ? lsm_store_enter(store) : NULL;
    if (db != NULL) {
        if (store->writable && !atomic_load(&store->broken)) {
            write_batch(job, db);
        } else {
            snprintf(job->text, sizeof(job->text), "the database is to be opened again first");
            job->code = SHOAL_ENOSPC;
        }
        lsm_store_leave(store);
    } else if (job->code == 0) {
        job->code = SHOAL_ENOSPC;
    }
}
