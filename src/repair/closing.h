/* Closing actors that have ended. Each holding that ends leaves an actor of which some dots were
 * perhaps never stored anywhere: gaps in the clocks of all others, over which no base rises, so
 * that no tombstone with that actor in its context would ever go. Once it is certain that none of
 * its dots can turn up any more, it is *closed* at a holding: it counts as seen whole. (Concise
 * server-wide clocks assume a node that never forgets; this is the price of one that may.)
 *
 *      WAITING --> ASKING ---------> TELLING ------------> SYNCING -----------------> closed
 *       open, no    everybody:        everybody: takes       this holding, from every
 *       owner's     is it yours?      no more from it, and   other owner, complete,
 *                                     has no hint            begun after the last word
 *
 * Everybody is every member that the view counts, and whoever has left and has not let go of all
 * yet (closing_members.h). Nobody's word but his own says that an actor is
 * not his, and an actor that has ended never returns: so after ASKING it has ended. After TELLING
 * what it wrote lies with owners or nowhere; the syncs bring that here, or the knowledge that it is
 * gone. An actor is not closed by comparing what members report of its dots: one may have forgotten
 * or passed on since what it reported (mutant close_by_report).
 *
 * Nothing is kept: with another view, or another holding here, it all begins anew. Others learn of
 * a closed actor by joining the clock. */
#ifndef REPAIR_CLOSING_H
#define REPAIR_CLOSING_H

#include "base/moment.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "repair/closing_members.h"
#include "repair/ended.h"
#include "repair/sync.h"
#include "replica/replica.h"
#include "ring/view.h"
#include "wire/messages.h"

#define CLOSING_SYNCS_MAX 64u       /* wanted at once, of a worker */
#define CLOSING_QUESTIONS_MAX 256u  /* sent in one tick */
#define CLOSING_PARTITIONS_MAX 512u /* looked through in one tick */

struct closing_ports {
    void *self;
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* A view that came with an answer. */
    void (*learn)(void *self, uint64_t digest, struct bytes view);
    /* Does this node itself owe a hint of the partition? */
    bool (*owes_hints)(void *self, uint32_t partition);
    /* Begins a sync from the node; whatever becomes of it is told by closing_on_synced. 0, or why
     * it can't be begun now. */
    int (*sync)(void *self, uint32_t partition, uint64_t node);
};

struct closing_counts {
    uint64_t closed; /* actors, at holdings of this worker */
    uint64_t questions;
};

struct closing {
    struct closing_ports ports;
    struct replica *replica; /* borrowed, as all below */
    struct timers *timers;
    struct buffer *frame;
    struct ended *ended;
    struct moment now;
    const struct view *view; /* NULL until the node is in a cluster */
    uint64_t digest;         /* of the view that what is under way rests on */
    uint64_t self;
    struct closing_members members; /* whose word is asked */
    uint32_t first;                 /* the worker's partitions: first, first + step, ... */
    uint32_t step;
    uint32_t next;      /* to be looked through next */
    uint64_t next_id;   /* of a question */
    struct table cases; /* partition + 1 -> struct closing_case * */
    struct queue turns; /* the same, whose turn it is first */
    uint32_t syncs;     /* wanted and not told of yet */
    struct timer timer;
    bool is_stopped;
    struct closing_counts counts;
};

void closing_init(struct closing *closing, uint64_t id_first);
void closing_deinit(struct closing *closing);

/* Takes up a view (borrowed until the next one), and who has left and may still have something. */
void closing_adopt(struct closing *closing, const struct view *view, uint64_t self,
                   const uint64_t *leavers, uint32_t leaver_count);

/* Forgets all, for another cluster. */
void closing_forget(struct closing *closing);

void closing_on_reply(struct closing *closing, uint64_t node,
                      const struct message_ended_reply *reply);

/* A sync here is over, whoever wanted it. */
void closing_on_synced(struct closing *closing, const struct sync_outcome *outcome);

/* Takes up nothing more: the node is stopping. */
void closing_stop(struct closing *closing);

/* Partitions with actors that seem to have ended and aren't closed yet. */
uint32_t closing_pending(const struct closing *closing);

void closing_check(const struct closing *closing);

#endif
