/* The database as the files of the lsm engine use it: handles, the lock around them, what is kept
 * of each partition, and RocksDB's errors as codes. Nobody else includes this.
 *
 * RocksDB forgives a full disk by itself when writing tables, but not when writing its log: then it
 * must be opened again, and not be written before, for where it was built with its assertions it
 * ends the process when it goes on with such a log. Hence the lock: whoever uses the database is in
 * it as a reader, reopening is its writer. */
#ifndef STORAGE_LSM_DATABASE_H
#define STORAGE_LSM_DATABASE_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "storage/disk.h"
#include "storage/engine.h"
#include "storage/lsm_keys.h"
#include "storage/lsm_mark.h"
#include "storage/lsm_store.h"

#define LSM_FORMAT 1u
#define LSM_PATH_BYTES 4096u

/* A partition belongs to one engine: the first part to its thread, the second to its write job. */
struct lsm_partition {
    uint64_t keys; /* as settled */
    uint64_t bytes;
    uint64_t dropped; /* number of the batch that holds its last drop; 0: none */
    uint32_t epoch;   /* rises with each drop */
    uint8_t family;   /* enum engine_family */
    bool held;
    uint8_t *holding; /* its record, while it is held */
    size_t holding_len;

    uint64_t stored_keys; /* what the database says */
    uint64_t stored_bytes;
    uint64_t next_keys; /* what it will say with the batch */
    uint64_t next_bytes;
    bool touched;
    struct lsm_partition *next_touched;
};

static inline void lsm_partition_forget(struct lsm_partition *partition)
{
    mem_free(partition->holding);
    partition->holding = NULL;
    partition->holding_len = 0;
    partition->held = false;
}

/* The memory, as long as the record, becomes the partition's. */
static inline void lsm_partition_hold(struct lsm_partition *partition, uint8_t *memory,
                                      struct bytes record)
{
    lsm_partition_forget(partition);
    if (record.len > 0) {
        memcpy(memory, record.data, record.len);
    }
    partition->holding = memory;
    partition->holding_len = record.len;
    partition->held = true;
}

struct lsm_database {
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *tables;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;     /* waits for the disk */
    rocksdb_readoptions_t *read_now; /* from memory only: "Incomplete" otherwise */
    rocksdb_writeoptions_t *write;
    rocksdb_writeoptions_t *write_sync;
    uint64_t write_buffer_bytes;
};

struct lsm_store {
    char folder[LSM_PATH_BYTES];
    char path[LSM_PATH_BYTES]; /* of the database */
    struct disk *disk;         /* the folder */
    uint32_t data_partitions;  /* of the cluster */
    uint32_t partition_count;  /* family by family */
    enum lsm_durability durability;
    uint64_t spare_bytes;
    struct lsm_owner owner;
    struct lsm_report report;
    struct lsm_database database;
    pthread_rwlock_t lock; /* of db and writable */
    rocksdb_t *db;         /* NULL when it could not be opened again */
    bool writable;
    _Atomic uint64_t opened; /* how often */
    _Atomic bool broken; /* its log met the end of the disk: not written before it is reopened */
    _Atomic bool failed; /* a write of some engine did: none of them confirms any more */
    _Atomic uint32_t engines;
    pthread_mutex_t owner_lock; /* of the owner file */
    pthread_mutex_t backup_lock;
    struct lsm_partition partitions[];
};

/* All handles; RocksDB ends the process where it finds no memory. memory_bytes_max as in struct
 * lsm_store_options. */
void lsm_database_init(struct lsm_database *database, uint64_t memory_bytes_max);
void lsm_database_deinit(struct lsm_database *database);

/* The code of an error that RocksDB gave, which is freed and its words copied to `text` (may be
 * NULL): SHOAL_ENOSPC, SHOAL_EDAMAGED, SHOAL_EIO, 1 for "not in memory". 0 for NULL. */
int lsm_error_code(char *error, char text[512]);

/* Whatever a crash leaves is put right: a torn tail of the log is cut. Other damage of the log is
 * refused with SHOAL_EDAMAGED, or, if forgiven, what comes after it is gone. */
enum lsm_opening {
    LSM_OPEN,         /* must be there */
    LSM_OPEN_CREATE,  /* made if it isn't there */
    LSM_OPEN_FORGIVE, /* must be there */
};

/* 0, or a code and the words. */
int lsm_database_open(struct lsm_database *database, const char *path, enum lsm_opening how,
                      rocksdb_t **out, char text[512]);

/* Thread-safe. The database for reading or writing, to be left; NULL, and not to be left, when it
 * is not open. `now`: NULL also when that would have to wait. */
rocksdb_t *lsm_store_enter(struct lsm_store *store);
rocksdb_t *lsm_store_enter_now(struct lsm_store *store);
void lsm_store_leave(struct lsm_store *store);

/* Thread-safe. Opens the database again, unless that has happened since it had been opened so many
 * times. Nobody may be in it on this thread. Blocks. 0 or a code and the words; then reads may
 * still be possible. */
int lsm_store_reopen(struct lsm_store *store, uint64_t opened, char text[512]);

/* Reads the facts of the database, or writes them where there are none yet. */
int lsm_facts(rocksdb_t *db, struct lsm_database *database, bool create, uint32_t *partitions,
              char text[512]);

#endif
