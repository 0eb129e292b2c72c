/* Answers: heads, bodies at once and piece by piece, and how an exchange ends. A whole answer is
 * one append to the connection's output. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "api/http/desk.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "shoal/error.h"

#define HEAD_ROOM_BYTES 512u
#define GZIP_STREAMS_MAX 64u         /* a worker; more are sent as they are */
#define BODY_BYTES_OVERLOADED 65536u /* longer ones are not added to output that is full */

static struct http_call *call_of(struct http_exchange *exchange)
{
    return QUEUE_ITEM(exchange, struct http_call, exchange);
}

/* The connection, if there is still somebody to write to. */
static struct connection *connection_of(const struct http_call *call)
{
    struct connection *connection = call->session->connection;
    return connection == NULL || connection_over(connection) ? NULL : connection;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* What can't stand in a field becomes a blank. */
static void make_harmless(uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f) {
            text[i] = ' ';
        }
    }
}

static int append_value(struct buffer *out, const char *format, va_list arguments)
{
    va_list measuring;
    va_copy(measuring, arguments);
    int len = vsnprintf(NULL, 0, format, measuring);
    va_end(measuring);
    int code = len < 0 ? SHOAL_EINVAL : buffer_reserve(out, (size_t)len + 1);
    if (code == 0) {
        vsnprintf((char *)out->data + out->len, (size_t)len + 1, format, arguments);
        make_harmless(out->data + out->len, (size_t)len);
        out->len += (size_t)len;
    }
    return code;
}

/* "Name: " */
static int append_name(struct buffer *out, const char *name)
{
    int code = buffer_append(out, name, strlen(name));
    return code == 0 ? buffer_append(out, ": ", 2) : code;
}

void http_add(struct http_exchange *exchange, const char *name, const char *format, ...)
{
    struct http_call *call = call_of(exchange);
    struct buffer *added = &call->added;
    size_t before = added->len;
    int code = append_name(added, name);
    size_t value_at = added->len;
    if (code == 0) {
        va_list arguments;
        va_start(arguments, format);
        code = append_value(added, format, arguments);
        va_end(arguments);
    }
    if (code == 0) {
        code = buffer_append(added, "\r\n", 2);
    }
    if (code != 0) {
        added->len = before;
        log_warning("http: a field of an answer was left out for want of memory",
                    LOG_TEXT("field", name), LOG_TEXT("request", exchange->id));
        return;
    }
    struct bytes lower = bytes_from_string(name);
    if (http_text_is(lower, "etag")) {
        call->tag_at = value_at;
    } else if (http_text_is(lower, "content-encoding")) {
        call->coded = true;
    }
}

void http_allow_text(uint32_t methods, char out[HTTP_ALLOW_BYTES])
{
    snprintf(out, HTTP_ALLOW_BYTES, "%s%s%s%sOPTIONS",
             (methods & HTTP_GET) != 0 ? "GET, HEAD, " : "",
             (methods & HTTP_POST) != 0 ? "POST, " : "", (methods & HTTP_PUT) != 0 ? "PUT, " : "",
             (methods & HTTP_DELETE) != 0 ? "DELETE, " : "");
}

/* ---- heads ----------------------------------------------------------------------------------- */

enum framing { WITHOUT_BODY, WITH_LENGTH, IN_CHUNKS, TO_THE_END };

struct answer {
    uint32_t status;
    const char *type;
    enum framing framing;
    uint64_t length;
    bool varies; /* another client might be sent it compressed, or not */
    bool gzip;
    bool like_gzip; /* 304: what it stands for would be compressed */
};

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    return put(at, text, strlen(text));
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
    char digits[20];
    size_t len = 0;
    do {
        digits[sizeof(digits) - ++len] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(at, digits + sizeof(digits) - len, len);
}

/* The fields that every answer has, made once a second. */
static uint8_t *put_common(uint8_t *at, struct http_desk *desk, struct loop *loop)
{
    uint64_t now_s = loop_now(loop).wall_ms / 1000;
    if (now_s != desk->date_s || desk->common_len == 0) {
        time_t seconds = (time_t)now_s;
        struct tm parts;
        char date[32];
        gmtime_r(&seconds, &parts);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        int len =
            snprintf(desk->common, sizeof(desk->common), "Server: shoal\r\nDate: %s\r\n", date);
        desk->common_len = (uint32_t)len;
        desk->date_s = now_s;
    }
    return put(at, desk->common, desk->common_len);
}

