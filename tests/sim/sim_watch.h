/* Readers of the live feed in a run: each reads at some node, now fast, now slowly, and goes on
 * elsewhere by its cursor, of its own accord or because its node has gone. They hold the feed to
 * what it promises, from cursors and values alone:
 *   - from one event to the next a reader's cursor moves by that very event, in one lane, or by
 *     what a gap says; so nothing is left out or told out of order in silence;
 *   - what is told was written by a client, under that key;
 *   - when all has healed, every put that was acknowledged since a reader first had a place has
 *     been told to it, unless it was told of a gap that can be about it (sim_gaps.h). */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "node/feed.h"
#include "node/feed_cursor.h"
#include "sim_gaps.h"

#define SIM_WATCHERS_MAX 4u

struct sim_watchers;

struct sim_watcher {
    struct feed_reader reader;
    struct sim_watchers *all;
    struct timer timer;
    uint32_t node;
    uint32_t worker;
    uint64_t life;
    bool open;
    bool known;              /* it has had a cursor */
    uint32_t room;           /* for so many events */
    struct feed_cursor at;   /* of the last event, or heartbeat */
    struct buffer cursor;    /* the same, as bytes */
    uint32_t written_before; /* writes that had begun when it was known first */
    uint8_t *told;           /* write id -> it was */
    uint32_t told_count;
    uint32_t left_out[SIM_KEYS_MAX]; /* puts of which it was told without their value */
    struct sim_gaps gaps;
};

struct sim_watchers {
    struct sim_world *world;
    struct random random;
    struct sim_watcher items[SIM_WATCHERS_MAX];
    uint32_t count;
    bool calm; /* all read fast, and stay where they are */
    bool away; /* nobody reads anywhere */
    uint64_t events, gaps, reopened, judged, excused;
};

void sim_watchers_init(struct sim_watchers *watchers, struct sim_world *world, uint32_t count);
/* The nodes have ended. */
void sim_watchers_deinit(struct sim_watchers *watchers);

void sim_watchers_begin(struct sim_watchers *watchers);
/* All readers go, with their cursors, until they are to come back. */
void sim_watchers_away(struct sim_watchers *watchers, bool away);
/* All has healed: they get as far as they can, and are judged. */
void sim_watchers_judge(struct sim_watchers *watchers);

#endif
