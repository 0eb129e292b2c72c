/* Errors: {"error":"..."}, with the status that says whose fault it is. What is this node's or the
 * cluster's names the request by the id that logs have, too; what the client got wrong is only
 * told, X-Request-Id being there if it matters. */
#include <stdarg.h>
#include <stdio.h>

#include "api/http/desk.h"
#include "base/log.h"
#include "base/text.h"
#include "shoal/error.h"

#define TEXT_BYTES 1024u
#define ESCAPED_BYTES_MAX 6u /* of a byte */
#define FRAME_BYTES 128u     /* around the text */

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return at + len;
}

/* One character, or what stands for a byte that is none. How many bytes it took. */
static size_t put_character(char **at, struct bytes text)
{
    size_t len = text_utf8_length(text);
    uint8_t c = text.data[0];
    if (len == 0) {
        *at = put_text(*at, "\\ufffd");
        return 1;
    }
    if (c < ' ') {
        *at += sprintf(*at, "\\u%04x", c);
    } else {
        if (c == '"' || c == '\\') {
            *(*at)++ = '\\';
        }
        memcpy(*at, text.data, len);
        *at += len;
    }
    return len;
}

static struct bytes make_json(struct http_exchange *exchange, uint32_t status, struct bytes text,
                              bool unknown)
{
    char *json = arena_alloc(exchange->arena, text.len * ESCAPED_BYTES_MAX + FRAME_BYTES);
    if (json == NULL) {
        return bytes_from_string("{\"error\":\"out of memory\"}");
    }
    char *at = put_text(json, "{\"error\":\"");
    while (text.len > 0) {
        size_t len = put_character(&at, text);
        text = bytes_make(text.data + len, text.len - len);
    }
    at = put_text(at, "\"");
    if (unknown) {
        at = put_text(at, ",\"outcome\":\"unknown\"");
    }
    if (status >= 500) {
        at = put_text(at, ",\"request\":\"");
        at = put_text(at, exchange->id);
        at = put_text(at, "\"");
    }
    at = put_text(at, "}");
    return bytes_make(json, (size_t)(at - json));
}

static void fail(struct http_exchange *exchange, uint32_t status, struct bytes text, bool unknown)
{
    if (status == 503) {
        http_add(exchange, "Retry-After", "1");
    }
    QUEUE_ITEM(exchange, struct http_call, exchange)->unknown = unknown;
    http_answer(exchange, status, "application/json", make_json(exchange, status, text, unknown));
}

void http_fail(struct http_exchange *exchange, uint32_t status, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fail(exchange, status, bytes_from_string(text), false);
}

/* Was the time up when its outcome was left unknown? */
static bool is_late(const struct http_exchange *exchange)
{
    uint64_t now_us = loop_now(exchange->loop).mono_us;
    uint64_t deadline_us = exchange->request.deadline_us != 0 ? exchange->request.deadline_us
                                                              : exchange->unit.deadline_us;
    return deadline_us != 0 && now_us >= deadline_us;
}

void http_fail_code(struct http_exchange *exchange, int code, struct bytes text)
{
    bool unknown = code == SHOAL_EUNKNOWN;
    uint32_t status = http_status_of(code);
    if (unknown && is_late(exchange)) {
        status = 504;
    }
    fail(exchange, status, text.len > 0 ? text : bytes_from_string(shoal_error_text(code)),
         unknown);
}

void http_call_refuse(struct http_call *call, const struct http_problem *problem)
{
    struct http_exchange *exchange = &call->exchange;
    struct http_session *session = call->session;
    session->phase = HTTP_ROUTE_AT_WORK;
    if (exchange->id[0] == 0) {
        trace_begin(&exchange->request.trace, &exchange->loop->random);
        trace_text(&exchange->request.trace, exchange->id);
    }
    exchange->since_us = loop_now(exchange->loop).mono_us;
    if (session->last) {
        http_count(exchange->http, exchange->loop,
                   exchange->http->options.metric_ids.served.refused, 1);
        log_debug("http: connection given up",
                  LOG_TEXT("from", connection_peer(session->connection)),
                  LOG_U64("status", problem->status), LOG_TEXT("reason", problem->text));
    }
    http_fail(exchange, problem->status, "%s", problem->text);
}
