/* A borrowed view of bytes: where they start and how many. It owns nothing and is passed by value;
 * whoever stores one says how long what it points to lives. Keys and values are arbitrary bytes,
 * so nothing here stops at a NUL. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;          /* in bytes */
};

static inline struct bytes bytes_make(const void *data, size_t len)
{
    return (struct bytes){.data = data, .len = len};
}

static inline struct bytes bytes_from_string(const char *text)
{
    return bytes_make(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Order by unsigned bytes, a prefix before what it begins: <0, 0, >0. */
int bytes_compare(struct bytes a, struct bytes b);

bool bytes_starts_with(struct bytes whole, struct bytes prefix);

#endif
