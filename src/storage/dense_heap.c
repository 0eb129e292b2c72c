/* See dense_heap.h. A class is a stack of slabs, so no slab is ever looked for: blocks come from
 * the top of the stack and leave from there. */
#include "storage/dense_heap.h"

#include <string.h>

#include "base/assert.h"

#define FINE_BYTES_MAX 1024u /* classes FINE_STEP apart up to here */
#define FINE_STEP 8u
#define FINE_CLASSES (FINE_BYTES_MAX / FINE_STEP)
#define STEPS_PER_DOUBLING 16u

/* In front of a block that stands alone. */
struct large_block {
    struct queue link;
    size_t bytes; /* of the block, without this */
    size_t unused;
};

static uint32_t class_of(size_t size)
{
    if (size <= FINE_BYTES_MAX) {
        return (uint32_t)((size - 1) / FINE_STEP);
    }
    uint32_t log = 63u - (uint32_t)__builtin_clzll(size - 1); /* 10 to 12 */
    uint32_t step = (uint32_t)((size - 1) >> (log - 4)) - STEPS_PER_DOUBLING;
    return FINE_CLASSES + (log - 10) * STEPS_PER_DOUBLING + step;
}

static uint32_t class_block_bytes(uint32_t class_index)
{
    if (class_index < FINE_CLASSES) {
        return (class_index + 1) * FINE_STEP;
    }
    uint32_t log = 10 + (class_index - FINE_CLASSES) / STEPS_PER_DOUBLING;
    uint32_t step = (class_index - FINE_CLASSES) % STEPS_PER_DOUBLING;
    return (STEPS_PER_DOUBLING + step + 1) << (log - 4);
}

size_t dense_heap_block_bytes(size_t size)
{
    if (size <= DENSE_HEAP_BLOCK_BYTES_MAX) {
        return class_block_bytes(class_of(size));
    }
    return size + sizeof(struct large_block);
}

void dense_heap_init(struct dense_heap *heap, struct slab_pool *pool, dense_heap_moved moved,
                     void *self)
{
    memset(heap, 0, sizeof(*heap));
    heap->pool = pool;
    heap->moved = moved;
    heap->self = self;
    queue_init(&heap->large);
}

static bool class_push(struct dense_heap *heap, struct dense_class *class)
{
    struct slab *slab = slab_pool_take(heap->pool);
    if (slab == NULL) {
        return false;
    }
    slab->below = class->top;
    class->top = slab;
    class->top_used = 0;
    class->slab_count++;
    return true;
}

/* The slabs below the top are full. */
static void class_pop(struct dense_heap *heap, struct dense_class *class, uint32_t slab_blocks)
{
    struct slab *slab = class->top;
    class->top = slab->below;
    class->top_used = class->top != NULL ? slab_blocks : 0;
    class->slab_count--;
    slab_pool_give(heap->pool, slab);
}

void dense_heap_deinit(struct dense_heap *heap)
{
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        while (heap->classes[i].top != NULL) {
            class_pop(heap, &heap->classes[i], 0);
        }
    }
    struct queue *link = queue_pop(&heap->large);
    while (link != NULL) {
        struct large_block *large = QUEUE_ITEM(link, struct large_block, link);
        memory_budget_free(heap->pool->budget, large, sizeof(*large) + large->bytes);
        link = queue_pop(&heap->large);
    }
    memset(heap, 0, sizeof(*heap));
}

static void *large_alloc(struct dense_heap *heap, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    struct large_block *large = memory_budget_alloc(heap->pool->budget, sizeof(*large) + size);
    if (large == NULL) {
        return NULL;
    }
    large->bytes = size;
    queue_push(&heap->large, &large->link);
    heap->used_bytes += dense_heap_block_bytes(size);
    return large + 1;
}

void *dense_heap_alloc(struct dense_heap *heap, size_t size)
{
    ASSERT(size > 0);
    if (size > DENSE_HEAP_BLOCK_BYTES_MAX) {
        return large_alloc(heap, size);
    }
    uint32_t class_index = class_of(size);
    uint32_t block_bytes = class_block_bytes(class_index);
    struct dense_class *class = &heap->classes[class_index];
    if (class->top == NULL || class->top_used == SLAB_BYTES / block_bytes) {
        if (!class_push(heap, class)) {
            return NULL;
        }
    }
    void *block = class->top->memory + (size_t) class->top_used * block_bytes;
    class->top_used++;
    heap->used_bytes += block_bytes;
    return block;
}

static void large_free(struct dense_heap *heap, void *block, size_t size)
{
    struct large_block *large = (struct large_block *)block - 1;
    ASSERT(large->bytes == size);
    queue_remove(&large->link);
    heap->used_bytes -= dense_heap_block_bytes(size);
    memory_budget_free(heap->pool->budget, large, sizeof(*large) + size);
}

void dense_heap_free(struct dense_heap *heap, void *block, size_t size)
{
    if (size > DENSE_HEAP_BLOCK_BYTES_MAX) {
        large_free(heap, block, size);
        return;
    }
    uint32_t class_index = class_of(size);
    uint32_t block_bytes = class_block_bytes(class_index);
    struct dense_class *class = &heap->classes[class_index];
    ASSERT(class->top != NULL && class->top_used > 0);

    class->top_used--;
    heap->used_bytes -= block_bytes;
    uint8_t *last = class->top->memory + (size_t) class->top_used * block_bytes;
    if (last != block) {
        memcpy(block, last, block_bytes);
        heap->moved(heap->self, last, block);
    }
    if (class->top_used == 0) {
        class_pop(heap, class, SLAB_BYTES / block_bytes);
    }
}

uint64_t dense_heap_check(const struct dense_heap *heap)
{
    uint64_t used_bytes = 0;
    uint64_t slab_count = 0;
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        const struct dense_class *class = &heap->classes[i];
        uint32_t block_bytes = class_block_bytes(i);
        uint32_t class_slabs = 0;
        for (const struct slab *slab = class->top; slab != NULL; slab = slab->below) {
            uint32_t used = slab == class->top ? class->top_used : SLAB_BYTES / block_bytes;
            ASSERT(used > 0 && used <= SLAB_BYTES / block_bytes);
            used_bytes += (uint64_t)used * block_bytes;
            class_slabs++;
        }
        ASSERT(class_slabs == class->slab_count);
        slab_count += class_slabs;
    }
    for (struct queue *link = heap->large.next; link != &heap->large; link = link->next) {
        const struct large_block *large = QUEUE_ITEM(link, struct large_block, link);
        used_bytes += dense_heap_block_bytes(large->bytes);
    }
    ASSERT(used_bytes == heap->used_bytes);
    return slab_count;
}
