/* A key's value as raw bytes: /kv/{key}. Reading: the winner among several values, or all of them;
 * conditional by the entity tag, which is another after every write. What a value's bytes are, its
 * writer knows: they are answered as application/octet-stream, whatever they were sent as. */
#include "api/http/kv.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/json_write.h"
#include "shoal/error.h"

#define RAW_TYPE "application/octet-stream"

static int write_sibling(struct buffer *out, const struct result_value *value)
{
    char expires[48];
    int code = buffer_append_u8(out, '{');
    if (code == 0) {
        code = json_write_field(out, "value", value->value);
    }
    int len = snprintf(expires, sizeof(expires), ",\"expires\":%" PRIu64, value->expiry_ms);
    if (code == 0 && value->expiry_ms != 0) {
        code = buffer_append(out, expires, (size_t)len);
    }
    return code == 0 ? buffer_append_u8(out, '}') : code;
}

/* 300: a JSON list of all values, the winner first. */
static void answer_all(struct http_exchange *exchange, const struct outcome *outcome)
{
    struct buffer body;
    buffer_init(&body, 0);
    int code = buffer_append_u8(&body, '[');
    for (uint32_t i = 0; i < outcome->value_count && code == 0; i++) {
        code = i == 0 ? 0 : buffer_append_u8(&body, ',');
        code = code == 0 ? write_sibling(&body, &outcome->values[i]) : code;
    }
    code = code == 0 ? buffer_append_u8(&body, ']') : code;
    if (code == 0) {
        http_answer(exchange, 300, "application/json", buffer_bytes(&body));
    } else {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    }
    buffer_deinit(&body);
}

static void answer_values(struct kv *kv, const struct outcome *outcome)
{
    struct http_exchange *exchange = kv->exchange;
    if (key_answer_unchanged(exchange, outcome, RAW_TYPE, bytes_make(NULL, 0))) {
        return;
    }
    if (kv->options.siblings && outcome->value_count > 1) {
        answer_all(exchange, outcome);
    } else {
        http_answer(exchange, 200, RAW_TYPE, outcome->values[0].value);
    }
}

static void on_got(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct kv *kv = exchange->user;
    if (outcome->code == 0) {
        answer_values(kv, outcome);
    } else {
        key_add_context(exchange, outcome->context); /* a deleted key has one */
        key_fail(exchange, kv->key, outcome);
    }
}

static void handle_get(struct http_exchange *exchange)
{
    struct kv *kv = arena_alloc(exchange->arena, sizeof(*kv));
    if (kv == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    *kv = (struct kv){.exchange = exchange};
    if (key_take_path(exchange, &kv->key) != 0 ||
        key_take_options(exchange, KEY_SIBLINGS, &kv->options) != 0 ||
        key_check(exchange, true, kv->key, bytes_make(NULL, 0), &kv->options) != 0) {
        return;
    }
    exchange->user = kv;
    key_prepare(exchange, kv->key, &kv->options, on_got);
    exchange->request.op = REQUEST_GET;
    key_submit(exchange);
}

static const struct http_route routes[] = {
    {.counted = SERVED_GET,
     .methods = HTTP_GET,
     .pattern = "/kv/*",
     .handle = handle_get,
     .verbatim = true},
    {.counted = SERVED_PUT,
     .methods = HTTP_PUT,
     .pattern = "/kv/*",
     .handle = kv_write,
     .takes_body = true,
     .value_body = true,
     .verbatim = true,
     .conditional = true},
    {.counted = SERVED_DELETE,
     .methods = HTTP_DELETE,
     .pattern = "/kv/*",
     .handle = kv_write,
     .verbatim = true,
     .conditional = true},
};

const struct http_table http_kv_table = {.routes = routes,
                                         .count = sizeof(routes) / sizeof(routes[0])};
