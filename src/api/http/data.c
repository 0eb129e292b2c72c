/* Values as JSON: POST /data stores any JSON under a key, GET /data/{key} answers it as it was.
 * What is stored is told in json_value.h; what the other surfaces have stored is shown as well as
 * JSON can. */
#include "api/http/body_read.h"
#include "api/http/json_value.h"
#include "api/http/key_request.h"
#include "shoal/error.h"

#define JSON_TYPE "application/json"

/* Of one request; in its arena, at exchange->user. */
struct data {
    struct bytes key;
    struct key_options options;
};

static struct data *data_new(struct http_exchange *exchange)
{
    struct data *data = arena_alloc(exchange->arena, sizeof(*data));
    if (data == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return NULL;
    }
    *data = (struct data){.key = {.data = NULL}};
    exchange->user = data;
    return data;
}

/* ---- GET ------------------------------------------------------------------------------------- */

static void answer_value(struct http_exchange *exchange, const struct outcome *outcome)
{
    struct buffer body;
    buffer_init(&body, 0);
    int code = buffer_append_u8(&body, '{');
    code = code == 0 ? json_value_field(&body, outcome->values[0].value) : code;
    code = code == 0 ? buffer_append_u8(&body, '}') : code;
    if (code != 0) {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    } else if (!key_answer_unchanged(exchange, outcome, JSON_TYPE, buffer_bytes(&body))) {
        http_answer(exchange, 200, JSON_TYPE, buffer_bytes(&body));
    }
    buffer_deinit(&body);
}

static void on_got(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    const struct data *data = exchange->user;
    if (outcome->code == SHOAL_ENOTFOUND) {
        key_add_context(exchange, outcome->context);
        http_answer(exchange, 404, JSON_TYPE, bytes_from_string("{\"value\":null}"));
    } else if (outcome->code != 0) {
        key_fail(exchange, data->key, outcome);
    } else {
        answer_value(exchange, outcome);
    }
}

static void handle_get(struct http_exchange *exchange)
{
    struct data *data = data_new(exchange);
    if (data == NULL || key_take_path(exchange, &data->key) != 0 ||
        key_take_options(exchange, 0, &data->options) != 0 ||
        key_check(exchange, true, data->key, bytes_make(NULL, 0), &data->options) != 0) {
        return;
    }
    key_prepare(exchange, data->key, &data->options, on_got);
    exchange->request.op = REQUEST_GET;
    key_submit(exchange);
}

/* ---- POST ------------------------------------------------------------------------------------ */

static void on_put(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    if (outcome->code != 0) {
        http_fail_code(exchange, outcome->code, outcome->text);
        return;
    }
    key_add_context(exchange, outcome->context);
    http_answer(exchange, 200, "text/plain; charset=utf-8", bytes_from_string("OK"));
}

static void handle_post(struct http_exchange *exchange)
{
    char why[BODY_TEXT_BYTES] = "";
    struct body_entry entry;
    struct bytes context;
    struct data *data = data_new(exchange);
    if (data == NULL) {
        return;
    }
    int code = body_read_entry(exchange->arena, exchange->body, &entry, why);
    if (code != 0) {
        key_fail_body(exchange, code, why);
        return;
    }
    if (key_take_options(exchange, KEY_TTL, &data->options) != 0 ||
        key_check(exchange, false, entry.key, entry.value, &data->options) != 0 ||
        key_take_context(exchange, &context) != 0) {
        return;
    }
    key_prepare(exchange, entry.key, &data->options, on_put);
    exchange->request.op = REQUEST_PUT;
    exchange->request.value = entry.value;
    exchange->request.context = context;
    exchange->request.ttl_ms = data->options.ttl_ms;
    key_submit(exchange);
}

static const struct http_route routes[] = {
    {.counted = SERVED_PUT,
     .methods = HTTP_POST,
     .pattern = "/data",
     .handle = handle_post,
     .takes_body = true},
    {.counted = SERVED_GET, .methods = HTTP_GET, .pattern = "/data/*", .handle = handle_get},
};

const struct http_table http_data_table = {.routes = routes,
                                           .count = sizeof(routes) / sizeof(routes[0])};