/* A tag is that of these very bytes; compressed they are others (RFC 9110, 8.8.3.3). */
static uint8_t *put_added(uint8_t *at, const struct http_call *call, bool gzip)
{
    const struct buffer *added = &call->added;
    size_t tag_at = call->tag_at;
    if (gzip && tag_at > 0 && added->data[tag_at] == '"') {
        at = put(at, added->data, tag_at);
        at = put_text(at, "W/");
        return put(at, added->data + tag_at, added->len - tag_at);
    }
    return added->len == 0 ? at : put(at, added->data, added->len);
}

static uint8_t *put_framing(uint8_t *at, const struct http_call *call, const struct answer *answer)
{
    if (answer->framing == WITH_LENGTH) {
        at = put_text(at, "Content-Length: ");
        at = put_number(at, answer->length);
        at = put_text(at, "\r\n");
    } else if (answer->framing == IN_CHUNKS) {
        at = put_text(at, "Transfer-Encoding: chunked\r\n");
    }
    if (call->session->last) {
        return put_text(at, "Connection: close\r\n");
    }
    return call->head.version == 10 ? put_text(at, "Connection: keep-alive\r\n") : at;
}

static uint8_t *put_head(uint8_t *at, struct http_call *call, const struct answer *answer)
{
    struct http_exchange *exchange = &call->exchange;
    at = put_text(at, "HTTP/1.1 ");
    at = put_text(at, http_status_text(answer->status));
    at = put_text(at, "\r\n");
    at = put_common(at, exchange->desk, exchange->loop);
    at = put_text(at, "X-Request-Id: ");
    at = put_text(at, call->client_id[0] != 0 ? call->client_id : exchange->id);
    at = put_text(at, "\r\n");
    if (answer->type != NULL) {
        at = put_text(at, "Content-Type: ");
        at = put_text(at, answer->type);
        at = put_text(at, "\r\n");
    }
    if (answer->varies) {
        at = put_text(at, "Vary: Accept-Encoding\r\n");
    }
    if (answer->gzip) {
        at = put_text(at, "Content-Encoding: gzip\r\n");
    }
    at = put_framing(at, call, answer);
    at = put_added(at, call, answer->gzip || answer->like_gzip);
    return put_text(at, "\r\n");
}

/* Head and body, appended as one. */
static void send_answer(struct http_call *call, const struct answer *answer, struct bytes body)
{
    struct connection *connection = connection_of(call);
    call->status = answer->status;
    if (connection == NULL) {
        return;
    }
    if (call->head.field_count > 0) {
        http_cors_add(&call->exchange.http->cors, &call->exchange);
    }
    struct buffer *out = connection_output(connection);
    if (out == NULL) {
        return;
    }
    size_t type_len = answer->type == NULL ? 0 : strlen(answer->type);
    if (buffer_reserve(out, HEAD_ROOM_BYTES + type_len + call->added.len + body.len) != 0) {
        connection_close(connection);
        return;
    }
    uint8_t *at = put_head(out->data + out->len, call, answer);
    if (body.len > 0) {
        at = put(at, body.data, body.len);
    }
    out->len = (size_t)(at - out->data);
    connection_send(connection);
}

/* ---- at once --------------------------------------------------------------------------------- */

static enum served_result result_of(const struct http_call *call, enum served_op op)
{
    if (call->unknown || call->status == 504) {
        return SERVED_UNKNOWN;
    }
    if (call->status == 404 && op != SERVED_OTHER) {
        return SERVED_MISSING;
    }
    if (call->status >= 500 || call->status == 0) {
        return SERVED_FAILED;
    }
    return call->status >= 400 ? SERVED_REFUSED : SERVED_OK;
}

