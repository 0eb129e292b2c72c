/* See dense_heap.h. A class is a stack of slabs, so no slab is ever looked for: blocks come from
 * the top of the stack and leave from there. */
#include "storage/dense_heap.h"

#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"

#define FINE_BYTES_MAX 1024u /* classes FINE_STEP apart up to here */
#define FINE_STEP 8u
#define FINE_CLASSES (FINE_BYTES_MAX / FINE_STEP)
#define STEPS_PER_DOUBLING 16u

#define SLAB_BYTES_MIN 4096u
#define SLAB_BYTES_MAX (8u * 1024u * 1024u)
#define SLAB_BLOCKS_MIN 8u
#define SLAB_SHARE 64u                       /* a new slab is this fraction of its class */
#define SLAB_ALIGN 64u                       /* a cache line */
#define HUGE_PAGES_FROM (4u * 1024u * 1024u) /* smaller slabs hold no aligned huge page for sure   \
                                              */

struct dense_slab {
    struct dense_slab *below;
    size_t bytes;      /* as allocated */
    uint8_t *blocks;   /* aligned to SLAB_ALIGN */
    uint32_t capacity; /* in blocks */
};

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

void dense_heap_init(struct dense_heap *heap, struct memory_budget *budget, dense_heap_moved moved,
                     void *self)
{
    memset(heap, 0, sizeof(*heap));
    heap->budget = budget;
    heap->moved = moved;
    heap->self = self;
    queue_init(&heap->large);
}

static void slab_free(struct dense_heap *heap, struct dense_slab *slab)
{
    if (slab != NULL) {
        memory_budget_free(heap->budget, slab, slab->bytes);
    }
}

void dense_heap_deinit(struct dense_heap *heap)
{
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        struct dense_class *class = &heap->classes[i];
        while (class->top != NULL) {
            struct dense_slab *slab = class->top;
            class->top = slab->below;
            slab_free(heap, slab);
        }
        slab_free(heap, class->spare);
    }
    struct queue *link = queue_pop(&heap->large);
    while (link != NULL) {
        struct large_block *large = QUEUE_ITEM(link, struct large_block, link);
        memory_budget_free(heap->budget, large, sizeof(*large) + large->bytes);
        link = queue_pop(&heap->large);
    }
    memset(heap, 0, sizeof(*heap));
}

/* Fewer misses of the address cache where much is held; a hint, so its outcome is of no interest.
 */
static void ask_for_huge_pages(void *memory, size_t bytes)
{
    const uintptr_t page = 4096;
    uintptr_t begin = ((uintptr_t)memory + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)memory + bytes) & ~(page - 1);
    (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

static struct dense_slab *slab_new(struct dense_heap *heap, uint64_t class_bytes,
                                   uint32_t block_bytes)
{
    size_t bytes = (size_t)(class_bytes / SLAB_SHARE);
    if (bytes < SLAB_BYTES_MIN) {
        bytes = SLAB_BYTES_MIN;
    }
    if (bytes > SLAB_BYTES_MAX) {
        bytes = SLAB_BYTES_MAX;
    }
    const size_t overhead = sizeof(struct dense_slab) + SLAB_ALIGN;
    size_t capacity = bytes > overhead ? (bytes - overhead) / block_bytes : 0;
    if (capacity < SLAB_BLOCKS_MIN) {
        capacity = SLAB_BLOCKS_MIN;
    }
    bytes = overhead + capacity * block_bytes;

    struct dense_slab *slab = memory_budget_alloc(heap->budget, bytes);
    if (slab == NULL) {
        return NULL;
    }
    if (bytes >= HUGE_PAGES_FROM) {
        ask_for_huge_pages(slab, bytes);
    }
    uintptr_t blocks = ((uintptr_t)(slab + 1) + SLAB_ALIGN - 1) & ~(uintptr_t)(SLAB_ALIGN - 1);
    slab->blocks = (uint8_t *)blocks;
    slab->bytes = bytes;
    slab->capacity = (uint32_t)capacity;
    return slab;
}

static bool class_push(struct dense_heap *heap, struct dense_class *class, uint32_t block_bytes)
{
    struct dense_slab *slab = class->spare;
    class->spare = NULL;
    if (slab == NULL) {
        slab = slab_new(heap, class->slab_bytes, block_bytes);
    }
    if (slab == NULL) {
        return false;
    }
    slab->below = class->top;
    class->top = slab;
    class->top_used = 0;
    class->slab_bytes += slab->bytes;
    return true;
}

/* The top slab has become empty. */
static void class_pop(struct dense_heap *heap, struct dense_class *class)
{
    struct dense_slab *slab = class->top;
    class->top = slab->below;
    class->top_used = class->top != NULL ? class->top->capacity : 0;
    class->slab_bytes -= slab->bytes;
    ASSERT(class->spare == NULL); /* given back when the top was half empty */
    if (class->top == NULL) {
        slab_free(heap, slab);
    } else {
        class->spare = slab;
    }
}

static void *large_alloc(struct dense_heap *heap, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    struct large_block *large = memory_budget_alloc(heap->budget, sizeof(*large) + size);
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
    if (class->top == NULL || class->top_used == class->top->capacity) {
        if (!class_push(heap, class, block_bytes)) {
            return NULL;
        }
    }
    void *block = class->top->blocks + (size_t) class->top_used * block_bytes;
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
    memory_budget_free(heap->budget, large, sizeof(*large) + size);
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
    uint8_t *last = class->top->blocks + (size_t) class->top_used * block_bytes;
    if (last != block) {
        memcpy(block, last, block_bytes);
        heap->moved(heap->self, last, block);
    }
    if (class->top_used == 0) {
        class_pop(heap, class);
    } else if (class->spare != NULL && class->top_used <= class->top->capacity / 2) {
        slab_free(heap, class->spare);
        class->spare = NULL;
    }
}

bool dense_heap_trim(struct dense_heap *heap)
{
    bool any = false;
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        struct dense_class *class = &heap->classes[i];
        any = any || class->spare != NULL;
        slab_free(heap, class->spare);
        class->spare = NULL;
    }
    return any;
}

void dense_heap_check(const struct dense_heap *heap)
{
    uint64_t used_bytes = 0;
    uint64_t held_bytes = 0;
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        const struct dense_class *class = &heap->classes[i];
        uint32_t block_bytes = class_block_bytes(i);
        uint64_t slab_bytes = 0;
        for (const struct dense_slab *slab = class->top; slab != NULL; slab = slab->below) {
            uint32_t used = slab == class->top ? class->top_used : slab->capacity;
            ASSERT(used > 0 && used <= slab->capacity);
            used_bytes += (uint64_t)used * block_bytes;
            slab_bytes += slab->bytes;
        }
        ASSERT(slab_bytes == class->slab_bytes);
        ASSERT(class->top != NULL || class->spare == NULL);
        held_bytes += slab_bytes + (class->spare != NULL ? class->spare->bytes : 0);
    }
    for (struct queue *link = heap->large.next; link != &heap->large; link = link->next) {
        const struct large_block *large = QUEUE_ITEM(link, struct large_block, link);
        used_bytes += dense_heap_block_bytes(large->bytes);
        held_bytes += sizeof(*large) + large->bytes;
    }
    ASSERT(used_bytes == heap->used_bytes);
    ASSERT(held_bytes <= heap->budget->held_bytes);
}
