/* Reads msgpack in place, without allocating or copying: the counterpart of writer.h. The first
 * error sticks: every read after it gives zeros, so a codec reads all its fields and looks once at
 * the end. Safe on any bytes, validated or not. */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include "base/bytes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    int error; /* 0 or SHOAL_EPROTO */
};

static inline struct reader reader_make(struct bytes bytes)
{
    return (struct reader){.at = bytes.data, .end = bytes.data + bytes.len};
}

/* The element count of an array, at most max and never more than the bytes that are left. */
uint32_t read_array(struct reader *reader, uint32_t max);
uint64_t read_u64(struct reader *reader);
uint64_t read_u64_max(struct reader *reader, uint64_t max);
int64_t read_i64(struct reader *reader);
bool read_bool(struct reader *reader);
/* bin or str, borrowed from the input, at most len_max bytes; data is never NULL on success. */
struct bytes read_bin(struct reader *reader, size_t len_max);
/* As read_bin, or nil: then data is NULL. */
struct bytes read_optional_bin(struct reader *reader, size_t len_max);
/* Copied with a NUL; refused if it holds a NUL or exceeds size - 1 bytes. */
void read_text(struct reader *reader, char *out, size_t size);
/* Passes over one element, however nested (to LIMIT_FRAME_DEPTH). */
void read_skip(struct reader *reader);

/* For arrays that may grow in later versions: call with the count read and the count known; passes
 * over the surplus. */
void read_skip_many(struct reader *reader, uint32_t count);

#endif
