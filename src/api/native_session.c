/* A client's connection: hello, frames in turn, and knowing when to stop reading. Reading stops
 * while too much is in flight or too many answers wait, so that a client's own slowness is its
 * sender's, and costs the node no memory. */
#include <unistd.h>

#include "api/native_state.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/hello.h"
#include "shoal/error.h"

#define HELLO_US 10000000u
#define OVER_LIMIT_LINGER_MAX 64u /* clients over the limit that are told so at a time */

static void count(struct session *session, metric_id id, uint64_t amount)
{
    struct metrics *metrics = session->desk->native->options.metrics;
    if (metrics != NULL) {
        metrics_add(metrics, session->loop->index, id, amount);
    }
}

/* ---- refusing -------------------------------------------------------------------------------- */

void session_refuse(struct session *session, uint64_t id, int code, const char *text)
{
    struct buffer *out = connection_output(session->connection);
    if (out == NULL) {
        return;
    }
    if (hello_refuse(out, id, code, text) != 0) {
        connection_close(session->connection);
        return;
    }
    connection_send(session->connection);
}

void session_give_up(struct session *session, uint64_t id, int code, const char *text)
{
    count(session, session->desk->native->options.metric_ids.served.refused, 1);
    log_debug("client: connection refused or given up",
              LOG_TEXT("from", connection_peer(session->connection)), LOG_TEXT("reason", text));
    session_refuse(session, id, code, text);
    connection_finish(session->connection);
}

/* ---- flow ------------------------------------------------------------------------------------ */

static bool must_wait(const struct session *session)
{
    return session->in_flight >= LIMIT_REQUESTS_PER_CONNECTION ||
           session->in_flight_bytes > LIMIT_QUEUE_BYTES_PER_CLIENT ||
           connection_queued(session->connection) > CONNECTION_QUEUE_HIGH_BYTES;
}

/* With room for more than the next request, so that it doesn't stop again at once. */
static bool may_go_on(const struct session *session)
{
    return session->in_flight <= LIMIT_REQUESTS_PER_CONNECTION / 2 &&
           session->in_flight_bytes <= LIMIT_QUEUE_BYTES_PER_CLIENT / 2 &&
           connection_queued(session->connection) <= CONNECTION_QUEUE_LOW_BYTES;
}

static void free_session(struct session *session)
{
    struct native *native = session->desk->native;
    timers_stop(&session->loop->timers, &session->hello);
    queue_remove(&session->link);
    if (session->counted) {
        atomic_fetch_sub(&native->options.limits->clients, 1);
        count(session, native->options.metric_ids.served.connections, (uint64_t)-1);
    }
    mem_free(session);
}

void session_less_in_flight(struct session *session, size_t bytes)
{
    session->in_flight--;
    session->in_flight_bytes -= bytes;
    if (session->connection == NULL) {
        if (session->in_flight == 0) {
            free_session(session);
        }
        return;
    }
    if (session->ended && session->in_flight == 0) {
        connection_finish(session->connection);
    } else if (connection_paused(session->connection) && may_go_on(session)) {
        connection_resume(session->connection);
    }
}

