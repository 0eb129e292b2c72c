/* What tests do to the model disk: its life, faults, crashes, rot and copies. */
#include "support/model_state.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

struct model_disk *model_disk_new(uint64_t seed)
{
    struct model_disk *disk = calloc(1, sizeof(*disk));
    ASSERT(disk != NULL);
    disk->disk.ops = &model_disk_ops;
    random_init(&disk->random, seed);
    disk->device = random_id(&disk->random);
    model_folder_init(&disk->folder);
    return disk;
}

void model_disk_free(struct model_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    ASSERT(disk->handles == 0 && disk->maps == NULL);
    while (disk->folders != NULL) {
        struct model_disk *next = disk->folders->next;
        model_disk_free(disk->folders);
        disk->folders = next;
    }
    model_folder_deinit(&disk->folder);
    free(disk);
}

struct disk *model_disk_port(struct model_disk *disk)
{
    return &disk->disk;
}

struct model_disk_options *model_disk_options(struct model_disk *disk)
{
    return &disk->options;
}

/* ---- failures ---- */

void model_disk_fault(struct model_disk *disk, const struct model_fault *fault)
{
    ASSERT(disk->fault_count < MODEL_FAULTS_MAX);
    disk->fault_calls[disk->fault_count] = 0;
    disk->faults[disk->fault_count++] = *fault;
}

void model_disk_mend(struct model_disk *disk)
{
    disk->fault_count = 0;
}

uint64_t model_disk_changes(const struct model_disk *disk)
{
    return disk->changes;
}

void model_disk_stop_at(struct model_disk *disk, uint64_t nth, bool after)
{
    disk->stop_at = nth == 0 ? 0 : disk->changes + nth;
    disk->stop_after = after;
}

void model_disk_stop(struct model_disk *disk)
{
    model_maps_freeze(disk);
    disk->stopped = true;
}

void model_disk_calm(struct model_disk *disk, bool calm)
{
    disk->calm = calm;
}

bool model_disk_stopped(const struct model_disk *disk)
{
    return disk->stopped;
}

/* ---- crashes ---- */

/* A power loss: how, and in an orderly one the moment it came. */
struct outage {
    enum model_crash how;
    uint64_t moment;
    struct random *random;
    uint64_t lost; /* changes that were not kept as they were */
};

static enum model_fate fate_of(struct outage *outage, uint64_t order)
{
    static const enum model_fate fates[] = {MODEL_KEPT, MODEL_KEPT, MODEL_DROPPED, MODEL_TORN,
                                            MODEL_CORRUPTED};
    switch (outage->how) {
    case MODEL_POWER_ANY:
        return fates[random_below(outage->random, sizeof(fates) / sizeof(fates[0]))];
    case MODEL_POWER_ORDERED:
        return order < outage->moment    ? MODEL_KEPT
               : order == outage->moment ? MODEL_TORN
                                         : MODEL_DROPPED;
    case MODEL_POWER_DROP:
        return MODEL_DROPPED;
    case MODEL_KILL:
    case MODEL_POWER_KEEP:
        break;
    }
    return MODEL_KEPT;
}

static void decide_file(struct outage *outage, struct model_file *file)
{
    while (!queue_empty(&file->changes)) {
        struct model_change *change = QUEUE_ITEM(file->changes.next, struct model_change, link);
        enum model_fate fate = fate_of(outage, change->order);
        outage->lost += fate == MODEL_KEPT ? 0 : 1;
        model_file_decide(file, fate, outage->random);
    }
}

static void decide_files(struct outage *outage, const struct model_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        decide_file(outage, names->all[i].file);
    }
}

static void decide_folder(struct outage *outage, struct model_folder *folder)
{
    while (!queue_empty(&folder->steps)) {
        struct model_step *step = QUEUE_ITEM(folder->steps.next, struct model_step, link);
        enum model_fate fate = fate_of(outage, step->order);
        outage->lost += fate == MODEL_KEPT ? 0 : 1;
        decide_file(outage, step->file);
        model_folder_decide(folder, fate);
    }
}

