/* What an engine holds in memory, counted where it is taken, and the bound on it. Every byte of an
 * engine in memory is taken from and given back to one budget, so the figure that users see and the
 * one that is bounded are the same. The allocator's own few bytes a block are not counted. */
#ifndef STORAGE_MEMORY_BUDGET_H
#define STORAGE_MEMORY_BUDGET_H

#include <stdbool.h>

#include "base/assert.h"
#include "base/memory.h"

struct memory_budget {
    uint64_t held_bytes;
    uint64_t bytes_max; /* 0: no bound but the machine's */
};

/* Counts the bytes as held; false, and nothing counted, when that would exceed the bound. */
static inline bool memory_budget_take(struct memory_budget *budget, size_t bytes)
{
    if (budget->bytes_max != 0 && (budget->held_bytes > budget->bytes_max ||
                                   bytes > budget->bytes_max - budget->held_bytes)) {
        return false;
    }
    budget->held_bytes += bytes;
    return true;
}

static inline void memory_budget_give(struct memory_budget *budget, size_t bytes)
{
    ASSERT(budget->held_bytes >= bytes);
    budget->held_bytes -= bytes;
}

/* As mem_alloc; NULL also when it would exceed the bound. */
static inline void *memory_budget_alloc(struct memory_budget *budget, size_t size)
{
    if (!memory_budget_take(budget, size)) {
        return NULL;
    }
    void *memory = mem_alloc(size);
    if (memory == NULL) {
        memory_budget_give(budget, size);
    }
    return memory;
}

/* The size it was allocated with. NULL is harmless. */
static inline void memory_budget_free(struct memory_budget *budget, void *memory, size_t size)
{
    if (memory != NULL) {
        memory_budget_give(budget, size);
        mem_free(memory);
    }
}

#endif
