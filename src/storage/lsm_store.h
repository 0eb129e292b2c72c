/* The database of the lsm engine: one RocksDB for the node, opened once and shared by the engines
 * of its workers, which is why their number may change between two starts. (RocksDB is thread-safe
 * and groups the commits of several writers by itself.) What RocksDB promises is its business; this
 * adds what the node must know after a start: whether holdings may go on, and whether anything was
 * lost.
 *
 *      folder/db/     the database
 *      folder/owner   whose it is and how it was used last: tells a copy from the original, and an
 *                     unclean restart of the machine
 *      folder/clean   only after a clean stop, and only until the next start
 *
 * A torn tail of the database's log is what a crash leaves and is cut off. Any other damage of it
 * makes the database go back to the moment before: then all holdings have lost something. Damaged
 * tables are found when they are read. A database that RocksDB refuses is refused.
 *
 * Thread-safe where marked; else used by one thread, before the engines are made or after. */
#ifndef STORAGE_LSM_STORE_H
#define STORAGE_LSM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* storage.durability */
enum lsm_durability { LSM_SYNC, LSM_INTERVAL, LSM_OS };

struct lsm_store_options {
    const char *folder; /* made if it isn't there; its parent must be */
    uint32_t partitions;
    enum lsm_durability durability;
    uint64_t boot;             /* of the machine's running, to know an unclean restart of it */
    uint64_t memory_bytes_max; /* 0: the default, 64 MiB of cache and up to 96 of write buffers */
    uint64_t spare_bytes; /* left free on the disk: below it puts are refused; 0: the default */
};

/* What opening it found. */
struct lsm_report {
    bool resumed; /* see struct engine */
    bool behind;  /* see struct engine; a copied folder too */
    bool copied;  /* this is not the folder that the last process wrote, but a copy */
    bool lost;    /* the database's log was damaged: something of it is gone */
    uint64_t keys;
    uint64_t micros; /* how long it took */
};

struct lsm_store;

/* 0, or a code and the words for it: what happened, where, what to do. SHOAL_EVERSION: made by a
 * newer version; SHOAL_EINVAL: made for another number of partitions; SHOAL_EDAMAGED: RocksDB
 * refuses the files; SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ENOMEM. Blocks. */
int lsm_store_open(const struct lsm_store_options *options, struct lsm_store **out, char text[512]);

/* After the engines are freed. `clean`: all was durable, and every engine was told to put its
 * holdings' last word: the next start may go on with them. Blocks. */
void lsm_store_close(struct lsm_store *store, bool clean);

const struct lsm_report *lsm_store_report(const struct lsm_store *store);

/* Thread-safe. Every holding has durably begun anew after what `lost` and `behind` said: the next
 * start need not say it again. (A clean close does the same.) Blocks. Errors of the disk. */
int lsm_store_losses_known(struct lsm_store *store);

/* What verifying found. */
struct lsm_verdict {
    uint64_t keys;
    uint64_t bytes;    /* of keys and records */
    uint32_t damaged;  /* places that can't be read */
    uint64_t mismatch; /* entries that other parts of the database contradict */
};

/* Reads everything of a folder that no process uses, and changes nothing. 0 whatever it found, or a
 * code and the words for it as lsm_store_open. Blocks. */
int lsm_store_verify(const char *folder, struct lsm_verdict *out, char text[512]);

/* Rewrites a folder that no process uses without what is overwritten or removed. Blocks. */
int lsm_store_compact(const char *folder, char text[512]);

#endif
