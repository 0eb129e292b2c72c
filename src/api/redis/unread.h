/* Who is sent away when what waits to be read nearly fills a worker's memory for all clients:
 * those who have read nothing for a while though something waits for them, the one with the most
 * first. A client that leaves little unread is left alone otherwise, however long that takes; many
 * of them together would keep everybody else from reading anything, for good. Pure. */
#ifndef API_REDIS_UNREAD_H
#define API_REDIS_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_UNREAD_US_MAX UINT64_C(10000000) /* so long a client may read nothing */

/* What is known of one client. All zero: nothing yet. */
struct redis_unread {
    size_t bytes;      /* that wait to be read */
    uint64_t taken;    /* of those before, in all */
    uint64_t since_us; /* so long nothing was taken, or nothing waited; 0: not looked at yet */
};

/* What is so now; from time to time. `now_us` is not 0. */
void redis_unread_note(struct redis_unread *unread, size_t bytes, uint64_t taken, uint64_t now_us);

/* Is the client to go, and before the other? NULL: there is no other. */
bool redis_unread_goes_before(const struct redis_unread *unread, const struct redis_unread *other,
                              uint64_t now_us);

#endif
