/* Memory that bytes are received into. A block is counted by reference: a request in flight points
 * into it instead of copying its key and value, and the block goes when the last of them is done.
 * Blocks of the common size are recycled, and connections without half a message share the
 * worker's current one, so an idle connection holds no input memory and small requests in flight
 * pin about as much as they are long.
 *
 *      | done, still held by requests | being received now | room |
 *      0                              len - n            len  capacity
 *
 * One pool a worker, used by its thread alone. (Alternative rejected: a buffer a connection, moved
 * to its front after each message: it makes every request in flight a copy.) */
#ifndef NET_INPUT_BLOCK_H
#define NET_INPUT_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define INPUT_BLOCK_BYTES 65536u
#define INPUT_BLOCKS_KEPT 64u /* free ones kept for reuse */

struct input_block {
    uint32_t references;
    struct input_block *next_free;
    size_t capacity; /* of data */
    size_t len;      /* used */
    uint8_t data[];
};

struct input_pool {
    struct input_block *free;
    uint32_t free_count;
    size_t bytes; /* capacity of all blocks in use */
};

void input_pool_init(struct input_pool *pool);
/* All blocks must have been released. */
void input_pool_deinit(struct input_pool *pool);

/* An empty block with one reference and at least `capacity` bytes of room; NULL without memory. */
struct input_block *input_block_new(struct input_pool *pool, size_t capacity);

/* The same block with more room, perhaps elsewhere: the only reference must be the caller's. NULL
 * without memory: then the block is as it was. */
struct input_block *input_block_grow(struct input_pool *pool, struct input_block *block,
                                     size_t capacity);

static inline struct input_block *input_block_ref(struct input_block *block)
{
    block->references++;
    return block;
}

void input_block_unref(struct input_pool *pool, struct input_block *block);

#endif
