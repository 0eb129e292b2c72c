/* The other side of a sync: what a holding answers. It keeps no state between questions; each
 * names the holding's actor, and one that has begun anew since refuses, so that what it has
 * forgotten is never taken for gone. See sync.h and docs/repair.md. */
#ifndef REPAIR_SOURCE_H
#define REPAIR_SOURCE_H

#include "replica/replica.h"
#include "wire/messages.h"

/* All fill what is theirs of the answer (not id, code, view), in the arena or borrowed from the
 * engine until its next change. REPLICA_DONE; SHOAL_ENOTOWNER where the partition isn't held;
 * SHOAL_EOVERLOAD while the tree is still being made; SHOAL_ECONFLICT: another actor's;
 * SHOAL_EINVAL for nodes that there are none of; SHOAL_ENOMEM, or as the engine. The last two also
 * REPLICA_PENDING, when not even the first entry is in memory. */
int source_root(struct replica *replica, const struct message_sync_root *ask,
                struct message_sync_rooted *out);
int source_nodes(struct replica *replica, const struct message_sync_nodes *ask,
                 struct message_sync_sums *out);
int source_leaves(struct replica *replica, const struct message_sync_leaves *ask,
                  struct message_sync_listed *out);
int source_fetch(struct replica *replica, const struct message_sync_fetch *ask,
                 struct message_sync_fetched *out);

#endif
