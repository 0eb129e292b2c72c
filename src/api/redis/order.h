/* Which commands of one connection may be under way at the same time. Replies go out in order in
 * any case; this keeps effects in order too: a command waits while an earlier one touches a key of
 * its own and either of them writes, and one that concerns everything waits for all earlier ones
 * and holds all later ones.
 *
 * Keys are counted by their hash in a small table, so that two keys may share a count: that makes a
 * command wait which needn't, never the other way round. (Alternative rejected: a queue for each
 * key, which is exact but needs an allocation for each.) Pure. */
#ifndef API_REDIS_ORDER_H
#define API_REDIS_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define REDIS_ORDER_SLOTS 256u

/* All zero is empty. */
struct redis_order {
    uint32_t begun; /* commands under way */
    bool closed;    /* one of them concerns everything */
    struct {
        uint32_t readers;
        uint32_t writers;
    } slots[REDIS_ORDER_SLOTS];
};

enum redis_order_way {
    REDIS_ORDER_READS,
    REDIS_ORDER_WRITES,
    /* Writes whatever was there, in order of arrival with all else that concerns the key: waits
     * for those who read, and nobody waits for it. */
    REDIS_ORDER_WRITES_BLIND,
    REDIS_ORDER_EVERYTHING,
};

/* What a command concerns: argv[first], argv[first + step], ... `count` of them. */
struct redis_order_claim {
    enum redis_order_way way;
    const struct bytes *argv;
    uint32_t first;
    uint32_t step;
    uint32_t count;
};

/* May it begin? */
bool redis_order_allows(const struct redis_order *order, const struct redis_order_claim *claim);
/* It begins; then, with the same claim, it is done. */
void redis_order_enter(struct redis_order *order, const struct redis_order_claim *claim);
void redis_order_leave(struct redis_order *order, const struct redis_order_claim *claim);

#endif
