/* Typed reads in place. Each looks at one element and moves on; the first mismatch is kept and ends
 * the reading, so codecs stay free of error paths. Integers are taken in any of msgpack's formats
 * that hold the value, as client libraries differ in which they choose. */
#include "wire/reader.h"

#include "base/limits.h"
#include "shoal/error.h"
#include "wire/element.h"

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

uint32_t read_array(struct reader *reader, uint32_t max)
{
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
    /* Nearly all are small numbers in one byte. */
    if (reader->at != reader->end && *reader->at < 0x80 && *reader->at <= max) {
        return *reader->at++;
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
    struct element element;
    if (!next(reader, &element)) {
        return false;
    }
    if (element.type != ELEMENT_BOOL) {
        fail(reader, SHOAL_EPROTO);
        return false;
    }
    return element.number != 0;
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

struct bytes read_bin(struct reader *reader, size_t len_max)
{
    struct element element;
    if (!next(reader, &element)) {
        return (struct bytes){0};
    }
    return take_body(reader, &element, len_max);
}

struct bytes read_optional_bin(struct reader *reader, size_t len_max)
{
    struct element element;
    if (!next(reader, &element) || element.type == ELEMENT_NIL) {
        return (struct bytes){0};
    }
    return take_body(reader, &element, len_max);
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

bool read_nil(struct reader *reader)
{
    if (reader->error != 0 || reader->at == reader->end || *reader->at != 0xc0) {
        return false;
    }
    reader->at++;
    return true;
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
