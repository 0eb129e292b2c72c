/* A memory engine with moods, for tests of what stands on the storage port: it may make writes wait
 * for their durability, refuse them, or fail for good; and what it lends it takes back at the next
 * write, so that AddressSanitizer catches whoever keeps a borrowed record too long. */
#ifndef SUPPORT_FICKLE_ENGINE_H
#define SUPPORT_FICKLE_ENGINE_H

#include "storage/engine.h"

struct fickle_engine {
    struct engine engine; /* first */
    struct engine *inner;
    bool slow;             /* writes answer 1; durable when fickle_engine_settle says so */
    uint64_t sequence;     /* of the last write while slow */
    uint32_t puts_failing; /* so many of the next puts ... */
    int put_code;          /* ... are refused with this */
    uint32_t holdings_failing;
    uint32_t puts; /* that were done */
    void **lent;
    size_t lent_count;
};

/* Aborts without memory: it is for tests. */
struct fickle_engine *fickle_engine_new(uint32_t partitions);

/* All writes so far are durable, and their waiters hear of it. */
void fickle_engine_settle(struct fickle_engine *fickle);

/* The storage fails for good. */
void fickle_engine_break(struct fickle_engine *fickle, int code);

#endif
