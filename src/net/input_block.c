/* Blocks and their pool. Only blocks of exactly the common size are recycled; larger ones, for
 * large messages, go back to the allocator, which moves such pages without copying when they grow.
 */
#include "net/input_block.h"

#include "base/assert.h"
#include "base/memory.h"

void input_pool_init(struct input_pool *pool)
{
    *pool = (struct input_pool){0};
}

void input_pool_deinit(struct input_pool *pool)
{
    ASSERT(pool->bytes == 0);
    while (pool->free != NULL) {
        struct input_block *block = pool->free;
        pool->free = block->next_free;
        mem_free(block);
    }
    pool->free_count = 0;
}

static struct input_block *take_free(struct input_pool *pool)
{
    struct input_block *block = pool->free;
    if (block != NULL) {
        pool->free = block->next_free;
        pool->free_count--;
    }
    return block;
}

struct input_block *input_block_new(struct input_pool *pool, size_t capacity)
{
    struct input_block *block = NULL;
    if (capacity == INPUT_BLOCK_BYTES) {
        block = take_free(pool);
    }
    if (block == NULL) {
        block = mem_alloc(sizeof(*block) + capacity);
        if (block == NULL) {
            return NULL;
        }
    }
    block->references = 1;
    block->next_free = NULL;
    block->capacity = capacity;
    block->len = 0;
    pool->bytes += capacity;
    return block;
}

struct input_block *input_block_grow(struct input_pool *pool, struct input_block *block,
                                     size_t capacity)
{
    ASSERT(block->references == 1);
    ASSERT(capacity >= block->capacity);
    struct input_block *grown = mem_realloc(block, sizeof(*block) + capacity);
    if (grown == NULL) {
        return NULL;
    }
    pool->bytes += capacity - grown->capacity;
    grown->capacity = capacity;
    return grown;
}

void input_block_unref(struct input_pool *pool, struct input_block *block)
{
    ASSERT(block->references > 0);
    if (--block->references > 0) {
        return;
    }
    pool->bytes -= block->capacity;
    if (block->capacity != INPUT_BLOCK_BYTES || pool->free_count == INPUT_BLOCKS_KEPT) {
        mem_free(block);
        return;
    }
    block->next_free = pool->free;
    pool->free = block;
    pool->free_count++;
}
