/* Opening and closing a connection, and sending on it. Its own buffers instead of libevent's
 * bufferevent: a turn's frames go out by one send() without arming anything, and answers are
 * decoded where they were read. */
#include "client/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "client/connection_input.h"
#include "shoal/error.h"
#include "wire/frame.h"

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

/* ---- opening and closing --------------------------------------------------------------------- */

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct connection *connection = user;
    struct endpoint *endpoint = connection->endpoint;
    struct shoal_client *client = endpoint->client;
    client_enter(client);
    const char *why = "";
    int error = connection_read(connection, &why);
    if (error != 0) {
        connection_lose(connection, error, why);
    } else if (!client->closing) {
        endpoint_drain(endpoint);
    }
    client_leave(client);
}

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

void connection_is_silent(struct connection *connection)
{
    struct shoal_client *client = client_of(connection);
    connection->endpoint->silent = true;
    if (!timer_running(&connection->timer)) {
        client_start_timer(client, &connection->timer,
                           client->now_us + client->settings.timeout_us);
    }
}

void connection_not_silent(struct connection *connection)
{
    if (connection->state == CONNECTION_READY) {
        client_stop_timer(client_of(connection), &connection->timer);
    }
}

static void on_silent_long(struct connection *connection)
{
    if (connection->in_flight == 0) {
        connection_lose(connection, SHOAL_ETIMEOUT, "it has stopped answering");
    } else {
        connection_is_silent(connection); /* whose time is not up yet knows what it waits for */
    }
}

static void on_too_late(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct connection *connection = QUEUE_ITEM(timer, struct connection, timer);
    if (connection->state == CONNECTION_READY) {
        on_silent_long(connection);
        return;
    }
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