static void on_drained(void *self, struct connection *connection)
{
    struct session *session = self;
    if (connection_paused(connection) && may_go_on(session)) {
        connection_resume(connection);
    }
    native_watches_more(session);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static struct native_bounds bounds_now(const struct session *session)
{
    const struct native_limits *limits = session->desk->native->options.limits;
    return (struct native_bounds){.key_bytes = atomic_load(&limits->key_bytes),
                                  .value_bytes = atomic_load(&limits->value_bytes)};
}

static void welcome(struct session *session, const struct message_hello *hello)
{
    uint32_t version;
    char text[256];
    int code = hello_agree(hello, &version, text);
    if (code != 0) {
        session_give_up(session, hello->id, code, text);
        return;
    }
    if (hello->role != ROLE_CLIENT) {
        session_give_up(session, hello->id, SHOAL_EPROTO,
                        "this is a client port: nodes talk to each other's peer port");
        return;
    }
    struct native_bounds bounds = bounds_now(session);
    session->frames.len_max = native_frame_bytes_max(&bounds);
    session->frames.len_max_hard = LIMIT_FRAME_BYTES;
    session->welcome = true;
    timers_stop(&session->loop->timers, &session->hello);
    struct message_hello_reply reply =
        hello_answer(session->loop, hello, version, session->frames.len_max);
    struct buffer *out = connection_output(session->connection);
    if (out == NULL) {
        return;
    }
    if (message_hello_reply_encode(&reply, out) != 0) {
        connection_close(session->connection);
        return;
    }
    connection_send(session->connection);
}

static void take_hello(struct session *session, const struct frame *frame)
{
    struct message_hello hello;
    if (frame->kind != MESSAGE_HELLO) {
        session_give_up(session, frame->id, SHOAL_EPROTO, "the first message must be a HELLO");
    } else if (message_hello_decode(frame->payload, &session->loop->arena, &hello) != 0) {
        session_give_up(session, frame->id, SHOAL_EPROTO, "the HELLO is malformed");
    } else {
        welcome(session, &hello);
    }
}

static void take_ping(struct session *session, const struct frame *frame)
{
    struct buffer *out = connection_output(session->connection);
    if (out != NULL && message_pong_encode(frame->id, out) == 0) {
        connection_send(session->connection);
    }
}

static void take_frame(struct session *session, const struct frame *frame)
{
    bool data = frame->kind == MESSAGE_REQUEST || frame->kind == MESSAGE_LIST ||
                frame->kind == MESSAGE_BACKUP || frame->kind == MESSAGE_WATCH;
    if (data && session->peer_port) {
        session_refuse(session, frame->id, SHOAL_EUNSUPPORTED,
                       "keys, backups and the feed are served on the client port, this is the peer "
                       "port");
        return;
    }
    switch (frame->kind) {
    case MESSAGE_REQUEST:
        native_take_request(session, frame);
        break;
    case MESSAGE_LIST:
        native_take_list(session, frame);
        break;
    case MESSAGE_PING:
        take_ping(session, frame);
        break;
    case MESSAGE_STATUS:
        native_take_status(session, frame);
        break;
    case MESSAGE_RING:
        native_take_ring(session, frame);
        break;
    case MESSAGE_JOIN:
        native_take_join(session, frame);
        break;
    case MESSAGE_BACKUP:
        native_take_backup(session, frame);
        break;
    case MESSAGE_VERIFY:
        native_take_verify(session, frame);
        break;
    case MESSAGE_REPAIR:
        native_take_repair(session, frame);
        break;
    case MESSAGE_CHANGE:
        native_take_change(session, frame);
        break;
    case MESSAGE_WATCH:
        native_take_watch(session, frame);
        break;
    case MESSAGE_UNWATCH:
        native_take_unwatch(session, frame);
        break;
    case MESSAGE_HELLO:
        session_refuse(session, frame->id, SHOAL_EPROTO, "a HELLO was there already");
        break;
    default:
        session_refuse(session, frame->id, SHOAL_EUNSUPPORTED,
                       "this kind of message is not served to clients");
    }
}

static void take_oversized(struct session *session, const struct frame *frame)
{
    char text[NATIVE_TEXT_BYTES];
    count(session, session->desk->native->options.metric_ids.served.refused, 1);
    if (frame->len <= session->frames.len_max) {
        session_refuse(session, frame->id, SHOAL_EOVERLOAD,
                       "large requests fill this node's memory for them; try again");
        return;
    }
    struct native_bounds bounds = bounds_now(session);
    native_explain_frame(&bounds, frame->len, text);
    session_refuse(session, frame->id, SHOAL_ETOOBIG, text);
}

static void take_broken(struct session *session, const struct frame *frame, int code)
{
    const char *text = "the frame is malformed";
    if (code == SHOAL_ETOOBIG) {
        text = session->welcome ? "the frame is longer than any frame may be"
                                : "before the HELLO no frame is longer than 64 KiB: does the "
                                  "client speak Shoal's native protocol?";
    }
    session_give_up(session, frame->id, code, text);
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct session *session = self;
    struct loop *loop = session->loop;
    size_t taken = 0;
    while (taken < bytes.len && !connection_over(connection)) {
        if (must_wait(session)) {
            connection_pause(connection);
            break;
        }
        struct frame frame;
        size_t now;
        int outcome =
            frame_input_next(&session->frames, bytes_make(bytes.data + taken, bytes.len - taken),
                             loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER, &frame, &now, need);
        taken += now;
        if (outcome == FRAME_MORE) {
            break;
        }
        arena_reset(&loop->arena);
        if (outcome < 0) {
            take_broken(session, &frame, outcome);
        } else if (outcome == FRAME_REFUSED) {
            take_oversized(session, &frame);
        } else if (session->welcome) {
            take_frame(session, &frame);
        } else {
            take_hello(session, &frame);
        }
    }
    return taken;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Half-closed: what is in flight is still answered, but watches end. */
static void on_ended(void *self, struct connection *connection)
{
    struct session *session = self;
    session->ended = true;
    native_watches_end(session);
    if (session->in_flight == 0) {
        connection_finish(connection);
    }
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct session *session = self;
    native_watches_end(session);
    session->connection = NULL;
    timers_stop(&session->loop->timers, &session->hello);
    if (session->in_flight == 0) {
        free_session(session);
    }
}

static const struct connection_handler handler = {
    .input = on_input,
    .ended = on_ended,
    .drained = on_drained,
    .closed = on_closed,
};

static void on_no_hello(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct session *session = QUEUE_ITEM(timer, struct session, hello);
    session_give_up(session, 0, SHOAL_ETIMEOUT, "no HELLO came in time");
}

static struct session *new_session(struct native *native, struct loop *loop)
{
    struct session *session = mem_alloc_zeroed(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->desk = &native->desks[loop->index];
    session->loop = loop;
    session->hello.fire = on_no_hello;
    session->frames = (struct frame_input){.len_max = LIMIT_FRAME_BYTES_BEFORE_HELLO,
                                           .len_max_hard = LIMIT_FRAME_BYTES_BEFORE_HELLO};
    queue_init(&session->link);
    queue_init(&session->watches);
    queue_push(&session->desk->sessions, &session->link);
    session->counted = true;
    atomic_fetch_add(&native->options.limits->clients, 1);
    count(session, native->options.metric_ids.served.connections, 1);
    return session;
}

/* One more than the limit is told so and sent away; when even those are many, it is just closed. */
static bool too_many(struct native *native)
{
    const struct native_limits *limits = native->options.limits;
    return atomic_load(&limits->clients) > atomic_load(&limits->connections);
}

static bool far_too_many(struct native *native)
{
    const struct native_limits *limits = native->options.limits;
    return atomic_load(&limits->clients) >=
           atomic_load(&limits->connections) + OVER_LIMIT_LINGER_MAX;
}

static void refuse_one_too_many(struct session *session, uint64_t id)
{
    session_give_up(session, id, SHOAL_EOVERLOAD,
                    "this node has as many clients as it may (limits.connections)");
}

void native_accept(void *self, struct loop *loop, int fd)
{
    struct native *native = self;
    struct session *session = far_too_many(native) ? NULL : new_session(native, loop);
    if (session == NULL) {
        close(fd);
        return;
    }
    hello_socket_options(fd);
    if (connection_new(loop, fd, &handler, session, &session->connection) != 0) {
        close(fd);
        free_session(session);
        return;
    }
    connection_count_output(session->connection);
    loop_start_timer(loop, &session->hello, HELLO_US);
    if (too_many(native)) {
        refuse_one_too_many(session, 0);
    }
}

void native_adopt(void *self, struct connection *connection, const struct message_hello *hello)
{
    struct native *native = self;
    struct session *session =
        far_too_many(native) ? NULL : new_session(native, connection_loop(connection));
    if (session == NULL) {
        connection_abandon(connection);
        return;
    }
    session->connection = connection;
    session->peer_port = true;
    connection_handle(connection, &handler, session);
    connection_count_output(connection);
    if (too_many(native)) {
        refuse_one_too_many(session, hello->id);
    } else {
        welcome(session, hello);
    }
}
