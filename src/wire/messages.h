/* Every message of the protocol as a struct, with its two functions: encode appends a whole frame
 * (length prefix included) to the buffer; decode reads a validated payload, borrowing bytes from it
 * and putting arrays into the arena. Both return 0 or a negative code and touch their output only
 * on success. Both keep to the bounds of base/limits.h (SHOAL_ETOOBIG), so what one node encodes
 * another decodes; decode refuses another kind and fewer fields than it knows (SHOAL_EPROTO), and
 * passes over surplus ones. A message and its answer have their codec in one file
 * (message_request.c, ...). Fields are documented for outsiders in docs/protocol.md.
 *
 * Client connections (client_port) carry the kinds below 32; peer connections (peer_port) all. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "wire/messages_change.h"

#define PROTOCOL_VERSION 1u
#define PROTOCOL_MAGIC "shoal"

enum message_kind {
    MESSAGE_HELLO = 1,
    MESSAGE_HELLO_REPLY = 2,
    MESSAGE_PING = 3,
    MESSAGE_PONG = 4,
    MESSAGE_REQUEST = 5, /* put, get, delete */
    MESSAGE_RESULT = 6,  /* the answer to any request, and every refusal */
    MESSAGE_LIST = 7,
    MESSAGE_LIST_REPLY = 8,
    MESSAGE_STATUS = 9,
    MESSAGE_STATUS_REPLY = 10,
    MESSAGE_RING = 11,
    MESSAGE_RING_REPLY = 12,
    MESSAGE_JOIN = 13, /* an operator tells a node to join a cluster; answered by RESULT */
    MESSAGE_BACKUP = 14,
    MESSAGE_BACKUP_REPLY = 15,
    MESSAGE_VERIFY = 16,
    MESSAGE_VERIFY_REPLY = 17,
    MESSAGE_REPAIR = 18, /* also between nodes, not passed on then */
    MESSAGE_REPAIR_REPLY = 19,
    MESSAGE_CHANGE = 20, /* an operator changes who is a member: messages_change.h */
    MESSAGE_CHANGE_REPLY = 21,

    MESSAGE_FORWARD = 32, /* a request on its one hop to its coordinator; answered by RESULT */
    MESSAGE_STORE = 33,
    MESSAGE_STORED = 34,
    MESSAGE_FETCH = 35,
    MESSAGE_FETCHED = 36,
    MESSAGE_SCAN = 37,
    MESSAGE_SCANNED = 38,
    MESSAGE_GOSSIP = 39,
    MESSAGE_GOSSIP_REPLY = 40,
    MESSAGE_ADMIT = 41, /* a node without a cluster asks for one's facts, view and secret */
    MESSAGE_ADMIT_REPLY = 42,
    MESSAGE_GOODBYE = 43, /* the sender is stopping; no answer */
    MESSAGE_COMPARE = 44, /* do we hold the same, in all partitions that we share? */
    MESSAGE_COMPARED = 45,
    MESSAGE_SYNC_ROOT = 46, /* one partition: clocks and the root of the tree */
    MESSAGE_SYNC_ROOTED = 47,
    MESSAGE_SYNC_NODES = 48, /* ... the nodes below those that differ */
    MESSAGE_SYNC_SUMS = 49,
    MESSAGE_SYNC_LEAVES = 50, /* ... what lies in the leaves that differ */
    MESSAGE_SYNC_LISTED = 51,
    MESSAGE_SYNC_FETCH = 52, /* ... objects, by name or by range */
    MESSAGE_SYNC_FETCHED = 53,
    MESSAGE_ENDED = 54, /* these actors of a partition have ended: do you know? */
    MESSAGE_ENDED_REPLY = 55,
    MESSAGE_INVITE = 56,  /* your address is a member's of my cluster: ask me; no answer */
    MESSAGE_RELEASE = 57, /* an old owner lets go: take from me what you lack */
    MESSAGE_RELEASED = 58,
};

