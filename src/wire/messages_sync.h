/* How nodes find out in what their copies of a partition differ and fetch what they lack
 * (docs/repair.md), and which actors have ended. Part of messages.h. */
#ifndef WIRE_MESSAGES_SYNC_H
#define WIRE_MESSAGES_SYNC_H

#include "wire/messages_peer.h"

/* The sender's sum over all partitions that both own (in the newest layout of a view both have) of
 * a hash of (partition, root of its tree, digest of its clock). */
struct message_compare {
    uint64_t id;
    uint64_t node; /* the sender */
    uint64_t view_digest;
    struct wire_sum sum;
};

struct message_compared {
    uint64_t id;
    int32_t code; /* SHOAL_EREFILLING: some holding is not complete, nothing can be said */
    bool equal;
    uint64_t view_digest;
    struct bytes view;
};

/* Opens a sync of one partition, or tells one's clock. */
struct message_sync_root {
    uint64_t id;
    uint32_t partition;
    uint64_t view_digest;
    struct content_hash target; /* the layout synced for; else zeros */
    uint64_t node;              /* who asks, and ... */
    uint64_t actor;             /* ... the actor of its holding */
    struct bytes told;          /* the asker's clock as far as it is on stable storage */
    bool release; /* the asked, no owner any more, wants to let go: answer all the same */
};

struct message_sync_rooted {
    uint64_t id;
    int32_t code; /* SHOAL_EOVERLOAD: its tree is still being made, ask again */
    bool refilling;
    uint64_t actor;
    struct bytes clock; /* encoded; of the same moment as the root */
    struct bytes told;  /* the part of it that is on stable storage; data NULL: all of it */
    struct wire_sum root;
    uint32_t bits; /* the tree's depth */
    uint64_t siblings;
    uint64_t view_digest;
    struct bytes view;
};

/* For each node at this depth: the sums of its 2^fan children. */
struct message_sync_nodes {
    uint64_t id;
    uint32_t partition;
    uint64_t actor; /* of the holding asked: another one refuses (SHOAL_ECONFLICT) */
    uint64_t view_digest;
    uint32_t depth;
    uint32_t fan; /* 1 to 4; depth + fan is at most the tree's depth */
    const uint64_t *indexes;
    uint32_t count;
};

struct message_sync_sums {
    uint64_t id;
    int32_t code;
    const struct wire_sum *sums; /* count of the question * 2^fan */
    uint32_t count;
    uint64_t view_digest;
    struct bytes view;
};

/* What there is below the nodes at this depth, from `position` on. */
struct message_sync_leaves {
    uint64_t id;
    uint32_t partition;
    uint64_t actor;
    uint64_t view_digest;
    uint32_t depth;
    const uint64_t *indexes; /* ascending */
    uint32_t count;
    uint64_t position;
};

/* One live sibling: keys with several have several, one after another. */
struct sync_entry {
    uint64_t position;
    uint16_t tag;
    uint64_t actor;
    uint64_t counter;
};

struct message_sync_listed {
    uint64_t id;
    int32_t code;
    const struct sync_entry *entries; /* by (position, tag, actor, counter) */
    uint32_t count;
    bool end;
    uint64_t next; /* the position to go on from */
    uint64_t view_digest;
    struct bytes view;
};

struct sync_name {
    uint64_t position;
    uint16_t tag;
};

/* Objects: those named, or if none is, all from `position` to `until` (both included). */
struct message_sync_fetch {
    uint64_t id;
    uint32_t partition;
    uint64_t actor;
    uint64_t view_digest;
    const struct sync_name *names; /* ascending */
    uint32_t count;
    uint64_t position;
    uint64_t until;
    uint64_t bytes_max;
};

struct message_sync_fetched {
    uint64_t id;
    int32_t code;
    const struct scan_entry *entries; /* by (position, key) */
    uint32_t count;
    bool end;      /* nothing more of what was asked for is there */
    uint64_t next; /* else: the position up to which all is told, and to go on from */
    uint64_t view_digest;
    struct bytes view;
};

/* Actors of a partition's holdings that seem to have ended. First everybody is asked whether one is
 * theirs; if nobody says so it has ended, and `certain` is asked: whoever confirms that takes no
 * more writes from it. */
struct message_ended {
    uint64_t id;
    uint32_t partition;
    uint64_t view_digest;
    const uint64_t *actors;
    uint32_t count; /* at most LIMIT_ENDED_ACTORS */
    bool certain;   /* it is nobody's */
};

struct message_ended_reply {
    uint64_t id;
    int32_t code;
    /* Bit i: it is not mine; and, if it was certain, I owe no hint of the partition, and take no
     * more of its writes. */
    uint64_t confirmed;
    uint64_t view_digest;
    struct bytes view;
};

#endif
