/* GET /wal: the live feed over a WebSocket (docs/feed.md). The handshake is answered once the
 * reader stands at its place in the feed, so that whoever is connected misses nothing that is done
 * from then on. Rejected: answering at once and saying so with a first message, which every client
 * would have to wait for. */
#include <stdio.h>

#include "api/feed_surface.h"
#include "api/http/desk.h"
#include "api/http/wal_question.h"
#include "api/http/websocket.h"
#include "api/http/websocket_handshake.h"
#include "base/memory.h"
#include "shoal/error.h"

#define PLACE_US 5000000u /* for finding its place; then it begins where it can */
#define RETRY_US 250000u  /* a full reader is looked at again */
#define HEAD_BYTES 512u

static const struct websocket_patience patience = {
    .ping_us = 20000000,
    .pong_us = 20000000,
    .close_us = 5000000,
};

/* A reader: first its request, then its connection. */
struct wal {
    struct websocket socket;
    struct feed_reader reader;
    struct feed_outlet outlet;
    struct http_exchange *exchange; /* until it is answered */
    struct http *http;
    struct loop *loop;
    struct worker *worker;
    struct timer timer; /* heartbeats, and looking at a full one */
    uint64_t heartbeat_us;
    uint64_t told_us; /* when it was last told something */
    bool reading;     /* the reader is open */
    bool connected;   /* the connection is ours, and the outlet open */
    bool full;        /* was given something and had no room */
    struct task free; /* later: it may be in a call of the worker's */
    char proof[WEBSOCKET_PROOF_BYTES];
    uint8_t prefix[];
};

static struct wal *wal_of_reader(struct feed_reader *reader)
{
    return QUEUE_ITEM(reader, struct wal, reader);
}

static struct wal *wal_of_socket(struct websocket *socket)
{
    return QUEUE_ITEM(socket, struct wal, socket);
}

static void stop_reading(struct wal *wal)
{
    if (wal->reading) {
        wal->reading = false;
        worker_feed_close(wal->worker, &wal->reader);
    }
    timers_stop(&wal->loop->timers, &wal->timer);
}

/* ---- what it is told ------------------------------------------------------------------------- */

static void start_timer(struct wal *wal, uint64_t us)
{
    loop_start_timer(wal->loop, &wal->timer, us);
}

static void tell_heartbeat(struct wal *wal, struct moment now)
{
    struct bytes frame;
    if (feed_frames_heartbeat(&wal->outlet.desk->frames, now.wall_ms,
                              worker_feed_cursor(&wal->reader), &frame) == 0 &&
        buffer_append_bytes(feed_outlet_buffer(&wal->outlet), frame) == 0) {
        feed_outlet_flush(&wal->outlet);
    }
    wal->told_us = now.mono_us;
}

static void go_on(struct wal *wal)
{
    wal->full = false;
    worker_feed_more(wal->worker, &wal->reader);
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct wal *wal = QUEUE_ITEM(timer, struct wal, timer);
    if (wal->full && feed_outlet_room(&wal->outlet)) {
        go_on(wal);
    }
    if (wal->full) {
        start_timer(wal, RETRY_US);
        return;
    }
    if (now_us - wal->told_us >= wal->heartbeat_us) {
        tell_heartbeat(wal, loop_now(wal->loop));
    }
    uint64_t due_us = wal->told_us + wal->heartbeat_us;
    start_timer(wal, due_us > now_us ? due_us - now_us : wal->heartbeat_us);
}

/* ---- the connection -------------------------------------------------------------------------- */

static void on_drained(struct websocket *socket)
{
    struct wal *wal = wal_of_socket(socket);
    if (wal->full) {
        go_on(wal);
    }
}

static void on_over(struct websocket *socket)
{
    struct wal *wal = wal_of_socket(socket);
    stop_reading(wal);
    feed_outlet_close(&wal->outlet);
}

static void on_closed(struct websocket *socket)
{
    struct wal *wal = wal_of_socket(socket);
    http_taken_over_ended(wal->http, wal->loop);
    mem_free(wal);
}

static void on_free(struct task *task)
{
    mem_free(QUEUE_ITEM(task, struct wal, free));
}

/* Without a connection: it never got one. */
static void give_up(struct wal *wal)
{
    stop_reading(wal);
    loop_defer(wal->loop, &wal->free);
}

/* The handshake's answer: from here on it is no request any more. */
static void become_socket(struct wal *wal)
{
    static const struct websocket_calls calls = {
        .drained = on_drained, .over = on_over, .closed = on_closed};
    struct http_exchange *exchange = wal->exchange;
    char head[HEAD_BYTES];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\n"
                       "Connection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n"
                       "X-Request-Id: %s\r\n"
                       "Server: shoal\r\n\r\n",
                       wal->proof, exchange->id);
    wal->exchange = NULL;
    timers_stop(&wal->loop->timers, &wal->timer);
    struct connection *connection = http_take_over(exchange, bytes_make(head, (size_t)len));
    if (connection == NULL) {
        give_up(wal);
        return;
    }
    wal->connected = true;
    wal->told_us = loop_now(wal->loop).mono_us;
    wal->timer.fire = on_timer;
    websocket_open(&wal->socket, connection, &calls, &patience);
    feed_outlet_open(&wal->outlet, feed_surface_desk(wal->http->options.feed, wal->loop),
                     connection, FEED_KIND_HTTP);
    start_timer(wal, wal->heartbeat_us);
}

