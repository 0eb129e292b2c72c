/* One msgpack element: what its first bytes say about it. The only place that knows msgpack's
 * format bytes for reading; the validator, the skipping of unknown fields and the typed reads stand
 * on it. Pure arithmetic on a borrowed range: nothing is read beyond `end`. */
#ifndef WIRE_ELEMENT_H
#define WIRE_ELEMENT_H

#include "base/bytes.h"

enum element_type {
    ELEMENT_NIL,
    ELEMENT_BOOL,
    ELEMENT_UNSIGNED, /* number */
    ELEMENT_NEGATIVE, /* number, as two's complement */
    ELEMENT_FLOAT,
    ELEMENT_BIN,       /* bin or str: body */
    ELEMENT_EXTENSION, /* body, its type byte not included */
    ELEMENT_CONTAINER, /* array or map: children follow */
};

struct element {
    enum element_type type;
    bool is_array;         /* of containers */
    uint64_t number;       /* BOOL: 0 or 1 */
    struct bytes body;     /* borrowed, whole */
    uint64_t children;     /* elements that follow inside; a map's keys and values count each */
    const uint8_t *behind; /* what follows: the first child, or the next element */
};

/* Reads the element at `at`: false when it is cut off or no msgpack. */
bool element_read(const uint8_t *at, const uint8_t *end, struct element *out);

/* Passes over `count` elements and all inside them: the byte behind, or NULL when they are cut off,
 * no msgpack, nested deeper than depth_max containers, or claim more elements than bytes are left.
 * Iterative; takes no memory. */
const uint8_t *element_skip(const uint8_t *at, const uint8_t *end, uint64_t count,
                            uint32_t depth_max);

#endif
