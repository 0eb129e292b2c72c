/* A place among a partition's entries in the database, for the thread that may block, and how far
 * around it nothing can be read. A damaged block of a table stops RocksDB's iterator for good, so
 * where it ends is found by trying: in steps that double, and back by halves. */
#ifndef STORAGE_LSM_CURSOR_H
#define STORAGE_LSM_CURSOR_H

#include "storage/lsm_database.h"

struct lsm_cursor {
    rocksdb_t *db;
    rocksdb_readoptions_t *options;
    rocksdb_iterator_t *entries; /* stands nowhere at first */
    uint32_t partition;
    uint8_t begin[LSM_PARTITION_BYTES];
    uint8_t end[LSM_PARTITION_BYTES];
};

/* Inside the store, until it is closed. It stays where it is. */
void lsm_cursor_open(struct lsm_cursor *cursor, rocksdb_t *db, uint32_t partition);
void lsm_cursor_close(struct lsm_cursor *cursor);

/* To the first entry at or after the position. */
void lsm_cursor_seek(struct lsm_cursor *cursor, uint64_t position);

/* Why it stands nowhere: 0: there is nothing more, SHOAL_EDAMAGED, SHOAL_EIO. */
int lsm_cursor_error(const struct lsm_cursor *cursor);

/* Around a position that can't be read: the first and the last of which that is so. */
uint64_t lsm_cursor_damage_begin(struct lsm_cursor *cursor, uint64_t damaged);
uint64_t lsm_cursor_damage_end(struct lsm_cursor *cursor, uint64_t damaged);

#endif
