/* Parameters and fields of requests for one key, read as strictly as the command line's flags. */
#include "api/http/key_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/native_check.h"
#include "base/text.h"
#include "model/shown.h"
#include "node/feed.h"
#include "node/unit.h"
#include "shoal/error.h"

#define SECOND_US UINT64_C(1000000)
#define MS_US UINT64_C(1000)

/* ---- parameters ------------------------------------------------------------------------------ */

#define WORD_BYTES 32u

int key_take_word(struct http_exchange *exchange, const char *name, char *out, size_t room)
{
    struct bytes value;
    int code = http_parameter(exchange, name, &value);
    if (code == SHOAL_ENOMEM) {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
        return code;
    }
    if (code == 0 && value.data == NULL) {
        return 0;
    }
    if (code != 0) {
        http_fail(exchange, 400, "the parameter %s is there twice, or its %%-encoding is broken",
                  name);
        return code;
    }
    if (value.len >= room || memchr(value.data, '\0', value.len) != NULL) {
        http_fail(exchange, 400, "the parameter %s is not understood", name);
        return SHOAL_EINVAL;
    }
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return 1;
}

static bool parse_quorum(const char *text, bool words, int32_t *out)
{
    static const struct {
        const char *word;
        int32_t value;
    } known[] = {{"one", 1}, {"quorum", QUORUM_MAJORITY}, {"all", QUORUM_ALL}};
    uint64_t number;
    for (size_t i = 0; words && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(text, known[i].word) == 0) {
            *out = known[i].value;
            return true;
        }
    }
    if (text_parse_u64(text, 1, LIMIT_REPLICAS, &number) != 0) {
        return false;
    }
    *out = (int32_t)number;
    return true;
}

static int take_quorum(struct http_exchange *exchange, const char *name, bool words, int32_t *out)
{
    char text[WORD_BYTES];
    int there = key_take_word(exchange, name, text, sizeof(text));
    if (there <= 0 || parse_quorum(text, words, out)) {
        return there < 0 ? there : 0;
    }
    http_fail(exchange, 400, "%s=%s: it is a number from 1 to %u%s", name, text, LIMIT_REPLICAS,
              words ? ", one, quorum or all" : "");
    return SHOAL_EINVAL;
}

static int take_duration(struct http_exchange *exchange, const char *name, uint64_t unit_us,
                         uint64_t *out_us)
{
    char text[WORD_BYTES];
    int there = key_take_word(exchange, name, text, sizeof(text));
    if (there <= 0) {
        return there;
    }
    if (text_parse_duration_us(text, unit_us, out_us) != 0 || *out_us == 0) {
        http_fail(exchange, 400,
                  "%s=%s: it is a duration over 0 and under 100 years, such as 250ms, 60s or 5m",
                  name, text);
        return SHOAL_EINVAL;
    }
    return 0;
}

int key_take_timeout(struct http_exchange *exchange, uint64_t *out_us)
{
    char text[NATIVE_TEXT_BYTES];
    int code = take_duration(exchange, "timeout", MS_US, out_us);
    if (code == 0 && native_check_timeout(*out_us, text) != 0) {
        http_fail(exchange, 400, "%s", text);
        return SHOAL_EINVAL;
    }
    return code;
}

/* A parameter that has one value only. */
static int take_switch(struct http_exchange *exchange, const char *name, const char *value,
                       bool *out)
{
    char text[WORD_BYTES];
    int there = key_take_word(exchange, name, text, sizeof(text));
    if (there <= 0) {
        return there;
    }
    if (strcmp(text, value) != 0) {
        http_fail(exchange, 400, "%s=%s: the one thing it can be is %s", name, text, value);
        return SHOAL_EINVAL;
    }
    *out = true;
    return 0;
}

static int check_names(struct http_exchange *exchange, uint32_t allowed)
{
    const char *names[16] = {"r", "w", "pr", "pw", "dw", "n", "timeout"};
    size_t count = 7;
    if ((allowed & KEY_TTL) != 0) {
        names[count++] = "ttl";
    }
    if ((allowed & KEY_SIBLINGS) != 0) {
        names[count++] = "siblings";
    }
    if ((allowed & KEY_RETURN) != 0) {
        names[count++] = "return";
    }
    return http_parameters_only(exchange, names);
}

