/* See log_file.h. */
#include "storage/log_file.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "shoal/error.h"

#define HEAD_BYTES 16u
#define CHECKSUM_BYTES 8u

int log_file_publish(struct disk *disk, const char *temporary, const char *name,
                     int (*fill)(void *self, struct disk *disk, struct disk_file *file), void *self)
{
    struct disk_file *file;
    (void)disk->ops->remove(disk, temporary); /* of an attempt that failed */
    int error = disk->ops->open(disk, temporary, DISK_OPEN_CREATE, &file);
    if (error != 0) {
        return error;
    }
    error = fill(self, disk, file);
    error = error == 0 ? disk->ops->sync(file) : error;
    disk->ops->close(file);
    error = error == 0 ? disk->ops->rename(disk, temporary, name) : error;
    if (error != 0) {
        (void)disk->ops->remove(disk, temporary);
        return error;
    }
    return disk->ops->sync_folder(disk);
}

static int bytes_fill(void *self, struct disk *disk, struct disk_file *file)
{
    const struct buffer *whole = self;
    return disk->ops->write(file, 0, buffer_bytes(whole));
}

/* On a full disk: over the former content, where no space is needed. A crash may tear it; then it
 * is damaged, which readers take for the worst. */
static int overwrite(struct disk *disk, const char *name, struct bytes whole)
{
    struct disk_file *file;
    uint64_t bytes;
    int error = disk->ops->open(disk, name, DISK_OPEN_WRITE, &file);
    if (error != 0) {
        return SHOAL_ENOSPC;
    }
    error = disk->ops->size(file, &bytes);
    if (error == 0) {
        error = bytes == whole.len ? disk->ops->write(file, 0, whole) : SHOAL_ENOSPC;
    }
    error = error == 0 ? disk->ops->sync(file) : error;
    disk->ops->close(file);
    return error;
}

static int encode(const struct log_file *file, struct bytes body, struct buffer *whole)
{
    uint8_t head[HEAD_BYTES];
    uint8_t checksum[CHECKSUM_BYTES];
    memcpy(head, file->magic, LOG_FILE_MAGIC_BYTES);
    store_u32_le(head + 8, file->format);
    store_u32_le(head + 12, (uint32_t)body.len);
    int error = buffer_reserve(whole, sizeof(head) + body.len + sizeof(checksum));
    if (error != 0) {
        return error;
    }
    (void)buffer_append(whole, head, sizeof(head));
    (void)buffer_append_bytes(whole, body);
    store_u64_le(checksum, hash_xxh3(buffer_bytes(whole)));
    (void)buffer_append(whole, checksum, sizeof(checksum));
    return 0;
}

int log_file_write(struct disk *disk, const struct log_file *file, struct bytes body)
{
    ASSERT(body.len <= file->body_max);
    char temporary[DISK_NAME_BYTES];
    size_t len = strlen(file->name);
    ASSERT(len + sizeof(".tmp") <= sizeof(temporary));
    memcpy(temporary, file->name, len);
    memcpy(temporary + len, ".tmp", sizeof(".tmp"));
    struct buffer whole;
    buffer_init(&whole, 0);
    int error = encode(file, body, &whole);
    if (error == 0) {
        error = log_file_publish(disk, temporary, file->name, bytes_fill, &whole);
    }
    if (error == SHOAL_ENOSPC) {
        error = overwrite(disk, file->name, buffer_bytes(&whole));
    }
    buffer_deinit(&whole);
    return error;
}

static int decode(const struct log_file *file, struct bytes whole, struct buffer *body)
{
    if (whole.len < HEAD_BYTES + CHECKSUM_BYTES ||
        memcmp(whole.data, file->magic, LOG_FILE_MAGIC_BYTES) != 0) {
        return SHOAL_EPROTO;
    }
    size_t body_bytes = load_u32_le(whole.data + 12);
    if (body_bytes != whole.len - HEAD_BYTES - CHECKSUM_BYTES ||
        load_u64_le(whole.data + HEAD_BYTES + body_bytes) !=
            hash_xxh3(bytes_make(whole.data, HEAD_BYTES + body_bytes))) {
        return SHOAL_EPROTO;
    }
    if (load_u32_le(whole.data + 8) != file->format) {
        return SHOAL_EVERSION;
    }
    return buffer_append(body, whole.data + HEAD_BYTES, body_bytes);
}

static int read_whole(struct disk *disk, const struct log_file *file, struct disk_file *open,
                      struct buffer *whole)
{
    uint64_t bytes;
    size_t got;
    int error = disk->ops->size(open, &bytes);
    if (error != 0) {
        return error;
    }
    if (bytes > HEAD_BYTES + file->body_max + CHECKSUM_BYTES) {
        return SHOAL_EPROTO;
    }
    error = buffer_reserve(whole, (size_t)bytes);
    error = error == 0 ? disk->ops->read(open, 0, whole->data, (size_t)bytes, &got) : error;
    if (error == 0) {
        whole->len = got;
    }
    return error;
}

int log_file_read(struct disk *disk, const struct log_file *file, struct buffer *body)
{
    struct disk_file *open;
    int error = disk->ops->open(disk, file->name, DISK_OPEN_READ, &open);
    if (error != 0) {
        return error;
    }
    struct buffer whole;
    buffer_init(&whole, 0);
    error = read_whole(disk, file, open, &whole);
    error = error == 0 ? decode(file, buffer_bytes(&whole), body) : error;
    buffer_deinit(&whole);
    disk->ops->close(open);
    return error;
}
