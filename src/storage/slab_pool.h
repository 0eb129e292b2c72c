/* Slabs of 64 KiB, cut from regions that are allocated whole and double in size up to 8 MiB, so a
 * small engine stays small. A region none of whose slabs is in use retires; its memory goes back to
 * the system a little at a time when the owner says so, because giving back much at once takes
 * milliseconds. A slab counts as held from its first use until then; those that are free, and
 * retired regions, are used again before new ones are made. Huge pages are not asked for: they make
 * a random read a third faster, but each costs a pause when first touched, on virtual machines of
 * milliseconds. */
#ifndef STORAGE_SLAB_POOL_H
#define STORAGE_SLAB_POOL_H

#include "base/queue.h"
#include "storage/memory_budget.h"

#define SLAB_BYTES 65536u

struct slab_region;

struct slab {
    uint8_t *memory; /* SLAB_BYTES, aligned to a page */
    struct slab_region *region;
    struct slab *below; /* the holder's */
    struct queue link;  /* in the pool's free list, while it is free */
};

struct slab_pool {
    struct memory_budget *budget; /* borrowed for the pool's life */
    struct queue regions;
    struct queue retired; /* regions without a slab in use */
    struct queue free_slabs;
    struct slab_region *current; /* new slabs are cut from it; NULL before the first */
    size_t region_bytes_total;
};

void slab_pool_init(struct slab_pool *pool, struct memory_budget *budget);

/* Gives back all regions, slabs in use included. */
void slab_pool_deinit(struct slab_pool *pool);

/* NULL when there is no memory or the budget is spent. */
struct slab *slab_pool_take(struct slab_pool *pool);

void slab_pool_give(struct slab_pool *pool, struct slab *slab);

/* Gives back some memory of the retired regions, at most half a MiB; false when there is none. */
bool slab_pool_release(struct slab_pool *pool);

/* As slab_pool_release; after all that, the region that slabs are cut from, if none is in use. */
bool slab_pool_trim(struct slab_pool *pool);

/* Asserts the invariants; returns how many slabs are in use. */
uint64_t slab_pool_check(const struct slab_pool *pool);

#endif