static int take_quorums(struct http_exchange *exchange, struct request_options *out)
{
    const struct {
        const char *name;
        int32_t *number;
        bool words;
    } all[] = {
        {"n", &out->n, false},  {"r", &out->r, true},   {"w", &out->w, true},
        {"pr", &out->pr, true}, {"pw", &out->pw, true}, {"dw", &out->dw, true},
    };
    int code = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && code == 0; i++) {
        code = take_quorum(exchange, all[i].name, all[i].words, all[i].number);
    }
    return code == 0 ? key_take_timeout(exchange, &out->timeout_us) : code;
}

int key_take_options(struct http_exchange *exchange, uint32_t allowed, struct key_options *out)
{
    struct key_options options = {.siblings = false};
    uint64_t ttl_us = 0;
    if (exchange->query.len == 0) {
        *out = options;
        return 0;
    }
    int code = check_names(exchange, allowed);
    if (code == 0) {
        code = take_quorums(exchange, &options.quorum);
    }
    if (code == 0) {
        code = take_duration(exchange, "ttl", SECOND_US, &ttl_us);
    }
    if (code == 0) {
        code = take_switch(exchange, "siblings", "all", &options.siblings);
    }
    if (code == 0) {
        code = take_switch(exchange, "return", "previous", &options.previous);
    }
    if (code == 0) {
        options.ttl_ms = ttl_us / MS_US + (ttl_us % MS_US != 0 ? 1 : 0);
        *out = options;
    }
    return code;
}

/* ---- key, value, context --------------------------------------------------------------------- */

int key_take_path(struct http_exchange *exchange, struct bytes *key)
{
    int code = http_decode(exchange, exchange->rest, key);
    if (code == SHOAL_ENOMEM) {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    } else if (code != 0) {
        http_fail(exchange, 400, "the key's %%-encoding is broken: %%, then two hex digits");
    }
    return code;
}

int key_take_context(struct http_exchange *exchange, struct bytes *context)
{
    struct bytes text = http_header(exchange, "x-shoal-context");
    struct buffer token;
    *context = bytes_make(NULL, 0);
    if (text.data != NULL && http_header_count(exchange, "x-shoal-context") > 1) {
        http_fail(exchange, 400, "X-Shoal-Context is there twice: which one is it?");
        return SHOAL_EINVAL;
    }
    if (text.len == 0) {
        return 0;
    }
    buffer_init(&token, LIMIT_TOKEN_BYTES);
    int code = text_base64url_decode(text, &token);
    if (code == 0) {
        *context = arena_copy(exchange->arena, buffer_bytes(&token));
        code = context->data == NULL ? SHOAL_ENOMEM : 0;
    }
    buffer_deinit(&token);
    if (code == SHOAL_ENOMEM) {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    } else if (code != 0) {
        http_fail(exchange, 400,
                  "X-Shoal-Context is not a context: give it back as it was answered");
    }
    return code;
}

int key_check(struct http_exchange *exchange, bool in_path, struct bytes key, struct bytes value,
              const struct key_options *options)
{
    const struct native_limits *limits = http_options(exchange->http)->limits;
    const struct native_bounds bounds = {
        .key_bytes = atomic_load_explicit(&limits->key_bytes, memory_order_relaxed),
        .value_bytes = atomic_load_explicit(&limits->value_bytes, memory_order_relaxed),
    };
    const struct message_request request = {
        .op = REQUEST_PUT,
        .key = key,
        .value = value,
        .ttl_ms = options->ttl_ms,
        .options = options->quorum,
    };
    char text[NATIVE_TEXT_BYTES];
    int code = native_check_request(&bounds, &request, text);
    if (code != 0) {
        bool key_too_long = code == SHOAL_ETOOBIG && key.len > bounds.key_bytes;
        uint32_t status = code != SHOAL_ETOOBIG ? 400 : !key_too_long ? 413 : in_path ? 414 : 400;
        http_fail(exchange, status, "%s", text);
    }
    return code;
}

/* ---- asking ---------------------------------------------------------------------------------- */

