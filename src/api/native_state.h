/* What the files of the native protocol share and no one else should look at. */
#ifndef API_NATIVE_STATE_H
#define API_NATIVE_STATE_H

#include "api/native.h"
#include "api/native_check.h"
#include "net/connection.h"
#include "net/frame_input.h"
#include "wire/messages.h"

/* One worker's share: touched by its loop's thread alone. */
struct native_desk {
    struct native *native;
    struct queue sessions;
    struct queue requests; /* in flight */
    struct queue free_requests;
    uint32_t free_request_count;
};

struct native {
    struct native_options options;
    struct native_desk desks[];
};

/* A client's connection, and what outlives it: it goes when it is closed and nothing is in flight.
 */
struct session {
    struct native_desk *desk;
    struct loop *loop;
    struct queue link;             /* in desk->sessions */
    struct connection *connection; /* NULL once closed */
    struct frame_input frames;
    struct queue watches; /* of the live feed */
    uint32_t watch_count;
    struct timer hello; /* runs until the hello has come */
    bool welcome;       /* it has */
    bool peer_port;     /* only what concerns the cluster is served */
    bool ended;         /* sends no more, may still read */
    bool counted;       /* in limits->clients */
    uint32_t in_flight;
    size_t in_flight_bytes;
};

/* A request in flight. */
struct native_request {
    struct request request;
    struct queue link; /* in desk->requests, or among the free ones */
    struct session *session;
    uint64_t id;
    size_t bytes; /* of its frame */
    uint64_t since_us;
    enum native_op op;
    struct input_block *block; /* where key, value and context lie */
    void *kept;                /* what a JOIN or CHANGE needs to have stay; NULL else */
};

/* ---- session --------------------------------------------------------------------------------- */

/* Appends a RESULT that refuses. Closes the connection when even that fails. */
void session_refuse(struct session *session, uint64_t id, int code, const char *text);
/* The same, then ends the connection when it has been sent. */
void session_give_up(struct session *session, uint64_t id, int code, const char *text);
/* A request is done with: reading goes on if it was waiting for that, or the session ends. */
void session_less_in_flight(struct session *session, size_t bytes);

/* ---- requests -------------------------------------------------------------------------------- */

void native_take_request(struct session *session, const struct frame *frame);
void native_take_list(struct session *session, const struct frame *frame);
/* A request to be filled in and submitted. NULL: it was refused. */
struct native_request *native_begin(struct session *session, const struct frame *frame,
                                    enum native_op op);
void native_submit(struct native_request *request);
/* Refuses what could not be decoded. */
void native_refuse_fields(struct session *session, const struct frame *frame, int code);
/* Frees what is still in flight, and the recycled ones. */
void native_requests_free(struct native_desk *desk);

/* ---- what operators ask ---------------------------------------------------------------------- */

void native_take_join(struct session *session, const struct frame *frame);
void native_take_verify(struct session *session, const struct frame *frame);
void native_take_repair(struct session *session, const struct frame *frame);
void native_take_change(struct session *session, const struct frame *frame);

/* ---- status ---------------------------------------------------------------------------------- */

void native_take_status(struct session *session, const struct frame *frame);
void native_take_ring(struct session *session, const struct frame *frame);

/* ---- the live feed --------------------------------------------------------------------------- */

void native_take_watch(struct session *session, const struct frame *frame);
void native_take_unwatch(struct session *session, const struct frame *frame);
/* Output has drained: those that had no room go on. */
void native_watches_more(struct session *session);
/* The client sends no more, or has gone: they end, and nothing is said. */
void native_watches_end(struct session *session);

/* ---- backups --------------------------------------------------------------------------------- */

void native_take_backup(struct session *session, const struct frame *frame);

#endif
