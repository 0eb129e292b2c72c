/* Carries fills out: makes holdings complete by syncing their partitions from the owners that the
 * plan (fill.h) names, a few at a time. A sync that breaks off begins again with another owner;
 * what it has moved by then is equal and costs nothing. */
#ifndef REPAIR_FILLER_H
#define REPAIR_FILLER_H

#include "member/reach.h"
#include "repair/fill.h"
#include "repair/sync.h"
#include "repair/transfers.h"

struct filler_ports {
    void *self;
    /* The partition's holding is complete again; or synced for the layout. */
    void (*refilled)(void *self, uint32_t partition);
    void (*synced)(void *self, uint32_t partition, const struct content_hash *target);
    /* A sync has come to its end. */
    void (*ended)(void *self, const struct sync_outcome *outcome);
};

struct filler {
    struct filler_ports ports;
    struct syncs *syncs; /* borrowed, as all below */
    struct reach *reach;
    struct transfers *transfers;
    struct table jobs;    /* partition + 1 -> struct fill_job * */
    struct queue waiting; /* jobs that have nothing under way */
    struct queue active;
    bool stopped;
};

void filler_init(struct filler *filler);
/* Before the syncs. */
void filler_deinit(struct filler *filler);

/* The partition is to be filled: for the target layout, if any, and while its holding is refilling.
 * Calling again updates the target. 0 or SHOAL_ENOMEM. */
int filler_want(struct filler *filler, uint32_t partition, const struct content_hash *target);

/* The partition's holding has forgotten something: what was heard before counts no more. May be
 * called from within the replica. */
void filler_restart(struct filler *filler, uint32_t partition);

/* The partition is no longer this node's business. */
void filler_forget(struct filler *filler, uint32_t partition);

/* After a change of view, links or holdings: reports what is complete, starts what can start. */
void filler_review(struct filler *filler);

/* There is room for another transfer. */
void filler_resume(struct filler *filler);

/* Takes up nothing more: the node is stopping. */
void filler_stop(struct filler *filler);

/* Is the partition still to be filled? */
bool filler_has(const struct filler *filler, uint32_t partition);

/* Partitions not yet complete. */
uint32_t filler_pending(const struct filler *filler);

#endif
