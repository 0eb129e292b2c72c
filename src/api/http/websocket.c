/* See websocket.h. */
#include "api/http/websocket.h"

/* ---- ending ---------------------------------------------------------------------------------- */

static void say_over(struct websocket *socket)
{
    if (!socket->over) {
        socket->over = true;
        socket->calls->over(socket);
    }
}

static void send_close(struct websocket *socket, uint16_t code, const char *reason)
{
    say_over(socket);
    struct buffer *out = connection_output(socket->connection);
    if (out != NULL && websocket_append_close(out, code, bytes_from_string(reason)) == 0) {
        connection_send(socket->connection);
    }
}

void websocket_end(struct websocket *socket, uint16_t code, const char *reason)
{
    if (socket->over || socket->connection == NULL) {
        return;
    }
    send_close(socket, code, reason);
    socket->ending = true;
    loop_start_timer(socket->loop, &socket->timer, socket->patience->close_us);
}

/* An offence: nothing that comes after it means anything. */
static void fail(struct websocket *socket, uint16_t code, const char *reason)
{
    if (!socket->over) {
        send_close(socket, code, reason);
    }
    connection_finish(socket->connection);
}

/* The client's close is answered with its own code, and then the server is the one who closes the
 * connection (section 7.1.1). */
static void take_close(struct websocket *socket, uint16_t code)
{
    if (!socket->over) {
        send_close(socket, code, "");
    }
    connection_finish(socket->connection);
}

/* ---- input ----------------------------------------------------------------------------------- */

/* A client that pings and reads nothing gets no more pongs than fit: the last one is enough
 * (section 5.5.3). */
static void answer_ping(struct websocket *socket, struct bytes payload)
{
    if (socket->over || connection_queued(socket->connection) > CONNECTION_QUEUE_LOW_BYTES) {
        return;
    }
    struct buffer *out = connection_output(socket->connection);
    if (out != NULL && websocket_append(out, WEBSOCKET_PONG, payload) == 0) {
        connection_send(socket->connection);
    }
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    (void)need;
    struct websocket *socket = self;
    size_t taken = 0;
    socket->heard_us = loop_now(socket->loop).mono_us;
    socket->pinged = false;
    while (taken < bytes.len && !connection_over(connection)) {
        struct websocket_event event;
        taken += websocket_input_take(&socket->input,
                                      bytes_make(bytes.data + taken, bytes.len - taken), &event);
        if (event.found == WEBSOCKET_FOUND_PING) {
            answer_ping(socket, event.payload);
        } else if (event.found == WEBSOCKET_FOUND_CLOSE) {
            take_close(socket, event.code);
        } else if (event.found == WEBSOCKET_FOUND_FAULT) {
            fail(socket, event.code, event.text);
        }
    }
    return taken;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void ping(struct websocket *socket, uint64_t now_us)
{
    struct buffer *out = connection_output(socket->connection);
    if (out != NULL && websocket_append(out, WEBSOCKET_PING, bytes_make(NULL, 0)) == 0) {
        connection_send(socket->connection);
    }
    socket->pinged = true;
    socket->moved_us = now_us;
    socket->sent_seen = connection_sent(socket->connection);
}

/* A client that reads slowly meets the ping late: as long as it takes what waits for it, it is
 * there. */
static void look_for_pong(struct websocket *socket, uint64_t now_us)
{
    uint64_t sent = connection_sent(socket->connection);
    if (sent != socket->sent_seen && connection_queued(socket->connection) > 0) {
        socket->sent_seen = sent;
        socket->moved_us = now_us;
    } else if (now_us - socket->moved_us >= socket->patience->pong_us) {
        fail(socket, WEBSOCKET_INTERNAL, "no pong came for a ping");
    }
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct websocket *socket = QUEUE_ITEM(timer, struct websocket, timer);
    const struct websocket_patience *patience = socket->patience;
    if (socket->ending) {
        connection_finish(socket->connection);
        return;
    }
    if (socket->pinged) {
        look_for_pong(socket, now_us);
    } else if (now_us - socket->heard_us >= patience->ping_us) {
        ping(socket, now_us);
    }
    if (connection_over(socket->connection)) {
        return;
    }
    uint64_t wait_us = patience->pong_us;
    if (!socket->pinged) {
        wait_us = socket->heard_us + patience->ping_us - now_us;
    }
    loop_start_timer(socket->loop, &socket->timer, wait_us);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_drained(void *self, struct connection *connection)
{
    (void)connection;
    struct websocket *socket = self;
    if (!socket->over) {
        socket->calls->drained(socket);
    }
}

/* It has sent no close, and can send none any more. */
static void on_ended(void *self, struct connection *connection)
{
    say_over(self);
    connection_close(connection);
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct websocket *socket = self;
    timers_stop(&socket->loop->timers, &socket->timer);
    say_over(socket);
    socket->connection = NULL;
    socket->calls->closed(socket);
}

void websocket_open(struct websocket *socket, struct connection *connection,
                    const struct websocket_calls *calls, const struct websocket_patience *patience)
{
    static const struct connection_handler handler = {
        .input = on_input,
        .ended = on_ended,
        .drained = on_drained,
        .closed = on_closed,
    };
    *socket = (struct websocket){
        .calls = calls,
        .patience = patience,
        .connection = connection,
        .loop = connection_loop(connection),
        .timer = {.fire = on_timer},
    };
    socket->heard_us = loop_now(socket->loop).mono_us;
    connection_handle(connection, &handler, socket);
    loop_start_timer(socket->loop, &socket->timer, patience->ping_us);
}