static void count(const struct http_call *call)
{
    const struct http_exchange *exchange = &call->exchange;
    const struct http_options *options = &exchange->http->options;
    enum served_op op = call->route == NULL ? SERVED_OTHER : call->route->counted;
    served_count(options->metrics, exchange->loop->index, &options->metric_ids.served, op,
                 result_of(call, op), loop_now(exchange->loop).mono_us - exchange->since_us);
}

void http_call_end(struct http_call *call)
{
    struct http_session *session = call->session;
    count(call);
    http_call_free(call);
    http_session_answered(session);
}

static bool has_no_body(uint32_t status)
{
    return status < 200 || status == 204 || status == 304;
}

static bool suits_gzip(const struct http_call *call, const char *type)
{
    bool verbatim = call->route != NULL && call->route->verbatim;
    return !verbatim && !call->coded && http_gzip_suits(type);
}

static bool varies(const struct http_call *call, const char *type, struct bytes body)
{
    return body.len >= HTTP_GZIP_BYTES_MIN && suits_gzip(call, type);
}

static bool is_to_be_packed(const struct http_call *call, struct bytes body)
{
    return body.len <= HTTP_GZIP_BYTES_MAX && http_accepts_gzip(&call->exchange);
}

/* Of a 304's body only what its fields would be is told: caches find by them what they have (RFC
 * 9111, 4.3.4). */
static void answer_without_body(struct http_call *call, uint32_t status, const char *type,
                                struct bytes body)
{
    struct answer answer = {.status = status};
    answer.varies = status == 304 && varies(call, type, body);
    answer.like_gzip = answer.varies && is_to_be_packed(call, body);
    send_answer(call, &answer, bytes_make(NULL, 0));
}

static void answer_whole(struct http_call *call, uint32_t status, const char *type,
                         struct bytes body)
{
    struct answer answer = {.status = status, .type = type, .framing = WITH_LENGTH};
    struct buffer packed;
    buffer_init(&packed, 0);
    answer.varies = varies(call, type, body);
    answer.gzip =
        answer.varies && is_to_be_packed(call, body) && http_gzip_whole(body, &packed) == 0;
    if (answer.gzip) {
        body = buffer_bytes(&packed);
    }
    answer.length = body.len;
    if (call->exchange.method == HTTP_HEAD) {
        body.len = 0;
    }
    send_answer(call, &answer, body);
    buffer_deinit(&packed);
}

/* There is no room left for what nobody reads; what a write did is still told. */
static bool is_too_much(const struct http_call *call, struct bytes body)
{
    return body.len > BODY_BYTES_OVERLOADED &&
           call->exchange.loop->output_bytes > LIMIT_OUTPUT_BYTES_PER_WORKER &&
           (call->exchange.method == HTTP_GET || call->exchange.method == HTTP_HEAD);
}

void http_answer(struct http_exchange *exchange, uint32_t status, const char *type,
                 struct bytes body)
{
    struct http_call *call = call_of(exchange);
    ASSERT(call->status == 0);
    if (has_no_body(status)) {
        answer_without_body(call, status, type, body);
    } else if (is_too_much(call, body)) {
        buffer_clear(&call->added);
        call->tag_at = 0;
        http_fail(exchange, 503, "answers that nobody reads fill this node's memory for them");
        return;
    } else {
        answer_whole(call, status, type, body);
    }
    http_call_end(call);
}

/* ---- piece by piece -------------------------------------------------------------------------- */

static void begin_gzip(struct http_call *call)
{
    struct http_desk *desk = call->exchange.desk;
    if (desk->gzip_streams < GZIP_STREAMS_MAX && http_accepts_gzip(&call->exchange)) {
        call->gzip = http_gzip_new();
        desk->gzip_streams += call->gzip == NULL ? 0 : 1;
    }
}

void http_begin(struct http_exchange *exchange, uint32_t status, const char *type)
{
    struct http_call *call = call_of(exchange);
    ASSERT(call->status == 0 && !has_no_body(status));
    struct answer answer = {.status = status, .type = type, .framing = IN_CHUNKS};
    answer.varies = suits_gzip(call, type);
    if (answer.varies) {
        begin_gzip(call);
    }
    answer.gzip = call->gzip != NULL;
    call->sending = HTTP_SENDING_CHUNKS;
    if (call->head.version < 11) {
        answer.framing = TO_THE_END;
        call->sending = HTTP_SENDING_TO_THE_END;
        call->session->last = true;
    }
    if (exchange->method == HTTP_HEAD) {
        call->sending = HTTP_SENDING_DROPPED;
    }
    send_answer(call, &answer, bytes_make(NULL, 0));
}

