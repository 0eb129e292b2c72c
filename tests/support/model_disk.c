#include "support/model_state.h"

#include "base/assert.h"
#include "shoal/error.h"

#include <stdio.h>
#include <stdlib.h>

static struct model_disk *model_of(struct disk *disk)
{
    return (struct model_disk *)(void *)disk;
}

/* ---- whether a call goes through ---- */

static int fails(struct model_disk *disk, const char *what, const char *name, int code)
{
    const char *why = code == SHOAL_ENOSPC      ? "No space left on device"
                      : code == SHOAL_ENOTFOUND ? "No such file or directory"
                                                : "Input/output error";
    snprintf(disk->words, sizeof(disk->words), "%s %s: %s", what, name, why);
    return code;
}

static int fault_of(struct model_disk *disk, uint32_t call, const char *name)
{
    int code = 0;
    for (uint32_t i = 0; i < disk->fault_count; i++) {
        struct model_fault *fault = &disk->faults[i];
        if ((fault->calls & call) == 0 ||
            (fault->suffix != NULL && !model_ends_so(name, fault->suffix))) {
            continue;
        }
        if (fault->nth == 0 ? random_chance(&disk->random, fault->rate)
                            : fault->nth == ++disk->fault_calls[i] ||
                                  (fault->lasting && fault->nth < disk->fault_calls[i])) {
            code = fault->stops ? SHOAL_EIO : fault->code;
            if (fault->stops) {
                model_disk_stop(disk);
            }
        }
    }
    return code;
}

/* A call as it was begun: how much of its work it does, and what it says then. */
struct model_attempt {
    enum { DOES_NOTHING, DOES_PART, DOES_ALL } does;
    int code;
};

static struct model_attempt attempt(struct model_disk *disk, uint32_t call, const char *what,
                                    const char *name)
{
    struct model_attempt made = {.does = DOES_ALL};
    if (disk->calm) {
        return made;
    }
    if (disk->stopped) {
        made = (struct model_attempt){.does = DOES_NOTHING, .code = SHOAL_EIO};
    } else if ((call & MODEL_CHANGES) != 0 && ++disk->changes == disk->stop_at) {
        model_disk_stop(disk);
        made.does = disk->stop_after ? DOES_ALL : DOES_PART;
        made.code = SHOAL_EIO;
    } else {
        made.code = fault_of(disk, call, name);
        made.does = made.code == 0 ? DOES_ALL : DOES_PART;
    }
    if (made.code != 0) {
        fails(disk, what, name, made.code);
    }
    return made;
}

/* ---- handles ---- */

static bool dead(const struct disk_file *handle)
{
    return handle->life != handle->disk->life;
}

static struct model_attempt attempt_on(struct disk_file *handle, uint32_t call, const char *what)
{
    if (dead(handle) || ((call & MODEL_CHANGES) != 0 && !handle->writes)) {
        return (struct model_attempt){.does = DOES_NOTHING,
                                      .code = fails(handle->disk, what, handle->name, SHOAL_EIO)};
    }
    return attempt(handle->disk, call, what, handle->name);
}

static int model_open(struct disk *base, const char *name, enum disk_open how,
                      struct disk_file **out)
{
    struct model_disk *disk = model_of(base);
    struct model_file *file = model_names_find(&disk->folder.seen, name);
    bool create = how == DISK_OPEN_CREATE;
    struct model_attempt made = attempt(disk, create ? MODEL_CREATE : MODEL_OPEN, "open", name);
    if (made.does != DOES_ALL) {
        return made.code;
    }
    if ((file != NULL) == create || strlen(name) >= DISK_NAME_BYTES) {
        return fails(disk, "open", name, create ? SHOAL_EIO : SHOAL_ENOTFOUND);
    }
    if (create) {
        file = model_file_new(++disk->number);
        model_folder_step(&disk->folder, ++disk->order, "", name, file);
        model_file_unref(file);
    }
    if (made.code != 0) {
        return made.code;
    }
    struct disk_file *handle = calloc(1, sizeof(*handle));
    ASSERT(handle != NULL);
    handle->disk = disk;
    handle->file = model_file_ref(file);
    handle->life = disk->life;
    handle->writes = how != DISK_OPEN_READ;
    snprintf(handle->name, sizeof(handle->name), "%s", name);
    disk->handles++;
    *out = handle;
    return 0;
}

static void model_close(struct disk_file *handle)
{
    handle->disk->handles--;
    model_file_unref(handle->file);
    free(handle);
}

static int model_size(struct disk_file *handle, uint64_t *bytes)
{
    struct model_attempt made = attempt_on(handle, MODEL_SIZE, "size");
    if (made.does == DOES_ALL) {
        *bytes = handle->file->seen.size;
    }
    return made.code;
}

/* ---- content ---- */

