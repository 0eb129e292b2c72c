/* Reads msgpack in place, without allocating or copying: the counterpart of writer.h. The first
 * error sticks: every read after it gives zeros, so a codec reads all its fields and looks once at
 * the end. Safe on any bytes, validated or not. */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include "base/bytes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    int error; /* 0; SHOAL_EPROTO; SHOAL_ETOOBIG for something well-formed over its bound */
};

static inline struct reader reader_make(struct bytes bytes)
{
    if (bytes.len == 0) {
        return (struct reader){0};
    }
    return (struct reader){.at = bytes.data, .end = bytes.data + bytes.len};
}

/* The element count of an array, at most max and never more than the bytes that are left. */
uint32_t read_array(struct reader *reader, uint32_t max);
uint64_t read_u64(struct reader *reader);
/* A number over max is SHOAL_EPROTO. */
uint64_t read_u64_max(struct reader *reader, uint64_t max);
int64_t read_i64(struct reader *reader);
bool read_bool(struct reader *reader);
/* bin or str, borrowed from the input, at most len_max bytes; data is never NULL on success. */
struct bytes read_bin(struct reader *reader, size_t len_max);
/* As read_bin, or nil: then data is NULL. */
struct bytes read_optional_bin(struct reader *reader, size_t len_max);
/* Copied with a NUL; refused if it holds a NUL or exceeds size - 1 bytes. */
void read_text(struct reader *reader, char *out, size_t size);
/* Takes a nil if that comes next; otherwise reads nothing and is false. */
bool read_nil(struct reader *reader);
/* Is a bin or str what comes next? Reads nothing. */
bool reader_at_bin(const struct reader *reader);
/* Passes over one element, however nested (to LIMIT_FRAME_DEPTH). */
void read_skip(struct reader *reader);
/* Passes over `count` elements: what a later version has added at the end of an array. */
void read_skip_many(struct reader *reader, uint32_t count);
/* Fails unless everything has been read. */
void read_end(struct reader *reader);
/* For what a codec itself finds wrong: sets the error unless there is one. */
void reader_fail(struct reader *reader, int error);

#endif
