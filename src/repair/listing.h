/* What lies in some nodes of a holding's tree: every live sibling by position, tag and dot, a page
 * at a time. Both sides of a sync make their lists with it, so that they can be compared. Most
 * entries are told by the engine's index; only objects of several siblings are read. */
#ifndef REPAIR_LISTING_H
#define REPAIR_LISTING_H

#include "replica/replica.h"
#include "wire/messages.h"

/* Objects read for one page, at most: each may have to come from the disk. */
#define LISTING_READS_MAX 256u

struct listing_part {
    uint32_t partition;
    uint32_t depth;
    const uint64_t *indexes; /* of nodes at this depth, ascending */
    uint32_t count;
    uint64_t position; /* from here on, ... */
    uint64_t until;    /* ... to here, included */
};

struct listing {
    const struct sync_entry *entries; /* by (position, tag, actor, counter); in the arena */
    uint32_t count;
    bool end;
    uint64_t next; /* if not the end: all before has been told; more than the position asked for */
};

/* REPLICA_DONE; REPLICA_PENDING when not even the first position can be told without a read; or as
 * engine_walk, SHOAL_ENOMEM, SHOAL_EPROTO for a record that is no object. */
int listing_make(struct replica *replica, const struct listing_part *part, struct listing *out);

/* By position, tag, actor and counter. */
int sync_entry_compare(const struct sync_entry *a, const struct sync_entry *b);

/* The positions of a node at this depth: the first and the last. */
static inline uint64_t node_first(uint32_t depth, uint64_t index)
{
    return depth == 0 ? 0 : index << (64 - depth);
}
static inline uint64_t node_last(uint32_t depth, uint64_t index)
{
    return node_first(depth, index) | (depth == 0 ? UINT64_MAX : UINT64_MAX >> depth);
}

#endif
