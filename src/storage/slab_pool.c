/* See slab_pool.h. */
#include "storage/slab_pool.h"

#define PAGE_BYTES 4096u
#define REGION_BYTES_MIN (8u * SLAB_BYTES)
#define REGION_BYTES_MAX (512u * SLAB_BYTES)

struct slab_region {
    struct queue link;
    uint8_t *allocated; /* what to free */
    uint32_t capacity;  /* in slabs */
    uint32_t cut;       /* slabs that have been in use; they are the first ones */
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
    memory_budget_give(pool->budget, (size_t)region->cut * SLAB_BYTES);
    mem_free(region->allocated);
    memory_budget_free(pool->budget, region, region_header_bytes(region->capacity));
}

/* Its slabs are all in the free list. */
static void region_free_empty(struct slab_pool *pool, struct slab_region *region)
{
    for (uint32_t i = 0; i < region->cut; i++) {
        queue_remove(&region->slabs[i].link);
    }
    region_free(pool, region);
}

void slab_pool_deinit(struct slab_pool *pool)
{
    while (!queue_empty(&pool->regions)) {
        region_free(pool, QUEUE_ITEM(pool->regions.next, struct slab_region, link));
    }
}

static struct slab *slab_cut(struct slab_pool *pool)
{
    if (pool->current == NULL || pool->current->cut == pool->current->capacity) {
        struct slab_region *region = region_new(pool);
        if (region == NULL) {
            return NULL;
        }
        pool->current = region;
    }
    if (!memory_budget_take(pool->budget, SLAB_BYTES)) {
        return NULL;
    }
    struct slab *slab = &pool->current->slabs[pool->current->cut];
    pool->current->cut++;
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

void slab_pool_give(struct slab_pool *pool, struct slab *slab)
{
    struct slab_region *region = slab->region;
    ASSERT(region->used > 0);
    queue_push(&pool->free_slabs, &slab->link);
    region->used--;
    if (region->used == 0 && region != pool->current) {
        region_free_empty(pool, region);
    }
}

bool slab_pool_trim(struct slab_pool *pool)
{
    if (pool->current == NULL || pool->current->used > 0) {
        return false;
    }
    region_free_empty(pool, pool->current);
    return true;
}

uint64_t slab_pool_check(const struct slab_pool *pool)
{
    uint64_t used = 0;
    uint64_t cut = 0;
    uint64_t free = 0;
    size_t region_bytes_total = 0;
    for (struct queue *link = pool->regions.next; link != &pool->regions; link = link->next) {
        const struct slab_region *region = QUEUE_ITEM(link, struct slab_region, link);
        ASSERT(region->used <= region->cut && region->cut <= region->capacity);
        ASSERT(region->used > 0 || region == pool->current);
        used += region->used;
        cut += region->cut;
        region_bytes_total += (size_t)region->capacity * SLAB_BYTES;
    }
    for (struct queue *link = pool->free_slabs.next; link != &pool->free_slabs; link = link->next) {
        free++;
    }
    ASSERT(used + free == cut);
    ASSERT(cut * SLAB_BYTES <= pool->budget->held_bytes);
    ASSERT(region_bytes_total == pool->region_bytes_total);
    return used;
}
