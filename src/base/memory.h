/* Allocation that tests can make fail. All of Shoal allocates through these, so that "the Nth
 * allocation fails" can be tried for every N; out of memory is an error that callers forward
 * (SHOAL_ENOMEM), never a crash. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* As malloc, calloc, realloc, free; NULL when there is no memory. A size of 0 is taken as 1. */
void *mem_alloc(size_t size);
void *mem_alloc_zeroed(size_t count, size_t size);
void *mem_realloc(void *old, size_t size);
void mem_free(void *memory);

/* Copies len bytes and adds a NUL behind them; NULL when there is no memory. */
char *mem_copy_string(const char *text, size_t len);

/* For tests, this thread only: the nth allocation from now (1 is the next) fails, and every one
 * after it too until mem_fail_never(). */
void mem_fail_from(uint64_t nth);
void mem_fail_never(void);

#endif
