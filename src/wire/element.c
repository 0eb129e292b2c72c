/* The format bytes of msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md).
 *
 * The claim of a container is checked against the bytes that are left before anything is done with
 * it: every element costs at least a byte, so a six-byte "array of four billion" is refused at
 * once. The library's own unpacker would take the memory first. */
#include "wire/element.h"

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/limits.h"

/* The big-endian number of `width` bytes (1, 2, 4, 8) at `at`. */
static inline uint64_t load_number(const uint8_t *at, size_t width)
{
    switch (width) {
    case 1:
        return *at;
    case 2:
        return (uint64_t)at[0] << 8 | at[1];
    case 4:
        return load_u32_be(at);
    default:
        return load_u64_be(at);
    }
}

/* Takes a number of `width` bytes off the front. */
static inline bool take_number(const uint8_t **at, const uint8_t *end, size_t width,
                               uint64_t *number)
{
    if ((size_t)(end - *at) < width) {
        return false;
    }
    *number = load_number(*at, width);
    *at += width;
    return true;
}

static inline bool read_unsigned(const uint8_t *at, const uint8_t *end, size_t width,
                                 struct element *out)
{
    out->type = ELEMENT_UNSIGNED;
    out->behind = at;
    return take_number(&out->behind, end, width, &out->number);
}

static bool read_signed(const uint8_t *at, const uint8_t *end, size_t width, struct element *out)
{
    if (!read_unsigned(at, end, width, out)) {
        return false;
    }
    unsigned unused_bits = 64 - 8 * (unsigned)width;
    int64_t value = (int64_t)(out->number << unused_bits) >> unused_bits;
    if (value < 0) {
        out->type = ELEMENT_NEGATIVE;
        out->number = (uint64_t)value;
    }
    return true;
}

static inline bool read_body(const uint8_t *at, const uint8_t *end, size_t len,
                             enum element_type type, struct element *out)
{
    if ((size_t)(end - at) < len) {
        return false;
    }
    out->type = type;
    out->body = bytes_make(at, len);
    out->behind = at + len;
    return true;
}

/* A body behind its length of `width` bytes; an extension has its type byte between the two. */
static bool read_long_body(const uint8_t *at, const uint8_t *end, size_t width,
                           enum element_type type, struct element *out)
{
    uint64_t len;
    if (!take_number(&at, end, width, &len)) {
        return false;
    }
    if (type == ELEMENT_EXTENSION) {
        if (at == end) {
            return false;
        }
        at++;
    }
    return read_body(at, end, (size_t)len, type, out);
}

static bool read_container(const uint8_t *at, uint64_t count, bool is_array, struct element *out)
{
    out->type = ELEMENT_CONTAINER;
    out->is_array = is_array;
    out->children = is_array ? count : 2 * count;
    out->behind = at;
    return true;
}

static bool read_long_container(const uint8_t *at, const uint8_t *end, size_t width, bool is_array,
                                struct element *out)
{
    uint64_t count;
    if (!take_number(&at, end, width, &count)) {
        return false;
    }
    return read_container(at, count, is_array, out);
}

static bool read_fixed_extension(const uint8_t *at, const uint8_t *end, size_t len,
                                 struct element *out)
{
    return at != end && read_body(at + 1, end, len, ELEMENT_EXTENSION, out);
}

static bool read_small(const uint8_t *at, enum element_type type, uint64_t number,
                       struct element *out)
{
    out->type = type;
    out->number = number;
    out->behind = at;
    return true;
}

