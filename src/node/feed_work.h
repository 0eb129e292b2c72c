/* A worker's share of the live feed, shared by its files:
 *
 *      feed_reader.c   readers come and go; whose turn it is
 *      feed_work.c     what the hub tells: streams, what is held of them, who is away
 *      feed_synced.c   readers that stand where the hub does: all at one place
 *      feed_walk.c     readers that don't, each at a place of its own
 *      feed_fetch.c    ... who are brought up from the tails
 *      feed_gone.c     members that have come and gone unheard
 *      feed_local.c    lists and reads of this node
 *      feed_filter.c   what readers want, each filter once
 *
 * A lane here is a *stream*: where the readers that are in step stand in it (`place`), and what is
 * still held of what came, up to there and beyond. Readers in step have no place of their own: an
 * event costs what it costs once (its cursor, its rendering by the surface), and for each of them a
 * call. Who isn't in step has a cursor, and takes of each stream what is held, or, where that
 * begins later, asks the lane itself. When all its places are the streams' it is in step. */
#ifndef NODE_FEED_WORK_H
#define NODE_FEED_WORK_H

#include "base/table.h"
#include "node/core.h"
#include "node/feed.h"
#include "node/feed_cursor.h"
#include "node/feed_filter.h"
#include "node/feed_news.h"
#include "wire/messages_feed.h"

#define FEED_FETCHES 16u         /* readers of a worker that are brought up at a time */
#define FEED_FETCH_BYTES 262144u /* wanted of one answer */
#define FEED_FETCH_US 3000000u   /* until it is late */
#define FEED_PAUSE_US 500000u    /* after one that failed */
#define FEED_TAKES 20000u        /* calls of readers in a turn */
#define FEED_WALK_EVENTS 512u    /* looked at for one reader in a turn */
#define FEED_LINGER_US 10000000u /* it is followed on, after the last reader */
#define FEED_LOCAL_BYTES 65536u  /* of lists and reads, between two turns */
#define FEED_LOCAL_US 20000u

struct feed_stream {
    struct feed_place place; /* where readers in step stand */
    uint64_t tail;           /* 0: not known, `place.at` is a time */
    bool gone;               /* no such lane any more: what is held is all there is */
    struct feed_place start; /* what a time that it began with came to; tag 0: no such */
    uint64_t start_ms;
    uint64_t first;    /* what is held begins here; nothing is: place.at */
    struct queue held; /* of struct letter_feed_news, with events */
};

struct feed_peer {
    uint64_t node;
    bool away;
    uint32_t reason; /* enum feed_gap: AWAY, or LOST: it keeps no feed */
    bool told;       /* its number of lanes */
    uint32_t lanes;  /* then */
};

struct feed_page {
    uint64_t node;
    uint32_t lane;
    bool begun;
    struct message_fed fed; /* its events: in the bytes below */
    uint64_t begins;
    struct bytes rest;
    uint8_t bytes[];
};

struct feed_walk {
    struct queue link; /* in work->synced, ->walking, or on its way through a round */
    struct feed_reader *reader;
    struct feed_work *work;
    struct feed_filter *filter;
    bool synced;
    bool fresh;            /* opened without a cursor, and has no place yet */
    bool blocked;          /* until there is more room */
    bool touched;          /* has been given something since the last flush */
    bool merged;           /* has been compared with the streams there are */
    struct feed_cursor at; /* unless synced or fresh */
    uint64_t *away;        /* nodes of which it was told that they are; unless synced */
    uint32_t away_count;
    uint64_t dropped; /* lists and reads */
    uint32_t turn;    /* the place to be looked at first */
    /* Fetching. */
    struct queue hunger; /* in work->hungry */
    bool hungry;
    bool slot;
    uint64_t ask; /* 0: none */
    uint64_t ask_node;
    uint32_t ask_lane;
    uint64_t ask_at; /* the place then; it may have gone on since */
    struct feed_page *page;
    struct timer patience; /* for the answer; else: until it may ask again */
};

struct feed_work {
    struct worker *worker;
    /* Following. */
    uint64_t ticket; /* of the last time it asked to; 0: it doesn't */
    uint64_t tickets;
    uint32_t ops_told;
    bool begun;
    bool ready;
    struct feed_stream **streams; /* sorted */
    uint32_t stream_count;
    struct feed_peer *peers; /* sorted */
    uint32_t peer_count;
    struct queue arrived; /* of struct letter_feed_news: not all told to readers in step */
    struct queue ages;    /* all that is held, oldest first */
    size_t held_bytes;
    size_t held_bytes_max;
    uint64_t taken; /* bytes done with that the hub doesn't know of */
    /* Readers. */
    struct queue synced;
    struct queue walking;
    struct queue hungry;  /* want to fetch, in their order */
    struct queue filters; /* of all of them */
    uint32_t readers;
    uint32_t slots;            /* in use */
    struct feed_walk *current; /* whose surface is being called */
    struct table asks;         /* id -> struct feed_walk */
    uint64_t next_id;
    uint64_t serial;
    struct feed_known known; /* of the members, as readers in step know it ... */
    uint64_t known_digest;   /* ... by this view */
    struct feed_cursor ends; /* of readers in step; see feed_ends */
    struct buffer cursor;    /* encoded, the last one */
    struct timer pump;
    struct timer linger;
    /* Lists and reads. */
    uint32_t *wants; /* which ops each worker's readers want */
    uint32_t wanted; /* any of them */
    struct buffer local;
    uint64_t local_dropped;
    struct timer local_timer;
};

/* ---- feed_reader.c ---- */

