/* What answers say, as the structs of the public headers (shoal/cluster.h): for the client, which
 * hands them to its caller, and for surfaces that show the same themselves. All is borrowed from
 * the answer or lives in the arena. Each returns 0 or SHOAL_ENOMEM. */
#ifndef RING_PUBLIC_H
#define RING_PUBLIC_H

#include "base/arena.h"
#include "shoal/cluster.h"
#include "wire/messages.h"

int public_status(struct arena *arena, const struct message_status_reply *status,
                  struct shoal_status *out);
int public_ring(struct arena *arena, const struct message_ring_reply *ring, struct shoal_ring *out);
int public_repair(struct arena *arena, const struct message_repair_reply *reply,
                  struct shoal_repair *out);
int public_plan(struct arena *arena, const struct message_change_reply *reply,
                struct shoal_plan *out);

/* A copy with a NUL behind; NULL when there is no memory. */
const char *public_text(struct arena *arena, struct bytes text);

#endif
