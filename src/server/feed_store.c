/* See feed_store.h. It has a disk port of its own, for its files are no part of the data: a backup
 * doesn't have them, and nothing depends on them but readers that come back. */
#include "server/feed_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "shoal/error.h"
#include "storage/posix_disk.h"

#define FOLDER "feed"
#define LANE_BYTES_MIN (UINT64_C(8) * LIMIT_MIB) /* below it there is no room for a few events */

struct feed_store {
    struct disk *disk; /* NULL: memory alone */
    struct tail_set *tails;
};

static uint64_t draw(void *self)
{
    uint64_t value = 0;
    (void)self;
    (void)random_from_kernel(&value, sizeof(value));
    return value;
}

static struct disk *open_folder(const struct config *config)
{
    char path[CONFIG_PATH_BYTES + sizeof(FOLDER) + 1];
    struct disk *disk = NULL;
    (void)snprintf(path, sizeof(path), "%s/" FOLDER, config->data_dir);
    int code = posix_disk_open(path, &disk);
    if (code != 0) {
        log_error("feed: its folder can't be opened; it is kept in memory until the next start",
                  LOG_TEXT("folder", path), LOG_TEXT("cause", posix_disk_explain()));
        return NULL;
    }
    return disk;
}

/* What was kept before would be gone on with once a feed is kept again, and nothing in it would
 * tell readers of what has been changed since. */
static void discard_folder(const struct config *config)
{
    char path[CONFIG_PATH_BYTES + sizeof(FOLDER) + 1];
    struct stat folder;
    struct disk *disk = NULL;
    (void)snprintf(path, sizeof(path), "%s/" FOLDER, config->data_dir);
    if (stat(path, &folder) != 0) {
        return;
    }
    int code = posix_disk_open(path, &disk);
    code = code == 0 ? tail_set_discard(disk) : code;
    if (code < 0) {
        log_error("feed: what was kept can't be removed: remove it by hand before a feed is kept "
                  "again, or readers won't hear of what they missed",
                  LOG_TEXT("folder", path), LOG_TEXT("cause", posix_disk_explain()));
    } else if (code > 0) {
        log_info("feed: none is kept any more (feed.tail_mb: 0); what was is removed",
                 LOG_TEXT("folder", path), LOG_U64("files", (uint64_t)code));
    }
    if (disk != NULL) {
        posix_disk_close(disk);
    }
}

int feed_store_open(const struct config *config, uint32_t workers, const struct offload *offloads,
                    bool anew, struct feed_store **out)
{
    struct feed_store *store = mem_alloc_zeroed(1, sizeof(*store));
    if (store == NULL) {
        return SHOAL_ENOMEM;
    }
    if (config->feed_tail_mb > 0) {
        uint64_t lane_bytes = config->feed_tail_mb * LIMIT_MIB / workers;
        store->disk = offloads == NULL ? NULL : open_folder(config);
        struct tail_set_options options = {
            .disk = store->disk,
            .workers = workers,
            .offloads = offloads,
            .bytes_max = (lane_bytes < LANE_BYTES_MIN ? LANE_BYTES_MIN : lane_bytes) * workers,
            .anew = anew,
            .random = draw,
        };
        int code = tail_set_open(&options, &store->tails);
        if (code != 0) {
            feed_store_close(store, true);
            return code;
        }
    } else if (offloads != NULL) {
        discard_folder(config);
    }
    *out = store;
    return 0;
}

void feed_store_close(struct feed_store *store, bool clean)
{
    if (store == NULL) {
        return;
    }
    tail_set_close(store->tails, clean);
    if (store->disk != NULL) {
        posix_disk_close(store->disk);
    }
    mem_free(store);
}

struct tail *const *feed_store_tails(const struct feed_store *store, uint32_t worker,
                                     uint32_t *count)
{
    *count = 0;
    return store->tails == NULL ? NULL : tail_set_of(store->tails, worker, count);
}

uint32_t feed_store_lanes(const struct feed_store *store)
{
    return store->tails == NULL ? 0 : tail_set_lanes(store->tails);
}
