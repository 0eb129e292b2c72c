/* The frame around a message: its length prefix, finding whole frames in a stream, and the first
 * two fields that every message begins with. */
#include "wire/frame.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/reader.h"

int frame_begin(struct buffer *out, size_t *start)
{
    static const uint8_t length_to_come[FRAME_PREFIX_BYTES];
    size_t at = out->len;
    int error = buffer_append(out, length_to_come, sizeof(length_to_come));
    if (error != 0) {
        return error;
    }
    *start = at;
    return 0;
}

int frame_end(struct buffer *out, size_t start)
{
    size_t len = out->len - start - FRAME_PREFIX_BYTES;
    if (len > LIMIT_FRAME_BYTES) {
        return SHOAL_ETOOBIG;
    }
    store_u32_be(out->data + start, (uint32_t)len);
    return 0;
}

int frame_next(struct bytes stream, size_t len_max, struct bytes *payload, size_t *taken,
               size_t *need)
{
    if (stream.len < FRAME_PREFIX_BYTES) {
        *need = FRAME_PREFIX_BYTES;
        return 1;
    }
    size_t len = load_u32_be(stream.data);
    if (len == 0) {
        return SHOAL_EPROTO;
    }
    if (len > len_max) {
        return SHOAL_ETOOBIG;
    }
    if (stream.len - FRAME_PREFIX_BYTES < len) {
        *need = FRAME_PREFIX_BYTES + len;
        return 1;
    }
    *payload = bytes_make(stream.data + FRAME_PREFIX_BYTES, len);
    *taken = FRAME_PREFIX_BYTES + len;
    return 0;
}

int frame_peek(struct bytes payload, uint32_t *kind, uint64_t *id)
{
    struct reader reader = reader_make(payload);
    uint32_t count = read_array(&reader, UINT32_MAX);
    uint64_t kind_read = read_u64_max(&reader, UINT32_MAX);
    uint64_t id_read = read_u64(&reader);
    if (reader.error != 0 || count < 2) {
        return SHOAL_EPROTO;
    }
    *kind = (uint32_t)kind_read;
    *id = id_read;
    return 0;
}
