/* One TCP connection to a node: says hello, then sends calls' frames and hands back their answers.
 *
 *      dialling ---> greeting (hello sent) ---> ready ---> closed
 *          \_______________\______________________^ on any failure
 *
 * Frames written during one turn of the event loop leave in one system call at its end. It knows of
 * every call whether any byte of it has left, which is what makes retrying a write safe. */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "client/endpoint.h"

enum connection_state {
    CONNECTION_DIALLING,
    CONNECTION_GREETING,
    CONNECTION_READY,
};

struct connection {
    struct queue link; /* of endpoint->connections */
    struct endpoint *endpoint;
    enum connection_state state;
    struct dial *dial; /* while dialling */
    int fd;
    struct event *read_event;
    struct event *write_event; /* pending only while the socket is full */
    struct timer timer;        /* until it is ready, and then while it is silent */

    struct buffer in;
    size_t in_start; /* consumed before it */
    struct buffer out;
    size_t out_start;       /* sent before it */
    uint64_t stream_sent;   /* bytes that have left, in all */
    uint64_t stream_queued; /* and been written, in all */
    struct queue dirty;     /* of client->dirty */

    struct queue calls; /* in flight, oldest first */
    uint32_t in_flight;
    uint64_t heard_us; /* when bytes last arrived */
    uint64_t frame_bytes_max;
};

/* Begins to connect: 0 or SHOAL_ENOMEM. The outcome goes to the endpoint. */
int connection_open(struct endpoint *endpoint);

/* Ends it silently; its calls must be gone. */
void connection_free(struct connection *connection);

bool connection_has_room(const struct connection *connection);

/* Writes the call's frame: 0 and it is in flight here, or a code and it isn't. */
int connection_send(struct connection *connection, struct call *call);

/* Sends what has been written, as far as the socket takes it. May lose the connection. */
void connection_flush(struct connection *connection);

/* Whether any byte of the call, which is in flight here, has left. */
bool connection_has_sent(const struct connection *connection, const struct call *call);

/* It owes an answer and nothing comes. If that stays so for a request's usual time it is given up,
 * even when nobody waits for it any more: it would be second choice for ever. */
void connection_is_silent(struct connection *connection);
void connection_not_silent(struct connection *connection);

/* Gives it up: its calls go where they may, its endpoint is told. Frees it. */
void connection_lose(struct connection *connection, int code, const char *why);

#endif
