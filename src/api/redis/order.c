#include "api/redis/order.h"

#include "base/assert.h"
#include "base/hash.h"

static uint32_t slot_of(const struct redis_order_claim *claim, uint32_t index)
{
    struct bytes key = claim->argv[claim->first + index * claim->step];
    return (uint32_t)(hash_xxh3(key) % REDIS_ORDER_SLOTS);
}

bool redis_order_allows(const struct redis_order *order, const struct redis_order_claim *claim)
{
    if (order->begun == 0) {
        return true;
    }
    if (order->closed || claim->way == REDIS_ORDER_EVERYTHING) {
        return false;
    }
    bool writes = claim->way != REDIS_ORDER_READS;
    for (uint32_t i = 0; i < claim->count; i++) {
        uint32_t slot = slot_of(claim, i);
        if (order->slots[slot].writers > 0 || (writes && order->slots[slot].readers > 0)) {
            return false;
        }
    }
    return true;
}

static bool leaves_no_trace(const struct redis_order_claim *claim)
{
    return claim->way == REDIS_ORDER_WRITES_BLIND || claim->way == REDIS_ORDER_EVERYTHING;
}

void redis_order_enter(struct redis_order *order, const struct redis_order_claim *claim)
{
    ASSERT(!order->closed);
    order->begun++;
    order->closed = claim->way == REDIS_ORDER_EVERYTHING;
    for (uint32_t i = 0; i < claim->count && !leaves_no_trace(claim); i++) {
        uint32_t slot = slot_of(claim, i);
        if (claim->way == REDIS_ORDER_READS) {
            order->slots[slot].readers++;
        } else {
            order->slots[slot].writers++;
        }
    }
}

void redis_order_leave(struct redis_order *order, const struct redis_order_claim *claim)
{
    ASSERT(order->begun > 0);
    order->begun--;
    if (claim->way == REDIS_ORDER_EVERYTHING) {
        order->closed = false;
    }
    for (uint32_t i = 0; i < claim->count && !leaves_no_trace(claim); i++) {
        uint32_t slot = slot_of(claim, i);
        uint32_t *count = claim->way == REDIS_ORDER_READS ? &order->slots[slot].readers
                                                          : &order->slots[slot].writers;
        ASSERT(*count > 0);
        (*count)--;
    }
}
