/* From a request's head to its route: what is to be refused is refused here, before its body is
 * waited for. */
#include "api/http/desk.h"
#include "api/http/routes.h"
#include "base/limits.h"
#include "shoal/error.h"

#define CLIENT_ID_BYTES_MAX 64u

/* ---- who asks -------------------------------------------------------------------------------- */

static bool is_id(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '.' || c == '_' || c == '-';
        if (!fits) {
            return false;
        }
    }
    return text.len > 0 && text.len <= CLIENT_ID_BYTES_MAX;
}

/* The trace that the client is in, or a new one; its id is the request's. */
static void identify(struct http_call *call)
{
    struct http_exchange *exchange = &call->exchange;
    struct trace *trace = &exchange->request.trace;
    struct bytes parent = http_header(exchange, "traceparent");
    if (parent.data == NULL || trace_parse(parent, trace) != 0) {
        trace_begin(trace, &exchange->loop->random);
    }
    exchange->request.surface = SURFACE_HTTP;
    trace_text(trace, exchange->id);
    struct bytes id = http_header(exchange, "x-request-id");
    if (id.data != NULL && is_id(id)) {
        memcpy(call->client_id, id.data, id.len);
        call->client_id[id.len] = 0;
    }
}

/* ---- what it asks ---------------------------------------------------------------------------- */

static enum http_way refuse(struct http_problem *problem, uint32_t status, const char *text)
{
    *problem = (struct http_problem){.status = status, .text = text};
    return HTTP_WAY_REFUSE;
}

static bool takes_body(const struct http_call *call)
{
    return call->route != NULL && call->route->takes_body;
}

uint64_t http_call_body_bytes_max(const struct http_call *call)
{
    struct http *http = call->exchange.http;
    if (!takes_body(call)) {
        return HTTP_PASSED_OVER_BYTES_MAX;
    }
    if (call->route->value_body) {
        return atomic_load_explicit(&http->options.limits->value_bytes, memory_order_relaxed);
    }
    return atomic_load_explicit(&http->body_bytes_max, memory_order_relaxed);
}

static bool is_coded(const struct http_exchange *exchange)
{
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        struct bytes rest = exchange->fields[i].value;
        struct bytes coding;
        if (!http_text_is(exchange->fields[i].name, "content-encoding")) {
            continue;
        }
        while (http_list_next(&rest, &coding)) {
            if (!http_text_is(coding, "identity")) {
                return true;
            }
        }
    }
    return false;
}

static enum http_way check_coding(struct http_call *call, struct http_problem *problem)
{
    if (!is_coded(&call->exchange)) {
        return HTTP_WAY_ROUTE;
    }
    http_add(&call->exchange, "Accept-Encoding", "identity");
    return refuse(problem, 415,
                  "Content-Encoding: bodies are taken as the bytes they are; send it without, "
                  "and what is compressed comes back compressed");
}

/* A body that means nothing (RFC 9110, 9.3.1: of GET and DELETE) is read to its end all the same,
 * so that it can't be taken for the next request. */
