/* The manifest goes last: a start that is cut short begins again. */
#include "server/restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/manifest.h"
#include "shoal/error.h"

#define PROGRESS_S 2

struct verifying {
    storage_tick tick;
    uint64_t bytes;
    time_t told;
};

static bool on_read(void *self, uint64_t bytes_done)
{
    struct verifying *verifying = self;
    time_t now = time(NULL);
    verifying->tick();
    if (now >= verifying->told + PROGRESS_S) {
        verifying->told = now;
        log_info("storage: verifying the restored copy", LOG_U64("bytes", bytes_done),
                 LOG_U64("of", verifying->bytes));
    }
    return true;
}

static int explain_manifest(const char *data_dir, int code, char text[512])
{
    snprintf(text, 512, "data_dir %.200s is the copy of a backup whose " MANIFEST_FILE " %s: %s",
             data_dir,
             code == 1                ? "is missing"
             : code == SHOAL_EVERSION ? "was written by a newer version of Shoal"
                                      : "can't be read",
             code == SHOAL_EVERSION ? "start that version, or a newer one"
                                    : "copy the whole backup again");
    return code == 1 ? SHOAL_EDAMAGED : code;
}

static int take_into_use(const char *data_dir, int folder_fd, struct storage_meta *meta,
                         char text[512])
{
    struct storage_meta next = *meta;
    next.behind = true;
    next.backup = 0;
    int code = storage_meta_store(folder_fd, &next);
    if (code == 0 && (renameat(folder_fd, MANIFEST_FILE, folder_fd, MANIFEST_RESTORED_FILE) != 0 ||
                      fsync(folder_fd) != 0)) {
        code = SHOAL_EIO;
    }
    if (code != 0) {
        snprintf(text, 512, "data_dir %.200s can't be written: %s", data_dir, strerror(errno));
        return code;
    }
    *meta = next;
    return 0;
}

static int restore(const char *data_dir, int folder_fd, storage_tick tick,
                   const struct manifest *manifest, struct storage_meta *meta, char text[512])
{
    struct verifying verifying = {.tick = tick, .bytes = manifest->bytes, .told = time(NULL)};
    const struct manifest_watch watch = {.self = &verifying, .read = on_read};
    char found[MANIFEST_TEXT_BYTES] = "";
    log_info("storage: this data_dir is the copy of a backup; verifying it",
             LOG_TEXT("node", manifest->node), LOG_U64("files", manifest->count),
             LOG_U64("bytes", manifest->bytes));
    if (meta->backup != 0 && meta->backup != manifest->id) {
        snprintf(text, 512,
                 "data_dir %.200s: " STORAGE_META_FILE " and " MANIFEST_FILE
                 " are of different backups: copy the whole backup again",
                 data_dir);
        return SHOAL_EDAMAGED;
    }
    int code =
        manifest_verify(manifest, folder_fd, storage_engine_name(meta->engine), &watch, found);
    if (code != 0) {
        snprintf(text, 512, "data_dir %.120s is not a whole copy of its backup: %.230s", data_dir,
                 found);
        return code;
    }
    code = take_into_use(data_dir, folder_fd, meta, text);
    if (code == 0) {
        log_info("storage: the restored copy is whole and in use from now on");
    }
    return code;
}

int restore_check(const char *data_dir, int folder_fd, storage_tick tick, struct storage_meta *meta,
                  char text[512])
{
    struct manifest manifest;
    int code = manifest_load(folder_fd, &manifest);
    if (code == 1 && meta->backup == 0) {
        return 0;
    }
    if (code != 0) {
        return explain_manifest(data_dir, code, text);
    }
    code = restore(data_dir, folder_fd, tick, &manifest, meta, text);
    manifest_deinit(&manifest);
    return code;
}
