/* What the hub tells the workers of the feed, in one order for all of them: immutable, shared by
 * reference, thread-safe. */
#ifndef NODE_FEED_NEWS_H
#define NODE_FEED_NEWS_H

#include "node/letters.h"
#include "storage/tail.h"
#include "wire/messages_feed.h"

enum feed_news_kind {
    FEED_NEWS_BEGIN, /* to one worker: what follows is all anew; `at` is its ticket */
    FEED_NEWS_LANE, /* a lane is followed: from `at` on if its tail is known, else from that time */
    FEED_NEWS_PLACE,   /* a lane followed from a time is at `at` of this tail */
    FEED_NEWS_LANES,   /* the node has so many lanes, not more */
    FEED_NEWS_EVENTS,  /* of a lane: from `at` up to `next` */
    FEED_NEWS_TRIMMED, /* a lane goes on at `at`: `missed` are gone */
    FEED_NEWS_LOST,    /* a lane goes on at `at` of this tail */
    FEED_NEWS_SILENT,  /* the node keeps no feed */
    FEED_NEWS_AWAY,    /* the node can't be reached */
    FEED_NEWS_BACK,    /* it can, or does, again */
    FEED_NEWS_REMOVED, /* it is no member any more */
    FEED_NEWS_READY,   /* every lane that can be heard has its place */
};

struct feed_news {
    uint32_t references; /* private */
    uint32_t kind;       /* enum feed_news_kind */
    uint64_t node;
    uint32_t lane;
    uint32_t lanes;
    uint64_t tail; /* 0: not known */
    uint64_t at;
    uint64_t next;
    uint64_t missed;
    uint64_t time_ms; /* when the hub told it */
    size_t bytes;     /* of memory */
    uint32_t count;
    const struct tail_event *events; /* ascending by position */
};

/* One of the kinds without events, referenced; NULL when there is no memory. */
struct feed_news *feed_news_new(const struct feed_news *content);

/* Events of a lane, whose bytes are copied: those from `first` on, up to the first that doesn't
 * stand where it should, or doesn't check out. `*next` is where that is. NULL and 0 in *code: there
 * was none; else why: SHOAL_EDAMAGED where the first of them, or one before it, does not check out.
 */
struct feed_news *feed_news_of_events(struct bytes encoded, uint64_t first, uint64_t *next,
                                      int *code);

/* Does the event come next to who stands there? Positions jump to the mark of a crash, which says
 * what is known to have been before it. */
static inline bool feed_follows(const struct tail_event *event, uint64_t at)
{
    return event->position == at ||
           (event->op == TAIL_CRASH && event->position > at && tail_crash_from(event) <= at);
}

/* Where an answer's page begins: what lies before that and was asked for is gone. */
uint64_t feed_page_begins(const struct message_fed *fed);

struct feed_news *feed_news_ref(struct feed_news *news);
void feed_news_unref(struct feed_news *news); /* NULL is fine */

/* The letter that carries it; the receiver keeps it among what it holds. */
struct feed_stream;
struct letter_feed_news {
    struct letter letter;
    struct feed_news *news;
    /* The receiver's. */
    struct queue link;          /* in what has arrived, then in its stream */
    struct queue age;           /* in all that is held */
    struct feed_stream *stream; /* NULL: not held */
    uint32_t told;              /* events of it */
};

/* To the hub: follow for me, or no more; which ops my readers want. */
struct letter_feed_follow {
    struct letter letter;
    uint64_t ticket; /* 0: no more */
    uint32_t ops;
};

/* To the hub: so many bytes of news are done with. */
struct letter_feed_taken {
    struct letter letter;
    uint64_t ticket;
    uint64_t bytes;
};

/* To all workers: who wants which ops. */
struct letter_feed_wants {
    struct letter letter;
    uint32_t ops[]; /* one a worker */
};

/* Lists and reads, encoded as events of a tail. */
struct letter_feed_local {
    struct letter letter;
    uint64_t dropped; /* that there was no room for */
    size_t len;
    uint8_t bytes[];
};

#endif
