/* Reading a whole database: see lsm_verify.c. */
#ifndef STORAGE_LSM_VERIFY_H
#define STORAGE_LSM_VERIFY_H

#include "storage/lsm_database.h"

/* Blocks; reads everything. */
void lsm_verify_database(rocksdb_t *db, struct lsm_database *database, uint32_t partitions,
                         struct lsm_verdict *out);

#endif
