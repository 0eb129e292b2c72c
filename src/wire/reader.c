/* Typed reads in place. Each looks at one element and moves on; the first mismatch is kept and ends
 * the reading, so codecs stay free of error paths. Integers are taken in any of msgpack's formats
 * that hold the value, as client libraries differ in which they choose; the formats that nearly all
 * fields have are looked at first, the others by element_read. */
#include "wire/reader.h"

#include "base/byteorder.h"
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/element.h"

/* The formats looked at first. */
#define NIL 0xc0u
#define FALSE_OR_TRUE 0xc2u
#define BIN8 0xc4u
#define BIN8_HEAD_BYTES 2u
#define U64 0xcfu
#define U64_BYTES 9u
#define FIXARRAY 0x90u

static void fail(struct reader *reader, int error)
{
    if (reader->error == 0) {
        reader->error = error;
    }
    reader->at = reader->end;
}

static bool next(struct reader *reader, struct element *element)
{
    if (reader->error != 0) {
        return false;
    }
    if (!element_read(reader->at, reader->end, element)) {
        fail(reader, SHOAL_EPROTO);
        return false;
    }
    reader->at = element->behind;
    return true;
}

/* Bytes left. None after an error, so the quick looks below need not ask for one. */
static size_t rest(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

uint32_t read_array(struct reader *reader, uint32_t max)
{
    size_t left = rest(reader);
    if (left > 0 && (*reader->at & 0xf0u) == FIXARRAY) {
        uint32_t count = *reader->at & 0x0fu;
        if (count <= max && count < left) {
            reader->at++;
            return count;
        }
    }
    struct element element;
    if (!next(reader, &element)) {
        return 0;
    }
    if (element.type != ELEMENT_CONTAINER || !element.is_array ||
        element.children > (size_t)(reader->end - reader->at)) {
        fail(reader, SHOAL_EPROTO);
        return 0;
    }
    if (element.children > max) {
        fail(reader, SHOAL_ETOOBIG);
        return 0;
    }
    return (uint32_t)element.children;
}

uint64_t read_u64_max(struct reader *reader, uint64_t max)
{
    size_t left = rest(reader);
    if (left > 0 && *reader->at < 0x80 && *reader->at <= max) {
        return *reader->at++;
    }
    if (left >= U64_BYTES && *reader->at == U64) {
        uint64_t number = load_u64_be(reader->at + 1);
        if (number <= max) {
            reader->at += U64_BYTES;
            return number;
        }
    }
    struct element element;
    if (!next(reader, &element)) {
        return 0;
    }
    if (element.type != ELEMENT_UNSIGNED || element.number > max) {
        fail(reader, SHOAL_EPROTO);
        return 0;
    }
    return element.number;
}

uint64_t read_u64(struct reader *reader)
{
    return read_u64_max(reader, UINT64_MAX);
}

int64_t read_i64(struct reader *reader)
{
    struct element element;
    if (!next(reader, &element)) {
        return 0;
    }
    if (element.type == ELEMENT_NEGATIVE ||
        (element.type == ELEMENT_UNSIGNED && element.number <= INT64_MAX)) {
        return (int64_t)element.number;
    }
    fail(reader, SHOAL_EPROTO);
    return 0;
}

bool read_bool(struct reader *reader)
{
    if (rest(reader) == 0 || (*reader->at & 0xfeu) != FALSE_OR_TRUE) {
        fail(reader, SHOAL_EPROTO);
        return false;
    }
    return (*reader->at++ & 1u) != 0;
}

bool read_nil(struct reader *reader)
{
    if (rest(reader) == 0 || *reader->at != NIL) {
        return false;
    }
    reader->at++;
    return true;
}

bool reader_at_bin(const struct reader *reader)
{
    struct element element;
    return element_read(reader->at, reader->end, &element) && element.type == ELEMENT_BIN;
}

static struct bytes take_body(struct reader *reader, const struct element *element, size_t len_max)
{
    if (element->type != ELEMENT_BIN) {
        fail(reader, SHOAL_EPROTO);
        return (struct bytes){0};
    }
    if (element->body.len > len_max) {
        fail(reader, SHOAL_ETOOBIG);
        return (struct bytes){0};
    }
    return element->body;
}

/* A bin of less than 256 bytes that is whole and within the bound. */
static bool take_short(struct reader *reader, size_t len_max, struct bytes *out)
{
    size_t left = rest(reader);
    if (left < BIN8_HEAD_BYTES || reader->at[0] != BIN8) {
        return false;
    }
    size_t len = reader->at[1];
    if (len > len_max || len > left - BIN8_HEAD_BYTES) {
        return false;
    }
    *out = bytes_make(reader->at + BIN8_HEAD_BYTES, len);
    reader->at += BIN8_HEAD_BYTES + len;
    return true;
}

struct bytes read_bin(struct reader *reader, size_t len_max)
{
    struct bytes bytes;
    if (take_short(reader, len_max, &bytes)) {
        return bytes;
    }
    struct element element;
    if (!next(reader, &element)) {
        return (struct bytes){0};
    }
    return take_body(reader, &element, len_max);
}

struct bytes read_optional_bin(struct reader *reader, size_t len_max)
{
    if (read_nil(reader)) {
        return (struct bytes){0};
    }
    return read_bin(reader, len_max);
}

void read_text(struct reader *reader, char *out, size_t size)
{
    out[0] = '\0';
    struct bytes text = read_bin(reader, size - 1);
    if (text.len == 0) {
        return;
    }
    if (memchr(text.data, '\0', text.len) != NULL) {
        fail(reader, SHOAL_EPROTO);
        return;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

void read_skip_many(struct reader *reader, uint32_t count)
{
    if (reader->error != 0 || count == 0) {
        return;
    }
    const uint8_t *behind = element_skip(reader->at, reader->end, count, LIMIT_FRAME_DEPTH);
    if (behind == NULL) {
        fail(reader, SHOAL_EPROTO);
        return;
    }
    reader->at = behind;
}

void read_skip(struct reader *reader)
{
    read_skip_many(reader, 1);
}

void read_end(struct reader *reader)
{
    if (reader->error == 0 && reader->at != reader->end) {
        fail(reader, SHOAL_EPROTO);
    }
}

void reader_fail(struct reader *reader, int error)
{
    fail(reader, error);
}