/* ---- the reader ------------------------------------------------------------------------------ */

static bool on_take(struct feed_reader *reader, const struct feed_event *event)
{
    struct wal *wal = wal_of_reader(reader);
    struct bytes frame;
    if (!wal->connected) {
        become_socket(wal);
    }
    if (!wal->reading) {
        return true;
    }
    if (!feed_outlet_room(&wal->outlet)) {
        wal->full = true;
        start_timer(wal, RETRY_US);
        return false;
    }
    int code = feed_frames_event(&wal->outlet.desk->frames, wal->worker, event, &frame);
    if (code == 0) {
        code = buffer_append_bytes(feed_outlet_buffer(&wal->outlet), frame);
    }
    if (code != 0) {
        websocket_end(&wal->socket, WEBSOCKET_TRY_LATER, "this node is short of memory");
        return true;
    }
    feed_outlet_put(&wal->outlet, 1);
    wal->told_us = loop_now(wal->loop).mono_us;
    return true;
}

static void on_flush(struct feed_reader *reader)
{
    struct wal *wal = wal_of_reader(reader);
    if (!wal->connected) {
        become_socket(wal);
    } else {
        feed_outlet_flush(&wal->outlet);
    }
}

static void on_ended(struct feed_reader *reader, int code, const char *text)
{
    struct wal *wal = wal_of_reader(reader);
    wal->reading = false;
    if (wal->connected) {
        websocket_end(&wal->socket,
                      code == SHOAL_ESHUTDOWN ? WEBSOCKET_GOING_AWAY : WEBSOCKET_TRY_LATER, text);
        return;
    }
    struct http_exchange *exchange = wal->exchange;
    give_up(wal);
    http_fail_code(exchange, code, bytes_from_string(text));
}

/* It takes too long to find out where all nodes are: it begins with those that have said so. */
static void on_no_place(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    become_socket(QUEUE_ITEM(timer, struct wal, timer));
}

static void on_gone(struct http_exchange *exchange)
{
    give_up(exchange->user);
    http_fail(exchange, 503, "the client has gone");
}

/* ---- the request ----------------------------------------------------------------------------- */

static struct wal *new_wal(struct http_exchange *exchange, const struct wal_question *question)
{
    static const struct feed_reader_calls calls = {
        .take = on_take, .flush = on_flush, .ended = on_ended};
    struct wal *wal = mem_alloc_zeroed(1, sizeof(*wal) + question->prefix.len);
    if (wal == NULL) {
        return NULL;
    }
    if (question->prefix.len > 0) {
        memcpy(wal->prefix, question->prefix.data, question->prefix.len);
    }
    wal->reader = (struct feed_reader){.calls = &calls,
                                       .prefix = bytes_make(wal->prefix, question->prefix.len),
                                       .ops = question->ops,
                                       .user = wal};
    wal->exchange = exchange;
    wal->http = exchange->http;
    wal->loop = exchange->loop;
    wal->worker = exchange->worker;
    wal->heartbeat_us = question->heartbeat_us;
    wal->timer.fire = on_no_place;
    task_init(&wal->free, on_free);
    return wal;
}

static void fail_open(struct http_exchange *exchange, int code)
{
    switch (code) {
    case SHOAL_EINVAL:
        http_fail(exchange, 400,
                  "after: this is no cursor of this cluster; pass on one that an event had");
        break;
    case SHOAL_EUNSUPPORTED:
        http_fail(exchange, 501, "this node keeps no feed (feed.tail_mb is 0)");
        break;
    case SHOAL_EOVERLOAD:
        http_fail(exchange, 503, "the feed has as many readers here as it may; ask another node");
        break;
    case SHOAL_ECONNECT:
        http_fail(exchange, 503, FEED_NO_CLUSTER_TEXT);
        break;
    default:
        http_fail_code(exchange, code, bytes_from_string(shoal_error_text(code)));
        break;
    }
}

static void begin(struct http_exchange *exchange, struct wal_question *question)
{
    struct wal *wal = new_wal(exchange, question);
    int code = wal == NULL ? SHOAL_ENOMEM : 0;
    if (code == 0) {
        code = websocket_prove(http_header(exchange, "sec-websocket-key"), wal->proof);
    }
    if (code == 0) {
        code = worker_feed_open(wal->worker, &wal->reader, buffer_bytes(&question->cursor));
    }
    if (code != 0) {
        mem_free(wal);
        fail_open(exchange, code);
        return;
    }
    wal->reading = true;
    exchange->user = wal;
    exchange->gone = on_gone;
    start_timer(wal, PLACE_US);
}

static void handle(struct http_exchange *exchange)
{
    if (!websocket_shake(exchange)) {
        return;
    }
    if (exchange->http->options.feed == NULL) {
        fail_open(exchange, SHOAL_EUNSUPPORTED);
        return;
    }
    struct wal_question question;
    if (wal_question_read(exchange, &question) == 0) {
        begin(exchange, &question);
        buffer_deinit(&question.cursor);
    }
}

static const struct http_route routes[] = {
    /* What follows the request is WebSocket, and nothing that could be taken for a body. */
    {.methods = HTTP_GET, .pattern = "/wal", .handle = handle, .refuses_body = true},
};

const struct http_table http_wal_table = {.routes = routes, .count = 1};
