/* Growing a run of bytes. Doubling makes appending one byte at a time cost a constant each; the
 * capacity never exceeds the bound, so a bounded buffer can't use more memory than it says. */
#include "base/buffer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CAPACITY_MIN 64u

void buffer_init(struct buffer *buffer, size_t len_max)
{
    *buffer = (struct buffer){.len_max = len_max};
}

void buffer_deinit(struct buffer *buffer)
{
    mem_free(buffer->data);
    *buffer = (struct buffer){.len_max = buffer->len_max};
}

static size_t next_capacity(const struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
    while (capacity < needed) {
        if (!checked_multiply(capacity, 2, &capacity)) {
            capacity = needed;
        }
    }
    if (buffer->len_max != 0 && capacity > buffer->len_max) {
        capacity = buffer->len_max;
    }
    return capacity;
}

static int grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = next_capacity(buffer, needed);
    uint8_t *data = mem_realloc(buffer->data, capacity);
    if (data == NULL) {
        return SHOAL_ENOMEM;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->len_max != 0 && more > buffer->len_max - buffer->len) {
        return SHOAL_ETOOBIG;
    }
    size_t needed;
    if (!checked_add(buffer->len, more, &needed)) {
        return SHOAL_ENOMEM;
    }
    return needed <= buffer->capacity ? 0 : grow(buffer, needed);
}

int buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    int error = buffer_reserve(buffer, len);
    if (error != 0) {
        return error;
    }
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return 0;
}

int buffer_append_bytes(struct buffer *buffer, struct bytes bytes)
{
    return buffer_append(buffer, bytes.data, bytes.len);
}

int buffer_append_u8(struct buffer *buffer, uint8_t value)
{
    if (buffer->len == buffer->capacity) {
        int error = buffer_reserve(buffer, 1);
        if (error != 0) {
            return error;
        }
    }
    buffer->data[buffer->len++] = value;
    return 0;
}
