/* What the commands on bits share: offsets and how far a value may grow. */
#ifndef API_REDIS_BITMAP_H
#define API_REDIS_BITMAP_H

#include "api/redis/call.h"

/* The offset of a bit; with `width` > 0 "#n" is n times it. False: "ERR bit offset is not an
 * integer or out of range", and replied. */
bool bitmap_take_offset(struct redis_call *call, struct bytes text, uint32_t width, uint64_t *out);

/* A copy of the cell's value that can be changed and holds the bit `last`, zeros added; its length
 * in *len. NULL: too large, or no memory, and replied. */
uint8_t *bitmap_grow(struct redis_call *call, const struct unit_cell *cell, uint64_t last,
                     size_t *len);

static inline struct bytes bitmap_of(const struct unit_cell *cell)
{
    return cell->found ? cell->value : bytes_make(NULL, 0);
}

#endif
