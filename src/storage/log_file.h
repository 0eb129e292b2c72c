/* The volume's small files: each is written whole, replaces the one before at once, and is refused
 * when a bit of it isn't what was written.
 *
 *      8 bytes what it is, u32 format, u32 bytes of the body, body, u64 XXH3 of all before
 *
 * So it is in all formats: what a newer version wrote is known to be that, and not taken for
 * damaged. */
#ifndef STORAGE_LOG_FILE_H
#define STORAGE_LOG_FILE_H

#include "base/buffer.h"
#include "storage/disk.h"

#define LOG_FILE_MAGIC_BYTES 8u

struct log_file {
    const char *name;
    const char *magic; /* LOG_FILE_MAGIC_BYTES of it */
    uint32_t format;   /* the one written, and the only one read */
    size_t body_max;   /* larger ones are damaged */
};

/* Durable when it returns, its name too. 0, SHOAL_ENOMEM, errors of the disk. */
int log_file_write(struct disk *disk, const struct log_file *file, struct bytes body);

/* Appends the body. 0, SHOAL_ENOTFOUND, SHOAL_EPROTO (damaged), SHOAL_EVERSION (newer),
 * SHOAL_ENOMEM, errors of the disk. */
int log_file_read(struct disk *disk, const struct log_file *file, struct buffer *body);

/* Writes a new file in three durable steps that leave either nothing of that name or all of it:
 * temporary file, rename, folder. The caller's `fill` writes the content, once. */
int log_file_publish(struct disk *disk, const char *temporary, const char *name,
                     int (*fill)(void *self, struct disk *disk, struct disk_file *file),
                     void *self);

#endif
