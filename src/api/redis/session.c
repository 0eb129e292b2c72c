/* A Redis client's connection: commands in turn, protocol errors, when to stop reading, the end. A
 * session outlives its connection until the last command that has begun is done. */
#include "api/redis/session.h"

#include <stdio.h>
#include <unistd.h>

#include "api/redis/batch.h"
#include "api/redis/desk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/hello.h"
#include "shoal/error.h"

#define OVER_LIMIT_LINGER_MAX 64u /* clients over the limit that are told so at a time */

void redis_count(const struct redis_session *session, metric_id id, uint64_t amount)
{
    struct metrics *metrics = session->shared->options.metrics;
    if (metrics != NULL) {
        metrics_add(metrics, session->loop->index, id, amount);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

static void free_order(struct redis_session *session)
{
    if (session->desk->spare_order == NULL) {
        session->desk->spare_order = session->order;
    } else {
        mem_free(session->order);
    }
    session->order = NULL;
}

static void free_session(struct redis_session *session)
{
    struct redis_shared *shared = session->shared;
    loop_forget(&session->task);
    queue_remove(&session->link);
    redis_flow_end(session);
    if (session->order != NULL) {
        free_order(session);
    }
    redis_transaction_free(session);
    client_roll_leave(&shared->roll, &session->card);
    atomic_fetch_sub(&shared->options.limits->clients, 1);
    redis_count(session, shared->options.metric_ids.served.connections, (uint64_t)-1);
    mem_free(session);
}

void redis_session_review(struct redis_session *session)
{
    struct connection *connection = session->connection;
    if (connection == NULL) {
        if (session->pending_count == 0) {
            free_session(session);
        }
        return;
    }
    if (session->pending_count == 0) {
        if (session->order != NULL) {
            free_order(session);
        }
        if (session->ended || session->deaf || session->quitting) {
            connection_finish(connection);
            return;
        }
    }
    if (connection_paused(connection) && redis_flow_may_go_on(session)) {
        connection_resume(connection);
    }
}

void redis_session_kill(struct redis_session *session)
{
    if (session->connection != NULL) {
        connection_close(session->connection);
    }
}

static void run_task(struct task *task)
{
    struct redis_session *session = QUEUE_ITEM(task, struct redis_session, task);
    redis_begin_waiting(session);
    redis_session_review(session);
}

void redis_session_go_on(struct redis_session *session)
{
    loop_defer(session->loop, &session->task);
}

/* ---- input ----------------------------------------------------------------------------------- */

static struct redis_request_bounds bounds_now(const struct redis_session *session)
{
    const struct native_limits *limits = session->shared->options.limits;
    uint64_t key_bytes = atomic_load_explicit(&limits->key_bytes, memory_order_relaxed);
    uint64_t value_bytes = atomic_load_explicit(&limits->value_bytes, memory_order_relaxed);
    return (struct redis_request_bounds){
        .bulk_bytes = key_bytes > value_bytes ? key_bytes : value_bytes,
        .bytes = LIMIT_FRAME_BYTES,
        .arguments = REDIS_ARGUMENTS_MAX,
    };
}

/* The last reply of the connection, after those that are due. */
static void refuse(struct redis_session *session, const char *text)
{
    redis_count(session, session->shared->options.metric_ids.served.refused, 1);
    log_debug("redis: connection given up", LOG_TEXT("from", connection_peer(session->connection)),
              LOG_TEXT("reason", text));
    session->deaf = true;
    struct redis_pending *pending = redis_pending_new(session);
    if (pending == NULL) {
        connection_close(session->connection);
        return;
    }
    redis_pending_push(pending);
    reply_error_format(&pending->reply, "ERR %s", text);
    pending->answered = true;
    if (session->waiting == &session->pending) {
        session->waiting = &pending->link;
    }
    redis_begin_waiting(session);
}

static void take(struct redis_session *session, const struct redis_request *request)
{
    struct redis_pending *pending = redis_pending_new(session);
    if (pending == NULL) {
        connection_close(session->connection);
        return;
    }
    pending->call.argv = request->argv;
    pending->call.argc = request->argc;
    pending->bytes = request->length;
    pending->copied = request->copied;
    if (session->pending_count == 0) {
        redis_begin_first(pending);
    } else {
        redis_begin_behind(pending);
    }
}

static bool takes_no_more(const struct redis_session *session)
{
    return session->deaf || session->quitting;
}

/* Half a request, while what has come fills this worker's memory: it can't be passed over, so that
 * nothing more can be understood of this connection. */
static bool must_be_refused(const struct redis_session *session, size_t len)
{
    return session->loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER && len > INPUT_BLOCK_BYTES;
}

static bool may_take(struct redis_session *session, struct connection *connection)
{
    if (takes_no_more(session) || connection_over(connection)) {
        return false;
    }
    if (!redis_flow_must_wait(session)) {
        return true;
    }
    connection_pause(connection);
    redis_flow_stopped(session);
    return false;
}

/* How many bytes of the batch were taken; all of it unless something stopped it. */
static size_t take_batch(struct redis_session *session, const struct redis_batch *batch,
                         bool *stopped)
{
    size_t taken = 0;
    redis_count(session, session->shared->options.metric_ids.commands, batch->count);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct redis_request *request = &batch->requests[i];
        *stopped = !may_take(session, session->connection);
        if (*stopped) {
            session->progress = (struct redis_request_progress){0};
            break;
        }
        if (request->argc > 0) {
            take(session, request);
        }
        taken += request->length;
    }
    return taken;
}

/* What follows the batch can't be read, or not yet. */
static void end_reading(struct redis_session *session, const struct redis_batch *batch, size_t rest)
{
    if (batch->code == SHOAL_EPROTO) {
        refuse(session, batch->text);
    } else if (batch->code < 0) {
        connection_close(session->connection);
    } else if (must_be_refused(session, rest)) {
        refuse(session, "requests fill this node's memory for them; try again");
    }
}

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct redis_session *session = self;
    struct redis_request_bounds bounds = bounds_now(session);
    struct redis_batch batch;
    size_t taken = 0;
    bool stopped = false;
    atomic_store_explicit(&session->card.output_bytes, connection_queued(connection),
                          memory_order_relaxed);
    session->flow += !session->halfway;
    while (!stopped && taken < bytes.len && may_take(session, connection)) {
        struct bytes rest = bytes_make(bytes.data + taken, bytes.len - taken);
        redis_batch_read(&batch, rest, &bounds, &session->progress, &session->loop->arena);
        redis_batch_expect(&batch, session->loop->worker);
        taken += take_batch(session, &batch, &stopped);
        if (!stopped && batch.code != 0) {
            *need = batch.need;
            if (!takes_no_more(session) && !connection_over(connection)) {
                end_reading(session, &batch, bytes.len - taken);
            }
            break;
        }
    }
    redis_count_told(session);
    session->halfway = taken < bytes.len;
    if (takes_no_more(session) && session->pending_count == 0) {
        connection_finish(connection);
    }
    return takes_no_more(session) ? bytes.len : taken;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_drained(void *self, struct connection *connection)
{
    struct redis_session *session = self;
    session->output_room = LIMIT_REDIS_REPLY_BYTES;
    if (session->waiting != &session->pending) {
        redis_session_go_on(session);
    }
    if (connection_paused(connection) && redis_flow_may_go_on(session)) {
        connection_resume(connection);
    }
}

/* Half-closed: what is in flight is still answered. */
static void on_ended(void *self, struct connection *connection)
{
    struct redis_session *session = self;
    session->ended = true;
    if (session->pending_count == 0) {
        connection_finish(connection);
    }
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    (void)code;
    struct redis_session *session = self;
    redis_pendings_drop_waiting(session);
    session->connection = NULL;
    timers_stop(&session->loop->timers, &session->stall);
    redis_session_review(session);
}

static const struct connection_handler handler = {
    .input = on_input,
    .ended = on_ended,
    .drained = on_drained,
    .closed = on_closed,
};

static struct redis_session *new_session(struct redis *redis, struct loop *loop, int fd)
{
    struct redis_session *session = mem_alloc_zeroed(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->desk = &redis->desks[loop->index];
    session->shared = &redis->shared;
    session->loop = loop;
    session->protocol = 2;
    session->r = session->w = QUORUM_DEFAULT;
    session->waiting = &session->pending;
    queue_init(&session->pending);
    task_init(&session->task, run_task);
    redis_flow_init(session);
    queue_init(&session->link);
    queue_push(&session->desk->sessions, &session->link);
    client_roll_enter(&redis->shared.roll, &session->card, loop, fd, loop_now(loop).wall_ms);
    atomic_fetch_add(&redis->shared.options.limits->clients, 1);
    redis_count(session, redis->shared.options.metric_ids.served.connections, 1);
    return session;
}

static uint32_t clients_over(const struct redis *redis)
{
    const struct native_limits *limits = redis->shared.options.limits;
    uint32_t clients = atomic_load(&limits->clients);
    uint32_t clients_max = atomic_load(&limits->connections);
    return clients > clients_max ? clients - clients_max : 0;
}

void redis_accept(void *self, struct loop *loop, int fd)
{
    struct redis *redis = self;
    struct redis_session *session = NULL;
    if (clients_over(redis) < OVER_LIMIT_LINGER_MAX) {
        session = new_session(redis, loop, fd);
    }
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
    if (clients_over(redis) > 0) {
        refuse(session, "max number of clients reached");
    }
}
