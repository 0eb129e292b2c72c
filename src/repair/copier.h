/* Carries fills out: copies partitions, page by page, from the owners the plan names, a few at a
 * time. It is the plain form of the sync primitive: everything is sent, what is already here merges
 * to nothing. A copy that breaks off begins again with another owner; merging is idempotent. */
#ifndef REPAIR_COPIER_H
#define REPAIR_COPIER_H

#include "base/moment.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "member/reach.h"
#include "repair/fill.h"
#include "replica/replica.h"
#include "wire/messages.h"

#define COPIER_CONCURRENT_MAX 4u

struct copier_ports {
    void *self;
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* The partition's holding is complete again; or synced for the layout. */
    void (*refilled)(void *self, uint32_t partition);
    void (*synced)(void *self, uint32_t partition, const struct content_hash *target);
};

struct copier {
    struct copier_ports ports;
    struct replica *replica; /* borrowed, as all below */
    struct reach *reach;
    struct timers *timers;
    struct arena *arena;
    struct buffer *frame;
    struct moment now;
    const struct view *view;
    uint64_t self;
    uint64_t id_first; /* request ids are taken from here on, apart from the coordinator's */
    uint64_t next_id;
    struct table jobs;    /* partition + 1 -> struct copy_job * */
    struct queue waiting; /* jobs that have nothing under way */
    struct queue active;
    uint32_t active_count;
    uint64_t bytes_copied;
    bool stopped;
};

void copier_init(struct copier *copier, uint64_t id_first);
void copier_deinit(struct copier *copier);

/* The partition is to be filled: for the target layout, if any, and while its holding is refilling.
 * Calling again updates the target. 0 or SHOAL_ENOMEM. */
int copier_want(struct copier *copier, uint32_t partition, const struct content_hash *target);

/* The partition's holding has forgotten something: what was copied before counts no more. */
void copier_restart(struct copier *copier, uint32_t partition);

/* The partition is no longer this node's business. */
void copier_forget(struct copier *copier, uint32_t partition);

/* After a change of view, links or holdings: reports what is complete, starts what can start. */
void copier_review(struct copier *copier);

/* The payload is what was decoded: a page that can't be stored without reading first is kept. */
void copier_on_scanned(struct copier *copier, uint64_t node, const struct message_scanned *scanned,
                       struct bytes payload);

/* Takes up nothing more: the node is stopping. */
void copier_stop(struct copier *copier);

/* Partitions not yet complete. */
uint32_t copier_pending(const struct copier *copier);

#endif
