/* PUT and DELETE of /kv/{key}. A write by itself is one request of the core; a condition (If-Match,
 * If-None-Match) or the wish for the old value makes it a step that reads and writes. */
#include "api/http/kv.h"

#include <inttypes.h>

#include "shoal/error.h"

void kv_answer_written(struct kv *kv)
{
    struct http_exchange *exchange = kv->exchange;
    if (kv->siblings > 1) {
        http_add(exchange, "X-Shoal-Siblings", "%" PRIu32, kv->siblings);
    }
    if (kv->previous.data != NULL) {
        http_answer(exchange, 200, "application/octet-stream", kv->previous);
    } else {
        http_answer(exchange, 204, NULL, bytes_make(NULL, 0));
    }
}

static void on_written(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    if (outcome->code != 0) {
        http_fail_code(exchange, outcome->code, outcome->text);
        return;
    }
    key_add_context(exchange, outcome->context);
    http_answer(exchange, 204, NULL, bytes_make(NULL, 0));
}

static void write_plainly(struct kv *kv)
{
    struct http_exchange *exchange = kv->exchange;
    key_prepare(exchange, kv->key, &kv->options, on_written);
    exchange->request.op = kv->deletes ? REQUEST_DELETE : REQUEST_PUT;
    exchange->request.value = exchange->body;
    exchange->request.context = kv->context;
    exchange->request.ttl_ms = kv->options.ttl_ms;
    key_submit(exchange);
}

/* Which condition there is; NULL: none. */
static const char *condition_of(const struct http_exchange *exchange)
{
    if (http_header(exchange, "if-match").data != NULL) {
        return "If-Match";
    }
    return http_header(exchange, "if-none-match").data != NULL ? "If-None-Match" : NULL;
}

/* A unit is as durable as the node's storage is, and is read and written here alone. */
static bool unit_keeps_options(const struct kv *kv)
{
    const struct request_options *options = &kv->options.quorum;
    return options->n <= 1 && options->r <= 1 && options->w <= 1 && options->pr <= 1 &&
           options->pw <= 1 && options->dw == 0;
}

static void write_under_condition(struct kv *kv, const char *condition)
{
    struct http_exchange *exchange = kv->exchange;
    if (!worker_alone(exchange->worker)) {
        key_fail_linear(exchange, condition);
    } else if (kv->context.data != NULL) {
        http_fail(exchange, 400,
                  "%s and X-Shoal-Context both say what is to be replaced: give one of them",
                  condition);
    } else if (!unit_keeps_options(kv)) {
        http_fail(exchange, 400,
                  "with %s the write is one step of this node, as durable as storage.durability "
                  "says: leave out dw, and quorums over 1",
                  condition);
    } else {
        kv_step(kv);
    }
}

/* What says that the body is not simply the value. True: answered. */
static bool refuses_body(struct http_exchange *exchange)
{
    if (exchange->method == HTTP_PUT && http_header(exchange, "content-range").data != NULL) {
        http_fail(exchange, 400, "Content-Range: a value is written whole");
        return true;
    }
    return false;
}

void kv_write(struct http_exchange *exchange)
{
    bool deletes = exchange->method == HTTP_DELETE;
    struct kv *kv = arena_alloc(exchange->arena, sizeof(*kv));
    if (kv == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    *kv = (struct kv){.exchange = exchange, .deletes = deletes};
    if (exchange->body.data == NULL) {
        exchange->body.data = (const uint8_t *)""; /* empty, not absent */
    }
    if (key_take_path(exchange, &kv->key) != 0 ||
        key_take_options(exchange, deletes ? KEY_RETURN : KEY_RETURN | KEY_TTL, &kv->options) !=
            0 ||
        key_check(exchange, true, kv->key, exchange->body, &kv->options) != 0 ||
        key_take_context(exchange, &kv->context) != 0 || refuses_body(exchange)) {
        return;
    }
    exchange->user = kv;
    const char *condition = condition_of(exchange);
    if (condition != NULL) {
        write_under_condition(kv, condition);
    } else if (!kv->options.previous) {
        write_plainly(kv);
    } else if (kv->context.data == NULL && unit_keeps_options(kv) &&
               worker_alone(exchange->worker)) {
        kv_step(kv);
    } else {
        kv_replace(kv);
    }
}
