/* Asking for memory before it is needed, so that something else is done while it comes. What waits
 * for a sync, a peer or a client waits in hundreds, and is out of the cache by its turn. */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>

#define PREFETCH_LINE_BYTES 64u

/* To be written to soon. Any address will do: what is not there is not fetched. */
static inline void prefetch_bytes(const void *begin, size_t len)
{
    for (size_t at = 0; at < len; at += PREFETCH_LINE_BYTES) {
        __builtin_prefetch((const char *)begin + at, 1);
    }
}

#endif
