/* The steps that all engines share. */
#include "server/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "server/restore.h"
#include "server/small_file.h"
#include "server/storage_kind.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

#define BOOT_FILE "sys/kernel/random/boot_id"

struct storage {
    const struct config *config;
    const struct data_folder *folder;
    const struct storage_kind *kind;
    struct storage_opening opening;
    struct storage_meta meta;
    void *data;
    uint64_t begun_ms; /* of the opening, by storage_mono_ms */
    bool founded;      /* by this opening */
    bool resumed;      /* all engines loaded, and all of them say so */
};

uint64_t storage_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool storage_has_lsm(void)
{
    return storage_lsm() != NULL;
}

const struct storage_kind *storage_kind_of(enum config_engine engine)
{
    switch (engine) {
    case ENGINE_LOG:
        return &storage_log;
    case ENGINE_LSM:
        return storage_lsm();
    case ENGINE_MEMORY:
        break;
    }
    return &storage_memory;
}

/* Where the kernel doesn't say, every start counts as another running: safe, and slow to begin. */
uint64_t storage_boot(void)
{
    uint64_t boot = 0;
    struct buffer id;
    buffer_init(&id, 0);
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && small_file_read(fd, BOOT_FILE, 256, &id) == 0) {
        boot = hash_xxh3(buffer_bytes(&id));
    }
    if (fd >= 0) {
        close(fd);
    }
    buffer_deinit(&id);
    if (boot == 0) {
        (void)random_from_kernel(&boot, sizeof(boot));
    }
    return boot;
}

/* ---- does it fit? ---------------------------------------------------------------------------- */

