/* A connection: requests in turn, how long they may take, when to stop reading, the end. A session
 * outlives its connection until the call under way is answered. */
#include <unistd.h>

#include "api/http/desk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/hello.h"
#include "shoal/error.h"

#define OVER_LIMIT_LINGER_MAX 64u  /* clients over the limit that are told so at a time */
#define BODY_BYTES_A_SECOND 16384u /* who sends a long body at least so fast is given its time */

void http_count(struct http *http, const struct loop *loop, metric_id id, uint64_t amount)
{
    if (http->options.metrics != NULL) {
        metrics_add(http->options.metrics, loop->index, id, amount);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_session(struct http_session *session)
{
    timers_stop(&session->loop->timers, &session->timer);
    loop_forget(&session->task);
    queue_remove(&session->link);
    mem_free(session);
}

/* The input call still looks at it. */
static void end_session(struct http_session *session)
{
    session->over = true;
    if (!session->taking) {
        free_session(session);
    }
}

void http_sessions_free(struct http_desk *desk)
{
    while (!queue_empty(&desk->sessions)) {
        mem_free(QUEUE_ITEM(queue_pop(&desk->sessions), struct http_session, link));
    }
}

void http_taken_over_ended(struct http *http, struct loop *loop)
{
    atomic_fetch_sub(&http->options.limits->clients, 1);
    http_count(http, loop, http->options.metric_ids.served.connections, (uint64_t)-1);
}

void http_session_leave(struct http_session *session)
{
    session->connection = NULL;
    session->call = NULL;
    end_session(session);
}

static void begin_waiting(struct http_session *session)
{
    session->phase = HTTP_BETWEEN;
    session->call = NULL;
    session->progress = (struct http_head_progress){0};
    session->continued = false;
    session->since_us = loop_now(session->loop).mono_us;
}

void http_session_answered(struct http_session *session)
{
    struct connection *connection = session->connection;
    begin_waiting(session);
    if (connection == NULL) {
        end_session(session);
    } else if (session->last || session->ended) {
        connection_finish(connection);
    } else if (connection_paused(connection) &&
               connection_queued(connection) <= CONNECTION_QUEUE_HIGH_BYTES) {
        connection_resume(connection);
    }
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* The connection's last answer: what follows can't be understood any more, or is not to be waited
 * for. */
static void give_up(struct http_session *session, uint32_t status, const char *text)
{
    struct http_problem problem = {.status = status, .text = text};
    struct http_call *call = session->call;
    session->last = true;
    if (call == NULL) {
        call = http_call_new(session);
    }
    if (call == NULL) {
        connection_close(session->connection);
        return;
    }
    session->call = call;
    http_call_refuse(call, &problem);
}

static bool overloaded(const struct http_session *session)
{
    return session->loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER;
}

static void give_up_overloaded(struct http_session *session)
{
    give_up(session, 503, "requests fill this node's memory for them; try again");
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t setting(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* What has come of a body so far buys it time. */
static uint64_t body_us(const struct http_session *session)
{
    size_t bytes = 0;
    if (session->phase == HTTP_LENGTH_COMING) {
        bytes = connection_waiting(session->connection);
    } else if (session->call != NULL && session->call->chunks != NULL) {
        bytes = session->call->chunks->len;
    }
    return (uint64_t)bytes * 1000000 / BODY_BYTES_A_SECOND;
}

/* When the phase must be over; TIMERS_NEVER: that isn't the client's business. */
static uint64_t deadline_us(const struct http_session *session)
{
    const struct http *http = session->desk->http;
    switch (session->phase) {
    case HTTP_BETWEEN:
        return session->since_us + setting(&http->idle_us);
    case HTTP_HEAD_COMING:
        return session->since_us + setting(&http->request_us);
    case HTTP_ROUTE_AT_WORK:
        return TIMERS_NEVER;
    default:
        return session->since_us + setting(&http->request_us) + body_us(session);
    }
}

/* Nothing of what waits to be read has been read for a long time. */
static bool is_stalled(struct http_session *session, uint64_t now_us)
{
    uint64_t sent = connection_sent(session->connection);
    if (connection_queued(session->connection) == 0 || sent != session->sent_seen) {
        session->sent_seen = sent;
        session->sent_us = now_us;
        return false;
    }
    return now_us - session->sent_us >= setting(&session->desk->http->idle_us);
}

static void on_late(struct http_session *session)
{
    if (session->phase == HTTP_BETWEEN) {
        connection_finish(session->connection);
    } else {
        give_up(session, 408, "the request did not come in time");
    }
}

/* One timer, which is moved only when it has to come earlier: most requests never touch it. */
static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct http_session *session = QUEUE_ITEM(timer, struct http_session, timer);
    struct connection *connection = session->connection;
    if (connection == NULL || connection_over(connection)) {
        return;
    }
    uint64_t deadline = deadline_us(session);
    bool unread = connection_queued(connection) > 0;
    if (is_stalled(session, now_us)) {
        log_debug("http: connection closed, its answers are not read",
                  LOG_TEXT("from", connection_peer(connection)));
        connection_close(connection);
        return;
    }
    if (deadline <= now_us && !(session->phase == HTTP_BETWEEN && unread)) {
        on_late(session);
        return;
    }
    uint64_t delay_us = setting(&session->desk->http->idle_us);
    if (deadline > now_us && deadline - now_us < delay_us) {
        delay_us = deadline - now_us;
    }
    loop_start_timer(session->loop, timer, delay_us);
}

static void begin_phase(struct http_session *session, enum http_phase phase)
{
    if (session->phase == HTTP_BETWEEN) {
        session->since_us = loop_now(session->loop).mono_us;
    }
    session->phase = (uint8_t)phase;
    uint64_t end_us = session->since_us + setting(&session->desk->http->request_us);
    if (!timer_running(&session->timer) || session->timer.deadline_us > end_us) {
        uint64_t now_us = loop_now(session->loop).mono_us;
        loop_start_timer(session->loop, &session->timer, end_us > now_us ? end_us - now_us : 0);
    }
}

/* ---- input ----------------------------------------------------------------------------------- */

static void run(struct http_session *session, struct http_call *call, struct bytes body)
{
    session->call = call;
    session->phase = HTTP_ROUTE_AT_WORK;
    http_call_run(call, body);
}

static void say_continue(struct http_session *session, const struct http_head *head)
{
    if (head->expects && !session->continued) {
        session->continued = true;
        connection_write(session->connection, bytes_from_string("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

/* The answer is a refusal. If all of the request is there the connection can go on after it. */
static size_t refuse(struct http_session *session, struct http_call *call, struct bytes bytes,
                     size_t head_bytes, const struct http_problem *problem)
{
    const struct http_head *head = &call->head;
    size_t rest = bytes.len - head_bytes;
    size_t taken = head_bytes;
    if (head->version == 0 || head->body == HTTP_BODY_CHUNKED || head->body_bytes > rest) {
        session->last = true;
    } else {
        taken += (size_t)head->body_bytes;
    }
    session->call = call;
    session->phase = HTTP_ROUTE_AT_WORK;
    http_call_refuse(call, problem);
    return taken;
}

/* Head and body lie behind each other and are waited for together, so that neither is copied. */
static size_t take_length(struct http_session *session, struct http_call *call, struct bytes bytes,
                          size_t head_bytes, size_t *need)
{
    size_t body_bytes = (size_t)call->head.body_bytes;
    size_t whole = head_bytes + body_bytes;
    if (bytes.len >= whole) {
        call->block = connection_hold(session->connection);
        run(session, call, bytes_make(bytes.data + head_bytes, body_bytes));
        return whole;
    }
    say_continue(session, &call->head);
    http_call_free(call);
    session->progress = (struct http_head_progress){0};
    session->whole = whole;
    begin_phase(session, HTTP_LENGTH_COMING);
    *need = whole;
    if (overloaded(session)) {
        give_up_overloaded(session);
    }
    return 0;
}

static size_t take_request(struct http_session *session, struct bytes bytes, size_t head_bytes,
                           size_t *need)
{
    struct http_problem problem;
    struct http_call *call = http_call_new(session);
    if (call == NULL) {
        connection_close(session->connection);
        return 0;
    }
    enum http_way way = http_call_begin(call, bytes_make(bytes.data, head_bytes), &problem);
    if (way == HTTP_WAY_REFUSE) {
        return refuse(session, call, bytes, head_bytes, &problem);
    }
    if (call->head.body == HTTP_BODY_LENGTH) {
        return take_length(session, call, bytes, head_bytes, need);
    }
    call->block = connection_hold(session->connection);
    if (call->head.body == HTTP_BODY_CHUNKED) {
        session->call = call;
        session->chunks = (struct http_chunks){0};
        begin_phase(session, HTTP_CHUNKS_COMING);
        if (bytes.len == head_bytes) {
            say_continue(session, &call->head);
        }
    } else {
        run(session, call, bytes_make(NULL, 0));
    }
    return head_bytes;
}

static bool is_line_end(struct bytes bytes)
{
    return bytes.data[0] == '\r' && (bytes.len == 1 || bytes.data[1] == '\n');
}

static size_t take_head(struct http_session *session, struct bytes bytes, size_t *need)
{
    const struct http_head_bounds bounds = {.bytes = setting(&session->desk->http->head_bytes_max)};
    struct http_problem problem;
    size_t head_bytes;
    /* An empty line before a request is passed over, as RFC 9112 asks (section 2.2). */
    if (session->phase == HTTP_BETWEEN && is_line_end(bytes)) {
        return bytes.len == 1 ? 0 : 2;
    }
    int outcome = http_head_scan(&session->progress, bytes, &bounds, &head_bytes, &problem);
    if (outcome == 1) {
        return take_request(session, bytes, head_bytes, need);
    }
    if (outcome < 0) {
        give_up(session, problem.status, problem.text);
    } else if (overloaded(session)) {
        give_up_overloaded(session);
    } else if (session->phase == HTTP_BETWEEN) {
        begin_phase(session, HTTP_HEAD_COMING);
    }
    return 0;
}

static size_t take_whole(struct http_session *session, struct bytes bytes, size_t *need)
{
    if (bytes.len >= session->whole) {
        return take_head(session, bytes, need);
    }
    *need = session->whole;
    if (overloaded(session)) {
        give_up_overloaded(session);
    }
    return 0;
}

/* Room behind what has come of a chunked body: twice of it at most. */
static int keep_chunk(struct http_call *call, struct bytes data)
{
    struct input_pool *pool = &call->exchange.loop->input;
    struct input_block *block = call->chunks;
    size_t len = block == NULL ? 0 : block->len;
    if (block == NULL || block->capacity - len < data.len) {
        size_t capacity = 2 * (len + data.len);
        capacity = capacity < INPUT_BLOCK_BYTES ? INPUT_BLOCK_BYTES : capacity;
        block = block == NULL ? input_block_new(pool, capacity)
                              : input_block_grow(pool, block, capacity);
        if (block == NULL) {
            return SHOAL_ENOMEM;
        }
        call->chunks = block;
    }
    memcpy(block->data + len, data.data, data.len);
    block->len = len + data.len;
    return 0;
}

static size_t end_chunks(struct http_session *session, size_t taken)
{
    struct http_call *call = session->call;
    run(session, call,
        call->chunks == NULL ? bytes_make(NULL, 0)
                             : bytes_make(call->chunks->data, call->chunks->len));
    return taken;
}

static size_t take_chunk(struct http_session *session, struct bytes bytes)
{
    struct http_call *call = session->call;
    struct http_problem problem;
    struct bytes data;
    size_t taken;
    int outcome = http_chunks_next(&session->chunks, bytes, &taken, &data, &problem);
    if (outcome == HTTP_CHUNKS_DONE) {
        return end_chunks(session, taken);
    }
    size_t have = call->chunks == NULL ? 0 : call->chunks->len;
    have += outcome == HTTP_CHUNKS_DATA ? data.len : 0;
    uint64_t bytes_max = http_call_body_bytes_max(call);
    if (outcome < 0) {
        give_up(session, problem.status, problem.text);
    } else if (have > bytes_max || session->chunks.left > bytes_max - have) {
        give_up(session, 413, "the body is longer than it may be");
    } else if (overloaded(session)) {
        give_up_overloaded(session);
    } else if (outcome == HTTP_CHUNKS_DATA && keep_chunk(call, data) != 0) {
        connection_close(session->connection);
    }
    return outcome < 0 ? bytes.len : taken;
}

static size_t take_some(struct http_session *session, struct bytes bytes, size_t *need)
{
    switch (session->phase) {
    case HTTP_ROUTE_AT_WORK:
        connection_pause(session->connection);
        return 0;
    case HTTP_LENGTH_COMING:
        return take_whole(session, bytes, need);
    case HTTP_CHUNKS_COMING:
        return take_chunk(session, bytes);
    default:
        if (connection_queued(session->connection) > CONNECTION_QUEUE_HIGH_BYTES) {
            connection_pause(session->connection);
            return 0;
        }
        return take_head(session, bytes, need);
    }
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct http_session *session = self;
    size_t taken = 0;
    session->taking = true;
    while (taken < bytes.len && !session->over && !connection_over(connection)) {
        size_t now = take_some(session, bytes_make(bytes.data + taken, bytes.len - taken), need);
        taken += now;
        if (now == 0) {
            break;
        }
    }
    session->taking = false;
    if (session->over) {
        free_session(session);
    }
    return taken;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void run_task(struct task *task)
{
    struct http_session *session = QUEUE_ITEM(task, struct http_session, task);
    struct http_call *call = session->call;
    if (session->phase == HTTP_ROUTE_AT_WORK && call != NULL && call->waits) {
        call->waits = false;
        call->exchange.drained(&call->exchange);
    }
}

/* The worker is not called from here: the route would call it. */
static void on_drained(void *self, struct connection *connection)
{
    struct http_session *session = self;
    if (session->phase == HTTP_ROUTE_AT_WORK) {
        loop_defer(session->loop, &session->task);
    } else if (connection_paused(connection)) {
        connection_resume(connection);
    }
}

/* Half-closed: what is under way is still answered. */
static void on_ended(void *self, struct connection *connection)
{
    struct http_session *session = self;
    session->ended = true;
    if (session->phase != HTTP_ROUTE_AT_WORK) {
        connection_finish(connection);
    }
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct http_session *session = self;
    struct http_call *call = session->call;
    session->connection = NULL;
    http_taken_over_ended(session->desk->http, session->loop);
    if (session->phase != HTTP_ROUTE_AT_WORK) {
        if (call != NULL) {
            http_call_free(call);
        }
        free_session(session);
    } else if (call->exchange.gone != NULL && !session->loop->ended) {
        call->exchange.gone(&call->exchange);
    }
}

static const struct connection_handler handler = {
    .input = on_input,
    .ended = on_ended,
    .drained = on_drained,
    .closed = on_closed,
};

static struct http_session *new_session(struct http *http, struct loop *loop)
{
    struct http_session *session = mem_alloc_zeroed(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->desk = &http->desks[loop->index];
    session->loop = loop;
    session->timer.fire = on_timer;
    session->since_us = loop_now(loop).mono_us;
    task_init(&session->task, run_task);
    queue_init(&session->link);
    queue_push(&session->desk->sessions, &session->link);
    atomic_fetch_add(&http->options.limits->clients, 1);
    http_count(http, loop, http->options.metric_ids.served.connections, 1);
    return session;
}

/* One more than the limit is told so and sent away; when even those are many, it is just closed. */
static bool too_many(const struct http *http, uint32_t more)
{
    const struct native_limits *limits = http->options.limits;
    return atomic_load(&limits->clients) > atomic_load(&limits->connections) + more;
}

void http_accept(void *self, struct loop *loop, int fd)
{
    struct http *http = self;
    struct http_session *session =
        too_many(http, OVER_LIMIT_LINGER_MAX) ? NULL : new_session(http, loop);
    if (session == NULL) {
        http_count(http, loop, http->options.metric_ids.served.refused, 1);
        close(fd);
        return;
    }
    hello_socket_options(fd);
    if (connection_new(loop, fd, &handler, session, &session->connection) != 0) {
        close(fd);
        http_taken_over_ended(http, loop);
        free_session(session);
        return;
    }
    connection_count_output(session->connection);
    loop_start_timer(loop, &session->timer, setting(&http->idle_us));
    if (too_many(http, 0)) {
        give_up(session, 503, "this node has as many clients as it may (limits.connections)");
    }
}
