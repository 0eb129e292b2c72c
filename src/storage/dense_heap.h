/* Memory for many small blocks of all sizes, always dense: a free moves the last block of the size
 * class into the hole and tells the owner, so there is never a hole, whatever sizes come and go.
 * Size classes without moving (memcached's slabs, jemalloc) keep pages that are mostly holes once
 * the sizes in use change; a log with a cleaner (RAMCloud) needs a tenth to a fifth of memory
 * unused to clean well. Here the cost is one block copied, and its owner's pointer found, a free.
 *
 *      class 144   slab (full) <- slab (full) <- top [##########......]
 *                                                          ^ alloc takes here; free fills the hole
 *                                                            with the block before it
 *
 * Classes are 8 bytes apart up to 1 KiB and a sixteenth apart up to 8 KiB; larger blocks stand
 * alone and never move. At most one slab a class is not full. */
#ifndef STORAGE_DENSE_HEAP_H
#define STORAGE_DENSE_HEAP_H

#include "storage/slab_pool.h"

#define DENSE_HEAP_CLASSES 176u
#define DENSE_HEAP_BLOCK_BYTES_MAX 8192u /* larger ones stand alone */

/* A block's bytes are now at `to` and no longer at `from`; the owner's pointer must follow. It may
 * not allocate from or free to the heap. */
typedef void (*dense_heap_moved)(void *self, void *from, void *to);

struct dense_class {
    struct slab *top;    /* the only one with room; those below are full; NULL when there is none */
    uint32_t top_used;   /* blocks in use in the top slab */
    uint32_t slab_count; /* of the stack */
};

struct dense_heap {
    struct slab_pool *pool; /* borrowed for the heap's life */
    dense_heap_moved moved;
    void *self;
    uint64_t used_bytes; /* of all blocks in use, each as dense_heap_block_bytes says */
    struct queue large;  /* blocks that stand alone */
    struct dense_class classes[DENSE_HEAP_CLASSES];
};

void dense_heap_init(struct dense_heap *heap, struct slab_pool *pool, dense_heap_moved moved,
                     void *self);

/* Gives everything back, blocks in use included. */
void dense_heap_deinit(struct dense_heap *heap);

/* At least `size` bytes (more than 0), not zeroed, aligned to 8, and to 64 if the size is a
 * multiple of 64 of at most DENSE_HEAP_BLOCK_BYTES_MAX. Stays where it is until the next free. NULL
 * when there is no memory or the budget is spent. */
void *dense_heap_alloc(struct dense_heap *heap, size_t size);

/* `size` is what was asked for. May move one other block. */
void dense_heap_free(struct dense_heap *heap, void *block, size_t size);

/* What a block of that size takes; equal figures mean that one can hold the other. */
size_t dense_heap_block_bytes(size_t size);

/* Asserts the invariants; walks all slabs and large blocks. Returns how many slabs it holds. */
uint64_t dense_heap_check(const struct dense_heap *heap);

#endif
