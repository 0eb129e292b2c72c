/* See wal_question.h. Whatever can't be meant is refused before the connection becomes a WebSocket,
 * where a client can still be told in words. */
#include "api/http/wal_question.h"

#include "api/feed_surface.h"
#include "base/text.h"
#include "shoal/error.h"

static int refuse(struct http_exchange *exchange, const char *text)
{
    http_fail(exchange, 400, "%s", text);
    return SHOAL_EINVAL;
}

static int take_ops(struct http_exchange *exchange, struct wal_question *question)
{
    struct bytes text;
    char why[FEED_OPS_WHY_BYTES];
    if (http_parameter(exchange, "ops", &text) != 0) {
        return refuse(exchange, "ops: given twice, or badly encoded");
    }
    if (text.data != NULL && feed_ops_parse(text, &question->ops, why) != 0) {
        http_fail(exchange, 400, "ops: %s", why);
        return SHOAL_EINVAL;
    }
    return 0;
}

static int take_heartbeat(struct http_exchange *exchange, struct wal_question *question)
{
    struct bytes text;
    char copy[32];
    if (http_parameter(exchange, "heartbeat", &text) != 0) {
        return refuse(exchange, "heartbeat: given twice, or badly encoded");
    }
    question->heartbeat_us = FEED_HEARTBEAT_US_DEFAULT;
    if (text.data == NULL) {
        return 0;
    }
    size_t len = text.len < sizeof(copy) ? text.len : sizeof(copy) - 1;
    memcpy(copy, text.data, len);
    copy[len] = 0;
    if (strlen(copy) != text.len ||
        text_parse_duration_us(copy, 1000000, &question->heartbeat_us) != 0 ||
        question->heartbeat_us < FEED_HEARTBEAT_US_MIN ||
        question->heartbeat_us > FEED_HEARTBEAT_US_MAX) {
        return refuse(exchange, "heartbeat: a duration from 100ms to 1h, such as 5s");
    }
    return 0;
}

static int take_cursor(struct http_exchange *exchange, struct wal_question *question)
{
    struct bytes text;
    if (http_parameter(exchange, "after", &text) != 0) {
        return refuse(exchange, "after: given twice, or badly encoded");
    }
    if (text.data == NULL) {
        return 0;
    }
    if (text_base64url_decode(text, &question->cursor) != 0 || question->cursor.len == 0) {
        return refuse(exchange, "after: this is no cursor; pass on one that an event had");
    }
    return 0;
}

static int take_all(struct http_exchange *exchange, struct wal_question *question)
{
    static const char *const names[] = {"prefix", "ops", "after", "heartbeat", NULL};
    int code = http_parameters_only(exchange, names);
    if (code == 0 && http_parameter(exchange, "prefix", &question->prefix) != 0) {
        code = refuse(exchange, "prefix: given twice, or badly encoded");
    }
    if (code == 0) {
        code = take_ops(exchange, question);
    }
    if (code == 0) {
        code = take_heartbeat(exchange, question);
    }
    if (code == 0) {
        code = take_cursor(exchange, question);
    }
    return code;
}

int wal_question_read(struct http_exchange *exchange, struct wal_question *out)
{
    struct wal_question question = {.ops = 0};
    buffer_init(&question.cursor, LIMIT_FEED_CURSOR_BYTES);
    int code = take_all(exchange, &question);
    if (code == 0) {
        *out = question;
    } else {
        buffer_deinit(&question.cursor);
    }
    return code;
}
