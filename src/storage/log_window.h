/* A part of a file in memory, moved over it as a reader asks: reads are large, memory is bounded by
 * the largest piece asked for. What the disk can't read becomes bytes that pass no checksum, and is
 * remembered. */
#ifndef STORAGE_LOG_WINDOW_H
#define STORAGE_LOG_WINDOW_H

#include "base/buffer.h"
#include "storage/disk.h"

struct log_window {
    struct disk *disk;
    struct disk_file *file;
    uint64_t file_bytes;
    uint64_t offset; /* of what is in memory */
    struct buffer buffer;
    uint64_t read;           /* bytes read so far */
    uint64_t unreadable_end; /* the last byte that could not be read is before this; 0: none */
    uint32_t unreadable;     /* pieces */
};

/* 0 or SHOAL_EIO: the size of the file is not to be had. */
int log_window_init(struct log_window *window, struct disk *disk, struct disk_file *file);
void log_window_deinit(struct log_window *window);

/* The bytes at the offset, borrowed until the next call: len of them, or fewer where the file ends.
 * 0 or SHOAL_ENOMEM. */
int log_window_at(struct log_window *window, uint64_t offset, size_t len, struct bytes *out);

#endif
