/* A binary heap by time. See expiring.h. */
#include "replica/expiring.h"

#include "base/assert.h"
#include "base/memory.h"

#define HEAP_AT_FIRST 16u

void expiring_init(struct expiring *expiring)
{
    *expiring = (struct expiring){.missed_ms = EXPIRING_NEVER};
}

void expiring_deinit(struct expiring *expiring)
{
    mem_free(expiring->heap);
    expiring_init(expiring);
}

void expiring_forget(struct expiring *expiring)
{
    expiring_deinit(expiring);
}

static bool expiring_grow(struct expiring *expiring)
{
    uint32_t capacity = expiring->capacity == 0 ? HEAP_AT_FIRST : expiring->capacity * 2;
    if (capacity > EXPIRING_MAX) {
        return false;
    }
    struct expiring_sibling *heap = mem_realloc(expiring->heap, capacity * sizeof(*heap));
    if (heap == NULL) {
        return false;
    }
    expiring->heap = heap;
    expiring->capacity = capacity;
    return true;
}

void expiring_add(struct expiring *expiring, uint64_t due_ms, uint64_t position, struct dot dot)
{
    if (expiring->count == expiring->capacity && !expiring_grow(expiring)) {
        expiring->missed_ms = due_ms < expiring->missed_ms ? due_ms : expiring->missed_ms;
        return;
    }
    struct expiring_sibling *heap = expiring->heap;
    uint32_t at = expiring->count++;
    while (at > 0 && heap[(at - 1) / 2].due_ms > due_ms) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = (struct expiring_sibling){.due_ms = due_ms, .position = position, .dot = dot};
}

/* Lets this one find its place from the top. */
static void expiring_sink(struct expiring *expiring, struct expiring_sibling sinking)
{
    struct expiring_sibling *heap = expiring->heap;
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= expiring->count) {
            break;
        }
        if (child + 1 < expiring->count && heap[child + 1].due_ms < heap[child].due_ms) {
            child++;
        }
        if (heap[child].due_ms >= sinking.due_ms) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = sinking;
}

bool expiring_pop(struct expiring *expiring, uint64_t now_ms, struct expiring_sibling *out)
{
    if (expiring->count == 0 || expiring->heap[0].due_ms > now_ms) {
        return false;
    }
    *out = expiring->heap[0];
    expiring->count--;
    if (expiring->count > 0) {
        expiring_sink(expiring, expiring->heap[expiring->count]);
    }
    return true;
}

uint64_t expiring_next_ms(const struct expiring *expiring)
{
    return expiring->count == 0 ? EXPIRING_NEVER : expiring->heap[0].due_ms;
}

void expiring_check(const struct expiring *expiring)
{
    ASSERT(expiring->count <= expiring->capacity);
    ASSERT(expiring->capacity <= EXPIRING_MAX);
    for (uint32_t i = 1; i < expiring->count; i++) {
        ASSERT(expiring->heap[(i - 1) / 2].due_ms <= expiring->heap[i].due_ms);
    }
}