enum peer_role { ROLE_CLIENT = 0, ROLE_PEER = 1 };

/* First on every connection. Versions: [version_min, version_max] of the sender. */
struct message_hello {
    uint64_t id;
    uint32_t version_min;
    uint32_t version_max;
    uint64_t features;               /* bit set; none defined yet */
    uint32_t role;                   /* enum peer_role */
    uint64_t cluster;                /* a peer's cluster id; 0 for clients and nodes in none */
    uint64_t node;                   /* a peer's node id; 0 for clients */
    uint32_t worker;                 /* a peer's worker index */
    char name[LIMIT_NAME_BYTES + 1]; /* of the node, or what the client calls itself */
    struct bytes credentials;        /* none (NULL) yet */
};

struct message_hello_reply {
    uint64_t id;
    uint32_t version; /* the one to speak */
    uint64_t features;
    uint64_t cluster;
    uint64_t node;
    char name[LIMIT_NAME_BYTES + 1];
    uint64_t frame_bytes_max;
};

/* PING, PONG: the id alone. */
struct message_ping {
    uint64_t id;
};

/* Quorum numbers: 0 is the cluster's default. */
enum { QUORUM_DEFAULT = 0, QUORUM_MAJORITY = -1, QUORUM_ALL = -2 };

struct request_options {
    int32_t n;  /* owners asked */
    int32_t r;  /* answers a read needs */
    int32_t w;  /* confirmations a write needs */
    int32_t pr; /* of these, from owners (not fallbacks) */
    int32_t pw;
    int32_t dw;          /* confirmations that are durable */
    uint64_t timeout_us; /* from arrival; 0 is the node's default */
};

enum request_op { REQUEST_PUT = 0, REQUEST_GET = 1, REQUEST_DELETE = 2 };

struct message_request {
    uint64_t id;
    uint32_t op;          /* enum request_op */
    struct bytes key;     /* decode lets an empty one pass: the node refuses it, and says so */
    struct bytes value;   /* put only: then data is never NULL after decode; else always */
    struct bytes context; /* token; data NULL is none */
    uint64_t ttl_ms;      /* put only; 0 is none */
    struct request_options options;
};

/* A request passed on by `node` (whom the key's owner answers). */
struct message_forward {
    struct message_request request;
    uint64_t view_digest; /* the sender's */
};

struct result_value {
    struct bytes value;
    uint64_t hlc;
};

/* The answer: code 0 is done. What was reached is told on success and on failure. */
struct message_result {
    uint64_t id;
    int32_t code;      /* enum shoal_error, 0 or negative (sent as its magnitude) */
    struct bytes text; /* for people; data NULL on success */
    struct bytes context;
    const struct result_value *values; /* live siblings, winner first */
    uint32_t value_count;
    uint32_t owners;    /* owners that confirmed or answered */
    uint32_t fallbacks; /* fallbacks that confirmed */
    uint32_t needed;    /* the quorum asked for */
};

/* Keys in the order of the ring, a page at a time. */
struct message_list {
    uint64_t id;
    struct bytes prefix;
    struct bytes after; /* cursor of an earlier answer; data NULL is the beginning */
    uint32_t limit;     /* keys, at most LIMIT_LIST_KEYS; 0 is that */
    bool with_values;
    struct request_options options;
};

struct list_entry {
    struct bytes key;
    struct bytes value; /* the winner's; data NULL unless asked for */
};

struct message_list_reply {
    uint64_t id;
    const struct list_entry *entries;
    uint32_t count;
    struct bytes after; /* data NULL at the end */
};

/* STATUS: the id alone. */
struct message_status {
    uint64_t id;
};

enum node_state {
    NODE_UP = 0,
    NODE_SUSPECT = 1,
    NODE_DOWN = 2,
    NODE_JOINING = 3,
    NODE_LEAVING = 4,
    NODE_LEFT = 5,
    NODE_REFILLING = 6,
};

