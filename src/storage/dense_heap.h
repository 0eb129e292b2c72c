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
 * alone and never move. Slabs grow with their class, so what is not yet used stays under 1/64 of
 * it. */
#ifndef STORAGE_DENSE_HEAP_H
#define STORAGE_DENSE_HEAP_H

#include "base/queue.h"
#include "storage/memory_budget.h"

#define DENSE_HEAP_CLASSES 176u
#define DENSE_HEAP_BLOCK_BYTES_MAX 8192u /* larger ones stand alone */

struct dense_slab;

/* A block's bytes are now at `to` and no longer at `from`; the owner's pointer must follow. It may
 * not allocate from or free to the heap. */
typedef void (*dense_heap_moved)(void *self, void *from, void *to);

struct dense_class {
    struct dense_slab *top;   /* the only slab with room; those below are full */
    struct dense_slab *spare; /* an empty one kept against going back and forth; may be NULL */
    uint32_t top_used;        /* blocks in use in the top slab */
    uint64_t slab_bytes;      /* of all slabs but the spare */
};

struct dense_heap {
    struct memory_budget *budget; /* borrowed for the heap's life */
    dense_heap_moved moved;
    void *self;
    uint64_t used_bytes; /* of all blocks in use, each as dense_heap_block_bytes says */
    struct queue large;  /* blocks that stand alone */
    struct dense_class classes[DENSE_HEAP_CLASSES];
};

void dense_heap_init(struct dense_heap *heap, struct memory_budget *budget, dense_heap_moved moved,
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

/* Gives back the spare slabs; true when there were any. */
bool dense_heap_trim(struct dense_heap *heap);

/* Asserts the invariants; walks all slabs and large blocks. */
void dense_heap_check(const struct dense_heap *heap);

#endif
