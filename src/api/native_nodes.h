/* The nodes of a cluster as STATUS and RING show them: what they say of themselves, what layouts
 * say of them, and what is asked of them; and these two answers themselves, which HTTP gives, too.
 * Borrows from the snapshot; the arrays are in the arena. */
#ifndef API_NATIVE_NODES_H
#define API_NATIVE_NODES_H

#include "base/arena.h"
#include "node/snapshot.h"
#include "wire/messages.h"

/* The newest layout's members, in its order. NULL: no memory. */
const struct status_node *native_list_members(struct arena *arena, const struct snapshot *snapshot);

/* These, then every other node that is known, or is to be a member, or is waited for by a layout
 * that goes on; not those that were removed for good. At most LIMIT_MEMBERS. NULL: no memory. */
const struct status_node *native_list_nodes(struct arena *arena, const struct snapshot *snapshot,
                                            uint32_t *count);

/* The answers, without id. 0 or SHOAL_ENOMEM. */
int native_describe_status(struct arena *arena, const struct snapshot *snapshot,
                           struct message_status_reply *out);
/* Of one of the layouts in force. */
int native_describe_ring(struct arena *arena, const struct snapshot *snapshot,
                         const struct layout *layout, struct message_ring_reply *out);

/* Why a node in this state tells nothing of its cluster; NULL: it does. */
const char *native_mute(const struct snapshot *snapshot, int *code);

#endif