static enum http_way check_body(struct http_call *call, struct http_problem *problem)
{
    const struct http_head *head = &call->head;
    if (head->body != HTTP_BODY_NONE && call->route != NULL && call->route->refuses_body) {
        return refuse(problem, 400, "this request takes no body: what it means is in its URL");
    }
    if (head->body == HTTP_BODY_LENGTH && head->body_bytes > http_call_body_bytes_max(call)) {
        return refuse(problem, 413,
                      !takes_body(call) ? "this request takes no body, and this one is too long "
                                          "to be passed over"
                      : call->route->value_body
                          ? "the value is longer than limits.value_bytes allows"
                          : "the body is longer than http.body_mb allows");
    }
    return takes_body(call) ? check_coding(call, problem) : HTTP_WAY_ROUTE;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* A write under a condition that nobody looks at would be done whether it holds or not. */
static bool is_condition_unheard(const struct http_call *call)
{
    const struct http_exchange *exchange = &call->exchange;
    bool writes = (exchange->method & (HTTP_POST | HTTP_PUT | HTTP_DELETE)) != 0;
    return writes && !call->route->conditional &&
           (http_header(exchange, "if-match").data != NULL ||
            http_header(exchange, "if-none-match").data != NULL);
}

static enum http_way find_route(struct http_call *call, struct http_problem *problem)
{
    struct http_exchange *exchange = &call->exchange;
    uint32_t methods;
    if (exchange->method == 0) {
        return refuse(problem, 501, "this method is not known here");
    }
    if (bytes_equal(exchange->path, bytes_from_string("*"))) {
        return HTTP_WAY_ROUTE;
    }
    call->route = http_route_find(exchange->path, exchange->method, &exchange->rest, &methods);
    if (call->route == NULL && methods == 0) {
        return refuse(problem, 404, "there is nothing at this path");
    }
    if (call->route == NULL && exchange->method != HTTP_OPTIONS) {
        char allow[HTTP_ALLOW_BYTES];
        http_allow_text(methods, allow);
        http_add(exchange, "Allow", "%s", allow);
        return refuse(problem, 405, "this method is not for this path: see Allow");
    }
    return HTTP_WAY_ROUTE;
}

static bool output_is_full(const struct http_call *call)
{
    return call->exchange.loop->output_bytes > LIMIT_OUTPUT_BYTES_PER_WORKER;
}

enum http_way http_call_begin(struct http_call *call, struct bytes head_bytes,
                              struct http_problem *problem)
{
    struct http_exchange *exchange = &call->exchange;
    struct http_head *head = &call->head;
    if (http_head_read(head_bytes, call->fields, head, problem) != 0) {
        return HTTP_WAY_REFUSE;
    }
    exchange->method = head->method;
    exchange->path = head->path;
    exchange->query = head->query;
    exchange->fields = head->fields;
    exchange->field_count = head->field_count;
    call->session->last =
        head->close || (head->version < 11 && !head->keep_alive) || exchange->loop->stopping;
    identify(call);
    if (find_route(call, problem) == HTTP_WAY_REFUSE) {
        return HTTP_WAY_REFUSE;
    }
    if (http_cors_forbids(&exchange->http->cors, exchange)) {
        return refuse(problem, 403, "pages of this origin may not ask for this (http.cors)");
    }
    if (call->route != NULL && is_condition_unheard(call)) {
        return refuse(problem, 400, "If-Match and If-None-Match are for writes to /kv/{key} alone");
    }
    if (output_is_full(call)) {
        return refuse(problem, 503, "answers that nobody reads fill this node's memory for them");
    }
    return check_body(call, problem);
}

/* ---- carrying it out ------------------------------------------------------------------------- */

/* OPTIONS: what the path can be asked, and by whose pages. */
static void answer_options(struct http_exchange *exchange)
{
    struct bytes rest;
    char allow[HTTP_ALLOW_BYTES];
    uint32_t methods = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE;
    if (!bytes_equal(exchange->path, bytes_from_string("*"))) {
        http_route_find(exchange->path, exchange->method, &rest, &methods);
    }
    http_allow_text(methods, allow);
    http_add(exchange, "Allow", "%s", allow);
    http_cors_add_preflight(&exchange->http->cors, exchange, methods);
    http_answer(exchange, 204, NULL, bytes_make(NULL, 0));
}

void http_call_run(struct http_call *call, struct bytes body)
{
    struct http_exchange *exchange = &call->exchange;
    exchange->body = body;
    exchange->since_us = loop_now(exchange->loop).mono_us;
    exchange->request.user = exchange;
    exchange->request.surface = SURFACE_HTTP;
    exchange->loop->at_work++;
    call->at_work = true;
    if (call->route == NULL) {
        answer_options(exchange);
    } else {
        call->route->handle(exchange);
    }
}
