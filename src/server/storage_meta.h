/* What the data in a data_dir is: "storage.json", written before the first byte of data, so that no
 * other engine, newer format or half-made copy is ever taken for it.
 *
 *      {"format": 1, "engine": "log", "partitions": 256, "id": "91c0...", "behind": false,
 *       "backup": null, "checksum": "XXH3-64 of the rest"}
 *
 *      made --> in use --(backup)--> copy: "backup" names the manifest that must be with it
 *                 ^                    |
 *                 +--- verified -------+  "behind" until the next clean stop
 */
#ifndef SERVER_STORAGE_META_H
#define SERVER_STORAGE_META_H

#include "base/buffer.h"
#include "server/config.h"

#define STORAGE_META_FILE "storage.json"

struct storage_meta {
    enum config_engine engine;
    uint32_t partitions;
    uint64_t id; /* random, of the data from its beginning */
    /* The data may be older than what this node has confirmed (the machine crashed under `interval`
     * or `os`, or it is a restored copy), and no clean stop since has recorded of each holding that
     * it is refilling. */
    bool behind;
    uint64_t backup; /* it is the copy of that backup, not verified yet; 0: it is none */
};

/* "log", "lsm", "memory". */
const char *storage_engine_name(enum config_engine engine);

/* 0; 1 when there is none; SHOAL_EPROTO damaged; SHOAL_EVERSION of a newer version; SHOAL_EIO,
 * SHOAL_ENOMEM. */
int storage_meta_load(int folder_fd, struct storage_meta *out);

/* Durable when it returns 0. SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ENOMEM: what was there still is. */
int storage_meta_store(int folder_fd, const struct storage_meta *meta);

#endif