/* How many of the bytes more the disk has room for. */
static uint64_t room(const struct model_disk *disk, uint64_t more)
{
    uint64_t capacity = disk->options.capacity_bytes;
    if (capacity == 0) {
        return more;
    }
    uint64_t used = 0;
    model_disk_count(disk, "", &used);
    uint64_t left = used < capacity ? capacity - used : 0;
    return more < left ? more : left;
}

static uint64_t growth(const struct disk_file *handle, uint64_t size)
{
    return size > handle->file->seen.size ? size - handle->file->seen.size : 0;
}

static int model_reserve(struct disk_file *handle, uint64_t bytes)
{
    struct model_disk *disk = handle->disk;
    struct model_attempt made = attempt_on(handle, MODEL_RESERVE, "reserve");
    if (made.does != DOES_ALL) {
        return made.code;
    }
    uint64_t more = growth(handle, bytes);
    if (room(disk, more) < more) {
        return fails(disk, "reserve", handle->name, SHOAL_ENOSPC);
    }
    if (more > 0) {
        model_file_resize(handle->file, ++disk->order, bytes);
    }
    return made.code;
}

static int model_write(struct disk_file *handle, uint64_t offset, struct bytes bytes)
{
    struct model_disk *disk = handle->disk;
    struct model_attempt made = attempt_on(handle, MODEL_WRITE, "write");
    size_t len = made.does == DOES_NOTHING ? 0 : bytes.len;
    if (made.does == DOES_PART) {
        len = (size_t)random_below(&disk->random, len + 1);
    }
    uint64_t more = growth(handle, offset + len);
    uint64_t fits = room(disk, more);
    if (fits < more) {
        len -= (size_t)(more - fits) < len ? (size_t)(more - fits) : len;
        made.code = made.code != 0 ? made.code : fails(disk, "write", handle->name, SHOAL_ENOSPC);
    }
    if (len > 0) {
        model_file_write(handle->file, ++disk->order, offset, bytes_make(bytes.data, len));
    }
    return made.code;
}

static int model_read(struct disk_file *handle, uint64_t offset, void *out, size_t len, size_t *got)
{
    struct model_attempt made = attempt_on(handle, MODEL_READ, "read");
    model_maps_fold(handle->disk, handle->file);
    if (made.does == DOES_ALL) {
        *got = model_file_read(handle->file, offset, out, len);
    }
    return made.code;
}

static int model_read_now(struct disk_file *handle, uint64_t offset, void *out, size_t len,
                          size_t *got)
{
    struct model_disk *disk = handle->disk;
    struct model_attempt made = attempt_on(handle, MODEL_READ_NOW, "read");
    if (made.does != DOES_ALL) {
        return made.code;
    }
    double cold = disk->calm ? 0 : disk->options.cold_rate;
    if (cold > 0 && random_chance(&disk->random, cold)) {
        return 1;
    }
    model_maps_fold(disk, handle->file);
    *got = model_file_read(handle->file, offset, out, len);
    return 0;
}

static bool lies(struct model_disk *disk)
{
    return !disk->calm && disk->options.lying_rate > 0 &&
           random_chance(&disk->random, disk->options.lying_rate);
}

static enum model_fate coin(struct model_disk *disk)
{
    return random_chance(&disk->random, 0.5) ? MODEL_KEPT : MODEL_DROPPED;
}

static int model_sync(struct disk_file *handle)
{
    struct model_attempt made = attempt_on(handle, MODEL_SYNC, "fdatasync");
    model_maps_fold(handle->disk, handle->file);
    if (made.does == DOES_ALL && !lies(handle->disk)) {
        model_file_sync(handle->file);
    }
    /* Where the world stops a crash will decide. */
    bool lost = made.does == DOES_PART && !handle->disk->stopped;
    while (lost && !queue_empty(&handle->file->changes)) {
        model_file_decide(handle->file, coin(handle->disk), &handle->disk->random);
    }
    return made.code;
}

static int model_truncate(struct disk_file *handle, uint64_t bytes)
{
    struct model_attempt made = attempt_on(handle, MODEL_TRUNCATE, "ftruncate");
    if (made.does == DOES_ALL) {
        model_file_resize(handle->file, ++handle->disk->order, bytes);
    }
    return made.code;
}

static int model_map_file(struct disk_file *handle, uint64_t bytes, struct disk_map *out)
{
    struct model_attempt made = attempt_on(handle, MODEL_MAP, "map");
    if (made.does == DOES_ALL) {
        model_map(handle->disk, handle->file, bytes, out);
    }
    if (made.does == DOES_ALL && made.code != 0) {
        model_unmap(handle->disk, out->memory);
    }
    return made.code;
}

static void model_unmap_file(struct disk_file *handle, uint8_t *memory, uint64_t bytes)
{
    (void)bytes;
    model_unmap(handle->disk, memory);
}

/* ---- names ---- */