/* The oldest change that no sync has reached. */
static uint64_t oldest_of(const struct model_folder *folder, uint64_t newest)
{
    uint64_t oldest = newest + 1;
    for (size_t i = 0; i < folder->seen.count; i++) {
        const struct queue *changes = &folder->seen.all[i].file->changes;
        if (!queue_empty(changes)) {
            uint64_t order = QUEUE_ITEM(changes->next, struct model_change, link)->order;
            oldest = order < oldest ? order : oldest;
        }
    }
    if (!queue_empty(&folder->steps)) {
        uint64_t order = QUEUE_ITEM(folder->steps.next, struct model_step, link)->order;
        oldest = order < oldest ? order : oldest;
    }
    return oldest;
}

uint64_t model_disk_crash(struct model_disk *disk, struct random *random, enum model_crash how)
{
    model_maps_fold(disk, NULL);
    disk->life++;
    disk->stopped = false;
    disk->stop_at = 0;
    if (how == MODEL_KILL) {
        return 0;
    }
    struct outage outage = {.how = how, .random = random};
    uint64_t oldest = oldest_of(&disk->folder, disk->order);
    if (how == MODEL_POWER_ORDERED) {
        outage.moment = oldest + random_below(random, disk->order + 2 - oldest);
    }
    decide_files(&outage, &disk->folder.seen);
    decide_files(&outage, &disk->folder.held);
    decide_folder(&outage, &disk->folder);
    model_folder_settle(&disk->folder);
    for (size_t i = 0; i < disk->folder.seen.count; i++) {
        model_file_settle(disk->folder.seen.all[i].file);
    }
    return outage.lost;
}

bool model_disk_flip(struct model_disk *disk, const char *name, uint64_t offset, unsigned bit)
{
    struct model_file *file = model_names_find(&disk->folder.seen, name);
    if (file == NULL || offset >= file->seen.size) {
        return false;
    }
    model_file_flip(file, offset, bit);
    return true;
}

bool model_disk_rot(struct model_disk *disk, struct random *random, const char *suffix)
{
    uint64_t bytes = 0;
    model_disk_count(disk, suffix, &bytes);
    uint64_t at = random_below(random, bytes);
    unsigned bit = (unsigned)random_below(random, 8);
    for (size_t i = 0; i < disk->folder.seen.count && bytes > 0; i++) {
        const struct model_name *name = &disk->folder.seen.all[i];
        if (!model_ends_so(name->name, suffix)) {
            continue;
        }
        if (at < name->file->seen.size) {
            return model_disk_flip(disk, name->name, at, bit);
        }
        at -= name->file->seen.size;
    }
    return false;
}

/* ---- the whole of it ---- */

struct model_disk *model_disk_copy(const struct model_disk *disk, uint64_t seed)
{
    struct model_disk *copy = model_disk_new(seed);
    for (size_t i = 0; i < disk->folder.seen.count; i++) {
        const struct model_name *name = &disk->folder.seen.all[i];
        struct model_file *file = model_file_new(++copy->number);
        model_file_copy(file, name->file, UINT64_MAX);
        model_folder_put(&copy->folder, name->name, file);
        model_file_unref(file);
    }
    return copy;
}

void model_disk_wipe(struct model_disk *disk)
{
    disk->life++;
    model_folder_deinit(&disk->folder);
    model_folder_init(&disk->folder);
}

struct model_disk *model_disk_folder(struct model_disk *disk, const char *path)
{
    for (struct model_disk *folder = disk->folders; folder != NULL; folder = folder->next) {
        if (strcmp(folder->path, path) == 0) {
            return folder;
        }
    }
    struct model_disk *folder = model_disk_new(random_u64(&disk->random));
    snprintf(folder->path, sizeof(folder->path), "%s", path);
    folder->device = disk->device;
    folder->next = disk->folders;
    disk->folders = folder;
    return folder;
}

uint32_t model_disk_count(const struct model_disk *disk, const char *suffix, uint64_t *bytes)
{
    uint32_t count = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < disk->folder.seen.count; i++) {
        const struct model_name *name = &disk->folder.seen.all[i];
        if (model_ends_so(name->name, suffix)) {
            count++;
            sum += name->file->seen.size;
        }
    }
    if (bytes != NULL) {
        *bytes = sum;
    }
    return count;
}

void model_disk_put_file(struct model_disk *disk, const char *name, struct bytes content)
{
    ASSERT(strlen(name) < DISK_NAME_BYTES);
    struct model_file *file = model_file_new(++disk->number);
    model_file_write(file, ++disk->order, 0, content);
    model_file_sync(file);
    model_folder_put(&disk->folder, name, file);
    model_file_unref(file);
}