int feed_work_new(struct worker *worker, struct feed_work **out);
void feed_work_free(struct feed_work *work); /* NULL is fine */
/* There is another snapshot. */
void feed_work_adopt(struct feed_work *work);
/* The worker is stopping: all readers are told. */
void feed_work_stop(struct feed_work *work);
/* There is something to do in the next turn. */
void feed_stir(struct feed_work *work);
/* Calls the surface: 1 taken, 0 refused (then it is blocked), -1 the reader is gone. */
int feed_offer(struct feed_walk *walk, const struct feed_event *event);
/* The reader can't be served any more; the walk is gone. */
void feed_end(struct feed_walk *walk, int code, const char *text);
static inline bool feed_wants(const struct feed_walk *walk, const struct feed_event *event)
{
    return feed_filter_wants(walk->filter, event);
}
/* The event as surfaces see it, without its cursor. */
struct feed_event feed_event_of(const struct tail_event *event, uint64_t node);
void feed_walk_free(struct feed_walk *walk);
/* All readers end. */
void feed_fail(struct feed_work *work, int code);
/* Encodes into work->cursor; see feed_cursor_encode. */
int feed_encode(struct feed_work *work, const struct feed_cursor *cursor, uint64_t skip_node,
                uint32_t skip_lane);

/* ---- feed_work.c ---- */

void feed_take_news(struct feed_work *work, struct letter_feed_news *letter);
void feed_forget(struct feed_work *work);
struct feed_stream *feed_stream_find(const struct feed_work *work, uint64_t node, uint32_t lane);
struct feed_peer *feed_peer_find(const struct feed_work *work, uint64_t node);
int feed_stream_add(struct feed_work *work, const struct feed_news *news);
/* Those of the node from this lane on are gone. */
void feed_streams_end(struct feed_work *work, uint64_t node, uint32_t lane);
int feed_peer_add(struct feed_work *work, uint64_t node);
void feed_peer_remove(struct feed_work *work, uint64_t node);
/* Nothing is held of the stream any more. */
void feed_stream_clear(struct feed_work *work, struct feed_stream *stream);
void feed_hold(struct feed_work *work, struct feed_stream *stream, struct letter_feed_news *letter);
/* What the letter had is done with. */
void feed_done(struct feed_work *work, struct letter_feed_news *letter);
/* The place of readers in step, as a cursor: borrowed. 0 or SHOAL_ENOMEM. */
int feed_ends(struct feed_work *work);

/* ---- feed_synced.c ---- */

/* Tells readers in step what has arrived, as much as is due in a turn. */
void feed_advance(struct feed_work *work);
/* An event to all readers in step; those who refuse it go back to `before` (NULL: where they
 * are). Ops LIST and READ: who refuses is blocked and has lost it. */
void feed_tell_synced(struct feed_work *work, struct feed_event *event, struct feed_stream *stream,
                      const struct feed_place *before);
/* A reader in step gets a place of its own, the one that all have now. False: there was no memory,
 * and it has ended. */
bool feed_leave_step(struct feed_walk *walk);

/* ---- feed_walk.c ---- */

/* One turn of a reader that is not in step. True: there is more that it could do at once. False:
 * it waits, has come into step, or is gone. */
bool feed_walk_step(struct feed_walk *walk);
/* There are other streams now. */
void feed_walk_review(struct feed_work *work);
/* It knows who is away now. 0 or SHOAL_ENOMEM. */
int feed_walk_note_away(struct feed_walk *walk);
/* What all in step were told just now it has not heard: of a node that is away, back or removed, of
 * lanes that are no more. */
void feed_walk_untold(struct feed_walk *walk, const struct feed_event *event);
/* An event to a reader that stands at a place of its own, with that place as its cursor, less the
 * lanes that are skipped. As feed_offer. */
int feed_walk_offer(struct feed_walk *walk, struct feed_event *event, uint64_t skip_node,
                    uint32_t skip_lane);
/* A place goes on elsewhere, which the reader is told as a gap. As feed_offer. */
int feed_walk_jump(struct feed_walk *walk, struct feed_place *place, uint32_t tag, uint64_t at,
                   uint32_t reason, uint64_t missed);
/* The lanes of the node from this one on are no more. As feed_offer. */
int feed_walk_cut(struct feed_walk *walk, uint64_t node, uint32_t lane, uint32_t reason);

/* ---- feed_gone.c ---- */

struct feed_known feed_known_of(const struct view *view);
/* Where the view has changed, tells readers in step of members that have come and gone unheard, and
 * lets the others look for such. */
void feed_gone_review(struct feed_work *work);
/* Gives a reader that is not in step places of those that it has not heard of, so that it is told.
 * 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int feed_gone_merge(struct feed_walk *walk);

/* ---- feed_fetch.c ---- */

/* Wants what its lane's tail has from its place on. */
void feed_fetch_want(struct feed_walk *walk, uint64_t node, uint32_t lane);
/* Hands out what asking may go on at a time. */
void feed_fetch_next(struct feed_work *work);
void feed_fetch_take(struct feed_work *work, uint64_t node, const struct message_fed *fed);
/* The page that has come: 1 done with, -1 the reader is gone, 0 it has refused something, 2 there
 * is more of it. */
int feed_fetch_use(struct feed_walk *walk, uint32_t *budget);
/* Neither waits for an answer nor has one. */
void feed_fetch_drop(struct feed_walk *walk);
void feed_fetch_init(struct feed_walk *walk);

/* ---- feed_local.c ---- */

void feed_take_wants(struct feed_work *work, const struct letter_feed_wants *letter);
void feed_take_local(struct feed_work *work, const struct letter_feed_local *letter);
void feed_local_init(struct feed_work *work);

#endif
