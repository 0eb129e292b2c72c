/* The log engine: one volume in data_dir/log, and an engine a worker on it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/storage_kind.h"
#include "shoal/error.h"
#include "storage/log_engine.h"
#include "storage/log_verify.h"
#include "storage/log_volume.h"
#include "storage/posix_disk.h"

#define PROGRESS_S 2
#define DAY_US (UINT64_C(86400) * 1000000)

struct log_data {
    struct disk *disk;
    struct log_volume *volume;
    storage_tick tick; /* NULL: none */
    time_t told;
};

static void on_progress(void *self, const struct log_progress *progress)
{
    struct log_data *data = self;
    time_t now = time(NULL);
    if (data->tick != NULL) {
        data->tick();
    }
    if (now >= data->told + PROGRESS_S) {
        data->told = now;
        log_info("storage: reading segments", LOG_U64("segments", progress->segments_done),
                 LOG_U64("of", progress->segments), LOG_U64("scanned", progress->scanned),
                 LOG_U64("bytes", progress->bytes_done), LOG_U64("of_bytes", progress->bytes));
    }
}

static void tell_report(const struct log_volume *volume, uint64_t millis)
{
    const struct log_report *report = &volume->report;
    log_info("storage: segments read", LOG_U64("segments", volume->segment_count),
             LOG_U64("ms", millis));
    if (report->torn_tails > 0) {
        log_info("storage: the unfinished end of what a crash cut short is cut off",
                 LOG_U64("places", report->torn_tails), LOG_U64("bytes", report->torn_bytes));
    }
    if (report->damaged_places > 0 || report->refused_files > 0) {
        log_error("storage: damage found: it is not served, and repaired from the other nodes",
                  LOG_U64("places", report->damaged_places),
                  LOG_U64("bytes", report->damaged_bytes),
                  LOG_U64("unreadable_files", report->refused_files));
    }
    if (volume->copied) {
        log_warning("storage: this is a copy of the folder that the node last wrote to");
    }
}

static int open_disk(const char *path, struct disk **out, char text[STORAGE_TEXT_BYTES])
{
    int code = posix_disk_open(path, out);
    if (code != 0) {
        snprintf(text, STORAGE_TEXT_BYTES, "%.200s can't be opened: %.200s", path,
                 posix_disk_explain());
    }
    return code;
}

static enum log_durability durability_of(const struct config *config)
{
    switch ((enum config_durability)config->durability) {
    case DURABILITY_INTERVAL:
        return LOG_INTERVAL;
    case DURABILITY_OS:
        return LOG_OS;
    case DURABILITY_SYNC:
        break;
    }
    return LOG_SYNC;
}

static void close_data(struct log_data *data, bool clean)
{
    if (data->volume != NULL) {
        log_volume_close(data->volume, clean);
    }
    if (data->disk != NULL) {
        posix_disk_close(data->disk);
    }
    mem_free(data);
}

static int open_volume(const char *path, storage_tick tick, struct log_volume_options *options,
                       struct log_data **out, char text[STORAGE_TEXT_BYTES])
{
    struct log_data *data = mem_alloc_zeroed(1, sizeof(*data));
    if (data == NULL) {
        snprintf(text, STORAGE_TEXT_BYTES, "%s", shoal_error_text(SHOAL_ENOMEM));
        return SHOAL_ENOMEM;
    }
    data->tick = tick;
    data->told = time(NULL);
    int code = open_disk(path, &data->disk, text);
    if (code == 0) {
        options->disk = data->disk;
        options->progress = on_progress;
        options->progress_self = data;
        code = log_volume_open(options, &data->volume, text);
    }
    if (code != 0) {
        close_data(data, false);
        return code;
    }
    *out = data;
    return 0;
}