/* Data without a word on what it is: nobody knows whether it is whole. */
static int check_stray(const struct storage *storage, char text[STORAGE_TEXT_BYTES])
{
    static const char *const names[] = {"log", "lsm"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int fd = openat(storage->folder->fd, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && !data_folder_is_empty(fd)) {
            close(fd);
            snprintf(text, STORAGE_TEXT_BYTES,
                     "data_dir %.200s has data in %s/ but no " STORAGE_META_FILE
                     ", which says what it is: bring that back, or start with an empty data_dir",
                     storage->config->data_dir, names[i]);
            return SHOAL_ECONFLICT;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return 0;
}

static int explain_meta(const struct storage *storage, int code, char text[STORAGE_TEXT_BYTES])
{
    const char *dir = storage->config->data_dir;
    if (code == SHOAL_EVERSION) {
        snprintf(text, STORAGE_TEXT_BYTES,
                 "data_dir %.200s was written by a newer version of Shoal: start that version, or "
                 "a newer one",
                 dir);
    } else {
        snprintf(text, STORAGE_TEXT_BYTES,
                 "%.200s/" STORAGE_META_FILE " can't be used: %s. It says what the data is: bring "
                 "back a good copy, or start with an empty data_dir, which the other nodes fill",
                 dir, code == SHOAL_EPROTO ? "it is damaged" : shoal_error_text(code));
    }
    return code;
}

/* Data in memory is gone with its process, so another engine may follow it; not the other way
 * round: what is on disk would come back later as if nothing had happened since. */
static int check_meta(const struct storage *storage, char text[STORAGE_TEXT_BYTES])
{
    const struct storage_meta *meta = &storage->meta;
    const struct config *config = storage->config;
    const char *held = storage_engine_name(meta->engine);
    const char *wanted = storage_engine_name((enum config_engine)config->engine);
    if (meta->engine != (enum config_engine)config->engine && meta->engine != ENGINE_MEMORY) {
        snprintf(text, STORAGE_TEXT_BYTES,
                 "data_dir %.150s holds data of engine '%s', config says '%s': set storage.engine "
                 "to \"%s\", or give another data_dir (an empty one is filled by the other nodes)",
                 config->data_dir, held, wanted, held);
        return SHOAL_ECONFLICT;
    }
    if (meta->engine != ENGINE_MEMORY && meta->partitions != config->partitions) {
        snprintf(text, STORAGE_TEXT_BYTES,
                 "data_dir %.200s holds data of %u partitions, config says cluster.partitions = "
                 "%llu: that is fixed when a cluster is founded",
                 config->data_dir, meta->partitions, (unsigned long long)config->partitions);
        return SHOAL_ECONFLICT;
    }
    return 0;
}

static int found_meta(struct storage *storage, char text[STORAGE_TEXT_BYTES])
{
    int code = check_stray(storage, text);
    if (code != 0) {
        return code;
    }
    storage->meta = (struct storage_meta){0};
    code = random_from_kernel(&storage->meta.id, sizeof(storage->meta.id));
    return code == 0 ? 1 : explain_meta(storage, code, text);
}

/* What is written down is what the configuration says, from now on. */
static int write_meta(struct storage *storage, char text[STORAGE_TEXT_BYTES])
{
    storage->meta.engine = (enum config_engine)storage->config->engine;
    storage->meta.partitions = (uint32_t)storage->config->partitions;
    int code = storage_meta_store(storage->folder->fd, &storage->meta);
    if (code != 0) {
        snprintf(text, STORAGE_TEXT_BYTES, "%.200s/" STORAGE_META_FILE " can't be written: %s",
                 storage->config->data_dir, strerror(errno));
    }
    return code;
}

static int open_meta(struct storage *storage, char text[STORAGE_TEXT_BYTES])
{
    int code = storage_meta_load(storage->folder->fd, &storage->meta);
    if (code == 1) {
        code = found_meta(storage, text);
        storage->founded = code == 1;
        return code == 1 ? write_meta(storage, text) : code;
    }
    if (code != 0) {
        return explain_meta(storage, code, text);
    }
    code = check_meta(storage, text);
    if (code == 0) {
        code = restore_check(storage->config->data_dir, storage->folder->fd, storage->opening.tick,
                             &storage->meta, text);
    }
    if (code == 0 && storage->meta.engine != (enum config_engine)storage->config->engine) {
        log_info(
            "storage: what was kept in memory is gone; the data begins anew on disk",
            LOG_TEXT("engine", storage_engine_name((enum config_engine)storage->config->engine)));
        code = write_meta(storage, text);
    }
    return code;
}

static void no_tick(void)
{
}

int storage_open(const struct config *config, const struct data_folder *folder, storage_tick tick,
                 struct storage **out, char text[STORAGE_TEXT_BYTES])
{
    struct storage *storage = mem_alloc_zeroed(1, sizeof(*storage));
    if (storage == NULL) {
        snprintf(text, STORAGE_TEXT_BYTES, "%s", shoal_error_text(SHOAL_ENOMEM));
        return SHOAL_ENOMEM;
    }
    const char *name = storage_engine_name((enum config_engine)config->engine);
    storage->config = config;
    storage->folder = folder;
    storage->kind = storage_kind_of((enum config_engine)config->engine);
    storage->opening = (struct storage_opening){
        .config = config,
        .partitions = (uint32_t)config->partitions,
        .boot = storage_boot(),
        .tick = tick == NULL ? no_tick : tick,
    };
    snprintf(storage->opening.path, sizeof(storage->opening.path), "%s/%s", config->data_dir, name);
    storage->begun_ms = storage_mono_ms();
    log_info("storage: opening", LOG_TEXT("engine", name), LOG_TEXT("data_dir", config->data_dir));
    int code = open_meta(storage, text);
    if (code == 0) {
        code = storage->kind->open(&storage->opening, &storage->data, text);
    }
    if (code != 0) {
        mem_free(storage);
        return code;
    }
    *out = storage;
    return 0;
}

bool storage_offloads(const struct storage *storage)
{
    return storage->kind->offloads;
}

/* ---- engines --------------------------------------------------------------------------------- */

static uint64_t count_keys(struct engine *const *engines, uint32_t count)
{
    uint64_t keys = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct engine_stats stats;
        engines[i]->ops->stats(engines[i], UINT32_MAX, &stats);
        keys += stats.keys;
    }
    return keys;
}

/* What is known of the data as a whole, from its files or from what was written down. It is durable
 * before a worker acts on it, so that a crash now doesn't make it forgotten. */
static int tell_engines(struct storage *storage, struct engine *const *engines, uint32_t count,
                        char text[STORAGE_TEXT_BYTES])
{
    bool behind = storage->meta.behind;
    for (uint32_t i = 0; i < count; i++) {
        behind = behind || engines[i]->behind;
    }
    if (behind) {
        log_warning("storage: the data may be older than what this node has confirmed; it is "
                    "filled by the other nodes before it counts in reads");
    }
    for (uint32_t i = 0; i < count && behind; i++) {
        engines[i]->behind = true;
        engines[i]->resumed = false;
    }
    if (behind == storage->meta.behind) {
        return 0;
    }
    storage->meta.behind = behind;
    return write_meta(storage, text);
}

int storage_load_engines(struct storage *storage, uint32_t workers, const struct offload *offloads,
                         struct engine **engines, char text[STORAGE_TEXT_BYTES])
{
    int code = storage_load_all(storage->kind, storage->data, &storage->opening, workers, offloads,
                                engines, text);
    if (code != 0) {
        return code;
    }
    storage->kind->loaded(storage->data);
    code = tell_engines(storage, engines, workers, text);
    if (code != 0) {
        for (uint32_t i = 0; i < workers; i++) {
            engines[i]->ops->free(engines[i]);
            engines[i] = NULL;
        }
        return code;
    }
    storage->resumed = true;
    for (uint32_t i = 0; i < workers; i++) {
        storage->resumed = storage->resumed && engines[i]->resumed;
    }
    log_info("storage: open", LOG_U64("keys", count_keys(engines, workers)),
             LOG_TEXT("after", storage->resumed   ? "a clean stop"
                               : storage->founded ? "nothing: it is new"
                                                  : "no clean stop"),
             LOG_U64("ms", storage_mono_ms() - storage->begun_ms));
    return 0;
}

bool storage_resumed(const struct storage *storage)
{
    return storage->resumed;
}

/* ---- what is measured ------------------------------------------------------------------------ */

static void read_sync_times(void *self, struct histogram *out)
{
    const struct storage *storage = self;
    if (storage->kind->sync_times != NULL) {
        storage->kind->sync_times(storage->data, out);
    }
}

int storage_declare_metrics(struct storage *storage, struct metrics *metrics)
{
    return metrics_declare_source(metrics, "shoal_storage_fsync_seconds", NULL,
                                  "Time that making a file durable took (engine log).",
                                  read_sync_times, storage);
}

/* ---- the end --------------------------------------------------------------------------------- */

void storage_close(struct storage *storage, bool clean)
{
    if (storage == NULL) {
        return;
    }
    storage->kind->close(storage->data, clean);
    if (clean && storage->meta.behind) {
        char text[STORAGE_TEXT_BYTES];
        storage->meta.behind = false; /* every holding knows for itself by now */
        if (write_meta(storage, text) != 0) {
            log_warning(text);
        }
    }
    mem_free(storage);
}
