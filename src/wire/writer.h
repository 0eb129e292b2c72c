/* Writes msgpack onto a buffer: the thin wrap of msgpack-c's packer. The first failure sticks, so a
 * codec writes all its fields and looks once at the end. */
#ifndef WIRE_WRITER_H
#define WIRE_WRITER_H

#include "base/buffer.h"

struct writer {
    struct buffer *out;
    int error; /* 0, or the first failure */
};

static inline struct writer writer_make(struct buffer *out)
{
    return (struct writer){.out = out};
}

void write_array(struct writer *writer, uint32_t count);
void write_u64(struct writer *writer, uint64_t value);
void write_i64(struct writer *writer, int64_t value);
void write_bool(struct writer *writer, bool value);
void write_nil(struct writer *writer);
void write_bin(struct writer *writer, struct bytes bytes);
/* Of a bin whose len bytes the caller appends itself. */
void write_bin_header(struct writer *writer, size_t len);
/* nil when data is NULL, else bin: the difference between "none" and "empty" travels. */
void write_optional_bin(struct writer *writer, struct bytes bytes);
/* As text (msgpack str), for what people read: names, hosts, explanations. */
void write_str(struct writer *writer, struct bytes bytes);
void write_optional_str(struct writer *writer, struct bytes bytes);
void write_text(struct writer *writer, const char *text);
/* For what a codec itself finds wrong: sets the error unless there is one. */
void writer_fail(struct writer *writer, int error);

#endif
