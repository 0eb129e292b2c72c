/* Sending, receiving, opening and closing one connection. Its own buffers instead of libevent's
 * bufferevent: a turn's frames go out by one send() without arming anything, and answers are
 * decoded where they were read. */
#include "client/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "client/answer.h"
#include "shoal/error.h"
#include "wire/frame.h"

#define READ_BYTES (64u * LIMIT_KIB)
#define READS_A_TURN 8u
#define OUT_WATERMARK_BYTES (1u * (size_t)LIMIT_MIB)
#define BUFFER_KEEP_BYTES (1u * (size_t)LIMIT_MIB)

static struct shoal_client *client_of(const struct connection *connection)
{
    return connection->endpoint->client;
}

/* ---- sending --------------------------------------------------------------------------------- */

bool connection_has_room(const struct connection *connection)
{
    return connection->state == CONNECTION_READY &&
           connection->in_flight < client_of(connection)->settings.in_flight_max &&
           connection->out.len - connection->out_start < OUT_WATERMARK_BYTES;
}

static void mark_dirty(struct connection *connection)
{
    if (queue_empty(&connection->dirty)) {
        queue_push(&client_of(connection)->dirty, &connection->dirty);
        client_schedule_turn(client_of(connection));
    }
}

static int write_frame(struct connection *connection, const struct call *call)
{
    size_t before = connection->out.len;
    int error = call_encode(call, client_of(connection)->now_us, &connection->out);
    size_t len = connection->out.len - before;
    if (error == 0 && len - FRAME_PREFIX_BYTES > connection->frame_bytes_max) {
        connection->out.len = before;
        error = SHOAL_ETOOBIG;
    }
    if (error == 0) {
        connection->stream_queued += len;
    }
    return error;
}

int connection_send(struct connection *connection, struct call *call)
{
    struct shoal_client *client = client_of(connection);
    call->id = ++client->last_id;
    call->stream_start = connection->stream_queued;
    int error = table_put(&client->in_flight, call->id, call);
    if (error != 0) {
        return error;
    }
    error = write_frame(connection, call);
    if (error != 0) {
        table_remove(&client->in_flight, call->id);
        return error;
    }
    call->connection = connection;
    call->sent_us = client->now_us;
    queue_push(&connection->calls, &call->link);
    connection->in_flight++;
    connection->endpoint->in_flight++;
    mark_dirty(connection);
    return 0;
}

bool connection_has_sent(const struct connection *connection, const struct call *call)
{
    return connection->stream_sent > call->stream_start;
}

static void out_compact(struct connection *connection)
{
    struct buffer *out = &connection->out;
    if (connection->out_start == out->len) {
        buffer_clear(out);
        connection->out_start = 0;
        if (out->capacity > BUFFER_KEEP_BYTES) {
            buffer_deinit(out);
            buffer_init(out, 0);
        }
    } else if (connection->out_start > out->len / 2) {
        memmove(out->data, out->data + connection->out_start, out->len - connection->out_start);
        out->len -= connection->out_start;
        connection->out_start = 0;
    }
}

