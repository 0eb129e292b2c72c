/* The shared parts of the codecs, except nodes and records. */
#include "wire/codec.h"

#include "base/limits.h"
#include "shoal/error.h"
#include "wire/frame.h"

#define CODE_MAX 65535u
#define OPTION_FIELDS 7u

/* ---- writing --------------------------------------------------------------------------------- */

struct encoder encoder_begin(struct buffer *out, enum message_kind kind, uint64_t id,
                             uint32_t fields)
{
    struct encoder encoder = {.writer = writer_make(out), .start = out->len};
    encoder.writer.error = frame_begin(out, &encoder.start);
    write_array(&encoder.writer, 2 + fields);
    write_u64(&encoder.writer, (uint64_t)kind);
    write_u64(&encoder.writer, id);
    return encoder;
}

int encoder_end(struct encoder *encoder)
{
    struct buffer *out = encoder->writer.out;
    int error = encoder->writer.error;
    if (error == 0) {
        error = frame_end(out, encoder->start);
    }
    if (error != 0) {
        out->len = encoder->start;
    }
    return error;
}

static struct bytes within(struct writer *writer, struct bytes bytes, size_t len_max)
{
    if (bytes.len > len_max) {
        writer_fail(writer, SHOAL_ETOOBIG);
    }
    return bytes;
}

void write_bin_within(struct writer *writer, struct bytes bytes, size_t len_max)
{
    write_bin(writer, within(writer, bytes, len_max));
}

void write_optional_bin_within(struct writer *writer, struct bytes bytes, size_t len_max)
{
    write_optional_bin(writer, within(writer, bytes, len_max));
}

void write_str_within(struct writer *writer, struct bytes bytes, size_t len_max)
{
    write_str(writer, within(writer, bytes, len_max));
}

void write_optional_str_within(struct writer *writer, struct bytes bytes, size_t len_max)
{
    write_optional_str(writer, within(writer, bytes, len_max));
}

void write_array_within(struct writer *writer, uint32_t count, uint32_t max)
{
    if (count > max) {
        writer_fail(writer, SHOAL_ETOOBIG);
    }
    write_array(writer, count);
}

void write_u64_within(struct writer *writer, uint64_t value, uint64_t max)
{
    if (value > max) {
        writer_fail(writer, SHOAL_EINVAL);
    }
    write_u64(writer, value);
}

void write_name(struct writer *writer, const char name[LIMIT_NAME_BYTES + 1])
{
    write_str(writer, bytes_make(name, strnlen(name, LIMIT_NAME_BYTES)));
}

void write_hash(struct writer *writer, const struct content_hash *hash)
{
    write_bin(writer, bytes_make(hash->bytes, sizeof(hash->bytes)));
}

void write_code(struct writer *writer, int32_t code)
{
    write_u64_within(writer, (uint64_t) - (int64_t)code, CODE_MAX);
}

static void write_quorum(struct writer *writer, int32_t number)
{
    if (number < QUORUM_ALL) {
        writer_fail(writer, SHOAL_EINVAL);
    }
    write_i64(writer, number);
}

void write_options(struct writer *writer, const struct request_options *options)
{
    if (options->n == 0 && options->r == 0 && options->w == 0 && options->pr == 0 &&
        options->pw == 0 && options->dw == 0 && options->timeout_us == 0) {
        write_nil(writer);
        return;
    }
    write_array(writer, OPTION_FIELDS);
    write_quorum(writer, options->n);
    write_quorum(writer, options->r);
    write_quorum(writer, options->w);
    write_quorum(writer, options->pr);
    write_quorum(writer, options->pw);
    write_quorum(writer, options->dw);
    write_u64(writer, options->timeout_us);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct decoder decoder_begin(struct bytes payload, enum message_kind kind, uint32_t fields)
{
    struct decoder decoder = {.reader = reader_make(payload)};
    decoder.unknown = read_fields(&decoder.reader, 2 + fields);
    if (read_u64(&decoder.reader) != (uint64_t)kind) {
        reader_fail(&decoder.reader, SHOAL_EPROTO);
    }
    decoder.id = read_u64(&decoder.reader);
    return decoder;
}

int decoder_end(struct decoder *decoder)
{
    read_skip_many(&decoder->reader, decoder->unknown);
    read_end(&decoder->reader);
    return decoder->reader.error;
}

bool read_later_field(uint32_t *unknown)
{
    if (*unknown == 0) {
        return false;
    }
    (*unknown)--;
    return true;
}

uint32_t read_fields(struct reader *reader, uint32_t known)
{
    uint32_t count = read_array(reader, UINT32_MAX);
    if (count < known) {
        reader_fail(reader, SHOAL_EPROTO);
        return 0;
    }
    return count - known;
}

void *read_items(struct reader *reader, struct arena *arena, uint32_t max, size_t size,
                 uint32_t *count)
{
    *count = 0;
    uint32_t wanted = read_array(reader, max);
    if (wanted == 0) {
        return NULL;
    }
    void *items = arena_alloc_array(arena, wanted, size);
    if (items == NULL) {
        reader_fail(reader, SHOAL_ENOMEM);
        return NULL;
    }
    *count = wanted;
    return items;
}

uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)read_u64_max(reader, UINT32_MAX);
}

struct content_hash read_hash(struct reader *reader)
{
    struct content_hash hash = {0};
    struct bytes bytes = read_bin(reader, sizeof(hash.bytes));
    if (bytes.len == sizeof(hash.bytes)) {
        memcpy(hash.bytes, bytes.data, sizeof(hash.bytes));
    } else {
        reader_fail(reader, SHOAL_EPROTO);
    }
    return hash;
}

int32_t read_code(struct reader *reader)
{
    return -(int32_t)read_u64_max(reader, CODE_MAX);
}

static int32_t read_quorum(struct reader *reader)
{
    int64_t number = read_i64(reader);
    if (number < QUORUM_ALL || number > INT32_MAX) {
        reader_fail(reader, SHOAL_EPROTO);
        return 0;
    }
    return (int32_t)number;
}

struct request_options read_options(struct reader *reader)
{
    struct request_options options = {0};
    if (read_nil(reader)) {
        return options;
    }
    /* Fewer than all are the beginning of the list, the rest at their defaults. */
    int32_t *numbers[] = {&options.n,  &options.r,  &options.w,
                          &options.pr, &options.pw, &options.dw};
    uint32_t count = read_array(reader, UINT32_MAX);
    uint32_t i = 0;
    for (; i < count && i < OPTION_FIELDS - 1; i++) {
        *numbers[i] = read_quorum(reader);
    }
    if (i < count) {
        options.timeout_us = read_u64(reader);
        i++;
    }
    read_skip_many(reader, count - i);
    return options;
}
