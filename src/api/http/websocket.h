/* A WebSocket connection (RFC 6455), the server's end: answers pings, pings whoever is silent, and
 * ends as the protocol wants it. What is sent to the client is the owner's, as whole frames
 * (websocket_frame.h) written to the connection; what a client sends as data is passed over.
 *
 *      open --- websocket_end, or an offence ---> ending (close sent) --- its close, or patience
 * ---.
 *        '----- the client's close (echoed) ------------------------------------------------------>
 * gone
 */
#ifndef API_HTTP_WEBSOCKET_H
#define API_HTTP_WEBSOCKET_H

#include "api/http/websocket_input.h"
#include "net/connection.h"

struct websocket;

struct websocket_calls {
    /* What was full has drained (connection_marks): more may be sent. */
    void (*drained)(struct websocket *socket);
    /* From now on nothing may be written to the connection. Once, before `closed`. */
    void (*over)(struct websocket *socket);
    /* The connection is gone: the memory may be freed. Never called from within a call of this
     * header. */
    void (*closed)(struct websocket *socket);
};

struct websocket_patience {
    uint64_t ping_us;  /* silence after which the client is pinged */
    uint64_t pong_us;  /* ... and further silence, in which nothing goes out either, after that */
    uint64_t close_us; /* for its close, once ours is sent */
};

/* Embedded in what it belongs to. */
struct websocket {
    const struct websocket_calls *calls;
    const struct websocket_patience *patience;
    struct connection *connection; /* NULL once closed */
    struct loop *loop;

    /* ---- private ---- */
    struct websocket_input input;
    struct timer timer;
    uint64_t heard_us; /* when bytes last came */
    uint64_t moved_us; /* when a ping was sent, or output last moved after it */
    uint64_t sent_seen;
    bool pinged;
    bool over;
    bool ending; /* our close is sent, the client's has not come */
};

/* Takes the connection, over which the handshake's answer has been sent. `calls` and `patience` are
 * borrowed. */
void websocket_open(struct websocket *socket, struct connection *connection,
                    const struct websocket_calls *calls, const struct websocket_patience *patience);

/* Sends a close and waits for the client's. Harmless if it is over already. */
void websocket_end(struct websocket *socket, uint16_t code, const char *reason);

#endif
