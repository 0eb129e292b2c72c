/* Messages by which the cluster's membership changes: what operators ask (CHANGE), and what an old
 * owner asks of the new ones before it lets go of a partition (RELEASE). Part of messages.h. */
#ifndef WIRE_MESSAGES_CHANGE_H
#define WIRE_MESSAGES_CHANGE_H

#include "base/bytes.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum change_op {
    CHANGE_PLAN = 0,    /* nothing changes: what is staged, or what if there were `nodes` members */
    CHANGE_COMMIT = 1,  /* everything staged */
    CHANGE_CANCEL = 2,  /* everything staged is forgotten */
    CHANGE_LEAVE = 3,   /* the node itself, or the named one */
    CHANGE_REMOVE = 4,  /* the named one; for good when it is down or by force */
    CHANGE_REPLACE = 5, /* the named one, by the empty node at host:port */
    CHANGE_SET = 6,     /* the named one's weight and zone */
};

struct message_change {
    uint64_t id;
    uint32_t op; /* enum change_op */
    bool stage;  /* only stage it: for `commit` later, with others */
    bool force;  /* REMOVE: also where acknowledged writes may be lost, or the node is not down */
    struct bytes node;               /* its name; data NULL: the node that is asked */
    char host[LIMIT_NAME_BYTES + 1]; /* REPLACE: the new node's peer address */
    uint32_t port;
    uint32_t weight;   /* SET: 0 leaves it as it is */
    struct bytes zone; /* SET: data NULL leaves it as it is */
    uint32_t nodes;    /* PLAN: what if there were so many members; 0: what is staged */
    uint64_t timeout_us;
};

/* What happens to a member by a change. */
enum change_kind {
    CHANGE_STAYS = 0,
    CHANGE_JOINS = 1,
    CHANGE_LEAVES = 2,
    CHANGE_REMOVED = 3,   /* by force, for good */
    CHANGE_REWEIGHED = 4, /* another weight or zone */
};

/* "stays", "joins", ...; "unknown" for another number. */
const char *change_kind_text(uint32_t kind);

struct plan_row {
    uint64_t node; /* 0: one that there is not yet (what if) */
    struct bytes name;
    struct bytes zone; /* after the change */
    uint32_t kind;     /* enum change_kind */
    uint32_t weight;   /* after the change */
    uint32_t partitions_before;
    uint32_t partitions_after;
    uint32_t partitions_in; /* that it gets and does not own now */
    uint64_t bytes_in;      /* about so many, by what the nodes say that they hold */
};

/* The answer to every CHANGE that is taken: what moves. Refusals are RESULTs. */
struct message_change_reply {
    uint64_t id;
    bool changes;            /* false: nothing is staged, or the change changes nothing */
    bool committed;          /* a new layout is in force; else staged, or only a plan */
    uint64_t version_before; /* of the newest layout */
    uint64_t version_after;
    uint32_t partitions; /* Q */
    uint32_t replicas_before;
    uint32_t replicas_after; /* owners of each partition */
    uint32_t moves;          /* owner slots that get another node */
    uint32_t moves_least;    /* no table with these shares moves less */
    uint32_t zones_before;   /* distinct zones that every partition spans at least */
    uint32_t zones_after;
    uint32_t
        share_excess_before_milli; /* the worst member's distance from its weighted share, ... */
    uint32_t share_excess_after_milli; /* ... in thousandths of a partition */
    uint32_t may_lose;   /* partitions of which acknowledged writes may be lost by removals */
    uint64_t bytes_in;   /* all rows' */
    struct bytes reason; /* why something can't be had (zones, shares); data NULL: all is exact */
    struct bytes text;   /* a remark for people; data NULL: none */
    const struct plan_row *rows; /* by name */
    uint32_t count;
};

/* An old owner to an owner: "take from me whatever you lack of this partition, and tell me when it
 * is all durable there." The owner syncs from the asker and answers when that is complete; the
 * asker asks again if no answer comes. */
struct message_release {
    uint64_t id;
    uint32_t partition;
    uint64_t node;  /* who asks, ... */
    uint64_t actor; /* ... and its holding's actor */
    uint64_t view_digest;
};

struct message_released {
    uint64_t id;
    int32_t code;   /* SHOAL_EOVERLOAD: ask again later; SHOAL_ENOTOWNER: not an owner itself */
    uint64_t actor; /* of the confirming holding */
    uint64_t view_digest;
    struct bytes view;
};

#endif
