/* A chain of blocks of growing size; `current` is the one being filled, the blocks behind it are
 * free and empty.
 *
 *      first -> [full] -> [current: used ...... ] -> [kept from before] -> NULL
 *
 * Under AddressSanitizer what a reset frees is poisoned, so that a pointer kept across events is
 * caught although its block lives on. */
#include "base/arena.h"

#include "base/checked.h"
#include "base/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define ALIGNMENT 16u
#define BLOCK_BYTES_MIN ((size_t)16 * 1024)
#define BLOCK_BYTES_MAX ((size_t)1024 * 1024) /* a larger request gets a block of its own size */

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

void arena_init(struct arena *arena, size_t keep_max)
{
    *arena = (struct arena){.keep_max = keep_max};
}

static void block_free(struct arena_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->capacity);
    mem_free(block);
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->first;
    while (block != NULL) {
        struct arena_block *next = block->next;
        block_free(block);
        block = next;
    }
    *arena = (struct arena){.keep_max = arena->keep_max};
}

/* Gives blocks back until no more than keep_max bytes are held. */
static void trim(struct arena *arena)
{
    struct arena_block **link = &arena->first;
    size_t kept = 0;
    while (*link != NULL) {
        struct arena_block *block = *link;
        if (block->capacity <= arena->keep_max - kept) {
            kept += block->capacity;
            link = &block->next;
        } else {
            *link = block->next;
            block_free(block);
        }
    }
    arena->held = kept;
}

void arena_reset(struct arena *arena)
{
    if (arena->held > arena->keep_max) {
        trim(arena);
    }
#ifdef ARENA_POISONS
    for (struct arena_block *block = arena->first; block != NULL; block = block->next) {
        ASAN_POISON_MEMORY_REGION(block->data, block->capacity);
    }
#endif
    arena->current = arena->first;
    if (arena->current != NULL) {
        arena->current->used = 0;
    }
}

static size_t block_capacity(const struct arena *arena, size_t size)
{
    size_t capacity = BLOCK_BYTES_MIN;
    if (arena->current != NULL) {
        capacity = 2 * arena->current->capacity;
    }
    if (capacity > BLOCK_BYTES_MAX) {
        capacity = BLOCK_BYTES_MAX;
    }
    return capacity < size ? size : capacity;
}

/* Makes a new block the current one, in front of those kept from before. */
static struct arena_block *block_add(struct arena *arena, size_t size)
{
    size_t capacity = block_capacity(arena, size);
    size_t total;
    if (!checked_add(sizeof(struct arena_block), capacity, &total)) {
        return NULL;
    }
    struct arena_block *block = mem_alloc(total);
    if (block == NULL) {
        return NULL;
    }
    block->capacity = capacity;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->data, block->capacity);

    struct arena_block **link = arena->current == NULL ? &arena->first : &arena->current->next;
    block->next = *link;
    *link = block;
    arena->current = block;
    arena->held += capacity;
    return block;
}

static struct arena_block *block_with_room(struct arena *arena, size_t size)
{
    struct arena_block *current = arena->current;
    if (current != NULL && current->capacity - current->used >= size) {
        return current;
    }
    struct arena_block *kept = current == NULL ? NULL : current->next;
    if (kept != NULL && kept->capacity >= size) {
        kept->used = 0;
        arena->current = kept;
        return kept;
    }
    return block_add(arena, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    struct arena_block *block = block_with_room(arena, rounded);
    if (block == NULL) {
        return NULL;
    }
    void *memory = block->data + block->used;
    block->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (!checked_multiply(count, size, &total)) {
        return NULL;
    }
    return arena_alloc(arena, total);
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    if (bytes.len == 0) {
        return bytes_make(NULL, 0);
    }
    uint8_t *copy = arena_alloc(arena, bytes.len);
    if (copy == NULL) {
        return bytes_make(NULL, bytes.len);
    }
    memcpy(copy, bytes.data, bytes.len);
    return bytes_make(copy, bytes.len);
}
