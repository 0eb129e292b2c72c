/* What the files of writing share: see write.c. */
#ifndef COORDINATE_WRITE_H
#define COORDINATE_WRITE_H

#include "coordinate/coordinator.h"

/* This node's bit; 0 where it is no target. */
static inline uint64_t write_self_bit(const struct operation *operation)
{
    int self = placement_index(&operation->placement, operation->coordinator->self);
    return self < 0 ? 0 : operation_bit((uint32_t)self);
}

/* ---- write_basis.c: what a write replaces ---- */

/* On what it rests, as things are. */
enum write_basis write_basis_now(struct operation *operation);

/* What the read quorum held when it was asked; empty where none was. */
int write_read_quorum(struct operation *operation, struct object *out);

/* What it replaces: a replica_outcome or a negative code. */
int write_seen(struct operation *operation, struct version_vector *seen);

/* The dot was given in this holding: what it says of what else it keeps, ... */
void write_vouch_own(struct operation *operation, const struct holding *holding);

/* ... and what the confirmation of another says. */
void write_vouch(struct operation *operation, uint32_t target, const struct message_stored *stored);

/* What is about to be sent again, encoded: does it show that this node holds more than the write by
 * now? */
bool write_note_held(struct operation *operation, struct bytes encoded);

/* Have enough owners vouched that they keep nothing but the write? True where none has to. */
bool write_vouched(const struct operation *operation);

/* Somebody keeps what the write has not replaced, or too few can say that they don't. */
bool write_doubted(const struct operation *operation);

/* Begins again, by reading what R owners hold: the write, once more, then replaces that too. */
void write_again(struct operation *operation);

/* The dot given before the reading, by this holding, has been replaced by somebody who saw it, and
 * the read quorum holds nothing but what replaced it: the write has taken place, and all that it
 * was to replace is gone. It must not be made once more, on top of those who have seen it. */
bool write_superseded(struct operation *operation, uint64_t actor);

/* ---- write_amend.c: writes that depend on what they replace ---- */

/* Gives the dot of one, once in its operation: a replica_outcome or a negative code. */
int write_amend(struct operation *operation, struct holding *holding,
                struct replica_written *written);

/* Ends the operation if the code means something of its own here. */
bool write_amend_fail(struct operation *operation, int code);

/* The store that tells an owner of the write, encoded as it is now; borrows from both. */
struct message_store write_message(const struct operation *operation, struct bytes encoded);

/* Sends the node the STORE that coordinator->frame has; where the write is traced, with a call of
 * the node's own. 0 or a negative code. */
int write_store_to(struct operation *operation, uint64_t node, struct message_store *store);

/* ---- write_confirm.c: who has confirmed ---- */

/* This node's own write may be confirmed: at once, or once it is as durable as configured; on
 * stable storage where the request wants it there. */
void write_confirm_own(struct operation *operation, bool at_once);

/* It never will be. */
void write_refuse_own(struct operation *operation, int code);

/* Enough owners, and all else that the answer "done" says. */
bool write_done(const struct operation *operation);

#endif
