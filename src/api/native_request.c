/* Requests on their way through the core and back. Key, value and context stay where they were
 * received until the request is done, also when the connection they came over is gone by then. */
#include <stdio.h>

#include "api/native_state.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/prefetch.h"
#include "node/feed.h"
#include "shoal/error.h"

#define FREE_REQUESTS_KEPT 1024u

static struct native_bounds bounds_of(const struct session *session)
{
    const struct native_limits *limits = session->desk->native->options.limits;
    return (struct native_bounds){
        .key_bytes = atomic_load_explicit(&limits->key_bytes, memory_order_relaxed),
        .value_bytes = atomic_load_explicit(&limits->value_bytes, memory_order_relaxed),
    };
}

/* ---- memory ---------------------------------------------------------------------------------- */

static struct native_request *take_request(struct native_desk *desk)
{
    struct queue *link = queue_pop(&desk->free_requests);
    if (link != NULL) {
        prefetch_bytes(QUEUE_ITEM(desk->free_requests.next->next, struct native_request, link),
                       sizeof(struct native_request)); /* for the time after the next */
        desk->free_request_count--;
        return QUEUE_ITEM(link, struct native_request, link);
    }
    struct native_request *request = mem_alloc(sizeof(*request));
    if (request != NULL) {
        queue_init(&request->link);
    }
    return request;
}

static void put_back(struct native_desk *desk, struct native_request *request)
{
    queue_remove(&request->link);
    if (desk->free_request_count == FREE_REQUESTS_KEPT) {
        mem_free(request);
        return;
    }
    queue_push(desk->free_requests.next, &request->link);
    desk->free_request_count++;
}

static void release(struct native_request *request)
{
    struct session *session = request->session;
    size_t bytes = request->bytes;
    if (request->block != NULL) {
        input_block_unref(&session->loop->input, request->block);
    }
    mem_free(request->kept);
    put_back(session->desk, request);
    session_less_in_flight(session, bytes);
}

