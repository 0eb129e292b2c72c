/* A holding: one partition held by this node, unbroken. It carries the actor under which this node
 * issues dots for the partition. Whenever a holding may have forgotten anything, it ends and
 * another one begins with a new actor, because a holder that forgot a dot of its own and issues
 * another one would silently cover the forgotten write ("Dotted Version Vector Sets", and design
 * rule of docs/consistency.md). A holding that began without data it should have is *refilling*: it
 * takes writes but has no say in reads until it has caught up. */
#ifndef REPLICA_HOLDING_H
#define REPLICA_HOLDING_H

#include "base/bytes.h"
#include "base/random.h"
#include "model/dot.h"

struct holding {
    uint32_t partition;
    bool refilling;
    bool recorded;    /* by the engine: it gives no dot before */
    uint64_t actor;   /* random, never reused */
    uint64_t counter; /* the last one given */
};

void holding_begin(struct holding *holding, uint32_t partition, bool refilling,
                   struct random *random);

/* The next dot, never given before. */
struct dot holding_next_dot(struct holding *holding);

/* The record that engines keep beside the data: u8 format (1), u64 actor, u64 counter, u8 flags. */
#define HOLDING_RECORD_BYTES 18u
void holding_encode(const struct holding *holding, uint8_t out[HOLDING_RECORD_BYTES]);

/* The holding that a record of the partition tells of, on record by that: 0, SHOAL_EVERSION
 * (another format), SHOAL_EPROTO. Whether it may go on is not for the record to say. */
int holding_decode(struct bytes record, uint32_t partition, struct holding *out);

void holding_check(const struct holding *holding);

#endif
