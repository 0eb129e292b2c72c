/* See posix_disk_file.h. A call that was interrupted, or did a part, goes on with the rest. A sync
 * that failed is reported once and never tried again here: the kernel may have dropped the pages
 * and would say that all is well. */
#include "storage/posix_disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/posix_disk.h"

#define WORDS_BYTES 256u

struct disk_file {
    int fd;
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

int posix_file_open(int folder, const char *name, int flags, struct disk_file **out)
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

int posix_file_sync(struct disk_file *file)
{
    int result;
    do {
        result = fdatasync(file->fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : posix_disk_failed("sync", file->name, errno);
}
