/* See slab_pool.h. */
#include "storage/slab_pool.h"

#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define REGION_BYTES_MIN (8u * SLAB_BYTES)
#define REGION_BYTES_MAX (128u * SLAB_BYTES)
#define RELEASE_SLABS 8u /* at a time */

struct slab_region {
    struct queue link;
    uint8_t *allocated; /* what to free */
    uint32_t capacity;  /* in slabs */
    uint32_t cut;       /* slabs that are in use or in the free list; they are the first ones */
    uint32_t touched;   /* slabs that have ever been in use, and count as held */
    uint32_t used;      /* slabs in use */
    struct slab slabs[];
};

static size_t region_header_bytes(uint32_t capacity)
{
    return sizeof(struct slab_region) + capacity * sizeof(struct slab);
}

void slab_pool_init(struct slab_pool *pool, struct memory_budget *budget)
{
    *pool = (struct slab_pool){.budget = budget};
    queue_init(&pool->regions);
    queue_init(&pool->retired);
    queue_init(&pool->free_slabs);
}

static struct slab_region *region_new(struct slab_pool *pool)
{
    size_t bytes = pool->region_bytes_total;
    bytes = bytes < REGION_BYTES_MIN ? REGION_BYTES_MIN : bytes;
    bytes = bytes > REGION_BYTES_MAX ? REGION_BYTES_MAX : bytes;
    uint32_t capacity = (uint32_t)(bytes / SLAB_BYTES);

    struct slab_region *region = memory_budget_alloc(pool->budget, region_header_bytes(capacity));
    if (region == NULL) {
        return NULL;
    }
    region->allocated = mem_alloc(bytes + PAGE_BYTES);
    if (region->allocated == NULL) {
        memory_budget_free(pool->budget, region, region_header_bytes(capacity));
        return NULL;
    }
    uintptr_t begin =
        ((uintptr_t)region->allocated + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    for (uint32_t i = 0; i < capacity; i++) {
        uint8_t *memory = (uint8_t *)begin + (size_t)i * SLAB_BYTES;
        region->slabs[i] = (struct slab){.memory = memory, .region = region};
    }
    region->capacity = capacity;
    region->cut = 0;
    region->touched = 0;
    region->used = 0;
    queue_push(&pool->regions, &region->link);
    pool->region_bytes_total += bytes;
    return region;
}

static void region_free(struct slab_pool *pool, struct slab_region *region)
{
    if (pool->current == region) {
        pool->current = NULL;
    }
    queue_remove(&region->link);
    pool->region_bytes_total -= (size_t)region->capacity * SLAB_BYTES;
    memory_budget_give(pool->budget, (size_t)region->touched * SLAB_BYTES);
    mem_free(region->allocated);
    memory_budget_free(pool->budget, region, region_header_bytes(region->capacity));
}

static void queue_free_regions(struct slab_pool *pool, struct queue *regions)
{
    while (!queue_empty(regions)) {
        region_free(pool, QUEUE_ITEM(regions->next, struct slab_region, link));
    }
}

void slab_pool_deinit(struct slab_pool *pool)
{
    queue_free_regions(pool, &pool->regions);
    queue_free_regions(pool, &pool->retired);
}

/* The next region to cut slabs from. */
static struct slab_region *region_next(struct slab_pool *pool)
{
    struct queue *link = queue_pop(&pool->retired);
    if (link == NULL) {
        return region_new(pool);
    }
    queue_push(&pool->regions, link);
    return QUEUE_ITEM(link, struct slab_region, link);
}

static struct slab *slab_cut(struct slab_pool *pool)
{
    if (pool->current == NULL || pool->current->cut == pool->current->capacity) {
        struct slab_region *region = region_next(pool);
        if (region == NULL) {
            return NULL;
        }
        pool->current = region;
    }
    struct slab_region *region = pool->current;
    if (region->cut == region->touched) {
        if (!memory_budget_take(pool->budget, SLAB_BYTES)) {
            return NULL;
        }
        region->touched++;
    }
    struct slab *slab = &region->slabs[region->cut];
    region->cut++;
    return slab;
}

struct slab *slab_pool_take(struct slab_pool *pool)
{
    struct queue *link = queue_pop(&pool->free_slabs);
    struct slab *slab = link != NULL ? QUEUE_ITEM(link, struct slab, link) : slab_cut(pool);
    if (slab != NULL) {
        slab->region->used++;
    }
    return slab;
}

/* None of its slabs is in use: takes them out of the free list. */
static void region_retire(struct slab_pool *pool, struct slab_region *region)
{
    for (uint32_t i = 0; i < region->cut; i++) {
        queue_remove(&region->slabs[i].link);
    }
    region->cut = 0;
    if (region != pool->current) {
        queue_remove(&region->link);
        queue_push(&pool->retired, &region->link);
    }
}

void slab_pool_give(struct slab_pool *pool, struct slab *slab)
{
    struct slab_region *region = slab->region;
    ASSERT(region->used > 0);
    queue_push(&pool->free_slabs, &slab->link);
    region->used--;
    if (region->used == 0) {
        region_retire(pool, region);
    }
}

bool slab_pool_release(struct slab_pool *pool)
{
    if (queue_empty(&pool->retired)) {
        return false;
    }
    struct slab_region *region = QUEUE_ITEM(pool->retired.next, struct slab_region, link);
    uint32_t count = region->touched < RELEASE_SLABS ? region->touched : RELEASE_SLABS;
    region->touched -= count;
    if (region->touched == 0) {
        memory_budget_give(pool->budget, count * SLAB_BYTES);
        region_free(pool, region);
        return true;
    }
    uint8_t *memory = region->slabs[region->touched].memory;
    (void)madvise(memory, count * SLAB_BYTES, MADV_DONTNEED); /* else it goes with the region */
    memory_budget_give(pool->budget, count * SLAB_BYTES);
    return true;
}

bool slab_pool_trim(struct slab_pool *pool)
{
    if (slab_pool_release(pool)) {
        return true;
    }
    if (pool->current == NULL || pool->current->used > 0) {
        return false;
    }
    region_free(pool, pool->current);
    return true;
}

/* Adds the regions of one queue to the sums. */
static void regions_check(const struct slab_pool *pool, const struct queue *regions,
                          struct slab_region *sum)
{
    for (struct queue *link = regions->next; link != regions; link = link->next) {
        const struct slab_region *region = QUEUE_ITEM(link, struct slab_region, link);
        ASSERT(region->used <= region->cut && region->cut <= region->touched);
        ASSERT(region->touched <= region->capacity);
        ASSERT((region->used == 0) == (regions == &pool->retired) || region == pool->current);
        ASSERT(region->used > 0 || region->cut == 0);
        sum->used += region->used;
        sum->cut += region->cut;
        sum->touched += region->touched;
        sum->capacity += region->capacity;
    }
}

uint64_t slab_pool_check(const struct slab_pool *pool)
{
    struct slab_region sum = {0};
    regions_check(pool, &pool->regions, &sum);
    regions_check(pool, &pool->retired, &sum);
    uint64_t free = 0;
    for (struct queue *link = pool->free_slabs.next; link != &pool->free_slabs; link = link->next) {
        free++;
    }
    ASSERT(sum.used + free == sum.cut);
    ASSERT((uint64_t)sum.touched * SLAB_BYTES <= pool->budget->held_bytes);
    ASSERT((uint64_t)sum.capacity * SLAB_BYTES == pool->region_bytes_total);
    return sum.used;
}
