/* The one sync primitive: makes this node's holding of a partition have all that a peer's has, and
 * know what the peer's knows to be gone, moving only what differs. Anti-entropy, refilling and
 * layout changes are all made of it (Dynamo, section 4.7; docs/repair.md).
 *
 *      ROOT --> NODES --> LEAVES --> FETCH by name --> what was stored here meanwhile, again --+
 *        |        |                                                                            |
 *        |        +--> FETCH by range (nothing is here, much is there) --------------------->--+
 *        +--> the roots are equal -------------------------------------------> join the clock <+
 *
 * The peer's clock is taken with its root, before anything else, and joined at the very end, when
 * each live sibling that it speaks of has been stored here or is known to be gone. The peer keeps
 * no state; every question names its holding's actor, so that one which forgets something meanwhile
 * doesn't answer in the old one's name. A sync that breaks off is just begun again: what has been
 * moved by then is equal and costs nothing. */
#ifndef REPAIR_SYNC_H
#define REPAIR_SYNC_H

#include "base/moment.h"
#include "base/table.h"
#include "base/timers.h"
#include "repair/pace.h"
#include "replica/replica.h"
#include "ring/view.h"
#include "wire/messages.h"

#define SYNC_WINDOW 4u /* questions of one sync in flight */

struct sync;

struct sync_ports {
    void *self;
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* A view that came with an answer. */
    void (*learn)(void *self, uint64_t view_digest, struct bytes view);
};

struct sync_outcome {
    int code; /* 0: complete, and the clock is joined */
    uint32_t partition;
    uint64_t node;
    uint64_t actor;    /* of the peer's holding; 0 if it never answered */
    bool release;      /* as wished: of an old owner, and no statement about this holding */
    bool refilling;    /* the peer's holding is itself incomplete */
    uint64_t begun_us; /* before the peer's clock was taken */
    uint64_t repaired; /* objects that changed something here */
};

/* What is to be synced, and who is told how it went: once, when the sync is no more, from within an
 * event of a sync, never from sync_begin. */
struct sync_wish {
    uint32_t partition;
    uint64_t node;
    const struct content_hash *target; /* the layout synced for; NULL: none */
    bool release;                      /* the node owns it no more, and has asked for this */
    void *self;
    void (*done)(void *self, const struct sync_outcome *outcome);
};

struct sync_counts {
    uint64_t begun;
    uint64_t completed;
    uint64_t failed;
    uint64_t questions;
    uint64_t objects; /* that came */
    uint64_t bytes;   /* of answers */
    uint64_t repairs; /* objects that changed something here */
};

/* All syncs of a worker. */
struct syncs {
    struct sync_ports ports;
    struct replica *replica; /* borrowed, as all below */
    struct timers *timers;
    struct arena *arena;
    struct buffer *frame;
    struct pace *pace;
    struct moment now;
    const struct view *view;
    uint64_t self;
    uint64_t next_id;
    struct table tasks; /* id of a question under way -> its task */
    struct queue running;
    uint32_t count;
    struct sync_counts counts;
};

/* Question ids are taken from id_first on. */
void syncs_init(struct syncs *syncs, uint64_t id_first);
void syncs_deinit(struct syncs *syncs);

/* 0, SHOAL_ENOTOWNER (the partition isn't held), SHOAL_EOVERLOAD (the tree of what is held is still
 * being made), SHOAL_ENOMEM, or as sending. */
int sync_begin(struct syncs *syncs, const struct sync_wish *wish, struct sync **out);

/* Ends it without a word to its wish. Not from within a call of the replica. */
void sync_cancel(struct sync *sync);

/* Answers. The payload is what was decoded: it is kept where something must be read first. */
void syncs_on_rooted(struct syncs *syncs, uint64_t node, const struct message_sync_rooted *answer);
void syncs_on_sums(struct syncs *syncs, uint64_t node, const struct message_sync_sums *answer);
void syncs_on_listed(struct syncs *syncs, uint64_t node, const struct message_sync_listed *answer,
                     struct bytes payload);
void syncs_on_fetched(struct syncs *syncs, uint64_t node, const struct message_sync_fetched *answer,
                      struct bytes payload);

#endif
