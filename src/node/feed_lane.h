/* A worker's lane of the live feed: every change that it has coordinated goes into its tail
 * (storage/tail.h) before it is answered, and whoever follows the lane, another node's hub or this
 * one's, is served from there, at once or as soon as there is something. What counts as a change:
 *
 *      a put, delete, add or expire that has given a dot    when it is over
 * (coordinate/write_told.c) the cells that a unit has changed                    when they are
 * written (unit_told.c) everything deleted by a unit                         one event FEED_FLUSH
 *      a transaction of before completed at the start       once more, should it have been told
 *      what has expired                                     when its tombstone is written
 *
 * What this node stores for others' coordination, syncs and hints is no change of this lane. Among
 * events of one key the order is that of their writes, but for writes that were under way at the
 * same time. */
#ifndef NODE_FEED_LANE_H
#define NODE_FEED_LANE_H

#include "base/buffer.h"
#include "base/queue.h"
#include "base/timers.h"
#include "storage/tail.h"

struct change_told;
struct source;
struct worker;
struct worker_options;

struct feed_lane {
    struct tail *tail; /* where changes go; NULL: there is no feed */
    struct tail *const *tails;
    uint32_t tail_count;
    uint32_t lanes;
    struct queue waiters; /* of struct feed_waiter, in the order in which they came */
    uint32_t waiter_count;
    bool appended;       /* since they were looked at */
    bool fetched;        /* what some of them wait for has come from the disk */
    uint64_t served_us;  /* when they were looked at last */
    struct timer gather; /* until they may be looked at again */
    struct timer tick;   /* until what was appended is to be synced */
    struct buffer page;
};

void feed_lane_init(struct worker *worker, const struct worker_options *options);
void feed_lane_deinit(struct worker *worker);

/* Of the lane and those of before, together; nothing where there is no feed. */
void feed_lane_stats(const struct worker *worker, struct tail_stats *out);

/* Does anything have to be told? */
bool feed_lane_on(const struct worker *worker);

/* Something has changed. Borrowed. */
void feed_lane_put(struct worker *worker, struct bytes key, struct bytes value, uint64_t expiry_ms);
void feed_lane_delete(struct worker *worker, struct bytes key);
void feed_lane_expired(struct worker *worker, struct bytes key);
void feed_lane_flushed(struct worker *worker);
/* As a courier's `changed`. */
void feed_lane_changed(void *self, const struct change_told *told);

/* ---- feed_serve.c ---- */

/* A peer, or this node's hub, asks for a stretch of a lane. */
void serve_feed(struct worker *worker, struct source source, struct bytes payload);
/* At the end of every loop turn: who waits for what has come is answered, all that came in this
 * turn at once. */
void feed_lane_flush(struct worker *worker);
void feed_serve_close(struct worker *worker);

#endif
