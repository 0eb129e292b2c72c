/* A watch: one reader of the live feed, over a connection of its own, so that reading slowly holds
 * up nothing but itself. watch.c has its life and where it goes, watch_link.c the connection,
 * watch_sync.c the iterator.
 *
 *      waiting ---> dialling ---> greeting (HELLO) ---> asking (WATCH) ---> reading
 *         ^____________\_________________\___________________\_______________/ lost
 */
#ifndef CLIENT_WATCH_H
#define CLIENT_WATCH_H

#include "base/arena.h"
#include "base/text.h"
#include "client/core.h"
#include "shoal/watch.h"

enum watch_state {
    WATCH_WAITING, /* for the time to try again */
    WATCH_DIALLING,
    WATCH_GREETING,
    WATCH_ASKING,
    WATCH_READING,
};

struct shoal_watch {
    struct queue link; /* in client->watches */
    struct shoal_client *client;
    const struct shoal_watch_calls *calls;
    void *user;
    struct timer timer; /* what it means depends on the state */
    struct event *wake; /* goes on with what is there already */
    uint32_t busy;      /* in so many calls that look at it afterwards */
    bool stopped;       /* freed when busy is 0 */
    bool paused;

    /* What is asked for. */
    struct buffer prefix;
    struct buffer cursor; /* where to go on; empty: from now on */
    uint32_t ops;
    uint64_t silence_us;

    /* Where. */
    enum watch_state state;
    uint64_t serial;       /* of the endpoint last tried */
    uint32_t failures;     /* in a row */
    uint32_t without_feed; /* of these, nodes that keep none */
    bool ever;             /* it has read */
    uint64_t give_up_us;   /* if it hasn't by then */
    char where[TEXT_ADDRESS_BYTES];
    char trouble[CLIENT_TEXT_BYTES]; /* why it doesn't read; "" when nothing is known */

    /* The connection. */
    struct dial *dial;
    int fd;
    struct event *read_event;
    struct event *write_event;
    uint64_t heard_us;
    uint64_t held_us; /* the caller has kept it from reading since then; 0: it doesn't */
    struct buffer in;
    size_t in_start;
    struct buffer out;
    size_t out_start;

    /* Events of a frame that are still to be told; they borrow from `in`. */
    struct arena arena;
    struct message_watched frame;
    uint32_t next;

    /* The iterator's. */
    bool sync;
    bool shown_set; /* `shown` is an event not yet taken */
    bool lent;      /* ... is one that the caller looks at */
    bool ended;
    int ended_code;
    struct shoal_event shown;
};

/* ---- watch.c ---- */

/* The connection is of no use; tries elsewhere, or ends. `why` is copied first. */
void watch_lost(struct shoal_watch *watch, int code, const char *why);
/* It can't go on anywhere. */
void watch_end(struct shoal_watch *watch, int code, const char *text);
/* It reads: everything up to the cursor is told. */
void watch_reading(struct shoal_watch *watch);
/* Tells the events of watch->frame, as far as nothing holds it up. */
void watch_tell(struct shoal_watch *watch);
/* Its client is being freed. */
void watches_end(struct shoal_client *client);
int watch_new(struct shoal_client *client, const struct shoal_watch_options *options,
              const struct shoal_watch_calls *calls, void *user, struct shoal_watch **out);
/* Leaves what watch->busy counts; frees it if that is due. */
void watch_leave(struct shoal_watch *watch);

/* ---- watch_link.c ---- */

/* Begins to connect: 0 or SHOAL_ENOMEM. What comes of it: watch_lost, watch_reading, watch_tell. */
int watch_link_open(struct shoal_watch *watch, const char *host, uint16_t port);
/* Closes it, whatever state it is in. */
void watch_link_close(struct shoal_watch *watch);
/* Reading goes on after a pause: what is there already first. */
void watch_link_resume(struct shoal_watch *watch);
/* The silence timer begins anew. */
void watch_link_listen(struct shoal_watch *watch);

#endif
