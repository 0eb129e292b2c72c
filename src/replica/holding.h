/* A holding: one partition held by this node, unbroken. It carries the actor under which this node
 * issues dots for the partition. Whenever a holding may have forgotten anything, it ends and
 * another one begins with a new actor, because a holder that forgot a dot of its own and issues
 * another one would silently cover the forgotten write ("Dotted Version Vector Sets", and design
 * rule of docs/consistency.md). A holding that began without data it should have is *refilling*: it
 * takes writes but has no say in reads until it has caught up.
 *
 * With it goes what is known of all that it holds: the clock (every dot seen here), the hash tree,
 * the tombstones that wait to be dropped and the siblings that will expire. Data that is forgotten
 * takes its clock along: a clock that outlives its data would refuse it for ever. */
#ifndef REPLICA_HOLDING_H
#define REPLICA_HOLDING_H

#include "base/buffer.h"
#include "base/queue.h"
#include "base/random.h"
#include "model/dot.h"
#include "replica/durability.h"
#include "replica/expiring.h"
#include "replica/live_tree.h"
#include "replica/partition_clock.h"
#include "replica/tombstones.h"

/* The record on its way to stable storage, with its clock. */
struct telling {
    struct durable_waiter waiter;
    bool waiting;
    bool wanted;                  /* to be told again, as soon as it may */
    struct partition_clock clock; /* while waiting */
    uint64_t version;             /* of the clock put on record last; UINT64_MAX: of none */
    uint64_t next_us;             /* not before */
    uint64_t since_us;            /* waiting since */
};

/* A walk over all that is held, a few entries at a time. */
struct patrol {
    bool active;
    bool collects;      /* the tombstones that it meets ... */
    bool tracks_expiry; /* ... and what will expire */
    bool reads;         /* also what has to be read only to know when it expires */
    uint64_t position;
    uint64_t next_us;         /* no other before, ... */
    uint64_t reading_next_us; /* ... none that reads before, ... */
    uint64_t tree_next_us;    /* ... and none for the tree before: there was no memory */
};

/* Will it come by this position, so that what is there need not be noted now? */
static inline bool patrol_will_meet(const struct patrol *patrol, uint64_t position)
{
    return patrol->active && position >= patrol->position;
}

struct holding {
    uint32_t partition;
    bool refilling;
    bool recorded;    /* by the engine: it gives no dot before */
    uint64_t actor;   /* random, never reused */
    uint64_t counter; /* the last one given */

    struct partition_clock clock; /* the dots seen here */
    struct partition_clock told;  /* what of it is on stable storage: all that others may go by */
    struct telling telling;
    struct live_tree tree;
    struct patrol patrol;
    struct tombstones tombstones;
    struct expiring expiring;
    struct queue watches;  /* syncs under way: struct sync_watch */
    struct queue work;     /* among its replica's holdings that have something to do, ... */
    struct queue *working; /* ... which are these; borrowed, NULL outside of a replica */
};

/* Zeroed memory: nothing known, no actor yet. */
void holding_init(struct holding *holding, uint32_t partition);
void holding_deinit(struct holding *holding);

/* Something is to be done for it, in small steps. */
static inline void holding_wake(struct holding *holding)
{
    if (holding->working != NULL && queue_empty(&holding->work)) {
        queue_push(holding->working, &holding->work);
    }
}

/* Another actor, whose record is still to be put. */
void holding_begin(struct holding *holding, bool refilling, struct random *random);

/* Forgets the clock, and all that was told of it. */
void holding_forget_clock(struct holding *holding);

/* What is held may be other than thought: forgets the tree and what is tracked, to be made anew. */
void holding_forget_tree(struct holding *holding);

/* The next dot, never given before. */
struct dot holding_next_dot(struct holding *holding);

/* What engines keep beside the data.
 *
 *   u8 format (2), u64 actor, u64 counter, u8 flags (1: refilling), the clock (partition_clock.h)
 *
 * Format 1 had no clock. */
struct holding_record {
    bool refilling;
    uint64_t actor;
    uint64_t counter;
    struct partition_clock clock;
};

#define HOLDING_RECORD_BYTES 18u /* without the clock */

/* Appends the record: 0 or SHOAL_ENOMEM. With NULL it says that nothing was seen. */
int holding_encode(const struct holding *holding, const struct partition_clock *clock,
                   struct buffer *out);

/* 0, SHOAL_EVERSION (another format), SHOAL_EPROTO, SHOAL_ENOMEM. The clock (initialised before) is
 * the caller's. Whether the holding may go on is not for the record to say. */
int holding_decode(struct bytes bytes, struct holding_record *out);

void holding_check(const struct holding *holding);

#endif