void connection_flush(struct connection *connection)
{
    queue_remove(&connection->dirty);
    while (connection->out_start < connection->out.len) {
        ssize_t sent = send(connection->fd, connection->out.data + connection->out_start,
                            connection->out.len - connection->out_start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            connection_lose(connection, SHOAL_ECONNECT, strerror(errno));
            return;
        }
        if (sent < 0) {
            event_add(connection->write_event, NULL);
            break;
        }
        connection->out_start += (size_t)sent;
        connection->stream_sent += (uint64_t)sent;
    }
    out_compact(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct connection *connection = user;
    struct endpoint *endpoint = connection->endpoint;
    struct shoal_client *client = endpoint->client;
    client_enter(client);
    connection_flush(connection);
    endpoint_drain(endpoint);
    client_leave(client);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* 0, or why the connection is of no use. */
static int take_hello_reply(struct connection *connection, struct bytes payload, uint32_t kind,
                            const char **why)
{
    struct shoal_client *client = client_of(connection);
    *why = "it answers the greeting with something else: is this Shoal's client or peer port?";
    if (kind == MESSAGE_RESULT) {
        struct answer refusal;
        int error = answer_decode(client, MESSAGE_REQUEST, kind, payload, &refusal);
        if (error == 0 && refusal.code != 0) {
            *why = refusal.text;
            return refusal.code;
        }
        return SHOAL_EPROTO;
    }
    struct message_hello_reply reply;
    if (kind != MESSAGE_HELLO_REPLY ||
        message_hello_reply_decode(payload, &client->arena, &reply) != 0) {
        return SHOAL_EPROTO;
    }
    if (reply.version != PROTOCOL_VERSION) {
        *why = "it speaks another version of the protocol than this client";
        return SHOAL_EVERSION;
    }
    connection->frame_bytes_max =
        reply.frame_bytes_max > 0 ? reply.frame_bytes_max : LIMIT_FRAME_BYTES;
    connection->state = CONNECTION_READY;
    connection->endpoint->ready_count++;
    client_stop_timer(client, &connection->timer);
    endpoint_connection_ready(connection->endpoint);
    return 0;
}

static int take_answer(struct connection *connection, struct bytes payload, uint32_t kind,
                       uint64_t id, const char **why)
{
    struct shoal_client *client = client_of(connection);
    struct call *call = table_get(&client->in_flight, id);
    if (call == NULL || call->connection != connection) {
        return 0; /* came too late */
    }
    struct answer answer;
    int error = answer_decode(client, call->kind, kind, payload, &answer);
    if (error != 0) {
        *why = "its answer makes no sense";
        return error;
    }
    router_attempt_ended(call, ATTEMPT_ANSWERED, &answer);
    return 0;
}

static int take_frame(struct connection *connection, struct bytes payload, const char **why)
{
    uint32_t kind = 0;
    uint64_t id = 0;
    arena_reset(&client_of(connection)->arena);
    *why = "it sends malformed frames: is this Shoal's client or peer port?";
    int error = frame_validate(payload);
    if (error == 0) {
        error = frame_peek(payload, &kind, &id);
    }
    if (error != 0) {
        return error;
    }
    return connection->state == CONNECTION_READY ? take_answer(connection, payload, kind, id, why)
                                                 : take_hello_reply(connection, payload, kind, why);
}

/* Handles the whole frames that are there: 0, or a code for which the connection has to go. */
static int take_frames(struct connection *connection, size_t *need, const char **why)
{
    struct shoal_client *client = client_of(connection);
    while (!client->closing) {
        struct bytes stream = bytes_make(connection->in.data + connection->in_start,
                                         connection->in.len - connection->in_start);
        size_t len_max = connection->state == CONNECTION_READY ? LIMIT_FRAME_BYTES
                                                               : LIMIT_FRAME_BYTES_BEFORE_HELLO;
        struct bytes payload;
        size_t taken = 0;
        int found = frame_next(stream, len_max, &payload, &taken, need);
        if (found < 0) {
            *why = "it sends no frames of Shoal's: is this Shoal's client or peer port?";
            return found;
        }
        if (found > 0) {
            return 0;
        }
        int error = take_frame(connection, payload, why);
        if (error != 0) {
            return error;
        }
        connection->in_start += taken;
    }
    return 0;
}

/* Keeps what is not a whole frame yet, at the front, with room for what it needs. */
static int in_prepare(struct connection *connection, size_t need)
{
    struct buffer *in = &connection->in;
    size_t left = in->len - connection->in_start;
    if (left == 0 && in->capacity > BUFFER_KEEP_BYTES && need < BUFFER_KEEP_BYTES) {
        buffer_deinit(in);
        buffer_init(in, 0);
    } else if (connection->in_start > 0) {
        memmove(in->data, in->data + connection->in_start, left);
        in->len = left;
    }
    connection->in_start = 0;
    /* A length alone makes nobody hold memory: at most double what has really come. */
    size_t more = need > left ? need - left : 0;
    more = more < in->len ? more : in->len;
    return buffer_reserve(in, more > READ_BYTES ? more : READ_BYTES);
}

/* Reads once: 1 when there may be more, 0 when that was all, or a code. */
static int read_some(struct connection *connection, const char **why)
{
    struct buffer *in = &connection->in;
    size_t room = in->capacity - in->len;
    ssize_t got = recv(connection->fd, in->data + in->len, room, 0);
    if (got < 0) {
        *why = strerror(errno);
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : SHOAL_ECONNECT;
    }
    if (got == 0) {
        *why = connection->state == CONNECTION_READY ? "it closed the connection"
                                                     : "it closed the connection at the greeting";
        return SHOAL_ECONNECT;
    }
    in->len += (size_t)got;
    connection->heard_us = client_of(connection)->now_us;
    connection->endpoint->silent = false;
    return (size_t)got == room ? 1 : 0;
}

static int read_turn(struct connection *connection, const char **why)
{
    int outcome = 1;
    size_t need = FRAME_PREFIX_BYTES;
    for (uint32_t i = 0; i < READS_A_TURN && outcome > 0; i++) {
        outcome = in_prepare(connection, need);
        if (outcome == 0) {
            outcome = read_some(connection, why);
        } else {
            *why = shoal_error_text(outcome);
        }
        if (outcome < 0) {
            return outcome;
        }
        int error = take_frames(connection, &need, why);
        if (error != 0) {
            return error;
        }
        if (client_of(connection)->closing) {
            return 0;
        }
    }
    return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct connection *connection = user;
    struct endpoint *endpoint = connection->endpoint;
    struct shoal_client *client = endpoint->client;
    client_enter(client);
    const char *why = "";
    int error = read_turn(connection, &why);
    if (error != 0) {
        connection_lose(connection, error, why);
    } else if (!client->closing) {
        endpoint_drain(endpoint);
    }
    client_leave(client);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int say_hello(struct connection *connection)
{
    struct shoal_client *client = client_of(connection);
    struct message_hello hello = {
        .id = ++client->last_id,
        .version_min = PROTOCOL_VERSION,
        .version_max = PROTOCOL_VERSION,
        .role = ROLE_CLIENT,
    };
    memcpy(hello.name, client->settings.name, sizeof(hello.name));
    int error = message_hello_encode(&hello, &connection->out);
    if (error == 0) {
        connection->stream_queued += connection->out.len;
        mark_dirty(connection);
    }
    return error;
}

static int begin_greeting(struct connection *connection, int fd)
{
    struct event_base *base = client_of(connection)->base;
    connection->fd = fd;
    connection->state = CONNECTION_GREETING;
    connection->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->write_event = event_new(base, fd, EV_WRITE, on_writable, connection);
    if (connection->read_event == NULL || connection->write_event == NULL ||
        event_add(connection->read_event, NULL) != 0) {
        return SHOAL_ENOMEM;
    }
    return say_hello(connection);
}

static void on_dialled(void *user, int fd, const char *why)
{
    struct connection *connection = user;
    struct shoal_client *client = client_of(connection);
    client_enter(client);
    connection->dial = NULL;
    if (fd < 0) {
        connection_lose(connection, SHOAL_ECONNECT, why);
    } else {
        int error = begin_greeting(connection, fd);
        if (error != 0) {
            connection_lose(connection, error, shoal_error_text(error));
        }
    }
    client_leave(client);
}

static void on_too_late(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct connection *connection = QUEUE_ITEM(timer, struct connection, timer);
    connection_lose(connection, SHOAL_ECONNECT,
                    connection->state == CONNECTION_DIALLING
                        ? "no connection within the time limit"
                        : "it accepts the connection and then says nothing");
}

int connection_open(struct endpoint *endpoint)
{
    struct shoal_client *client = endpoint->client;
    struct connection *connection = mem_alloc_zeroed(1, sizeof(*connection));
    if (connection == NULL) {
        return SHOAL_ENOMEM;
    }
    connection->endpoint = endpoint;
    connection->fd = -1;
    connection->timer.fire = on_too_late;
    buffer_init(&connection->in, 0);
    buffer_init(&connection->out, 0);
    queue_init(&connection->link);
    queue_init(&connection->dirty);
    queue_init(&connection->calls);
    if (dial_start(&client->dialer, endpoint->host, endpoint->port, on_dialled, connection,
                   &connection->dial) != 0) {
        mem_free(connection);
        return SHOAL_ENOMEM;
    }
    queue_push(&endpoint->connections, &connection->link);
    endpoint->connection_count++;
    client_start_timer(client, &connection->timer,
                       client->now_us + client->settings.connect_timeout_us);
    return 0;
}

/* No call is sent on it from here on. */
static void unlink_from_endpoint(struct connection *connection)
{
    struct endpoint *endpoint = connection->endpoint;
    queue_remove(&connection->dirty);
    queue_remove(&connection->link);
    endpoint->connection_count--;
    if (connection->state == CONNECTION_READY) {
        endpoint->ready_count--;
    }
}

static void connection_release(struct connection *connection)
{
    client_stop_timer(client_of(connection), &connection->timer);
    if (connection->dial != NULL) {
        dial_cancel(connection->dial);
    }
    if (connection->read_event != NULL) {
        event_free(connection->read_event);
    }
    if (connection->write_event != NULL) {
        event_free(connection->write_event);
    }
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    buffer_deinit(&connection->in);
    buffer_deinit(&connection->out);
    mem_free(connection);
}

void connection_free(struct connection *connection)
{
    unlink_from_endpoint(connection);
    connection_release(connection);
}

void connection_lose(struct connection *connection, int code, const char *why)
{
    struct endpoint *endpoint = connection->endpoint;
    unlink_from_endpoint(connection);
    endpoint_connection_lost(endpoint, code, why);
    char text[CLIENT_TEXT_BYTES];
    (void)snprintf(text, sizeof(text), "%s", endpoint->client->trouble);
    struct answer lost = {.code = code, .text = text};
    while (!queue_empty(&connection->calls)) {
        struct call *call = QUEUE_ITEM(connection->calls.next, struct call, link);
        bool sent = connection_has_sent(connection, call);
        router_attempt_ended(call, sent ? ATTEMPT_LOST : ATTEMPT_UNSENT, &lost);
    }
    connection_release(connection);
}