/* The formats 0xc0 to 0xdf, whose first byte is a code. */
static bool read_coded(uint8_t code, const uint8_t *at, const uint8_t *end, struct element *out)
{
    switch (code) {
    case 0xc0:
        return read_small(at, ELEMENT_NIL, 0, out);
    case 0xc2:
    case 0xc3:
        return read_small(at, ELEMENT_BOOL, code & 1u, out);
    case 0xc4:
    case 0xc5:
    case 0xc6:
        return read_long_body(at, end, (size_t)1 << (code - 0xc4), ELEMENT_BIN, out);
    case 0xc7:
    case 0xc8:
    case 0xc9:
        return read_long_body(at, end, (size_t)1 << (code - 0xc7), ELEMENT_EXTENSION, out);
    case 0xca:
    case 0xcb:
        return read_body(at, end, code == 0xca ? 4 : 8, ELEMENT_FLOAT, out);
    case 0xcc:
        return read_unsigned(at, end, 1, out);
    case 0xcd:
        return read_unsigned(at, end, 2, out);
    case 0xce:
        return read_unsigned(at, end, 4, out);
    case 0xcf:
        return read_unsigned(at, end, 8, out);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return read_signed(at, end, (size_t)1 << (code - 0xd0), out);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return read_fixed_extension(at, end, (size_t)1 << (code - 0xd4), out);
    case 0xd9:
    case 0xda:
    case 0xdb:
        return read_long_body(at, end, (size_t)1 << (code - 0xd9), ELEMENT_BIN, out);
    case 0xdc:
    case 0xdd:
        return read_long_container(at, end, code == 0xdc ? 2 : 4, true, out);
    case 0xde:
    case 0xdf:
        return read_long_container(at, end, code == 0xde ? 2 : 4, false, out);
    default: /* 0xc1 is never used */
        return false;
    }
}

bool element_read(const uint8_t *at, const uint8_t *end, struct element *out)
{
    if (at == end) {
        return false;
    }
    uint8_t head = *at++;
    if (head < 0x80) {
        return read_small(at, ELEMENT_UNSIGNED, head, out);
    }
    if (head < 0x90) {
        return read_container(at, head & 0x0fu, false, out);
    }
    if (head < 0xa0) {
        return read_container(at, head & 0x0fu, true, out);
    }
    if (head < 0xc0) {
        return read_body(at, end, head & 0x1fu, ELEMENT_BIN, out);
    }
    if (head < 0xe0) {
        return read_coded(head, at, end, out);
    }
    return read_small(at, ELEMENT_NEGATIVE, (uint64_t)(int64_t)(int8_t)head, out);
}

/* ---- passing over ---------------------------------------------------------------------------- */

/* The whole size of an element whose first byte tells it and that has nothing inside: numbers,
 * short text, nil and the like. 0 for the others. */
static inline size_t plain_size(uint8_t head)
{
    static const uint8_t coded[32] = {
        1, 0, 1, 1, 0, 0, 0, 0,  0,  0, 5, 9, 2, 3, 5, 9, /* 0xc0 to 0xcf */
        2, 3, 5, 9, 3, 4, 6, 10, 18, 0, 0, 0, 0, 0, 0, 0, /* 0xd0 to 0xdf */
    };
    if (head < 0x80 || head >= 0xe0) {
        return 1;
    }
    if (head < 0xa0) {
        return 0;
    }
    return head < 0xc0 ? 1 + (head & 0x1fu) : coded[head - 0xc0];
}

const uint8_t *element_skip(const uint8_t *at, const uint8_t *end, uint64_t count,
                            uint32_t depth_max)
{
    ASSERT(depth_max <= LIMIT_FRAME_DEPTH);
    uint64_t left[LIMIT_FRAME_DEPTH + 1]; /* elements still to pass at each depth */
    uint32_t depth = 0;
    uint64_t claimed = count; /* sum of `left` */
    left[0] = count;
    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0) {
                return at;
            }
            depth--;
        }
        size_t rest = (size_t)(end - at);
        if (claimed > rest) {
            return NULL;
        }
        left[depth]--;
        claimed--;
        size_t size = *at == 0xc4 && rest > 1 ? 2u + at[1] : plain_size(*at);
        if (size > 0 && size <= rest) {
            at += size;
            continue;
        }
        struct element element;
        if (!element_read(at, end, &element)) {
            return NULL;
        }
        at = element.behind;
        if (element.type == ELEMENT_CONTAINER) {
            if (depth == depth_max) {
                return NULL;
            }
            left[++depth] = element.children;
            claimed += element.children;
        }
    }
}
