/* A growable run of bytes, used to build frames, records and answers. Growth doubles; a bound can
 * be set, over which appending fails. A failed append leaves the buffer as it was. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/bytes.h"

struct buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    size_t len_max; /* appending beyond it fails; 0 means no bound but memory */
};

void buffer_init(struct buffer *buffer, size_t len_max);

/* Gives the memory back; the buffer is then empty, with its bound, and may be used again. */
void buffer_deinit(struct buffer *buffer);

/* Forget the content, keep the memory. */
static inline void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
}

/* Room for `more` bytes behind the content: 0, SHOAL_ENOMEM, or SHOAL_ETOOBIG over the bound. */
int buffer_reserve(struct buffer *buffer, size_t more);

int buffer_append(struct buffer *buffer, const void *data, size_t len);
int buffer_append_bytes(struct buffer *buffer, struct bytes bytes);
int buffer_append_u8(struct buffer *buffer, uint8_t value);

/* The content, valid until the buffer changes. */
static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_make(buffer->data, buffer->len);
}

#endif
