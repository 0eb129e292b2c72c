/* What the files of reading share: see read.c. */
#ifndef COORDINATE_READ_H
#define COORDINATE_READ_H

#include "coordinate/coordinator.h"

/* A get asks for objects, and so does a write that depends on what is there; another write that
 * reads first, for versions alone. */
static inline bool read_is_whole(const struct operation *operation)
{
    return operation->phase == OPERATION_LINGERING || operation->request->op == REQUEST_GET ||
           request_amends(operation->request->op);
}

/* ---- read.c ---- */

/* The target can't say, and why. */
void read_note_refusal(struct operation *operation, uint32_t target, int code);

/* What this node holds itself, if its holding is complete: a replica_outcome or a negative code. */
int read_local_copy(struct operation *operation, struct bytes *encoded);

/* This node's own answer, when it has one to give, or will have once its disk has been read. */
void read_local(struct operation *operation);

/* Asked, and not heard yet. */
uint64_t read_late(const struct operation *operation);

/* ---- read_ask.c ---- */

/* How long the swiftest of the targets takes to answer, at most; the hedging delay's upper bound
 * for no targets. This node is none that answers: leave it out. */
uint64_t read_swiftest_us(const struct operation *operation, uint64_t targets);

/* The targets whose answers count: owners in the layout that reads go by. */
uint64_t read_targets(const struct operation *operation);

/* The first so many of the targets. */
void read_ask_many(struct operation *operation, uint64_t targets, uint32_t count);

/* Asks as many more owners as the quorum is short of, the responsive ones first. */
void read_ask_enough(struct operation *operation);

/* ---- read_merge.c: what was answered, and what it comes to ---- */

/* Takes another's versions into the merge: 0, SHOAL_EOVERLOAD when others hold too much of the
 * budget for answers, or an error. */
int read_hold(struct operation *operation, struct bytes encoded);

/* Takes this node's own answer: of a get it is the merge, until others turn out to differ. */
int read_hold_own(struct operation *operation, struct bytes encoded);

/* Keeps another's object (data NULL: nothing there) and clock until it is known whether they
 * matter. Outcomes as read_hold; SHOAL_EPROTO and the like for what is no such thing. */
int read_keep(struct operation *operation, uint32_t target, struct bytes object,
              struct bytes clock);

/* Are all of these answers the same? */
bool read_agrees(const struct operation *operation, uint64_t votes);

/* All answers under each other's clocks, with this node's own, read anew, if it has a vote; into
 * the merge. 0; REPLICA_PENDING; a negative code with *own true when this node has no answer to
 * give any more; or another failure. */
int read_settle(struct operation *operation, uint64_t votes, bool *own);

/* Where all agree, the merge is any of them. 0, or 1 when they agree with what this node held
 * before and holds no more, or SHOAL_ENOMEM. */
int read_settle_alike(struct operation *operation, uint64_t votes);

uint64_t read_digest(struct bytes encoded);

/* ---- read_repair.c ---- */

/* Sends the merge to whoever answered something else. */
void read_repair(struct operation *operation);

/* Some who were asked have not answered: the operation stays a while, to repair them too, with a
 * copy of the key. False when there is nobody to stay for, or too many stay already. */
bool read_linger(struct operation *operation);

/* After a late answer: repairs whom it tells of, or all that are behind it. */
void read_end_lingering(struct operation *operation);

#endif