static int open_log(const struct storage_opening *opening, void **out,
                    char text[STORAGE_TEXT_BYTES])
{
    struct log_volume_options options = {
        .partitions = opening->partitions,
        .durability = durability_of(opening->config),
        .boot = opening->boot,
    };
    struct log_data *data;
    uint64_t begun_ms = storage_mono_ms();
    int code = open_volume(opening->path, opening->tick, &options, &data, text);
    if (code != 0) {
        return code;
    }
    tell_report(data->volume, storage_mono_ms() - begun_ms);
    *out = data;
    return 0;
}

static int load_log(void *self, const struct storage_opening *opening,
                    const struct storage_loading *loading, struct engine **out,
                    char text[STORAGE_TEXT_BYTES])
{
    const struct log_data *data = self;
    const struct config *config = opening->config;
    struct log_engine_options options = {
        .engine = {.partitions = opening->partitions,
                   .memory_bytes_max = loading->memory_bytes_max},
        .volume = data->volume,
        .offload = loading->offload,
        .worker = loading->worker,
        .workers = loading->workers,
        .interval_us = config->durability_interval_us,
        .compress = config->compression == COMPRESSION_LZ4,
        .tuning = {.scrub_interval_us =
                       config->scrub_days == 0 ? UINT64_MAX : config->scrub_days * DAY_US},
        .progress = loading->progress,
        .progress_self = loading->progress_self,
    };
    return log_engine_new(&options, out, text);
}

static void loaded_log(void *self)
{
    struct log_data *data = self;
    log_volume_loaded(data->volume);
}

static void close_log(void *self, bool clean)
{
    close_data(self, clean);
}

/* ---- offline --------------------------------------------------------------------------------- */

static void print_place(void *self, const char *file, uint64_t offset, uint64_t bytes,
                        const char *what)
{
    fprintf(self, "log/%s at %" PRIu64 ", %" PRIu64 " bytes: %s\n", file, offset, bytes, what);
}

static int verify_log(const char *path, uint32_t partitions, struct storage_verdict *verdict,
                      char text[STORAGE_TEXT_BYTES])
{
    (void)partitions;
    struct disk *disk;
    struct log_verdict found;
    if (access(path, F_OK) != 0) {
        snprintf(text, STORAGE_TEXT_BYTES, "%.200s: %s", path, strerror(errno));
        return errno == ENOENT ? SHOAL_EDAMAGED : SHOAL_EIO;
    }
    int code = open_disk(path, &disk, text);
    if (code != 0) {
        return code;
    }
    code = log_verify(disk, print_place, verdict->out, &found, text);
    posix_disk_close(disk);
    if (code != 0) {
        return code;
    }
    verdict->damaged = (uint64_t)found.damaged_places + found.refused_files;
    snprintf(verdict->summary, sizeof(verdict->summary),
             "%u segments of %" PRIu64 " bytes, %" PRIu64 " records of which %" PRIu64
             " are served; %u damaged places of %" PRIu64
             " bytes, %u unreadable files, %u torn tails, %u unusable hints",
             found.segments, found.bytes, found.records, found.live, found.damaged_places,
             found.damaged_bytes, found.refused_files, found.torn_tails, found.bad_hints);
    return 0;
}

/* What ended cleanly before has done so afterwards, too: who holdings are isn't touched. */
static int compact_log(const char *path, uint32_t partitions, char text[STORAGE_TEXT_BYTES])
{
    struct log_volume_options options = {
        .partitions = partitions,
        .durability = LOG_SYNC,
        .boot = storage_boot(),
    };
    struct log_data *data;
    int code = open_volume(path, NULL, &options, &data, text);
    if (code != 0) {
        return code;
    }
    bool clean = data->volume->resumed;
    code = log_compact_offline(data->volume, text);
    close_data(data, code == 0 && clean);
    return code;
}

static void sync_times(void *self, struct histogram *out)
{
    const struct log_data *data = self;
    posix_disk_sync_times(data->disk, out);
}

const struct storage_kind storage_log = {
    .sync_times = sync_times,
    .offloads = true,
    .open = open_log,
    .load = load_log,
    .loaded = loaded_log,
    .close = close_log,
    .verify = verify_log,
    .compact = compact_log,
};