/* A piece as it goes out, in a chunk if it is to be. */
static void send_piece(struct http_call *call, struct connection *connection, struct bytes bytes)
{
    struct buffer *out = connection_output(connection);
    if (out == NULL || bytes.len == 0) {
        return;
    }
    if (buffer_reserve(out, bytes.len + 24) != 0) {
        connection_close(connection);
        return;
    }
    uint8_t *at = out->data + out->len;
    bool chunk = call->sending == HTTP_SENDING_CHUNKS;
    if (chunk) {
        at += snprintf((char *)at, 20, "%zx\r\n", bytes.len);
    }
    at = put(at, bytes.data, bytes.len);
    if (chunk) {
        at = put_text(at, "\r\n");
    }
    out->len = (size_t)(at - out->data);
    connection_send(connection);
}

static void send_packed(struct http_call *call, struct connection *connection, struct bytes bytes,
                        bool end)
{
    struct buffer packed;
    buffer_init(&packed, 0);
    if (http_gzip_write(call->gzip, bytes, end, &packed) == 0) {
        send_piece(call, connection, buffer_bytes(&packed));
    } else {
        connection_close(connection);
    }
    buffer_deinit(&packed);
}

static bool is_full(const struct http_call *call, const struct connection *connection)
{
    return connection_queued(connection) > CONNECTION_QUEUE_LOW_BYTES &&
           call->exchange.loop->output_bytes > LIMIT_OUTPUT_BYTES_PER_WORKER;
}

bool http_write(struct http_exchange *exchange, struct bytes bytes)
{
    struct http_call *call = call_of(exchange);
    struct connection *connection = connection_of(call);
    ASSERT(call->sending != HTTP_SENDING_NOTHING);
    if (connection == NULL || call->sending == HTTP_SENDING_DROPPED) {
        return true;
    }
    if (is_full(call, connection)) {
        connection_close(connection);
        return true;
    }
    if (call->gzip != NULL) {
        send_packed(call, connection, bytes, false);
    } else {
        send_piece(call, connection, bytes);
    }
    if (connection_over(connection) ||
        connection_queued(connection) <= CONNECTION_QUEUE_HIGH_BYTES) {
        return true;
    }
    call->waits = exchange->drained != NULL;
    return false;
}

void http_end(struct http_exchange *exchange)
{
    struct http_call *call = call_of(exchange);
    struct connection *connection = connection_of(call);
    ASSERT(call->sending != HTTP_SENDING_NOTHING);
    if (connection != NULL && call->gzip != NULL && call->sending != HTTP_SENDING_DROPPED) {
        send_packed(call, connection, bytes_make(NULL, 0), true);
    }
    if (connection != NULL && call->sending == HTTP_SENDING_CHUNKS) {
        if (connection_write(connection, bytes_from_string("0\r\n\r\n")) != 0) {
            connection_close(connection); /* its client would wait for the end for ever */
        }
    }
    http_call_end(call);
}

void http_break(struct http_exchange *exchange)
{
    struct http_call *call = call_of(exchange);
    struct connection *connection = connection_of(call);
    if (connection != NULL) {
        connection_close(connection);
    }
    http_call_end(call);
}

/* ---- taking over ----------------------------------------------------------------------------- */

struct connection *http_take_over(struct http_exchange *exchange, struct bytes head)
{
    struct http_call *call = call_of(exchange);
    struct http_session *session = call->session;
    struct connection *connection = connection_of(call);
    if (connection == NULL || session->ended) {
        http_call_end(call);
        return NULL;
    }
    if (connection_write(connection, head) != 0) {
        connection_close(connection);
        http_call_end(call);
        return NULL;
    }
    if (connection_paused(connection)) {
        connection_resume(connection);
    }
    http_call_free(call);
    http_session_leave(session);
    return connection;
}
