/* Commands that arrived together, read before the first of them is carried out: the memory that
 * their keys lie in comes while others are at work (Kocberber and others, 2015, "Asynchronous
 * memory access chaining", in its simplest form). */
#ifndef API_REDIS_BATCH_H
#define API_REDIS_BATCH_H

#include "api/redis/request.h"
#include "node/unit.h"

#define REDIS_BATCH_REQUESTS 16u
#define REDIS_BATCH_ARGUMENTS 48u /* from so many on, no other request is read with them */
#define REDIS_BATCH_KEYS 32u      /* of all of them, that memory is asked for */

struct redis_batch {
    struct redis_request requests[REDIS_BATCH_REQUESTS];
    uint32_t count;
    int code; /* what came of reading on: 0, the batch is full; else as redis_request_read */
    size_t need;
    char text[REDIS_ERROR_BYTES];
};

/* Reads what there is. The arena is reset; requests are good until it is again. */
void redis_batch_read(struct redis_batch *batch, struct bytes input,
                      const struct redis_request_bounds *bounds,
                      struct redis_request_progress *progress, struct arena *arena);

/* Asks for the memory of their keys. */
void redis_batch_expect(const struct redis_batch *batch, const struct worker *worker);

#endif