void key_prepare(struct http_exchange *exchange, struct bytes key,
                 const struct key_options *options, request_done done)
{
    struct request *request = &exchange->request;
    request->surface = SURFACE_HTTP;
    request->key = key;
    request->value = bytes_make(NULL, 0);
    request->context = bytes_make(NULL, 0);
    request->ttl_ms = 0;
    request->options = options->quorum;
    request->done = done;
    request->user = exchange;
}

void key_submit(struct http_exchange *exchange)
{
    const struct request *request = &exchange->request;
    if (request->op == REQUEST_GET && worker_feed_wanted(exchange->worker, FEED_READ)) {
        worker_feed_tell(exchange->worker, FEED_READ, request->key);
    }
    worker_submit(exchange->worker, loop_now(exchange->loop), &exchange->request);
}

/* ---- answering ------------------------------------------------------------------------------- */

void key_add_context(struct http_exchange *exchange, struct bytes context)
{
    struct buffer text;
    if (context.data == NULL) {
        return;
    }
    buffer_init(&text, 0);
    if (text_base64url_encode(context, &text) == 0) {
        http_add(exchange, "X-Shoal-Context", "%.*s", (int)text.len, (const char *)text.data);
    }
    buffer_deinit(&text);
}

struct bytes key_tag(uint64_t stamp, char out[KEY_TAG_BYTES])
{
    (void)snprintf(out, KEY_TAG_BYTES, "\"%016" PRIx64 "\"", stamp);
    return bytes_make(out, KEY_TAG_BYTES - 1);
}

uint64_t key_stamp(const struct outcome *outcome)
{
    uint64_t stamp = 0;
    for (uint32_t i = 0; i < outcome->value_count; i++) {
        const struct result_value *value = &outcome->values[i];
        stamp = shown_stamp(stamp, value->value, value->hlc, value->expiry_ms);
    }
    return stamp;
}

static void add_fields(struct http_exchange *exchange, const struct outcome *outcome,
                       const char *tag)
{
    http_add(exchange, "ETag", "%s", tag);
    key_add_context(exchange, outcome->context);
    if (outcome->value_count > 1) {
        http_add(exchange, "X-Shoal-Siblings", "%" PRIu32, outcome->value_count);
    }
    if (outcome->values[0].expiry_ms != 0) {
        http_add(exchange, "X-Shoal-Expires", "%" PRIu64, outcome->values[0].expiry_ms);
    }
}

bool key_answer_unchanged(struct http_exchange *exchange, const struct outcome *outcome,
                          const char *type, struct bytes body)
{
    char text[KEY_TAG_BYTES];
    struct bytes tag = key_tag(key_stamp(outcome), text);
    add_fields(exchange, outcome, text);
    if (http_wants_other(exchange, tag)) {
        http_fail(exchange, 412, "the key holds another version than If-Match names: %s", text);
        return true;
    }
    if (http_has(exchange, tag)) {
        http_answer(exchange, 304, type, body);
        return true;
    }
    return false;
}

void key_fail_linear(struct http_exchange *exchange, const char *what)
{
    if (worker_starting(exchange->worker)) {
        http_fail_code(exchange, SHOAL_EREFILLING, bytes_from_string(UNIT_STARTING_TEXT));
        return;
    }
    http_fail(exchange, 409,
              "%s needs a linearizable key: it reads and writes in one step, which several owners "
              "without a leader can't promise; on a standalone node (quorum.n = 1) it is exact; "
              "see docs/http.md",
              what);
}

void key_fail_body(struct http_exchange *exchange, int code, const char *why)
{
    if (code == SHOAL_ENOMEM) {
        http_fail_code(exchange, code, bytes_make(NULL, 0));
    } else {
        http_fail(exchange, code == SHOAL_ETOOBIG ? 413 : 400, "%s", why);
    }
}

void key_fail(struct http_exchange *exchange, struct bytes key, const struct outcome *outcome)
{
    if (outcome->code == SHOAL_ENOTFOUND) {
        http_fail(exchange, 404, "no such key: %.*s", KEY_SHOWN(key));
    } else {
        http_fail_code(exchange, outcome->code, outcome->text);
    }
}
