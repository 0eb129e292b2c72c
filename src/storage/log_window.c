/* See log_window.h. A read that fails is repeated in small pieces, so that one bad sector costs no
 * more than its surroundings; a disk on which many fail is not asked again and again, since each
 * failure may take it many seconds. */
#include "storage/log_window.h"

#include "shoal/error.h"

#define CHUNK_BYTES (1024u * 1024u)
#define PIECE_BYTES 4096u
#define UNREADABLE_MAX 64u /* pieces that are tried one by one */

/* No batch and no record begins with such bytes, and no checksum is made of them. */
#define UNREADABLE_BYTE 0xdb

int log_window_init(struct log_window *window, struct disk *disk, struct disk_file *file)
{
    *window = (struct log_window){.disk = disk, .file = file};
    buffer_init(&window->buffer, 0);
    return disk->ops->size(file, &window->file_bytes);
}

void log_window_deinit(struct log_window *window)
{
    buffer_deinit(&window->buffer);
}

static bool piece_read(struct log_window *window, uint64_t offset, uint8_t *out, size_t len)
{
    size_t got;
    int error = window->disk->ops->read(window->file, offset, out, len, &got);
    if (error == 0 && got == len) {
        return true;
    }
    memset(out, UNREADABLE_BYTE, len);
    return false;
}

static void unreadable(struct log_window *window, uint64_t offset, size_t len)
{
    window->unreadable++;
    window->unreadable_end = offset + len;
}

static void range_read(struct log_window *window, uint64_t offset, uint8_t *out, size_t len)
{
    window->read += len;
    if (piece_read(window, offset, out, len)) {
        return;
    }
    if (window->unreadable >= UNREADABLE_MAX) {
        unreadable(window, offset, len);
        return;
    }
    for (size_t at = 0; at < len; at += PIECE_BYTES) {
        size_t piece = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;
        if (window->unreadable >= UNREADABLE_MAX) {
            memset(out + at, UNREADABLE_BYTE, piece);
            unreadable(window, offset + at, piece);
        } else if (!piece_read(window, offset + at, out + at, piece)) {
            unreadable(window, offset + at, piece);
        }
    }
}

int log_window_at(struct log_window *window, uint64_t offset, size_t len, struct bytes *out)
{
    uint64_t left = offset < window->file_bytes ? window->file_bytes - offset : 0;
    if (len > left) {
        len = (size_t)left;
    }
    struct buffer *buffer = &window->buffer;
    if (offset < window->offset || offset + len > window->offset + buffer->len) {
        size_t wanted = len > CHUNK_BYTES ? len : CHUNK_BYTES;
        wanted = wanted > left ? (size_t)left : wanted;
        buffer_clear(buffer);
        int error = buffer_reserve(buffer, wanted);
        if (error != 0) {
            return error;
        }
        range_read(window, offset, buffer->data, wanted);
        buffer->len = wanted;
        window->offset = offset;
    }
    *out = bytes_make(buffer->data + (offset - window->offset), len);
    return 0;
}
