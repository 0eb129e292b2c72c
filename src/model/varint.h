/* Unsigned LEB128: seven bits a byte, lowest first, the high bit set on all but the last. Only the
 * shortest form is accepted, so that a number has one encoding and records can be compared by their
 * bytes. */
#ifndef MODEL_VARINT_H
#define MODEL_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_BYTES_MAX 10u

static inline size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* Needs room for varint_size(value) bytes; returns the byte behind the last. */
static inline uint8_t *varint_store(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* The byte behind the number, or NULL when it is cut off, over 64 bits or not in its shortest form.
 */
static inline const uint8_t *varint_load(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; at != end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1) {
            return NULL;
        }
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift != 0) {
                return NULL;
            }
            *value = sum;
            return at;
        }
    }
    return NULL;
}

#endif
