#include "api/redis/unread.h"

void redis_unread_note(struct redis_unread *unread, size_t bytes, uint64_t taken, uint64_t now_us)
{
    if (unread->since_us == 0 || unread->taken != taken || bytes == 0) {
        unread->since_us = now_us;
    }
    unread->bytes = bytes;
    unread->taken = taken;
}

bool redis_unread_goes_before(const struct redis_unread *unread, const struct redis_unread *other,
                              uint64_t now_us)
{
    if (unread->since_us == 0 || unread->bytes == 0 ||
        now_us - unread->since_us < REDIS_UNREAD_US_MAX) {
        return false;
    }
    if (other == NULL || unread->bytes != other->bytes) {
        return other == NULL || unread->bytes > other->bytes;
    }
    return unread->since_us < other->since_us;
}
