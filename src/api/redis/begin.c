/* How commands begin: what is called, whether it may go now, and who carries it out. What is first
 * in its session and needs nobody else is carried out at once, its reply written straight into the
 * connection's output; the rest waits in the session's queue. */
#include <stdio.h>
#include <string.h>

#include "api/redis/desk.h"
#include "base/limits.h"
#include "base/log.h"
#include "shoal/error.h"

/* ---- what is called -------------------------------------------------------------------------- */

static bool reply_too_long(struct redis_pending *pending, const char *what, size_t bytes,
                           const char *limit, uint64_t bytes_max)
{
    reply_error_format(&pending->reply, "ERR %s of %zu bytes is larger than %s, which is %llu",
                       what, bytes, limit, (unsigned long long)bytes_max);
    return false;
}

static bool is_key(uint32_t index, uint32_t first, uint32_t step, uint32_t count)
{
    return index >= first && index < first + count * step && (index - first) % step == 0;
}

/* Keys have a limit of their own, which may be on either side of that of values. */
static bool check_sizes(struct redis_pending *pending)
{
    const struct redis_call *call = &pending->call;
    const struct native_limits *limits = pending->session->shared->options.limits;
    uint64_t key_bytes = atomic_load_explicit(&limits->key_bytes, memory_order_relaxed);
    uint64_t value_bytes = atomic_load_explicit(&limits->value_bytes, memory_order_relaxed);
    if (pending->bytes <= key_bytes && pending->bytes <= value_bytes) {
        return true;
    }
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(call->command, call->argc, &first, &step);
    for (uint32_t i = 1; i < call->argc; i++) {
        size_t len = call->argv[i].len;
        if (is_key(i, first, step, count)) {
            if (len > key_bytes) {
                return reply_too_long(pending, "a key", len, "limits.key_bytes", key_bytes);
            }
        } else if (len > value_bytes) {
            return reply_too_long(pending, "an argument", len, "limits.value_bytes", value_bytes);
        }
    }
    return true;
}

/* A browser that was tricked into talking to this port: nothing it sends is a command of its
 * user's, and the body may well look like some. As Redis, it is sent away without a word. */
static bool is_http(struct bytes name)
{
    return redis_is(name, "post") || redis_is(name, "host:");
}

static void send_away(const struct redis_session *session)
{
    log_warning("redis: an HTTP request came over the Redis port; the connection is closed",
                LOG_TEXT("from", connection_peer(session->connection)));
    connection_close(session->connection);
}

/* False: refused, and replied. */
static bool resolve(struct redis_pending *pending)
{
    struct redis_call *call = &pending->call;
    struct redis_session *session = pending->session;
    call->command = command_resolve(call->argv, call->argc, &pending->reply);
    if (call->command != NULL && check_sizes(pending)) {
        const struct native_limits *limits = session->shared->options.limits;
        call->value_bytes_max = atomic_load_explicit(&limits->value_bytes, memory_order_relaxed);
        return true;
    }
    if (call->command == NULL && is_http(call->argv[0])) {
        send_away(session);
    }
    redis_transaction_spoil(session, call->argv[0]);
    return false;
}

/* ---- refused for want of memory -------------------------------------------------------------- */

/* What must be known of it though its arguments couldn't be kept. */
static const char *what_matters(struct bytes name)
{
    if (redis_is(name, "multi")) {
        return "multi";
    }
    return redis_is(name, "exec") ? "exec" : "";
}

/* What it belonged to is not carried out in part: EXEC without it, or what follows MULTI by itself.
 */
static void refused(struct redis_session *session, const char *name)
{
    redis_transaction_spoil(session, bytes_from_string(name));
    if (strcmp(name, "multi") == 0) {
        session->quitting = true;
    }
}

/* ---- CLIENT REPLY ---------------------------------------------------------------------------- */

/* Does the client want this command's reply? After the command itself, which may be CLIENT REPLY;
 * before one that is done later. */
static void settle_silence(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    pending->silent = session->reply_mode != REDIS_REPLY_ON;
    if (session->reply_mode == REDIS_REPLY_SKIP_NEXT) {
        session->reply_mode = REDIS_REPLY_SKIPPING;
    } else if (session->reply_mode == REDIS_REPLY_SKIPPING) {
        session->reply_mode = REDIS_REPLY_ON;
    }
}

/* ---- carrying out ---------------------------------------------------------------------------- */

static void touch(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    client_card_touch(&session->card, pending->call.command, loop_now(session->loop).wall_ms);
}

static enum redis_order_way way_of(const struct redis_pending *pending)
{
    const struct redis_call *call = &pending->call;
    const struct command *command = call->command;
    if (command->kind == COMMAND_SWEEP || command->kind == COMMAND_CONTROL || command->barrier) {
        return REDIS_ORDER_EVERYTHING;
    }
    if ((command->flags & COMMAND_WRITE) == 0) {
        return REDIS_ORDER_READS;
    }
    uint32_t first;
    uint32_t step;
    bool one = redis_keys_of(command, call->argc, &first, &step) == 1;
    bool unseen = one && redis_is_blind(command, call->argv, call->argc);
    return unseen && worker_alone(pending->session->loop->worker) ? REDIS_ORDER_WRITES_BLIND
                                                                  : REDIS_ORDER_WRITES;
}

