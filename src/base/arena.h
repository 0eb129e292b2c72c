/* Memory for one event: bump-allocated, freed all at once. Each worker has one that is reset before
 * every event, so decoding and merging allocate nothing in the steady state. Blocks are kept across
 * resets; what a single large event needed beyond `keep_max` bytes is given back. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* blocks in order of use */
    struct arena_block *current;
    size_t keep_max; /* bytes kept across a reset */
    size_t held;     /* bytes in all blocks */
};

void arena_init(struct arena *arena, size_t keep_max);
void arena_deinit(struct arena *arena);

/* Everything allocated becomes invalid. */
void arena_reset(struct arena *arena);

/* Memory aligned to 16 bytes, not zeroed, valid until the reset; NULL when there is none. */
void *arena_alloc(struct arena *arena, size_t size);

/* As above, for an array; NULL also when count * size overflows. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* A copy of the bytes that lives in the arena; data is NULL when there is no memory and len > 0. */
struct bytes arena_copy(struct arena *arena, struct bytes bytes);

#endif
