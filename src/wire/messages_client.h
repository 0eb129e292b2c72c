/* What clients and operators ask of a node, and what they are answered: requests and lists, status
 * and ring, joining, backups, verification, repair. Part of messages.h; changes of the membership
 * stand in messages_change.h. */
#ifndef WIRE_MESSAGES_CLIENT_H
#define WIRE_MESSAGES_CLIENT_H

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/trace.h"

#include <stdbool.h>
#include <stdint.h>

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

enum request_op {
    REQUEST_PUT = 0,
    REQUEST_GET = 1,
    REQUEST_DELETE = 2,
    REQUEST_ADD = 3,    /* `delta` to the counter that the key holds */
    REQUEST_EXPIRE = 4, /* what the key holds goes at `expiry_ms` */
};

struct message_request {
    uint64_t id;
    uint32_t op;          /* enum request_op */
    struct bytes key;     /* decode lets an empty one pass: the node refuses it, and says so */
    struct bytes value;   /* put only: then data is never NULL after decode; else always */
    struct bytes context; /* token; data NULL is none */
    uint64_t ttl_ms;      /* put only; 0 is none */
    uint64_t expiry_ms;   /* wall time; put: instead of ttl_ms; expire; 0 is never */
    int64_t delta;        /* add only */
    struct request_options options;
    struct trace trace; /* all zero: none, and then nothing is sent of it */
};

struct result_value {
    struct bytes value; /* of a counter: its decimal digits */
    uint64_t hlc;
    uint64_t expiry_ms; /* wall time; 0: never */
    bool counter;
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
    int64_t number;     /* add: the counter's value after it */
};

/* Keys in the order of the ring, a page at a time. */
struct message_list {
    uint64_t id;
    struct bytes prefix;
    struct bytes after; /* cursor of an earlier answer; data NULL is the beginning */
    uint32_t limit;     /* keys, at most LIMIT_LIST_KEYS; 0 is that */
    bool with_values;
    struct request_options options;
    struct trace trace; /* all zero: none */
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
    uint64_t memory;    /* bytes that it takes */
    uint64_t ops;       /* operations on keys carried out for clients since it started */
    uint64_t ops_rate;  /* the same a second, of late */
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

#endif
