/* The live feed as surfaces read it: every change that any node of the cluster coordinates, at any
 * node.
 *
 * Each worker of each node is a *lane*: it puts every change that it has coordinated (acknowledged,
 * or of unknown outcome) into its *tail* (storage/tail.h), a bounded durable log, before the answer
 * goes out, and numbers it. A *cursor* says for every lane how far a reader has come. A node with
 * readers follows all lanes of all nodes (the hub, worker 0), puts what comes into one order of its
 * own, and gives it to its workers; a reader walks that. Who comes with a cursor, or has fallen
 * behind what the hub still holds, is first brought up from the tails themselves, lane by lane, and
 * then walks on with the others. (Kafka's partitions and offsets are the model, vector clocks the
 * cursor's.)
 *
 *      opened -- with a cursor --> CATCHING UP --- has all that the hub had ---> LIVE
 *         '----- without -------------------------------------------------------> '
 *                                     ^---------- fell behind the hub ------------'
 *
 * Promises: of each lane every event in order, at least once (again only after a catch-up began
 * anew), nothing left out without a gap that says so. No order among lanes. Events with ops LIST
 * and READ are this node's own, not kept, not counted: best effort. */
#ifndef NODE_FEED_H
#define NODE_FEED_H

#include "base/bytes.h"
#include "wire/messages.h" /* enum feed_op, enum feed_gap */

struct worker;
struct feed_walk;

struct feed_event {
    uint32_t op;      /* enum feed_op */
    uint64_t time_ms; /* wall, the coordinator's */
    struct bytes key;
    struct bytes value; /* put; data NULL: too long to be kept here */
    uint64_t value_bytes;
    uint64_t expiry_ms;
    uint64_t node;
    uint32_t reason; /* gap */
    uint64_t missed;
    struct bytes cursor; /* raw bytes (to be shown as base64url): all up to here and with this */
    uint64_t serial; /* the same number: the very same event with the same cursor, so that what was
                        made of it for another reader of this worker will do; 0: nobody else's */
};

struct feed_reader;

/* The surface's side. All calls on the reader's worker's thread, never nested in a call of the
 * worker by the surface. */
struct feed_reader_calls {
    /* The event, borrowed for the call. False: no room, it will be offered again after
     * feed_reader_more. */
    bool (*take)(struct feed_reader *reader, const struct feed_event *event);
    /* A round of takes is over: send what was gathered. */
    void (*flush)(struct feed_reader *reader);
    /* The worker is stopping, or the feed can't go on (the code and text say why): it is closed and
     * forgotten. */
    void (*ended)(struct feed_reader *reader, int code, const char *text);
};

struct feed_reader {
    /* ---- set by the surface ---- */
    const struct feed_reader_calls *calls;
    struct bytes prefix; /* borrowed for worker_feed_open */
    uint32_t ops;        /* 1 << enum feed_op; 0 is FEED_CHANGES */
    void *user;

    /* ---- private ---- */
    struct feed_walk *walk;
};

/* `cursor` data NULL: from now on. 0; SHOAL_EINVAL: no cursor of this cluster; SHOAL_EUNSUPPORTED:
 * this node keeps no feed (feed.tail_mb is 0); SHOAL_EOVERLOAD: too many readers; SHOAL_ESHUTDOWN;
 * SHOAL_ECONNECT: the node is in no cluster yet, or was removed; SHOAL_ENOMEM. The first call comes
 * in a later turn of the worker, never from within this function or those below. */
int worker_feed_open(struct worker *worker, struct feed_reader *reader, struct bytes cursor);
/* There is room again. */
void worker_feed_more(struct worker *worker, struct feed_reader *reader);
/* Any time between open and ended, also from within take and flush. */
void worker_feed_close(struct worker *worker, struct feed_reader *reader);
/* How far it has come; borrowed for the moment: for heartbeats. Data NULL while a reader that was
 * opened without a cursor has no place yet; `flush` is called when it has: what is written from
 * then on, it gets, of every node that could be heard. */
struct bytes worker_feed_cursor(const struct feed_reader *reader);

/* For surfaces that see reads: does any reader of this node want events of this op (LIST, READ)? A
 * relaxed load. Then tell of it. */
bool worker_feed_wanted(const struct worker *worker, uint32_t op);
void worker_feed_tell(struct worker *worker, uint32_t op, struct bytes key);

/* The node's name for an event's `node`; "?" when it is known no more. */
const char *worker_feed_node_name(const struct worker *worker, uint64_t node);

#endif
