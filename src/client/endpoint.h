/* One node's address as the client deals with it: its connections, which are opened when it is
 * first needed; the calls that wait for one of them; and, when it can't be reached, when to try
 * again (a backoff that doubles, with jitter, so that clients don't come back in step). */
#ifndef CLIENT_ENDPOINT_H
#define CLIENT_ENDPOINT_H

#include "base/queue.h"
#include "client/core.h"
#include "client/patience.h"

struct endpoint {
    struct queue link; /* of client->endpoints */
    struct shoal_client *client;
    uint64_t serial; /* never used again */
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;
    bool given;  /* by the caller's config: never dropped */
    bool wanted; /* given, or in the map; else dropped when nothing is in flight there */
    bool silent; /* it owes an answer and has said nothing for longer than it should: others are
                    preferred */
    struct patience patience;

    struct queue connections; /* opening and ready */
    uint32_t connection_count;
    uint32_t ready_count;
    uint32_t in_flight;
    struct queue waiting; /* calls that wait for a connection, or for room on one */

    uint32_t failures; /* in a row */
    uint64_t retry_at_us;
};

/* The endpoint of this address, made if there is none. NULL when there is no memory. */
struct endpoint *endpoint_obtain(struct shoal_client *client, const char *host, uint16_t port);

/* Drops those that are neither given nor in the map. Their waiting calls go elsewhere. */
void endpoint_drop_unwanted(struct shoal_client *client);

/* For the client's end only: all calls are gone. */
void endpoint_free(struct endpoint *endpoint);

/* Opens the connections that are missing, if it is not backing off (or `now` says to try at once).
 */
void endpoint_connect(struct endpoint *endpoint, bool now);

static inline bool endpoint_ready(const struct endpoint *endpoint)
{
    return endpoint->ready_count > 0;
}

bool endpoint_backing_off(const struct endpoint *endpoint);

/* It was heard. */
void endpoint_heard(struct endpoint *endpoint);

/* Sends the call on a connection with room, or lets it wait. */
void endpoint_give(struct endpoint *endpoint, struct call *call);

/* Sends what waits, as far as there is room. */
void endpoint_drain(struct endpoint *endpoint);

/* From its connections. */
void endpoint_connection_ready(struct endpoint *endpoint);
/* Calls that waited for it go elsewhere if no other connection is left. `why` is copied first. */
void endpoint_connection_lost(struct endpoint *endpoint, int code, const char *why);

#endif
