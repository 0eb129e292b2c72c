/* Receiving. Answers are decoded where they were read, and the buffer grows only with what has
 * really come: a node that announces a large frame and sends nothing makes the client hold nothing.
 */
#include "client/connection_input.h"

#include <errno.h>
#include <sys/socket.h>

#include "client/answer.h"
#include "shoal/error.h"
#include "wire/frame.h"

#define READ_BYTES (64u * LIMIT_KIB)
#define READS_A_TURN 8u
#define BUFFER_KEEP_BYTES (1u * (size_t)LIMIT_MIB)

static struct shoal_client *client_of(const struct connection *connection)
{
    return connection->endpoint->client;
}

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
    if (call->kind == MESSAGE_REQUEST) {
        patience_answered(&connection->endpoint->patience, call->sent_us, client->now_us);
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
            return connection->state == CONNECTION_READY ? found : SHOAL_EPROTO;
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
    endpoint_heard(connection->endpoint);
    connection_not_silent(connection);
    return (size_t)got == room ? 1 : 0;
}

int connection_read(struct connection *connection, const char **why)
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
