/* Between the files of a replica. See replica.h. */
#ifndef REPLICA_REPLICA_INSIDE_H
#define REPLICA_REPLICA_INSIDE_H

#include "replica/replica.h"

#define REPLICA_SECOND_US UINT64_C(1000000)

/* ---- replica.c ---- */

/* Whether a write of its own is held is not known, but nothing else has been forgotten: another
 * actor, and the tree is made anew. The clock stays, which is as true of the one as of the other:
 * without it this holding would take back what others have dropped tombstones for, and it would
 * have to refill before it has a say again. */
void replica_change_actor(struct replica *replica, struct holding *holding);

/* ---- replica_record.c ---- */

/* Puts the holding on record if it is not: 0 or the engine's refusal. */
int replica_record(struct replica *replica, struct holding *holding);

/* Puts what was asked for and may be told now on record. */
void replica_tell_due(struct replica *replica, struct holding *holding);

/* ---- replica_read.c ---- */

/* An object found by its place, copied into the arena. */
struct replica_found {
    struct engine_key key;
    struct object object;
};

/* The object at this position that has this sibling; or, with actor 0, whose key has this tag.
 * REPLICA_DONE, REPLICA_PENDING, SHOAL_ENOTFOUND (also for what can't be read), SHOAL_ENOMEM, or a
 * failure of the storage. */
int replica_find(struct replica *replica, uint32_t partition, uint64_t position, struct dot dot,
                 uint16_t tag, struct replica_found *out);

/* ---- replica_put.c ---- */

/* Nothing new: but what is held may itself not be settled yet, or never be. */
int replica_confirm_held(const struct replica *replica);

/* Makes `after` what is held of the key in place of `before`, of which the dots are enough, and
 * lets clock, tree and all that goes with the holding know. An object without siblings isn't kept.
 * `encoded` is that of `after`, or its data is NULL. `by`: the sync whose doing it is, or NULL.
 * Outcomes as replica_store. */
int replica_hold(struct replica *replica, struct holding *holding, const struct sync_watch *by,
                 const struct engine_key *key, const struct object *before,
                 const struct object *after, struct bytes encoded);

/* When a sibling with this expiry is to be removed: when no clock that is at most as far ahead of
 * this one as may be thinks that it should still be there. */
uint64_t replica_expiry_due_ms(const struct replica *replica, uint64_t expiry_ms);

/* ---- replica_write.c ---- */

/* The write, on what is held, by a holding that is on record; an hlc of 0 is that of now. Outcomes
 * as replica_write. */
int replica_write_on(struct replica *replica, struct holding *holding, const struct engine_key *key,
                     const struct object *held, struct version_vector seen,
                     const struct sibling *added, uint64_t wall_ms, struct replica_written *out);

/* ---- replica_patrol.c ---- */

/* Begins what walk the holding needs now, if any. */
void replica_patrol_begin(struct replica *replica, struct holding *holding, struct moment now);

/* Goes on with it: REPLICA_DONE, REPLICA_PENDING, or a negative code: later. */
int replica_patrol(struct replica *replica, struct holding *holding, uint32_t *budget);

/* ---- replica_step.c ---- */

/* There may be something to do by then. */
void replica_wake_at(struct replica *replica, uint64_t mono_us);

#endif
