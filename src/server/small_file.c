/* Written beside, synced, renamed over, and the folder synced. */
#include "server/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "shoal/error.h"

#define PIECE_BYTES 4096u

static int read_all(int fd, size_t len_max, struct buffer *out)
{
    size_t start = out->len;
    for (;;) {
        int code = buffer_reserve(out, PIECE_BYTES);
        if (code != 0) {
            return code;
        }
        ssize_t got = read(fd, out->data + out->len, PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? 0 : SHOAL_EIO;
        }
        out->len += (size_t)got;
        if (out->len - start > len_max) {
            return SHOAL_ETOOBIG;
        }
    }
}

int small_file_read(int folder_fd, const char *name, size_t len_max, struct buffer *out)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 1 : SHOAL_EIO;
    }
    size_t start = out->len;
    int code = read_all(fd, len_max, out);
    if (code != 0) {
        out->len = start;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return code;
}

int small_file_write(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -1;
        }
        bytes = bytes_make(bytes.data + written, bytes.len - (size_t)written);
    }
    return 0;
}

static int error_now(void)
{
    return errno == ENOSPC || errno == EDQUOT ? SHOAL_ENOSPC : SHOAL_EIO;
}

int small_file_store(int folder_fd, const char *name, struct bytes content)
{
    char temporary[64];
    snprintf(temporary, sizeof(temporary), "%s.new", name);
    int fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_now();
    }
    int code = small_file_write(fd, content) == 0 && fsync(fd) == 0 ? 0 : error_now();
    if (close(fd) != 0 && code == 0) {
        code = error_now();
    }
    if (code == 0 &&
        (renameat(folder_fd, temporary, folder_fd, name) != 0 || fsync(folder_fd) != 0)) {
        code = error_now();
    }
    if (code != 0) {
        int saved = errno;
        unlinkat(folder_fd, temporary, 0);
        errno = saved;
    }
    return code;
}