void native_requests_free(struct native_desk *desk)
{
    while (!queue_empty(&desk->requests)) {
        release(QUEUE_ITEM(desk->requests.next, struct native_request, link));
    }
    struct queue *link;
    while ((link = queue_pop(&desk->free_requests)) != NULL) {
        mem_free(QUEUE_ITEM(link, struct native_request, link));
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A failure names the request, where it has an id: the nodes' logs have it, too. */
static int append_result(struct buffer *out, const struct native_request *request,
                         const struct outcome *outcome)
{
    struct message_result result;
    char text[LIMIT_TEXT_BYTES];
    outcome_to_result(outcome, request->id, &result);
    if (outcome->code != 0 && outcome->code != SHOAL_ENOTFOUND &&
        trace_there(&request->request.trace)) {
        char id[33];
        trace_text(&request->request.trace, id);
        snprintf(text, sizeof(text), "%.*s; request %s", (int)result.text.len,
                 (const char *)result.text.data, id);
        result.text = bytes_from_string(text);
    }
    return message_result_encode(&result, out);
}

static int append_list(struct buffer *out, uint64_t id, const struct outcome *outcome)
{
    struct message_list_reply reply = {
        .id = id,
        .entries = outcome->entries,
        .count = outcome->entry_count,
        .after = outcome->after,
    };
    return message_list_reply_encode(&reply, out);
}

static int append_verification(struct buffer *out, uint64_t id, const struct outcome *outcome)
{
    struct message_verify_reply reply = *outcome->verification;
    reply.id = id;
    return message_verify_reply_encode(&reply, out);
}

static int append_repair(struct buffer *out, uint64_t id, const struct outcome *outcome)
{
    const struct message_repair_reply reply = {
        .id = id, .told = outcome->owners, .nodes = outcome->needed, .text = outcome->text};
    return message_repair_reply_encode(&reply, out);
}

static int append_plan(struct buffer *out, uint64_t id, const struct outcome *outcome)
{
    struct message_change_reply reply = *outcome->changed;
    reply.id = id;
    return message_change_reply_encode(&reply, out);
}

static int append_answer(struct buffer *out, const struct native_request *request,
                         const struct outcome *outcome)
{
    if (outcome->code != 0) {
        return append_result(out, request, outcome);
    }
    switch (request->op) {
    case NATIVE_OP_LIST:
        return append_list(out, request->id, outcome);
    case NATIVE_OP_VERIFY:
        return append_verification(out, request->id, outcome);
    case NATIVE_OP_REPAIR:
        return append_repair(out, request->id, outcome);
    case NATIVE_OP_CHANGE:
        return append_plan(out, request->id, outcome);
    default:
        return append_result(out, request, outcome);
    }
}

static bool answers_are_piling_up(const struct session *session)
{
    return connection_queued(session->connection) > LIMIT_QUEUE_BYTES_PER_CLIENT ||
           session->loop->output_bytes > LIMIT_OUTPUT_BYTES_PER_WORKER;
}

static void answer(struct native_request *request, const struct outcome *outcome)
{
    struct session *session = request->session;
    bool changes_nothing = request->op == NATIVE_OP_GET || request->op == NATIVE_OP_LIST;
    if (changes_nothing && answers_are_piling_up(session)) {
        session_refuse(session, request->id, SHOAL_EOVERLOAD,
                       "too many answers wait to be read: read them, or ask for less at once");
        return;
    }
    struct buffer *out = connection_output(session->connection);
    if (out == NULL) {
        return;
    }
    int code = append_answer(out, request, outcome);
    if (code == SHOAL_ETOOBIG) {
        session_refuse(session, request->id, SHOAL_ETOOBIG,
                       "the answer is larger than a message may be: ask for fewer keys, or "
                       "overwrite the key's siblings");
        return;
    }
    if (code != 0) {
        connection_close(session->connection);
        return;
    }
    connection_send(session->connection);
}

static enum served_op served_op_of(enum native_op op)
{
    static const enum served_op ops[NATIVE_OP_COUNT] = {
        [NATIVE_OP_PUT] = SERVED_PUT,       [NATIVE_OP_GET] = SERVED_GET,
        [NATIVE_OP_DELETE] = SERVED_DELETE, [NATIVE_OP_ADD] = SERVED_ADD,
        [NATIVE_OP_EXPIRE] = SERVED_EXPIRE, [NATIVE_OP_LIST] = SERVED_LIST,
        [NATIVE_OP_JOIN] = SERVED_ADMIN,    [NATIVE_OP_VERIFY] = SERVED_ADMIN,
        [NATIVE_OP_REPAIR] = SERVED_ADMIN,  [NATIVE_OP_CHANGE] = SERVED_ADMIN,
    };
    return ops[op];
}

static void on_done(struct request *done, const struct outcome *outcome)
{
    struct native_request *request = done->user;
    struct session *session = request->session;
    struct native *native = session->desk->native;
    if (session->connection != NULL && !connection_over(session->connection)) {
        answer(request, outcome);
    }
    served_count(native->options.metrics, session->loop->index, &native->options.metric_ids.served,
                 served_op_of(request->op), served_result_of(outcome->code),
                 loop_now(session->loop).mono_us - request->since_us);
    release(request);
}

/* ---- submitting ------------------------------------------------------------------------------ */

struct native_request *native_begin(struct session *session, const struct frame *frame,
                                    enum native_op op)
{
    if (session->loop->input.bytes > LIMIT_INPUT_BYTES_PER_WORKER) {
        session_refuse(session, frame->id, SHOAL_EOVERLOAD,
                       "requests in flight fill this node's memory for them; try again");
        return NULL;
    }
    struct native_request *request = take_request(session->desk);
    if (request == NULL) {
        session_refuse(session, frame->id, SHOAL_ENOMEM, "out of memory");
        return NULL;
    }
    queue_push(&session->desk->requests, &request->link);
    request->request =
        (struct request){.done = on_done, .user = request, .surface = SURFACE_NATIVE};
    request->session = session;
    request->id = frame->id;
    request->bytes = frame->len;
    request->since_us = loop_now(session->loop).mono_us;
    request->op = op;
    request->block = NULL;
    request->kept = NULL;
    session->in_flight++;
    session->in_flight_bytes += frame->len;
    return request;
}

/* Readers of the live feed may want to know of reads and lists. */
static void tell_feed(const struct native_request *request, struct worker *worker)
{
    if (request->op == NATIVE_OP_GET && worker_feed_wanted(worker, FEED_READ)) {
        worker_feed_tell(worker, FEED_READ, request->request.key);
    } else if (request->op == NATIVE_OP_LIST && worker_feed_wanted(worker, FEED_LIST)) {
        worker_feed_tell(worker, FEED_LIST, request->request.key);
    }
}

void native_submit(struct native_request *request)
{
    struct loop *loop = request->session->loop;
    tell_feed(request, loop->worker);
    worker_submit(loop->worker, loop_now(loop), &request->request);
}

void native_refuse_fields(struct session *session, const struct frame *frame, int code)
{
    session_refuse(session, frame->id, code,
                   code == SHOAL_ETOOBIG ? "a field of the request is over its limit"
                                         : "the request's fields are malformed");
}

void native_take_request(struct session *session, const struct frame *frame)
{
    static const enum native_op ops[] = {
        [REQUEST_PUT] = NATIVE_OP_PUT,       [REQUEST_GET] = NATIVE_OP_GET,
        [REQUEST_DELETE] = NATIVE_OP_DELETE, [REQUEST_ADD] = NATIVE_OP_ADD,
        [REQUEST_EXPIRE] = NATIVE_OP_EXPIRE,
    };
    struct message_request message;
    char text[NATIVE_TEXT_BYTES];
    int code = message_request_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    struct native_bounds bounds = bounds_of(session);
    code = native_check_request(&bounds, &message, text);
    if (code != 0) {
        session_refuse(session, frame->id, code, text);
        return;
    }
    struct native_request *request = native_begin(session, frame, ops[message.op]);
    if (request == NULL) {
        return;
    }
    request->block = connection_hold(session->connection);
    request->request.op = message.op;
    request->request.key = message.key;
    request->request.value = message.value;
    request->request.context = message.context;
    request->request.ttl_ms = message.ttl_ms;
    request->request.expiry_ms = message.expiry_ms;
    request->request.delta = message.delta;
    request->request.options = message.options;
    request->request.trace = message.trace;
    native_submit(request);
}

void native_take_list(struct session *session, const struct frame *frame)
{
    struct message_list message;
    char text[NATIVE_TEXT_BYTES];
    int code = message_list_decode(frame->payload, &session->loop->arena, &message);
    if (code != 0) {
        native_refuse_fields(session, frame, code);
        return;
    }
    struct native_bounds bounds = bounds_of(session);
    code = native_check_list(&bounds, &message, text);
    if (code != 0) {
        session_refuse(session, frame->id, code, text);
        return;
    }
    struct native_request *request = native_begin(session, frame, NATIVE_OP_LIST);
    if (request == NULL) {
        return;
    }
    request->block = connection_hold(session->connection);
    request->request.op = REQUEST_LIST;
    request->request.key = message.prefix;
    request->request.context = message.after;
    request->request.limit = message.limit == 0 ? LIMIT_LIST_KEYS : message.limit;
    request->request.with_values = message.with_values;
    request->request.options = message.options;
    request->request.trace = message.trace;
    native_submit(request);
}