/* "up", "suspect", ...; "unknown" for another number. */
const char *node_state_text(uint32_t state);

/* How a node's storage is, as it says itself. */
enum node_storage {
    NODE_STORAGE_OK = 0,
    NODE_STORAGE_FULL = 1,   /* it refuses writes for lack of disk space; reads go on */
    NODE_STORAGE_FAILED = 2, /* it confirms no writes until it is restarted */
};

/* "ok", "full", "failed"; "unknown" for another number. */
const char *node_storage_text(uint32_t storage);

struct status_node {
    uint64_t id;
    struct bytes name;
    struct bytes zone;
    struct bytes host; /* as advertised */
    uint32_t client_port;
    uint32_t peer_port;
    uint32_t redis_port;
    uint32_t http_port;
    uint32_t state;      /* enum node_state, as this node sees it */
    uint64_t partitions; /* virtual nodes: partitions it owns in the newest layout */
    uint64_t keys;
    uint64_t bytes;
    uint64_t hints;        /* owed */
    uint64_t pending_sync; /* partitions still refilling or syncing for a newer layout */
    uint64_t weight;
    uint32_t storage;   /* enum node_storage */
    uint64_t releasing; /* partitions it still holds for their new owners */
    uint64_t sync_rate; /* bytes a second that it takes in by repair, of late */
    uint32_t marks;     /* of the newest layout, enum mark_kind; what a change waits for */
    uint32_t change;    /* enum change_kind: what is asked for it and not in a layout yet */
    bool staged;        /* ... and waits for an operator's commit */
};

struct message_status_reply {
    uint64_t id;
    uint64_t node; /* who answers */
    uint64_t cluster;
    struct bytes cluster_name;
    uint64_t layout_version; /* newest */
    struct content_hash layout_hash;
    uint32_t live_layouts; /* 1 when no change is under way */
    uint32_t partitions;
    uint32_t n, r, w;
    const struct status_node *nodes;
    uint32_t node_count;
    uint32_t staged;         /* changes that wait for an operator's commit */
    uint32_t may_lose;       /* partitions of which removals may have lost acknowledged writes */
    uint64_t oldest_version; /* of the oldest live layout */
};

struct message_ring {
    uint64_t id;
};

/* The layout as clients need it: who owns what, in order, and where they are. */
struct message_ring_reply {
    uint64_t id;
    uint64_t layout_version;
    struct content_hash layout_hash;
    uint32_t partitions;
    uint32_t replicas; /* owners a partition: N, or fewer while there are fewer members */
    const struct status_node *nodes;
    uint32_t node_count;
    const uint16_t *owners; /* partitions * replicas indexes into nodes */
};

struct message_join {
    uint64_t id;
    char host[LIMIT_NAME_BYTES + 1];
    uint32_t port;
    uint64_t timeout_us;
    bool stage; /* become known to the cluster, but get no partition before an operator commits */
};

/* Asks the node for a copy of itself in a folder on its machine; without a path, how the last one
 * that was asked for goes. */
struct message_backup {
    uint64_t id;
    struct bytes path; /* absolute; data NULL: only asks */
};

enum backup_state {
    BACKUP_NONE = 0,    /* none was made since the node started */
    BACKUP_COPYING = 1, /* the engines put their copies there */
    BACKUP_SEALING = 2, /* the copies are read again and summed up */
    BACKUP_DONE = 3,
    BACKUP_FAILED =
        4, /* see code and text; the folder is empty again as far as that was possible */
};

struct message_backup_reply {
    uint64_t id;
    uint64_t number; /* random, of that backup: tells it from an earlier one */
    uint32_t state;  /* enum backup_state */
    int32_t code;
    struct bytes text; /* when it failed; else data NULL */
    struct bytes path;
    uint64_t files;
    uint64_t bytes;
    uint64_t bytes_done; /* of these, summed up */
};

