/* What a node shows of its table so that another can tell what either lacks: of every node some
 * five bytes instead of a hundred. Both have the same nodes most of the time (the digest of all ids
 * and generations says so), and then a node needs no name: it is a place in the order of ids.
 *
 *      u8 form (1: ids, 2: versions), u64 members, u64 versions (little-endian, digests),
 *      varint count, then
 *        with ids:  count times u64 id, varint generation, varint version, varint heartbeat
 *        without:   a bit for every node, those set are shown; then of each shown one
 *                   varint heartbeat, and with versions: varint version
 *
 * In the manner of Cassandra's digests; the bits are for answers, which show only what is ahead. */
#ifndef MEMBER_SUMMARY_H
#define MEMBER_SUMMARY_H

#include "base/arena.h"

#include <stdbool.h>

struct summary_entry {
    uint32_t place; /* in the order of the teller's ids */
    uint64_t id;    /* with ids only */
    uint64_t generation;
    uint64_t version; /* with ids or versions */
    uint64_t heartbeat;
};

struct summary {
    bool ids;
    bool versions;
    uint64_t members_digest;
    uint64_t versions_digest;
    uint32_t count;                /* nodes in the teller's table */
    struct summary_entry *entries; /* those shown, places (and ids) ascending */
    uint32_t entry_count;
};

/* In the arena; data is NULL without memory. */
struct bytes summary_encode(const struct summary *summary, struct arena *arena);

/* Hostile input: 0, with the entries in the arena; SHOAL_EPROTO; SHOAL_ENOMEM. */
int summary_decode(struct bytes bytes, struct arena *arena, struct summary *out);

#endif
