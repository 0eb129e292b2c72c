/* Delivering hints: what the hint store owes for a partition is pushed, as ordinary stores, to each
 * of the partition's current owners, whoever was away when the write was made: the owners of every
 * live layout, this node too once it is one. It promises that an entry goes from the store only
 * when every current owner has confirmed it as it is, each as the holding that it is now.
 *
 *      debt    what is owed for one partition; has a route to each owner
 *      route   how far one owner, as one actor, has confirmed: all that arrived up to a number
 *      pass    one way along a partition's hints for one route, a page of frames at a time; when it
 *              is through, the route has confirmed all that had arrived when it began
 *      sweep   removes what all routes have confirmed
 *
 * Nothing of this is kept: after a restart everything owed is pushed again, which is harmless (what
 * an owner has seen and lost to a newer write, a deletion included, it refuses as gone, and
 * confirms). Riak delivers hints by partition in the same way; Cassandra expires them, which this
 * does not: an owner that never returns is removed from the layout, and then is owed nothing. */
#ifndef REPAIR_HINT_DELIVERY_H
#define REPAIR_HINT_DELIVERY_H

#include "base/moment.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "member/reach.h"
#include "repair/pace.h"
#include "replica/hints.h"
#include "ring/view.h"
#include "wire/messages.h"

/* Passes at once, of a worker, and to one peer. */
#define HINT_PASSES_MAX 64u
#define HINT_PASSES_PER_PEER 8u

/* One page: frames in flight to one owner for one partition. */
#define HINT_PAGE_KEYS 64u
#define HINT_PAGE_BYTES (256u * LIMIT_KIB)

struct hint_ports {
    void *self;
    /* A frame to a node, this one included: 0 or a negative code. */
    int (*send)(void *self, uint64_t node, struct bytes frame);
    /* A view that came with an answer. What it returns is not looked at. */
    uint64_t (*learn)(void *self, uint64_t digest, struct bytes view);
    /* For the log. */
    const char *(*name)(void *self, uint64_t node);
};

struct hint_route;

/* One way along a partition's hints. */
struct hint_pass {
    struct hint_delivery *delivery;
    struct hint_route *route; /* NULL: free */
    uint64_t actor;           /* who confirms; 0 before the first answer */
    uint64_t floor;           /* what arrived up to here is passed over */
    uint64_t ceiling;         /* and what arrived later */
    bool is_probe;            /* one entry will do: is the owner still who it was? */
    bool is_routine;
    uint64_t began_us;
    uint64_t position; /* of the page under way */
    uint64_t next;     /* of the one after it */
    bool is_last;
    uint64_t refused_first;            /* the earliest arrival that was refused; UINT64_MAX */
    uint64_t serial;                   /* of the page's first frame */
    uint64_t waiting;                  /* bit i: frame i has no answer */
    uint32_t sent;                     /* frames of the page */
    uint32_t refused;                  /* of these */
    uint64_t arrivals[HINT_PAGE_KEYS]; /* of these */
    struct timer timer;                /* answers are late; or the next page is due */
    struct read_waiter reading;
};

struct hint_delivery {
    struct hint_ports ports;
    struct hints *hints; /* borrowed, as all below */
    struct reach *reach;
    struct timers *timers;
    struct arena *arena;
    struct buffer *frame;
    struct pace *pace; /* NULL: as fast as it goes */
    struct moment now;
    const struct view *view; /* NULL until the node is in a cluster */
    uint64_t self;
    uint64_t id_first;  /* request ids are taken from here on */
    uint64_t serial;    /* of the next frame */
    struct table debts; /* partition + 1 -> struct hint_debt * */
    struct queue turns; /* the same, whose turn it is first */
    struct table peers; /* node -> struct hint_peer * */
    struct hint_pass passes[HINT_PASSES_MAX];
    struct timer routine;  /* see hint_delivery.c */
    struct timer going_on; /* more passes could begin than one event should */
    bool is_running;
    bool is_stopped;
    uint64_t delivered; /* entries that every owner has confirmed */
};

void hint_delivery_init(struct hint_delivery *delivery, uint64_t id_first);
void hint_delivery_deinit(struct hint_delivery *delivery);

/* Takes up a view (borrowed until the next one): hints are owed to its owners. The hint store has
 * begun. */
void hint_delivery_adopt(struct hint_delivery *delivery, const struct view *view, uint64_t self);

/* Forgets everything under way, for another cluster. */
void hint_delivery_forget(struct hint_delivery *delivery);

/* Something was stored for the partition. */
void hint_delivery_owe(struct hint_delivery *delivery, uint32_t partition);

/* The link to a node came up or went down. */
void hint_delivery_on_link(struct hint_delivery *delivery, uint64_t node, bool up);

void hint_delivery_on_stored(struct hint_delivery *delivery, uint64_t node,
                             const struct message_stored *stored);

/* Takes up nothing more: the node is stopping. */
void hint_delivery_stop(struct hint_delivery *delivery);

void hint_delivery_check(const struct hint_delivery *delivery);

#endif
