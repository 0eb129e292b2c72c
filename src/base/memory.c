/* The C library's allocator behind a countdown that tests set. The countdown is one thread-local
 * number that is 0 outside tests, so it costs a load and a branch that is always predicted. */
#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* 0: off. 1: every allocation fails. n: n - 1 more allocations succeed. */
static _Thread_local uint64_t fail_countdown;

static bool must_fail(void)
{
    if (__builtin_expect(fail_countdown == 0, 1)) {
        return false;
    }
    if (fail_countdown == 1) {
        return true;
    }
    fail_countdown--;
    return false;
}

void *mem_alloc(size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    return malloc(size == 0 ? 1 : size);
}

void *mem_alloc_zeroed(size_t count, size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    size_t total;
    if (!checked_multiply(count, size, &total)) {
        return NULL;
    }
    return calloc(1, total == 0 ? 1 : total);
}

void *mem_realloc(void *old, size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    return realloc(old, size == 0 ? 1 : size);
}

void mem_free(void *memory)
{
    free(memory);
}

char *mem_copy_string(const char *text, size_t len)
{
    if (len == SIZE_MAX) {
        return NULL;
    }
    char *copy = mem_alloc(len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

void mem_fail_from(uint64_t nth)
{
    fail_countdown = nth;
}

void mem_fail_never(void)
{
    fail_countdown = 0;
}
