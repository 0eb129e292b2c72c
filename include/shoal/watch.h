/* The live feed: every change that any node of the cluster coordinates, as it happens. What it
 * promises, and what not, is in docs/feed.md; the short form:
 *
 *   - Of each node's every worker the events come in order, each at least once. There is no order
 *     among them.
 *   - Nothing is left out without an event SHOAL_EVENT_GAP that says so.
 *   - Every event has a cursor: all up to here. Begin with it at any node of the cluster, also days
 *     later, as far as the nodes' feeds reach back (feed.tail_mb).
 *
 * A watch has a connection of its own. When its node goes away, it goes on at another with the last
 * cursor, by itself: a few events may come again, none is left out. */
#ifndef SHOAL_WATCH_H
#define SHOAL_WATCH_H

#include "shoal/client.h"

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_event_op {
    SHOAL_EVENT_PUT = 1,
    SHOAL_EVENT_DELETE = 2,
    SHOAL_EVENT_EXPIRE = 3, /* what had expired has been removed */
    SHOAL_EVENT_LIST = 4,   /* by clients of the node that the watch is connected to; best effort */
    SHOAL_EVENT_READ = 5,   /* the same */

    /* These come whatever was asked for. */
    SHOAL_EVENT_GAP = 6,
    SHOAL_EVENT_BACK = 7,  /* after a gap SHOAL_GAP_AWAY: what the node did meanwhile follows */
    SHOAL_EVENT_FLUSH = 8, /* all keys of a node that is alone were deleted at once */
};

enum shoal_gap {
    SHOAL_GAP_AWAY = 1,    /* the node can't be reached; what it did follows when it is back */
    SHOAL_GAP_TRIMMED = 2, /* its feed no longer reaches back so far */
    SHOAL_GAP_LOST = 3,    /* it has lost its feed */
    SHOAL_GAP_CRASHED = 4, /* it ended without a clean stop: changes of its last moment may lack */
    SHOAL_GAP_REMOVED = 5, /* it is no member any more */
    SHOAL_GAP_DROPPED = 6, /* SHOAL_EVENT_LIST and _READ for which there was no room */
};

struct shoal_event {
    enum shoal_event_op op;
    const char *op_text; /* "put", "delete", ... */
    uint64_t time_ms;    /* since 1970, by the clock of the node that coordinated it */
    const char *node;    /* its name */
    struct shoal_bytes key;
    struct shoal_bytes value;  /* put; data NULL: over 256 KiB, and not kept in the feed */
    uint64_t value_bytes;      /* put: how long it is, also then */
    uint64_t expiry_ms;        /* put: it is hidden after that, in ms since 1970; 0: never */
    enum shoal_gap gap;        /* SHOAL_EVENT_GAP: why ... */
    const char *gap_text;      /* ... "away", "trimmed", ... */
    uint64_t missed;           /* ... so many events at least; 0: not known */
    const char *text;          /* ... one sentence for people; else "" */
    struct shoal_bytes cursor; /* all up to this event, and with it */
};

/* All zeros: all changes of all keys from now on. What is pointed to is copied. */
struct shoal_watch_options {
    struct shoal_bytes prefix; /* only of keys that begin so */
    uint32_t ops;              /* bits 1 << enum shoal_event_op; 0: put, delete, expire */
    struct shoal_bytes after;  /* a cursor; data NULL: from now on */
    uint64_t silence_ms; /* a node that says nothing for so long is taken for dead; default 15000,
                            at least 300 */
};

struct shoal_watch;

/* ---- asynchronous ---------------------------------------------------------------------------- */

/* The callbacks come from the event loop, never from within a call of this header. Each may stop
 * the watch and free the client. */
struct shoal_watch_calls {
    /* An event, valid during the call. */
    void (*event)(struct shoal_watch *watch, const struct shoal_event *event, void *user);
    /* The watch can't go on, and is freed when this returns: SHOAL_EINVAL for a cursor that is none
     * of this cluster, SHOAL_EUNSUPPORTED where no node keeps a feed, SHOAL_ECONNECT when no node
     * could be reached in the client's timeout_ms at the beginning (later it is tried without end),
     * SHOAL_ESHUTDOWN when the client is freed. */
    void (*ended)(struct shoal_watch *watch, int code, const char *text, void *user);
    /* It reads now, at the beginning or again (text NULL); or its node was lost, and why: it goes
     * on elsewhere. May be NULL. */
    void (*moved)(struct shoal_watch *watch, const char *text, void *user);
};

/* 0, and one of the callbacks will be called; SHOAL_EINVAL, SHOAL_ENOMEM, SHOAL_ESHUTDOWN. `calls`
 * is borrowed while the watch lives; `options` may be NULL. */
SHOAL_API int shoal_watch_start(struct shoal_client *client,
                                const struct shoal_watch_options *options,
                                const struct shoal_watch_calls *calls, void *user,
                                struct shoal_watch **out);

/* No more events until shoal_watch_resume: what comes meanwhile waits at the node, which in the end
 * tells what no longer could. */
SHOAL_API void shoal_watch_pause(struct shoal_watch *watch);
SHOAL_API void shoal_watch_resume(struct shoal_watch *watch);

/* ---- synchronous ----------------------------------------------------------------------------- */

/* For clients of shoal_client_open(), as the synchronous calls of client.h. 0: the watch reads, and
 * whatever is done from now on will be told; or the code of why not, of which shoal_client_error()
 * has the words. The watch is the caller's to shoal_watch_stop. */
SHOAL_API int shoal_watch_open(struct shoal_client *client,
                               const struct shoal_watch_options *options, struct shoal_watch **out);

/* The next event, valid until the next call for this watch. 0; SHOAL_ETIMEOUT when there was none
 * in that time (0 looks only at what is there already); otherwise the watch has ended, with a code
 * as above, and is only to be stopped. */
SHOAL_API int shoal_watch_next(struct shoal_watch *watch, uint64_t timeout_ms,
                               const struct shoal_event **event);

/* ---- both ------------------------------------------------------------------------------------ */

/* How far it has come: the cursor of the last event, or of a later moment of which it is known that
 * nothing was before it. data NULL: it has never read. Valid until the loop runs. */
SHOAL_API struct shoal_bytes shoal_watch_cursor(const struct shoal_watch *watch);

/* NULL while it reads; else why its last node was lost, in one line: it goes on elsewhere. */
SHOAL_API const char *shoal_watch_trouble(const struct shoal_watch *watch);

/* Ends it and frees it; nothing is called back any more. NULL is fine. Watches are to be stopped
 * before their client is freed, unless they have callbacks. */
SHOAL_API void shoal_watch_stop(struct shoal_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
