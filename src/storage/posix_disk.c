/* See posix_disk.h: the folder, and what is done by name. Files that are open are in
 * posix_disk_file.c.
 *
 * All names are taken relative to the folder's descriptor, so that renaming the folder, or the
 * process changing its own, leads nowhere else. */
#include "storage/posix_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/posix_disk_file.h"

#define COPY_BYTES (256u * 1024u)

static int disk_list(struct disk *base, void (*visit)(void *self, const char *name, uint64_t bytes),
                     void *self)
{
    struct posix_disk *disk = posix_disk_of(base);
    int fd = openat(disk->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL) {
        int error = posix_disk_failed("list", ".", errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return error;
    }
    int result = 0;
    while (true) {
        errno = 0;
        struct dirent *entry = readdir(entries);
        if (entry == NULL) {
            result = errno == 0 ? 0 : posix_disk_failed("list", ".", errno);
            break;
        }
        struct stat status;
        if (strlen(entry->d_name) >= DISK_NAME_BYTES ||
            fstatat(disk->folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode)) {
            continue; /* also what was removed just now */
        }
        visit(self, entry->d_name, (uint64_t)status.st_size);
    }
    (void)closedir(entries);
    return result;
}

static int disk_rename(struct disk *base, const char *from, const char *to)
{
    struct posix_disk *disk = posix_disk_of(base);
    if (renameat(disk->folder, from, disk->folder, to) != 0) {
        return posix_disk_failed("rename", from, errno);
    }
    return 0;
}

static int disk_remove(struct disk *base, const char *name)
{
    if (unlinkat(posix_disk_of(base)->folder, name, 0) != 0) {
        return posix_disk_failed("remove", name, errno);
    }
    return 0;
}

/* A file system that has no notion of syncing a folder says EINVAL: there is nothing to do. */
static int folder_sync(int folder, const char *name)
{
    int result;
    do {
        result = fsync(folder);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EINVAL && errno != EOPNOTSUPP) {
        return posix_disk_failed("sync folder", name, errno);
    }
    return 0;
}

static int disk_sync_folder(struct disk *base)
{
    return folder_sync(posix_disk_of(base)->folder, ".");
}

static uint64_t nanoseconds(struct statx_timestamp time)
{
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static int disk_identity(struct disk *base, const char *name, uint8_t out[DISK_IDENTITY_BYTES])
{
    struct statx status;
    if (statx(posix_disk_of(base)->folder, name, AT_SYMLINK_NOFOLLOW,
              STATX_INO | STATX_CTIME | STATX_BTIME, &status) != 0) {
        return posix_disk_failed("stat", name, errno);
    }
    bool has_birth = (status.stx_mask & STATX_BTIME) != 0;
    store_u64_le(out, status.stx_ino);
    store_u64_le(out + 8, has_birth ? nanoseconds(status.stx_btime) : 0);
    store_u64_le(out + 16, nanoseconds(status.stx_ctime));
    store_u64_le(out + 24, (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor);
    return 0;
}

static int disk_space(struct disk *base, uint64_t *bytes_free)
{
    struct statvfs status;
    int result;
    do {
        result = fstatvfs(posix_disk_of(base)->folder, &status);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return posix_disk_failed("statvfs", ".", errno);
    }
    *bytes_free = (uint64_t)status.f_bavail * status.f_frsize;
    return 0;
}

/* Up to `bytes` of one file into another, which is new and becomes durable. */
static int copy_content(struct disk_file *from, struct disk_file *to, uint64_t bytes)
{
    uint8_t *chunk = mem_alloc(COPY_BYTES);
    if (chunk == NULL) {
        return SHOAL_ENOMEM;
    }
    int error = 0;
    size_t got = 1;
    for (uint64_t at = 0; error == 0 && got > 0 && at < bytes; at += got) {
        size_t wanted = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
        error = posix_file_read(from, at, chunk, wanted, &got);
        if (error == 0 && got > 0) {
            error = posix_file_write(to, at, bytes_make(chunk, got));
        }
    }
    mem_free(chunk);
    return error == 0 ? posix_file_sync(to) : error;
}

/* Under a name of this thread's own first: a file of the right name is always whole, and several
 * threads may be asked for the same one. */
static int copy_into(struct posix_disk *disk, const char *name, int folder, uint64_t bytes)
{
    char partial[DISK_NAME_BYTES + 24];
    (void)snprintf(partial, sizeof(partial), "%s.%ld.part", name, (long)gettid());
    struct disk_file *from;
    int error = posix_file_open(disk->folder, name, O_RDONLY, NULL, &from);
    if (error != 0) {
        return error;
    }
    struct disk_file *to;
    error = posix_file_open(folder, partial, O_RDWR | O_CREAT | O_TRUNC, NULL, &to);
    if (error != 0) {
        posix_file_close(from);
        return error;
    }
    error = copy_content(from, to, bytes);
    posix_file_close(from);
    posix_file_close(to);
    if (error == 0 && renameat(folder, partial, folder, name) != 0) {
        error = posix_disk_failed("rename", partial, errno);
    }
    if (error != 0) {
        (void)unlinkat(folder, partial, 0);
    }
    return error;
}

static bool link_unsupported(int code)
{
    return code == EXDEV || code == EPERM || code == EMLINK || code == EOPNOTSUPP || code == ENOSYS;
}

static int disk_duplicate(struct disk *base, const char *name, const char *folder, uint64_t bytes)
{
    struct posix_disk *disk = posix_disk_of(base);
    int to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (to < 0) {
        return posix_disk_failed("open folder", folder, errno);
    }
    int error = 0;
    bool copied = bytes != UINT64_MAX;
    if (!copied && linkat(disk->folder, name, to, name, 0) != 0 && errno != EEXIST) {
        copied = link_unsupported(errno);
        error = copied ? 0 : posix_disk_failed("link", name, errno);
    }
    if (copied && faccessat(to, name, F_OK, 0) != 0) {
        error = copy_into(disk, name, to, bytes);
    }
    if (error == 0) {
        error = folder_sync(to, folder);
    }
    (void)close(to);
    return error;
}

static int disk_open(struct disk *base, const char *name, enum disk_open how,
                     struct disk_file **out)
{
    static const int flags[] = {
        [DISK_OPEN_READ] = O_RDONLY,
        [DISK_OPEN_CREATE] = O_RDWR | O_CREAT | O_EXCL,
        [DISK_OPEN_WRITE] = O_RDWR,
    };
    struct posix_disk *disk = posix_disk_of(base);
    return posix_file_open(disk->folder, name, flags[how], &disk->times, out);
}

static const char *disk_explain(struct disk *base)
{
    (void)base;
    return posix_disk_explain();
}

static const struct disk_ops ops = {
    .list = disk_list,
    .open = disk_open,
    .close = posix_file_close,
    .size = posix_file_size,
    .reserve = posix_file_reserve,
    .write = posix_file_write,
    .read = posix_file_read,
    .read_now = posix_file_read_now,
    .sync = posix_file_sync,
    .truncate = posix_file_truncate,
    .map = posix_file_map,
    .unmap = posix_file_unmap,
    .rename = disk_rename,
    .remove = disk_remove,
    .sync_folder = disk_sync_folder,
    .identity = disk_identity,
    .duplicate = disk_duplicate,
    .space = disk_space,
    .explain = disk_explain,
};

/* The entry of a new folder is in its parent. */
static int parent_sync(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return posix_disk_failed("open folder", "..", errno);
    }
    int error = folder_sync(parent, "..");
    (void)close(parent);
    return error;
}

static int folder_open(const char *path, int *out)
{
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        return posix_disk_failed("make folder", path, errno);
    }
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return posix_disk_failed("open folder", path, errno);
    }
    int error = made ? parent_sync(folder) : 0;
    if (error != 0) {
        (void)close(folder);
        return error;
    }
    *out = folder;
    return 0;
}

int posix_disk_open(const char *folder, struct disk **out)
{
    struct posix_disk *disk = mem_alloc_zeroed(1, sizeof(*disk));
    if (disk == NULL) {
        return SHOAL_ENOMEM;
    }
    disk->disk.ops = &ops;
    int error = folder_open(folder, &disk->folder);
    if (error != 0) {
        mem_free(disk);
        return error;
    }
    *out = &disk->disk;
    return 0;
}

void posix_disk_close(struct disk *base)
{
    struct posix_disk *disk = posix_disk_of(base);
    (void)close(disk->folder);
    mem_free(disk);
}

void posix_disk_sync_times(struct disk *base, struct histogram *out)
{
    sync_times_read(&posix_disk_of(base)->times, out);
}
