/* cmocka takes SIGBUS for itself around each test, after main has begun: who tests memory that is
 * guarded (storage/page_guard.h) gets the guard's handler back. */
#ifndef SUPPORT_GUARDED_H
#define SUPPORT_GUARDED_H

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "storage/page_guard.h"

static struct sigaction guarded_handler;

/* In main, before the tests. */
static inline void guarded_init(void)
{
    struct page_guard *guard;
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(memory != MAP_FAILED);
    int result = page_guard_add(memory, bytes, &guard);
    ASSERT(result == 0);
    page_guard_remove(guard);
    (void)munmap(memory, bytes);
    result = sigaction(SIGBUS, NULL, &guarded_handler);
    ASSERT(result == 0);
}

/* At the beginning of a test. */
static inline void guarded_begin(void)
{
    int result = sigaction(SIGBUS, &guarded_handler, NULL);
    ASSERT(result == 0);
}

#endif
