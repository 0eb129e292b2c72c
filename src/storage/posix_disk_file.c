/* See posix_disk_file.h. A call that was interrupted, or did a part, goes on with the rest. A sync
 * that failed is reported once and never tried again here: the kernel may have dropped the pages
 * and would say that all is well. */
#include "storage/posix_disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/page_guard.h"
#include "storage/posix_disk.h"

#define WORDS_BYTES 256u

#ifndef MADV_POPULATE_WRITE /* Linux 5.14; older C libraries don't know it */
#define MADV_POPULATE_WRITE 23
#endif

struct disk_file {
    int fd;
    struct sync_times *times; /* or NULL */
    struct page_guard *guard; /* of what is mapped of it; NULL: nothing is */
    char name[DISK_NAME_BYTES + 8];
};

static _Thread_local char words[WORDS_BYTES] = "no error";

int posix_disk_failed(const char *what, const char *name, int code)
{
    char text[128];
    /* The GNU one: it returns the text, which need not be in the buffer. */
    const char *reason = strerror_r(code, text, sizeof(text));
    (void)snprintf(words, sizeof(words), "%s %s: %s", what, name, reason);
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SHOAL_ENOSPC;
    case ENOENT:
        return SHOAL_ENOTFOUND;
    case ENOMEM:
        return SHOAL_ENOMEM;
    default:
        return SHOAL_EIO;
    }
}

const char *posix_disk_explain(void)
{
    return words;
}

int posix_file_open(int folder, const char *name, int flags, struct sync_times *times,
                    struct disk_file **out)
{
    struct disk_file *file = mem_alloc(sizeof(*file));
    if (file == NULL) {
        return SHOAL_ENOMEM;
    }
    do {
        file->fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    } while (file->fd < 0 && errno == EINTR);
    if (file->fd < 0) {
        int error = posix_disk_failed("open", name, errno);
        mem_free(file);
        return error;
    }
    file->times = times;
    file->guard = NULL;
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    *out = file;
    return 0;
}

/* Whatever close says is about writes that were synced before, or that nobody relies on. It is not
 * repeated: on Linux the descriptor is gone even when it was interrupted. */
void posix_file_close(struct disk_file *file)
{
    (void)close(file->fd);
    mem_free(file);
}

int posix_file_size(struct disk_file *file, uint64_t *bytes)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0) {
        return posix_disk_failed("stat", file->name, errno);
    }
    *bytes = (uint64_t)status.st_size;
    return 0;
}

int posix_file_truncate(struct disk_file *file, uint64_t bytes)
{
    int result;
    do {
        result = ftruncate(file->fd, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : posix_disk_failed("truncate", file->name, errno);
}

int posix_file_reserve(struct disk_file *file, uint64_t bytes)
{
    int result;
    do {
        result = fallocate(file->fd, 0, 0, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return 0;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) {
        return posix_file_truncate(file, bytes);
    }
    return posix_disk_failed("reserve", file->name, errno);
}

int posix_file_write(struct disk_file *file, uint64_t offset, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t done = pwrite(file->fd, bytes.data, bytes.len, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return posix_disk_failed("write", file->name, done < 0 ? errno : EIO);
        }
        offset += (uint64_t)done;
        bytes = bytes_make(bytes.data + done, bytes.len - (size_t)done);
    }
    return 0;
}

/* Outcomes of preadv2 under RWF_NOWAIT that mean "only by blocking". */
static bool would_block(int code)
{
    return code == EAGAIN || code == EOPNOTSUPP || code == ENOSYS || code == EINVAL;
}

static int file_read(struct disk_file *file, uint64_t offset, uint8_t *out, size_t len, int flags,
                     size_t *got)
{
    size_t done = 0;
    while (done < len) {
        struct iovec part = {.iov_base = out + done, .iov_len = len - done};
        ssize_t result = preadv2(file->fd, &part, 1, (off_t)(offset + done), flags);
        if (result < 0 && errno == EINTR) {
            continue;
        }
        if (result < 0 && flags != 0 && would_block(errno)) {
            return 1;
        }
        if (result < 0) {
            return posix_disk_failed("read", file->name, errno);
        }
        if (result == 0) {
            break;
        }
        done += (size_t)result;
    }
    *got = done;
    return 0;
}

int posix_file_read(struct disk_file *file, uint64_t offset, void *out, size_t len, size_t *got)
{
    return file_read(file, offset, out, len, 0, got);
}

int posix_file_read_now(struct disk_file *file, uint64_t offset, void *out, size_t len, size_t *got)
{
    return file_read(file, offset, out, len, RWF_NOWAIT, got);
}

static uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int posix_file_sync(struct disk_file *file)
{
    uint64_t begun_us = clock_us();
    int result;
    do {
        result = fdatasync(file->fd);
    } while (result != 0 && errno == EINTR);
    int failed = errno;
    if (file->times != NULL) {
        sync_times_add(file->times, clock_us() - begun_us);
    }
    errno = failed;
    return result == 0 ? 0 : posix_disk_failed("sync", file->name, errno);
}

/* Kept in memory, should the limit allow it: then nothing has to be read again. Each page is
 * written to once, as far as writing goes, so that the first real write of one costs no fault;
 * kernels that don't know how to say so let each cost one. */
static int populate(void *memory, uint64_t bytes)
{
    (void)mlock(memory, bytes);
    int result;
    do {
        result = madvise(memory, bytes, MADV_POPULATE_WRITE);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EINVAL) {
        result = madvise(memory, bytes, MADV_WILLNEED);
    }
    return result;
}

int posix_file_map(struct disk_file *file, uint64_t bytes, struct disk_map *out)
{
    if (bytes > PAGE_GUARD_BYTES_MAX) {
        return posix_disk_failed("map", file->name, ENOMEM);
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (memory == MAP_FAILED) {
        return posix_disk_failed("map", file->name, errno);
    }
    int error = populate(memory, bytes) == 0 ? 0 : posix_disk_failed("map", file->name, errno);
    if (error == 0 && page_guard_add(memory, bytes, &file->guard) != 0) {
        error = posix_disk_failed("guard", file->name, ENOMEM);
    }
    if (error != 0) {
        (void)munmap(memory, bytes);
        return error;
    }
    *out = (struct disk_map){.memory = memory, .lost = page_guard_lost(file->guard)};
    return 0;
}

void posix_file_unmap(struct disk_file *file, uint8_t *memory, uint64_t bytes)
{
    page_guard_remove(file->guard);
    file->guard = NULL;
    (void)munmap(memory, bytes);
}
