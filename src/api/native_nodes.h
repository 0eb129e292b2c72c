/* The nodes of a cluster as STATUS and RING show them: what they say of themselves, what layouts
 * say of them, and what is asked of them. Borrows from the snapshot; the arrays are in the arena.
 */
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

#endif
