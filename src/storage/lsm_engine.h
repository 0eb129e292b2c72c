/* The lsm engine: a log-structured merge tree (O'Neil et al., 1996), by RocksDB, for data of which
 * not even the index fits into memory, and for scans in the order of the keys. One engine serves
 * one worker's partitions; all engines of a node share one store (lsm_store.h).
 *
 * The worker's thread never waits for the database: it looks into what it has accepted itself
 * (lsm_overlay.h) and into what RocksDB has in memory. All writes of a loop turn are one batch and
 * one sync, on another thread, one at a time; so are reads that must wait for the disk. */
#ifndef STORAGE_LSM_ENGINE_H
#define STORAGE_LSM_ENGINE_H

#include "storage/engine.h"
#include "storage/lsm_store.h"
#include "storage/offload.h"

struct lsm_engine_options {
    struct lsm_store *store; /* outlives the engine */
    struct offload offload;
    uint32_t worker; /* whose partitions these are: engine_worker_of */
    uint32_t workers;
    uint64_t interval_us;     /* durability `interval`: how long what settled may not be durable */
    uint64_t queue_bytes_max; /* of what is not yet written; beyond it SHOAL_EOVERLOAD; 0: 64 MiB */
};

/* 0 or SHOAL_ENOMEM. To be called on any thread before the worker runs. */
int lsm_engine_new(const struct lsm_engine_options *options, struct engine **out);

/* Asserts the invariants; walks everything, and reads all of the database when all is written:
 * blocks. For tests. */
void lsm_engine_check(const struct engine *engine);

#endif
