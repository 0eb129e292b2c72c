/* Every message of the protocol: its kind, its struct (by who asks, in the headers included below),
 * and its two functions: encode appends a whole frame (length prefix included) to the buffer;
 * decode reads a validated payload, borrowing bytes from it and putting arrays into the arena. Both
 * return 0 or a negative code and touch their output only on success. Both keep to the bounds of
 * base/limits.h (SHOAL_ETOOBIG), so what one node encodes another decodes; decode refuses another
 * kind and fewer fields than it knows (SHOAL_EPROTO), and passes over surplus ones. A message and
 * its answer have their codec in one file (message_request.c, ...). Fields are documented for
 * outsiders in docs/protocol.md.
 *
 * Client connections (client_port) carry the kinds below 32; peer connections (peer_port) all. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "wire/messages_change.h"
#include "wire/messages_client.h"
#include "wire/messages_feed.h"
#include "wire/messages_peer.h"
#include "wire/messages_sync.h"

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
    MESSAGE_WATCH = 22, /* the live feed: messages_feed.h */
    MESSAGE_WATCHED = 23,
    MESSAGE_UNWATCH = 24,

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
    MESSAGE_FEED = 59, /* a stretch of a lane of the live feed */
    MESSAGE_FED = 60,
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
MESSAGE_CODEC(feed);
MESSAGE_CODEC(fed);
MESSAGE_CODEC(watch);
MESSAGE_CODEC(watched);
MESSAGE_CODEC(unwatch);

#endif
