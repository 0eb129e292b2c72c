/* Reading a small file whole, and telling its lines apart. Secrets are text, one a line, as in a
 * list of passwords: what a person can look at and paste. Bytes of any kind, as a key file often
 * has, would leave no way to name two of them without a format. */
#include "server/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
    ssize_t total = 0; /* a pipe gives it in pieces */
    ssize_t got;
    do {
        got = read(fd, content + total, LIMIT_CREDENTIALS_BYTES + 1 - (size_t)total);
        total += got > 0 ? got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    int saved = errno;
    close(fd);
    errno = saved;
    return got < 0 ? -1 : total;
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

/* The next line, without what is around it. */
static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct bytes line = bytes_make(rest->data, len);
    size_t taken = end == NULL ? len : len + 1;
    *rest = bytes_make(rest->data + taken, rest->len - taken);
    return trim(line);
}

/* Raw bytes would be taken apart where one of them happens to be a newline. */
static bool is_text(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20 || line.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* What is wrong with the line as a secret; NULL: nothing. */
static const char *fault_of(struct bytes line, const struct secrets *before)
{
    if (!is_text(line)) {
        return "holds bytes that are no printable ASCII text";
    }
    if (line.len < SECRET_BYTES_MIN) {
        return "is too short";
    }
    if (before->previous.len > 0) {
        return "is one too many";
    }
    if (bytes_equal(line, buffer_bytes(&before->current))) {
        return "is the same secret again";
    }
    return NULL;
}

static int refuse(char text[512], const char *path, uint32_t line, const char *fault)
{
    char place[16] = "";
    if (line > 0) {
        snprintf(place, sizeof(place), ":%u", line);
    }
    snprintf(text, 512,
             "cluster.secret_file %.200s%s %s: a secret is a line of %u characters or more (make "
             "one with: head -c 32 /dev/urandom | base64), and a file has one, or two while it is "
             "being changed",
             path, place, fault, SECRET_BYTES_MIN);
    return SHOAL_EINVAL;
}

static int parse(const char *path, struct bytes content, struct secrets *out, char text[512])
{
    for (uint32_t number = 1; content.len > 0; number++) {
        struct bytes line = take_line(&content);
        if (line.len == 0) {
            continue;
        }
        const char *fault = fault_of(line, out);
        if (fault != NULL) {
            return refuse(text, path, number, fault);
        }
        struct buffer *into = out->current.len == 0 ? &out->current : &out->previous;
        int code = buffer_append_bytes(into, line);
        if (code != 0) {
            snprintf(text, 512, "cluster.secret_file: %s", shoal_error_text(code));
            return code;
        }
    }
    return out->current.len > 0 ? 0 : refuse(text, path, 0, "holds no secret");
}

void secrets_init(struct secrets *secrets)
{
    buffer_init(&secrets->current, 0);
    buffer_init(&secrets->previous, 0);
}

void secrets_deinit(struct secrets *secrets)
{
    buffer_deinit(&secrets->current);
    buffer_deinit(&secrets->previous);
}

int secrets_load(const char *path, struct secrets *out, char text[512])
{
    uint8_t content[LIMIT_CREDENTIALS_BYTES + 1];
    ssize_t got = read_file(path, content);
    if (got < 0) {
        snprintf(text, 512, "cluster.secret_file %.200s can't be read: %s", path, strerror(errno));
        return SHOAL_EINVAL;
    }
    if (got > (ssize_t)LIMIT_CREDENTIALS_BYTES) {
        snprintf(text, 512, "cluster.secret_file %.200s has more than %u bytes", path,
                 LIMIT_CREDENTIALS_BYTES);
        return SHOAL_EINVAL;
    }
    return parse(path, bytes_make(content, (size_t)got), out, text);
}
