/* An old owner lets go. A holding of a partition that no live layout names this node for takes no
 * writes and has no say, but may have what nobody else has: a write that was never acknowledged, or
 * one that reached only this node. So it stays until every owner has taken from it what it lacks.
 *
 *      waiting --> asking --------------------> all owners of the view have confirmed --> dropped
 *         ^          RELEASE to each that has     |
 *         +-- pause -- not; it syncs from here,  -+ some have not, or can't be reached
 *                      and answers when what came is settled there (taking.h)
 *
 * It promises that a partition is dropped only when each owner in each live layout, less those
 * removed by force, has confirmed: this very holding, as the holding that the owner still is as
 * far as is known here (a link that breaks, or another actor, voids what was confirmed). An owner
 * that is away is waited for. Another view keeps the confirmations of those who own still; with one
 * that names this node again all is forgotten, and the holding goes on. Who was removed by force
 * lets go of nothing by itself.
 *
 * Which partitions, whom to ask and what was confirmed is decided here; nothing is moved. (Garage
 * lets an old owner go in the same way once its sync to the new ones is complete; here it is pulled
 * by them, for that is the one way in which data moves.) */
#ifndef REPAIR_RELEASE_H
#define REPAIR_RELEASE_H

#include "base/moment.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "member/reach.h"
#include "replica/replica.h"
#include "ring/view.h"
#include "wire/messages.h"

struct release_ports {
    void *self;
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* A view that came with an answer. */
    void (*learn)(void *self, uint64_t digest, struct bytes view);
    /* All have confirmed: forgets the holding and its data. 0, or why that can't be done now. */
    int (*drop)(void *self, uint32_t partition);
};

struct release_counts {
    uint64_t released;  /* partitions */
    uint64_t questions; /* to owners */
};

struct release {
    struct release_ports ports;
    struct replica *replica; /* borrowed, as all below */
    struct reach *reach;
    struct timers *timers;
    struct buffer *frame;
    struct moment now;
    const struct view *view; /* NULL until the node is in a cluster */
    uint64_t digest;         /* of the view that what is under way rests on */
    uint64_t self;
    uint32_t concurrent_max; /* partitions of which owners are asked at a time */
    uint64_t next_id;
    struct table jobs;      /* partition + 1 -> struct release_job * */
    struct table questions; /* id -> the job whose it is */
    struct queue waiting;
    struct queue asking;
    uint32_t asking_count;
    struct timer going_on; /* more could be dropped than one event should */
    bool stopped;
    struct release_counts counts;
};

void release_init(struct release *release, uint64_t id_first, uint32_t concurrent_max);
void release_deinit(struct release *release);

/* Takes up a view (borrowed until the next one): forgets what this node owns again. */
void release_adopt(struct release *release, const struct view *view, uint64_t self);

/* The partition, which is held here and not owned, is to be let go. 0 or SHOAL_ENOMEM. */
int release_want(struct release *release, uint32_t partition);

/* Begins what can begin. */
void release_review(struct release *release);

void release_on_released(struct release *release, uint64_t node,
                         const struct message_released *answer);

/* The link to a node came up or went down. */
void release_on_link(struct release *release, uint64_t node, bool up);

/* For another cluster. */
void release_forget(struct release *release);

/* Takes up nothing more: the node is stopping. */
void release_stop(struct release *release);

/* Is the partition still to be let go? */
bool release_has(const struct release *release, uint32_t partition);

/* Partitions not let go yet. */
uint32_t release_pending(const struct release *release);

void release_check(const struct release *release);

#endif
