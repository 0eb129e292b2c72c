/* What nodes say to each other: requests passed on, objects stored and fetched, gossip, and how one
 * becomes a member or says goodbye. Part of messages.h. */
#ifndef WIRE_MESSAGES_PEER_H
#define WIRE_MESSAGES_PEER_H

#include "wire/messages_client.h"

/* A request passed on by `node` (whom the key's owner answers). */
struct message_forward {
    struct message_request request;
    uint64_t view_digest; /* the sender's */
};

/* Take this object: merge it with what is there. */
struct message_store {
    uint64_t id;
    uint32_t partition;
    struct bytes key;
    struct bytes object;  /* canonical encoding, whole */
    uint64_t view_digest; /* the sender's */
    uint64_t actor;       /* who coordinated; 0 for repairs and copies */
    bool durable;         /* to be confirmed only once it is on stable storage */
    bool hint;            /* to one who doesn't own it: keep it for those who do */
    struct trace trace;   /* of the request it is for; all zero: none, here and below */
};

struct message_stored {
    uint64_t id;
    int32_t code;
    bool durable;
    bool concurrent;      /* it keeps siblings that the object sent does not have */
    bool refilling;       /* its holding is incomplete: what it keeps says little */
    uint64_t actor;       /* of its holding; 0: none, it keeps a hint */
    uint64_t view_digest; /* of the holder's whole view when it applied the object */
    struct bytes view;    /* whole, when the digests differed; else data NULL */
};

enum fetch_mode {
    FETCH_OBJECT = 0,
    /* Its dots and context, the rest may be made up: for a write that replaces. */
    FETCH_VERSIONS = 1,
};

struct message_fetch {
    uint64_t id;
    uint32_t partition;
    struct bytes key;
    uint32_t mode;  /* enum fetch_mode */
    bool has_known; /* FETCH_OBJECT: the asker has a copy of its own, ... */
    uint64_t known; /* ... of this digest: if it is the same, the digest alone will do */
    uint64_t view_digest;
    struct trace trace;
};

struct message_fetched {
    uint64_t id;
    int32_t code;        /* 0 also when the key is not there: then the object is empty */
    struct bytes object; /* data NULL: nothing held, or just what the asker knows */
    uint64_t digest;     /* XXH3 of the encoding (FETCH_VERSIONS: any); 0 when nothing is held */
    struct bytes clock;  /* of the holding, taken with the object; data NULL: what the asker knows
                            is held, or only versions were asked for */
    uint64_t view_digest;
    struct bytes view;
};

/* A page of one partition in storage order: for lists. */
struct message_scan {
    uint64_t id;
    uint32_t partition;
    uint64_t position; /* from here on, inclusive */
    uint32_t keys_max;
    uint64_t bytes_max;
    struct bytes prefix; /* only keys that begin so */
    bool stripped;       /* leave the values out */
    uint64_t view_digest;
    struct trace trace;
};

struct scan_entry {
    uint64_t position;
    struct bytes key;
    struct bytes object;
};

struct message_scanned {
    uint64_t id;
    int32_t code;
    const struct scan_entry *entries; /* by (position, key) */
    uint32_t count;
    uint64_t next;      /* where to go on */
    bool end;           /* nothing lies beyond */
    struct bytes clock; /* of the holding, of the same moment; data NULL: not told */
    uint64_t view_digest;
    struct bytes view;
};

/* What nodes tell each other about nodes: see member/record.h for the meaning. */
struct wire_record {
    uint64_t id;
    uint64_t generation; /* one a process start, increasing */
    uint64_t heartbeat;  /* increasing within a generation */
    uint64_t version;    /* of the fields below, increasing within a generation */
    struct bytes name;
    struct bytes zone;
    struct bytes host;
    uint32_t client_port;
    uint32_t peer_port;
    uint32_t redis_port;
    uint32_t http_port;
    uint32_t state; /* enum node_state as the node says of itself */
    uint64_t keys;
    uint64_t bytes;
    uint64_t hints;
    uint64_t pending_sync;
    uint32_t storage; /* enum node_storage */
    uint64_t releasing;
    uint64_t sync_rate;
    uint64_t memory;
    uint64_t ops;
    uint64_t ops_rate;
};

enum gossip_kind {
    GOSSIP_WHOLE = 0, /* all that the sender knows, and wants as much: of an earlier version */
    GOSSIP_ASKS = 1,  /* shows what the sender knows; wants what it lacks, in any case an answer */
    GOSSIP_TELLS = 2, /* in return; wants nothing but the records it names */
};

struct message_gossip {
    uint64_t id;
    uint64_t cluster;
    uint64_t from;
    uint64_t wall_ms; /* the sender's clock, to find clocks that are far ahead */
    uint64_t view_digest;
    struct bytes view; /* whole; NULL: nothing new, or it stands in brief */
    const struct wire_record *records;
    uint32_t count;

    /* What earlier versions don't send. */
    uint32_t kind;          /* enum gossip_kind */
    struct bytes summary;   /* heartbeats and versions (member/summary.h); NULL: none */
    const uint64_t *wanted; /* nodes whose records the sender lacks, LIMIT_GOSSIP_RECORDS at most */
    uint32_t wanted_count;
    struct bytes known; /* names of the parts of the sender's view (ring/view.h); NULL: not said */
    struct bytes brief; /* the view, of which parts known to the receiver stand by name; or NULL */
};

/* The same in return; view is there when the digests differed. */
struct message_gossip_reply {
    struct message_gossip gossip;
    int32_t code; /* SHOAL_ECLUSTER: another cluster */
    struct bytes text;
};

/* Facts a joiner was configured with; a difference is refused by name. */
struct message_admit {
    uint64_t id;
    uint64_t node;
    struct bytes name;
    struct bytes cluster_name;
    uint32_t partitions;
    uint32_t n, r, w;
    char host[LIMIT_NAME_BYTES + 1]; /* where the joiner will be reached by peers */
    uint32_t peer_port;
};

struct message_admit_reply {
    uint64_t id;
    int32_t code;
    struct bytes text;
    uint64_t cluster;
    struct bytes secret; /* the cluster's */
    struct bytes view;   /* whole */
    const struct wire_record *records;
    uint32_t count;
    uint64_t node; /* the joiner is this member, which has lost its data_dir; 0: it is new */
};

/* To a node that answers where a member should: an empty one may be that member, whose data_dir was
 * lost. It asks for admission at this address. */
struct message_invite {
    uint64_t id;
    char host[LIMIT_NAME_BYTES + 1];
    uint32_t port;
};

struct message_goodbye {
    uint64_t id;
    uint64_t from;
};

#endif
