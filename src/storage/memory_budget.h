/* What an engine holds in memory, counted where it is allocated, and the bound on it. Every byte of
 * an engine in memory is taken from and given back to one budget, so the figure that users see and
 * the one that is bounded are the same. The allocator's own few bytes a block are not counted. */
#ifndef STORAGE_MEMORY_BUDGET_H
#define STORAGE_MEMORY_BUDGET_H

#include "base/assert.h"
#include "base/memory.h"

struct memory_budget {
    uint64_t held_bytes;
    uint64_t bytes_max; /* 0: no bound but the machine's */
};

/* As mem_alloc; NULL also when it would exceed the bound. */
static inline void *memory_budget_alloc(struct memory_budget *budget, size_t size)
{
    if (budget->bytes_max != 0 &&
        (budget->held_bytes > budget->bytes_max || size > budget->bytes_max - budget->held_bytes)) {
        return NULL;
    }
    void *memory = mem_alloc(size);
    if (memory != NULL) {
        budget->held_bytes += size;
    }
    return memory;
}

/* The size it was allocated with. NULL is harmless. */
static inline void memory_budget_free(struct memory_budget *budget, void *memory, size_t size)
{
    if (memory == NULL) {
        return;
    }
    ASSERT(budget->held_bytes >= size);
    budget->held_bytes -= size;
    mem_free(memory);
}

#endif