static int model_list(struct disk *base,
                      void (*visit)(void *self, const char *name, uint64_t bytes), void *self)
{
    struct model_disk *disk = model_of(base);
    struct model_attempt made = attempt(disk, MODEL_LIST, "list", "folder");
    size_t count = made.does == DOES_ALL ? disk->folder.seen.count : 0;
    if (count == 0) {
        return made.code;
    }
    /* The visitor may remove what it sees. */
    struct model_name *names = calloc(count, sizeof(*names));
    ASSERT(names != NULL);
    memcpy(names, disk->folder.seen.all, count * sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        const struct model_file *file = model_names_find(&disk->folder.seen, names[i].name);
        if (file != NULL) {
            visit(self, names[i].name, file->seen.size);
        }
    }
    free(names);
    return made.code;
}

static int step(struct model_disk *disk, uint32_t call, const char *what, const char *from,
                const char *to)
{
    struct model_attempt made = attempt(disk, call, what, from);
    if (made.does != DOES_ALL) {
        return made.code;
    }
    struct model_file *file = model_names_find(&disk->folder.seen, from);
    if (file == NULL) {
        return fails(disk, what, from, SHOAL_ENOTFOUND);
    }
    ASSERT(strlen(to) < DISK_NAME_BYTES);
    model_file_ref(file);
    model_folder_step(&disk->folder, ++disk->order, from, to, file);
    model_file_unref(file);
    return made.code;
}

static int model_rename(struct disk *disk, const char *from, const char *to)
{
    return step(model_of(disk), MODEL_RENAME, "rename", from, to);
}

static int model_remove(struct disk *disk, const char *name)
{
    return step(model_of(disk), MODEL_REMOVE, "unlink", name, "");
}

static int model_sync_folder(struct disk *base)
{
    struct model_disk *disk = model_of(base);
    struct model_attempt made = attempt(disk, MODEL_SYNC_FOLDER, "fsync", "folder");
    if (made.does == DOES_ALL && !lies(disk)) {
        model_folder_sync(&disk->folder);
    }
    bool lost = made.does == DOES_PART && !disk->stopped;
    while (lost && !queue_empty(&disk->folder.steps)) {
        model_folder_decide(&disk->folder, coin(disk));
    }
    return made.code;
}

static int model_identity(struct disk *base, const char *name, uint8_t out[DISK_IDENTITY_BYTES])
{
    struct model_disk *disk = model_of(base);
    struct model_attempt made = attempt(disk, MODEL_IDENTITY, "stat", name);
    if (made.does != DOES_ALL) {
        return made.code;
    }
    const struct model_file *file = model_names_find(&disk->folder.seen, name);
    if (file == NULL) {
        return fails(disk, "stat", name, SHOAL_ENOTFOUND);
    }
    /* A copy is on another device: that stands for its files' other inodes and birth. */
    uint64_t parts[DISK_IDENTITY_BYTES / sizeof(uint64_t)] = {file->number, disk->device,
                                                              file->change, disk->device};
    memcpy(out, parts, DISK_IDENTITY_BYTES);
    return made.code;
}

static int model_duplicate(struct disk *base, const char *name, const char *folder, uint64_t bytes)
{
    struct model_disk *disk = model_of(base);
    struct model_attempt made = attempt(disk, MODEL_DUPLICATE, "link", name);
    if (made.does != DOES_ALL) {
        return made.code;
    }
    struct model_file *file = model_names_find(&disk->folder.seen, name);
    if (file == NULL) {
        return fails(disk, "link", name, SHOAL_ENOTFOUND);
    }
    struct model_folder *there = &model_disk_folder(disk, folder)->folder;
    if (model_names_find(&there->seen, name) != NULL) {
        return made.code;
    }
    if (bytes == UINT64_MAX) {
        model_folder_put(there, name, file);
        file->change++;
        return made.code;
    }
    struct model_file *copy = model_file_new(++disk->number);
    model_file_copy(copy, file, bytes);
    model_folder_put(there, name, copy);
    model_file_unref(copy);
    return made.code;
}

static int model_space(struct disk *base, uint64_t *bytes_free)
{
    struct model_disk *disk = model_of(base);
    struct model_attempt made = attempt(disk, MODEL_SPACE, "statvfs", "folder");
    if (made.does == DOES_ALL) {
        *bytes_free = room(disk, UINT64_C(1) << 40);
    }
    return made.code;
}

static const char *model_explain(struct disk *disk)
{
    return model_of(disk)->words;
}

const struct disk_ops model_disk_ops = {
    .list = model_list,
    .open = model_open,
    .close = model_close,
    .size = model_size,
    .reserve = model_reserve,
    .write = model_write,
    .read = model_read,
    .read_now = model_read_now,
    .sync = model_sync,
    .truncate = model_truncate,
    .map = model_map_file,
    .unmap = model_unmap_file,
    .rename = model_rename,
    .remove = model_remove,
    .sync_folder = model_sync_folder,
    .identity = model_identity,
    .duplicate = model_duplicate,
    .space = model_space,
    .explain = model_explain,
};