/* ---- between nodes --------------------------------------------------------------------------- */

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

/* Do all owners of every partition, as the newest layout has them, hold the same? */
struct message_verify {
    uint64_t id;
    bool with_values; /* also what the trees don't tell: times, expiries, every byte */
    uint64_t timeout_us;
};

/* Mod 2^128: sums of hashes add up. */
struct wire_sum {
    uint64_t low;
    uint64_t high;
};

struct message_verify_reply {
    uint64_t id;
    struct wire_sum digest; /* of what all hold; means something only when nothing differs */
    uint32_t partitions;    /* of the cluster */
    bool with_values;
    uint64_t siblings;         /* in the partitions found identical, each counted once */
    uint64_t bytes;            /* of their values; 0 unless with_values */
    const uint32_t *differing; /* partitions, ascending */
    uint32_t differing_count;
    const uint32_t *unverified; /* of which some owner did not answer */
    uint32_t unverified_count;
    struct bytes text; /* why, naming a node; data NULL when all were verified */
};

struct message_repair {
    uint64_t id;
    bool pass_on; /* to all other members */
};

struct message_repair_reply {
    uint64_t id;
    uint32_t told;     /* nodes that begin now */
    uint32_t nodes;    /* that there are */
    struct bytes text; /* who could not be reached; data NULL when all were */
};

/* ---- repair (docs/repair.md) ----------------------------------------------------------------- */

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

#define MESSAGE_CODEC(name)                                                                        \
    int message_##name##_encode(const struct message_##name *message, struct buffer *out);         \
    int message_##name##_decode(struct bytes payload, struct arena *arena,                         \
                                struct message_##name *out)

MESSAGE_CODEC(hello);
MESSAGE_CODEC(hello_reply);
int message_ping_encode(uint64_t id, struct buffer *out);
int message_pong_encode(uint64_t id, struct buffer *out);
MESSAGE_CODEC(request);
MESSAGE_CODEC(forward);
MESSAGE_CODEC(result);
MESSAGE_CODEC(list);
MESSAGE_CODEC(list_reply);
int message_status_encode(uint64_t id, struct buffer *out);
MESSAGE_CODEC(status_reply);
int message_ring_encode(uint64_t id, struct buffer *out);
MESSAGE_CODEC(ring_reply);
MESSAGE_CODEC(join);
MESSAGE_CODEC(backup);
MESSAGE_CODEC(backup_reply);
MESSAGE_CODEC(verify);
MESSAGE_CODEC(verify_reply);
MESSAGE_CODEC(repair);
MESSAGE_CODEC(repair_reply);
MESSAGE_CODEC(store);
MESSAGE_CODEC(stored);
MESSAGE_CODEC(fetch);
MESSAGE_CODEC(fetched);
MESSAGE_CODEC(scan);
MESSAGE_CODEC(scanned);
MESSAGE_CODEC(gossip);
MESSAGE_CODEC(gossip_reply);
MESSAGE_CODEC(admit);
MESSAGE_CODEC(admit_reply);
MESSAGE_CODEC(invite);
MESSAGE_CODEC(goodbye);
MESSAGE_CODEC(compare);
MESSAGE_CODEC(compared);
MESSAGE_CODEC(sync_root);
MESSAGE_CODEC(sync_rooted);
MESSAGE_CODEC(sync_nodes);
MESSAGE_CODEC(sync_sums);
MESSAGE_CODEC(sync_leaves);
MESSAGE_CODEC(sync_listed);
MESSAGE_CODEC(sync_fetch);
MESSAGE_CODEC(sync_fetched);
MESSAGE_CODEC(ended);
MESSAGE_CODEC(ended_reply);
MESSAGE_CODEC(change);
MESSAGE_CODEC(change_reply);
MESSAGE_CODEC(release);
MESSAGE_CODEC(released);

#endif
