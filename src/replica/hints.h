/* The hint store: writes that this node keeps for owners that could not be reached ("Dynamo:
 * Amazon's Highly Available Key-value Store", DeCandia et al., 2007, section 4.6, hinted handoff).
 * The hints of partition p lie in the engine's partition Q + p, one object a key, merged as they
 * come in. It promises to keep what it confirmed until it is told to remove it, and nothing else: a
 * hint store has no clock, no tree and no actor, and that a key is missing in it means nothing.
 *
 * Every change of an entry gives it a new *arrival number*, larger than all before, so that whoever
 * delivers can tell "confirmed as it was when I began" from "changed since" (repair/hint_delivery).
 * Over its bound the store refuses: a hint that pushed out another would break what was confirmed.
 */
#ifndef REPLICA_HINTS_H
#define REPLICA_HINTS_H

#include "replica/replica.h"

/* What is owed for one partition. */
struct hint_pile {
    uint64_t keys;
    uint64_t bytes;  /* keys and records */
    uint64_t newest; /* no entry has a later arrival number, as far as is known */
};

struct hints {
    struct replica *replica; /* borrowed: engine, arena, waiting room and durability are its */
    uint64_t bytes_max;
    uint32_t partitions; /* Q; 0 before hints_begin */
    uint32_t first;      /* the worker's partitions: first, first + step, ... below Q */
    uint32_t step;
    struct hint_pile *piles; /* by partition / step */
    uint64_t keys;           /* of all piles */
    uint64_t bytes;
    uint64_t arrival; /* the last number given or met */
    uint64_t stored;  /* how often something was taken, and refused for lack of room */
    uint64_t refused;
    bool is_full; /* the last one was refused for lack of room */
};

/* One entry, borrowed until the engine's next write. */
struct hint_entry {
    uint64_t position;
    uint64_t arrival;
    struct bytes key;
    struct bytes object; /* canonical encoding; data NULL for a record that is none */
};

/* Called for each entry; false ends the walk before the entry after this one. May not call the
 * engine. */
typedef bool (*hint_visit)(void *self, const struct hint_entry *entry);

void hints_init(struct hints *hints, struct replica *replica, uint64_t bytes_max);
void hints_deinit(struct hints *hints);

/* Takes up what an earlier run left. `wall_ms` is where arrival numbers start, so that they go on
 * rising over restarts; where the clock went back, entries met on a walk raise them. Also for
 * beginning again with another cluster's partitions. 0 or SHOAL_ENOMEM. */
int hints_begin(struct hints *hints, uint32_t partitions, uint32_t first, uint32_t step,
                uint64_t wall_ms);

/* Keeps the object for the partition's owners, merged with what is owed for the key. REPLICA_DONE,
 * REPLICA_HELD, REPLICA_PENDING as replica_store; SHOAL_EOVERLOAD when there is no room for more
 * hints, or as replica_store: nothing changed. */
int hints_store(struct hints *hints, uint32_t partition, struct bytes key, struct bytes object);

/* What is owed for the partition; keys 0 means nothing at all. */
struct hint_pile hints_pile(const struct hints *hints, uint32_t partition);

/* Visits what is owed for the partition from `position` on, in order: outcomes, and what becomes of
 * *next, as the engine's walk; pending ones are awaited with replica_wait. */
int hints_walk(struct hints *hints, uint32_t partition, uint64_t position, hint_visit visit,
               void *self, uint64_t *next);

/* Removes the entry, which was just met on a walk: 0 or the engine's refusal. */
int hints_remove(struct hints *hints, uint32_t partition, struct bytes key, uint64_t record_bytes);

/* Forgets all that is owed for the partition: 0 or the engine's refusal. */
int hints_drop(struct hints *hints, uint32_t partition);

/* What an entry of this object takes in the store, its key not counted. */
uint64_t hints_record_bytes(struct bytes object);

void hints_check(const struct hints *hints);

#endif
