/* When a node compares with whom: every interval, and soon after a link has come up, one small
 * message a pair for all partitions that two nodes share (Dynamo, section 4.7, has one a
 * partition). Equal sums say that nothing is to be done. It lives on worker 0, gathers what the
 * other workers hold by letters, and has all of them begin a round of syncs where sums differ.
 *
 *      due --> gathering --> COMPARE sent --> equal: nothing, or what is untold
 *                                         --> not, or nothing can be said: a round of everything */
#ifndef REPAIR_ANTI_ENTROPY_H
#define REPAIR_ANTI_ENTROPY_H

#include "base/moment.h"
#include "base/random.h"
#include "base/table.h"
#include "base/timers.h"
#include "repair/compare.h"

#define ANTI_ENTROPY_SOON_US UINT64_C(1000000) /* after a link has come up, at most */
#define ANTI_ENTROPY_ASKED_MAX 256u            /* peers' questions being gathered for */

struct anti_entropy_ports {
    void *self;
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* Asks every worker for its comparison with the node: anti_entropy_gathered, once for each that
     * had memory to answer. */
    void (*gather)(void *self, uint64_t node, uint64_t ticket);
    /* Has every worker begin a round. */
    void (*round)(void *self, uint64_t node, bool everything);
    /* A view that came with an answer. */
    void (*learn)(void *self, uint64_t view_digest, struct bytes view);
};

/* Answers a peer's question, once. */
struct comparison_asker {
    void *self;
    /* `mine` is this node's; NULL: nothing can be said now. */
    void (*answer)(void *self, const struct comparison *mine);
};

struct anti_entropy {
    struct anti_entropy_ports ports;
    struct timers *timers; /* borrowed, as all below */
    struct random *random;
    struct buffer *frame;
    struct moment now;
    const struct view *view;
    uint64_t self;
    uint32_t workers;
    uint64_t interval_us; /* 0: never by itself */
    struct table peers;   /* node -> struct ae_peer * */
    struct table gathers; /* ticket -> struct ae_gather * */
    uint32_t asked;
    uint64_t next_ticket; /* also ids of messages: the owner gives the first */
    uint64_t compared;    /* comparisons answered */
    uint64_t equal;       /* ... that found nothing to do */
    bool stopped;
};

void anti_entropy_init(struct anti_entropy *anti_entropy, uint64_t id_first);
void anti_entropy_deinit(struct anti_entropy *anti_entropy);

/* This worker's link to the node came up or went down. */
void anti_entropy_link(struct anti_entropy *anti_entropy, uint64_t node, bool up);

/* Compares with everybody now: what `shoal repair` asks for. */
void anti_entropy_now(struct anti_entropy *anti_entropy);

/* One worker's part. */
void anti_entropy_gathered(struct anti_entropy *anti_entropy, uint64_t ticket,
                           const struct comparison *part);

void anti_entropy_on_compared(struct anti_entropy *anti_entropy, uint64_t node,
                              const struct message_compared *answer);

/* A peer asks: gathers, then has `asker` answer. 0, or a code to refuse with. */
int anti_entropy_asked(struct anti_entropy *anti_entropy, uint64_t node,
                       const struct comparison_asker *asker);

void anti_entropy_stop(struct anti_entropy *anti_entropy);

#endif
