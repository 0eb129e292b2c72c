/* The live feed of a fake worker (node/feed.h): readers get what a test gives them, when it does.
 * For nodes of one worker. The calls with a fake_call's arguments run by fake_worker_call. */
#ifndef SUPPORT_FAKE_FEED_H
#define SUPPORT_FAKE_FEED_H

#include "node/feed.h"
#include "support/fake_worker.h"

/* Before each test. */
void fake_feed_reset(void);
/* What opening answers from now on. */
void fake_feed_refuse(int code);
/* Waits until so many are reading (seconds at most); false: it has not come to this. */
bool fake_feed_wait(uint32_t readers);
/* How often readers have said that there is room again. */
uint32_t fake_feed_more(void);
/* What the reader opened last was given, valid until the next is opened. */
struct bytes fake_feed_cursor(void);
struct bytes fake_feed_prefix(void);
uint32_t fake_feed_ops(void);

/* Readers without a place get one: its cursor is "start". */
void fake_feed_place(struct worker *worker, const struct ports *ports, void *self);

struct fake_feed_offer {
    const struct feed_event *events;
    uint32_t count;
    uint32_t taken; /* out: by the reader that took least */
};
/* All readers are offered the events in turn, up to the one that they don't take. */
void fake_feed_offer(struct worker *worker, const struct ports *ports, void *self);
/* All end, with the code that `self` points to (an int). */
void fake_feed_end(struct worker *worker, const struct ports *ports, void *self);

/* Ops that somebody wants (bits), and how many have been told of them. */
void fake_feed_want(uint32_t ops);
uint32_t fake_feed_told(uint32_t op);

#endif
