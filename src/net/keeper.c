/* Replacing a file so that a crash at any point leaves one whole version of it. */
#include "net/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/blocking.h"
#include "shoal/error.h"

#define TEMPORARY_FILE KEEPER_FILE ".new"
#define MAGIC_BYTES 8u
#define FORMAT 1u
#define HEADER_BYTES 32u
#define RECORD_BYTES_MAX (LIMIT_VIEW_BYTES + LIMIT_MIB)

static const uint8_t magic[MAGIC_BYTES] = {'S', 'H', 'O', 'A', 'L', 'R', 'E', 'C'};

static void make_header(uint8_t header[HEADER_BYTES], struct bytes record)
{
    memcpy(header, magic, MAGIC_BYTES);
    store_u32_le(header + 8, FORMAT);
    store_u32_le(header + 12, 0);
    store_u64_le(header + 16, record.len);
    store_u64_le(header + 24, hash_xxh3(record));
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_all(int fd, struct buffer *out)
{
    for (;;) {
        int code = buffer_reserve(out, 65536);
        if (code != 0) {
            return code;
        }
        ssize_t got = read(fd, out->data + out->len, out->capacity - out->len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return SHOAL_EIO;
        }
        if (got == 0) {
            return 0;
        }
        out->len += (size_t)got;
        if (out->len > HEADER_BYTES + RECORD_BYTES_MAX) {
            return SHOAL_EPROTO;
        }
    }
}

static int check(struct bytes file, struct bytes *record)
{
    if (file.len < HEADER_BYTES || memcmp(file.data, magic, MAGIC_BYTES) != 0) {
        return SHOAL_EPROTO;
    }
    if (load_u32_le(file.data + 8) != FORMAT) {
        return SHOAL_EVERSION;
    }
    struct bytes rest = bytes_make(file.data + HEADER_BYTES, file.len - HEADER_BYTES);
    uint8_t expected[HEADER_BYTES];
    make_header(expected, rest);
    if (memcmp(file.data, expected, HEADER_BYTES) != 0) {
        return SHOAL_EPROTO;
    }
    *record = rest;
    return 0;
}

int keeper_load(int folder_fd, struct buffer *out)
{
    int fd = openat(folder_fd, KEEPER_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 1 : SHOAL_EIO;
    }
    struct buffer file;
    buffer_init(&file, 0);
    struct bytes record;
    int code = read_all(fd, &file);
    if (code == 0) {
        code = check(buffer_bytes(&file), &record);
    }
    if (code == 0) {
        code = buffer_append_bytes(out, record);
    }
    buffer_deinit(&file);
    close(fd);
    return code;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_all(int fd, struct bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno == ENOSPC || errno == EDQUOT ? SHOAL_ENOSPC : SHOAL_EIO;
        }
        bytes = bytes_make(bytes.data + written, bytes.len - (size_t)written);
    }
    return 0;
}

static int write_file(int fd, struct bytes record)
{
    uint8_t header[HEADER_BYTES];
    make_header(header, record);
    int code = write_all(fd, bytes_make(header, sizeof(header)));
    if (code == 0) {
        code = write_all(fd, record);
    }
    if (code == 0 && fsync(fd) != 0) {
        code = SHOAL_EIO;
    }
    return code;
}

int keeper_store(int folder_fd, struct bytes record)
{
    int fd = openat(folder_fd, TEMPORARY_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == ENOSPC || errno == EDQUOT ? SHOAL_ENOSPC : SHOAL_EIO;
    }
    int code = write_file(fd, record);
    if (close(fd) != 0 && code == 0) {
        code = SHOAL_EIO;
    }
    if (code == 0 && renameat(folder_fd, TEMPORARY_FILE, folder_fd, KEEPER_FILE) != 0) {
        code = SHOAL_EIO;
    }
    if (code == 0 && fsync(folder_fd) != 0) {
        code = SHOAL_EIO;
    }
    return code;
}

/* ---- off the loop ---------------------------------------------------------------------------- */

struct keep {
    struct blocking_job job;
    int folder_fd;
    uint64_t sequence;
    int code;
    size_t len;
    uint8_t record[];
};

static void store_now(struct blocking_job *job)
{
    struct keep *keep = QUEUE_ITEM(job, struct keep, job);
    keep->code = keeper_store(keep->folder_fd, bytes_make(keep->record, keep->len));
}

static void tell(struct blocking_job *job, bool dropped)
{
    struct keep *keep = QUEUE_ITEM(job, struct keep, job);
    if (!dropped) {
        if (keep->code != 0) {
            log_error("node record: could not be written",
                      LOG_TEXT("error", shoal_error_text(keep->code)));
        }
        worker_kept(job->loop->worker, loop_now(job->loop), keep->sequence, keep->code);
    }
    mem_free(keep);
}

/* Without memory for the record nothing can be written and nobody told; the node can't go on. */
void keeper_keep(struct loop *loop, struct blocking *disk, int folder_fd, struct bytes record,
                 uint64_t sequence)
{
    struct keep *keep = mem_alloc(sizeof(*keep) + record.len);
    ASSERT(keep != NULL);
    *keep = (struct keep){
        .job = {.loop = loop, .run = store_now, .done = tell},
        .folder_fd = folder_fd,
        .sequence = sequence,
        .len = record.len,
    };
    if (record.len > 0) {
        memcpy(keep->record, record.data, record.len);
    }
    blocking_give(disk, &keep->job);
}
