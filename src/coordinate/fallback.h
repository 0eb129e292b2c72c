/* Fallbacks: who takes a write for owners that can't be reached ("sloppy quorum", Dynamo, section
 * 4.6). A fallback keeps the object as a hint, owed to whoever owns the partition, and counts
 * towards W; never towards pw or dw, and it vouches for nothing, for it holds nothing else. */
#ifndef COORDINATE_FALLBACK_H
#define COORDINATE_FALLBACK_H

#include "coordinate/coordinator.h"

/* How many have confirmed. */
uint32_t fallback_votes(const struct operation *operation);

/* How many owners have confirmed: of each live layout at least so many, where fallbacks had to make
 * up for the rest of W; else of all together. */
uint32_t fallback_owner_votes(const struct operation *operation);

/* How many may confirm, at most: those asked that have not refused, and those that could be asked
 * for owners that are away. */
uint32_t fallback_supply(struct operation *operation);

/* Some fallback is to be sent the write, again or for the first time. */
bool fallback_wanted(struct operation *operation);

/* The write waits: these owners keep silent. Who keeps silent for long counts as away. */
void fallback_hedge(struct operation *operation, uint64_t silent);

/* Finds one for each owner that is away, and sends the object to all that were not asked since the
 * last view or hedge. */
void fallback_send(struct operation *operation, struct bytes encoded);

/* -1 when the node is none of the operation's. */
int fallback_index(const struct operation *operation, uint64_t node);
void fallback_on_stored(struct operation *operation, uint32_t index,
                        const struct message_stored *stored);

/* The link to the node has gone, and what it confirmed of a write in flight with it. */
void fallback_void(struct operation *operation, uint64_t node);

/* The view has changed: who owns the partition now is no fallback. */
void fallback_place(struct operation *operation);

/* Nobody was asked yet. */
void fallback_reset(struct operation *operation);

/* Is W met by these owners and so many fallbacks: in every live layout, pw by owners alone? */
bool fallback_write_met(const struct operation *operation, uint64_t owners, uint32_t fallbacks);

#endif
