/* The lsm engine: one database in data_dir/lsm, and an engine a worker on it. Built where RocksDB
 * is; storage_no_lsm.c stands in elsewhere. */
#include <stdio.h>

#include "base/log.h"
#include "server/storage_kind.h"
#include "shoal/error.h"
#include "storage/lsm_engine.h"
#include "storage/lsm_store.h"

static enum lsm_durability durability_of(const struct config *config)
{
    switch ((enum config_durability)config->durability) {
    case DURABILITY_INTERVAL:
        return LSM_INTERVAL;
    case DURABILITY_OS:
        return LSM_OS;
    case DURABILITY_SYNC:
        break;
    }
    return LSM_SYNC;
}

static int open_lsm(const struct storage_opening *opening, void **data,
                    char text[STORAGE_TEXT_BYTES])
{
    struct lsm_store_options options = {
        .folder = opening->path,
        .partitions = opening->partitions,
        .durability = durability_of(opening->config),
        .boot = opening->boot,
        .memory_bytes_max = opening->config->memory_mb * LIMIT_MIB,
    };
    struct lsm_store *store;
    int code = lsm_store_open(&options, &store, text);
    if (code != 0) {
        return code;
    }
    const struct lsm_report *report = lsm_store_report(store);
    log_info("storage: database open", LOG_U64("keys", report->keys),
             LOG_U64("ms", report->micros / 1000));
    if (report->lost) {
        log_error("storage: damage found: the database's log was cut; what is missing is repaired "
                  "from the other nodes");
    }
    if (report->copied) {
        log_warning("storage: this is a copy of the folder that the node last wrote to");
    }
    *data = store;
    return 0;
}

static int load_lsm(void *data, const struct storage_opening *opening,
                    const struct storage_loading *loading, struct engine **out,
                    char text[STORAGE_TEXT_BYTES])
{
    struct lsm_engine_options options = {
        .store = data,
        .offload = loading->offload,
        .worker = loading->worker,
        .workers = loading->workers,
        .interval_us = opening->config->durability_interval_us,
    };
    int code = lsm_engine_new(&options, out);
    if (code != 0) {
        snprintf(text, STORAGE_TEXT_BYTES, "can't make the lsm engine: %s", shoal_error_text(code));
    }
    return code;
}

static void loaded_lsm(void *data)
{
    (void)data;
}

static void close_lsm(void *data, bool clean)
{
    lsm_store_close(data, clean);
}

static int verify_lsm(const char *path, uint32_t partitions, struct storage_verdict *verdict,
                      char text[STORAGE_TEXT_BYTES])
{
    (void)partitions;
    struct lsm_verdict found;
    int code = lsm_store_verify(path, &found, text);
    if (code != 0) {
        return code;
    }
    verdict->damaged = found.damaged + found.mismatch;
    snprintf(verdict->summary, sizeof(verdict->summary),
             "%llu keys, %llu bytes; %u damaged places, %llu entries that contradict others",
             (unsigned long long)found.keys, (unsigned long long)found.bytes, found.damaged,
             (unsigned long long)found.mismatch);
    return 0;
}

static int compact_lsm(const char *path, uint32_t partitions, char text[STORAGE_TEXT_BYTES])
{
    (void)partitions;
    return lsm_store_compact(path, text);
}

static const struct storage_kind kind = {
    .offloads = true,
    .open = open_lsm,
    .load = load_lsm,
    .loaded = loaded_lsm,
    .close = close_lsm,
    .verify = verify_lsm,
    .compact = compact_lsm,
};

const struct storage_kind *storage_lsm(void)
{
    return &kind;
}
