/* What the desks of a node's Redis surface have in common; any thread may ask. */
#ifndef API_REDIS_SHARED_H
#define API_REDIS_SHARED_H

#include "api/redis.h"
#include "api/redis/client_roll.h"

struct redis_shared {
    struct redis_options options;
    struct client_roll roll;
    /* CONFIG RESETSTAT: what had been counted by then is not told any more. */
    _Atomic uint64_t commands_before;
    _Atomic uint64_t errors_before;
    _Atomic uint64_t accepted_before;
};

/* 0 or SHOAL_ENOMEM. The options are copied; what they borrow is borrowed. */
int redis_shared_init(struct redis_shared *shared, const struct redis_options *options);
void redis_shared_deinit(struct redis_shared *shared);

/* A counter of the surface, 0 when none are kept. */
uint64_t redis_shared_count(const struct redis_shared *shared, metric_id id);

#endif
