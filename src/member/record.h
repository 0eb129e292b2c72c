/* What one node says of itself to all others: a versioned record, spread by gossip. The newer of
 * two records is the one of the higher generation (a process start), then of the higher version;
 * the heartbeat, which says that it lives, is taken from the higher (generation, heartbeat). */
#ifndef MEMBER_RECORD_H
#define MEMBER_RECORD_H

#include "base/limits.h"
#include "wire/messages.h"

/* Generations have room above them: a node that hears of a later life of its own goes beyond it. */
#define NODE_RECORD_GENERATION_MAX (UINT64_MAX >> 1)

struct node_record {
    uint64_t id;
    uint64_t generation;
    uint64_t heartbeat;
    uint64_t version;
    char name[LIMIT_NAME_BYTES + 1];
    char zone[LIMIT_NAME_BYTES + 1];
    char host[LIMIT_NAME_BYTES + 1];
    uint32_t client_port;
    uint32_t peer_port;
    uint32_t redis_port;
    uint32_t http_port;
    uint32_t state; /* of enum node_state: up, joining, leaving, left (stopped), refilling */
    uint64_t keys;
    uint64_t bytes;
    uint64_t hints;
    uint64_t pending_sync;
    uint32_t storage; /* enum node_storage */
    uint64_t releasing;
    uint64_t sync_rate;
    uint64_t memory;   /* bytes */
    uint64_t ops;      /* for clients, since it started */
    uint64_t ops_rate; /* a second, of late */
};

/* Takes over what is newer in `from`, a record of the same node: 1 when anything but the heartbeat
 * changed, 2 when only the heartbeat did, 0 when nothing is newer. */
int node_record_merge(struct node_record *into, const struct node_record *from);

/* True when all that a node tells of itself is equal: not the id, nor the three numbers that order
 * records. */
bool node_record_same(const struct node_record *a, const struct node_record *b);
/* The same, of what others act on: name, zone, addresses, state, storage. */
bool node_record_same_but_counts(const struct node_record *a, const struct node_record *b);

/* The wire form borrows the texts from the record. */
void node_record_to_wire(const struct node_record *record, struct wire_record *out);
/* False for texts too long or with a NUL, no id, a generation, port or state out of range (suspect
 * and down are what others say of a node, never it of itself). */
bool node_record_valid(const struct wire_record *wire);
/* 0 or SHOAL_EPROTO: not valid. */
int node_record_from_wire(const struct wire_record *wire, struct node_record *out);

#endif
