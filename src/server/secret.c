/* Reading a small file whole. */
#include "server/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "shoal/error.h"

/* How many bytes there are, at most one more than may be; -1 and errno. */
static ssize_t read_file(const char *path, uint8_t content[LIMIT_CREDENTIALS_BYTES + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    struct stat status;
    if (fstat(fd, &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        log_warning("secret file: every user of this machine can read it", LOG_TEXT("file", path));
    }
    ssize_t got = read(fd, content, LIMIT_CREDENTIALS_BYTES + 1);
    int saved = errno;
    close(fd);
    errno = saved;
    return got;
}

static struct bytes trim(struct bytes bytes)
{
    while (bytes.len > 0 && isspace(bytes.data[0])) {
        bytes = bytes_make(bytes.data + 1, bytes.len - 1);
    }
    while (bytes.len > 0 && isspace(bytes.data[bytes.len - 1])) {
        bytes.len--;
    }
    return bytes;
}

int secret_load(const char *path, struct buffer *out, char text[512])
{
    uint8_t content[LIMIT_CREDENTIALS_BYTES + 1];
    ssize_t got = read_file(path, content);
    if (got < 0) {
        snprintf(text, 512, "cluster.secret_file %.200s can't be read: %s", path, strerror(errno));
        return SHOAL_EINVAL;
    }
    struct bytes secret = trim(bytes_make(content, (size_t)got));
    if (secret.len < SECRET_BYTES_MIN || got > (ssize_t)LIMIT_CREDENTIALS_BYTES) {
        snprintf(text, 512,
                 "cluster.secret_file %.200s holds %zd bytes: a secret has %u to %u (make one "
                 "with: head -c 32 /dev/urandom | base64)",
                 path, got, SECRET_BYTES_MIN, LIMIT_CREDENTIALS_BYTES);
        return SHOAL_EINVAL;
    }
    return buffer_append_bytes(out, secret);
}
