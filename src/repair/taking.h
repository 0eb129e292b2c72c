/* An owner takes from an old owner, which lets go (release.h), what it lacks: a sync, asked for by
 * the other side, and an answer when all that came is settled here, as durable as a confirmed
 * write. Nothing is confirmed with a full disk, nor where this holding or the other began anew
 * meanwhile.
 *
 * Such a sync makes no statement about this holding. Its source is an owner in no layout, so it
 * counts neither for fills nor for closing, nor as a comparison with a peer. */
#ifndef REPAIR_TAKING_H
#define REPAIR_TAKING_H

#include "repair/sync.h"
#include "repair/transfers.h"

#define TAKINGS_MAX 64u /* of a worker, those included that wait until all is settled */

/* Who waits for the answer: called once, never from within the taking_begin that it came with. */
struct taking_asker {
    void *self;
    /* 0 and the actor of the confirming holding, or a negative code. */
    void (*answer)(void *self, int code, uint64_t actor);
};

struct taking_ports {
    void *self;
    /* A sync has come to its end. */
    void (*ended)(void *self, const struct sync_outcome *outcome);
    /* There may be room for another transfer. */
    void (*room)(void *self);
};

struct taking {
    struct taking_ports ports;
    struct syncs *syncs; /* borrowed, as the next */
    struct transfers *transfers;
    struct queue all;
    uint32_t count;
    bool stopped;
};

void taking_init(struct taking *taking);
/* Before the syncs. Nobody is answered. */
void taking_deinit(struct taking *taking, void (*forget)(void *asker));

/* Begins, or goes on with what is under way for the same old owner: then the earlier asker is
 * answered SHOAL_EOVERLOAD. 0: the asker will be called; else the answer: SHOAL_ENOTOWNER,
 * SHOAL_EOVERLOAD, SHOAL_ENOSPC, SHOAL_ESHUTDOWN, or as sync_begin. */
int taking_begin(struct taking *taking, const struct message_release *ask,
                 const struct taking_asker *asker);

/* What is under way ends, answered SHOAL_ESHUTDOWN; nothing more begins. */
void taking_stop(struct taking *taking);

void taking_check(const struct taking *taking);

#endif