/* What answers at once, whatever else goes on. True: it has. */
static bool answer_now(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    if (session->transaction != NULL && redis_transaction_takes(pending)) {
        return true;
    }
    if (pending->call.command->kind != COMMAND_SESSION) {
        return false;
    }
    pending->call.command->run(&pending->call);
    return true;
}

/* It has entered the order: goes on by itself, and is done sooner or later. */
static void start(struct redis_pending *pending)
{
    redis_tell_feed(pending);
    switch (pending->call.command->kind) {
    case COMMAND_KEYS:
        if (worker_alone(pending->session->loop->worker)) {
            redis_alone_begin(pending);
        } else {
            redis_spread_begin(pending);
        }
        return;
    case COMMAND_SWEEP:
        redis_sweep_begin(pending);
        return;
    case COMMAND_CONTROL:
        redis_transaction_begin(pending);
        return;
    case COMMAND_CONTEXT:
        redis_context_begin(pending);
        return;
    case COMMAND_SESSION:
        redis_pending_done(pending);
        return;
    }
}

/* ---- the first, and those that wait ---------------------------------------------------------- */

/* It can't be answered here and now. */
static void begin_later(struct redis_pending *pending)
{
    int code = redis_pending_keep(pending);
    if (code != 0) {
        refused(pending->session, what_matters(pending->call.argv[0]));
        redis_pending_write_error(pending, code, bytes_make(NULL, 0));
        settle_silence(pending);
        redis_pending_sent(pending);
        return;
    }
    redis_pending_push(pending);
    pending->way = way_of(pending);
    code = redis_pending_enter(pending);
    settle_silence(pending);
    if (code != 0) {
        refused(pending->session, what_matters(pending->call.argv[0]));
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
    } else {
        start(pending);
    }
}

static bool carry_out_now(struct redis_pending *pending)
{
    if (!resolve(pending)) {
        return true;
    }
    touch(pending);
    if (answer_now(pending)) {
        return true;
    }
    const struct command *command = pending->call.command;
    if ((command->flags & COMMAND_WRITE) == 0 && command->kind != COMMAND_CONTROL &&
        redis_flow_full(pending->session)) {
        redis_pending_write_error(
            pending, SHOAL_EOVERLOAD,
            bytes_from_string("too many replies wait to be read: ask for less at once"));
        return true;
    }
    if (command->kind != COMMAND_KEYS || !worker_alone(pending->session->loop->worker) ||
        !redis_alone_now(pending)) {
        return false;
    }
    redis_tell_feed(pending);
    return true;
}

void redis_begin_first(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    struct buffer *out = connection_output(session->connection);
    if (out == NULL) {
        redis_pending_free(pending);
        return;
    }
    pending->reply = (struct reply){
        .out = out, .resp3 = session->protocol == 3, .len_max = out->len + REDIS_REPLY_BYTES_MAX};
    pending->mark = out->len;
    if (carry_out_now(pending)) {
        settle_silence(pending);
        redis_pending_sent(pending);
    } else {
        begin_later(pending);
    }
}

void redis_begin_behind(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    int code = redis_pending_keep(pending);
    redis_pending_push(pending);
    if (code != 0) {
        redis_pending_write_error(pending, code, bytes_make(NULL, 0));
        pending->answered = true;
        pending->refused = what_matters(pending->call.argv[0]);
    }
    if (session->waiting == &session->pending) {
        session->waiting = &pending->link;
    }
    redis_begin_waiting(session);
}

/* 0: it has begun, or is replied to; 1: it has to wait. */
static int begin_next(struct redis_pending *pending)
{
    struct redis_session *session = pending->session;
    if (session->order != NULL && session->order->closed) {
        return 1;
    }
    pending->reply.resp3 = session->protocol == 3;
    bool answered = pending->answered || (pending->call.command == NULL && !resolve(pending));
    if (!answered) {
        pending->way = way_of(pending);
        bool barrier = pending->way == REDIS_ORDER_EVERYTHING;
        if (barrier && session->order != NULL && session->order->begun > 0) {
            return 1;
        }
        touch(pending);
        answered = answer_now(pending);
    }
    if (answered) {
        if (pending->refused != NULL) {
            refused(session, pending->refused);
        }
        session->waiting = pending->link.next;
        settle_silence(pending);
        redis_pending_done(pending);
        return 0;
    }
    int code = redis_pending_enter(pending);
    if (code > 0) {
        return 1;
    }
    session->waiting = pending->link.next;
    settle_silence(pending);
    if (code < 0) {
        refused(session, what_matters(pending->call.argv[0]));
        redis_pending_fail(pending, code, bytes_make(NULL, 0));
    } else {
        start(pending);
    }
    return 0;
}

void redis_begin_waiting(struct redis_session *session)
{
    while (session->waiting != &session->pending && session->connection != NULL &&
           !connection_over(session->connection) && redis_flow_may_begin(session) &&
           begin_next(QUEUE_ITEM(session->waiting, struct redis_pending, link)) == 0) {
        if (session->quitting) {
            redis_pendings_drop_waiting(session);
        }
    }
}
