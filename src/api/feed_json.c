/* See feed_json.h. What an event doesn't have is left out, but for a value that is too long to be
 * kept: that is null, with its length. */
#include "api/feed_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/json_write.h"
#include "base/text.h"

/* Appending that goes on until something failed. */
struct line {
    struct buffer *out;
    int code;
};

static void add(struct line *line, const char *text)
{
    if (line->code == 0) {
        line->code = buffer_append(line->out, text, strlen(text));
    }
}

static void add_number(struct line *line, const char *before, uint64_t number)
{
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, number);
    add(line, before);
    add(line, digits);
}

static void add_time(struct line *line, const char *before, uint64_t ms)
{
    char text[TEXT_TIME_BYTES];
    text_time(ms, text);
    add(line, before);
    add(line, text);
    add(line, "\"");
}

static void add_cursor(struct line *line, struct bytes cursor)
{
    if (cursor.data == NULL) {
        return;
    }
    add(line, "\"cursor\":\"");
    if (line->code == 0) {
        line->code = text_base64url_encode(cursor, line->out);
    }
    add(line, "\",");
}

static void add_field(struct line *line, const char *name, struct bytes bytes)
{
    add(line, ",");
    if (line->code == 0) {
        line->code = json_write_field(line->out, name, bytes);
    }
}

/* Names are what users chose, and need not be UTF-8. */
static void add_name(struct line *line, const char *name, const char *text)
{
    add_field(line, name, bytes_from_string(text));
}

/* What is told of a key has the same fields, whatever the op: only a put may have a value. */
static void add_value(struct line *line, const struct feed_event *event)
{
    bool put = event->op == FEED_PUT;
    if (put && event->value.data != NULL) {
        add_field(line, "value", event->value);
    } else {
        add(line, ",\"value\":null");
    }
    if (put && event->value.data == NULL) {
        add_number(line, ",\"value_bytes\":", event->value_bytes);
    }
    if (put && event->expiry_ms > 0) {
        add_time(line, ",\"expiry\":\"", event->expiry_ms);
    }
}

static void add_gap(struct line *line, const struct feed_event *event, const char *node)
{
    char text[FEED_GAP_MESSAGE_BYTES];
    add_name(line, "reason", feed_gap_text(event->reason));
    if (event->missed > 0) {
        add_number(line, ",\"missed\":", event->missed);
    } else {
        add(line, ",\"missed\":null");
    }
    feed_gap_message(event->reason, node, event->missed, text);
    add_name(line, "message", text);
}

int feed_json_event(struct buffer *out, const struct feed_event *event, const char *node)
{
    struct line line = {.out = out};
    add(&line, "{");
    add_cursor(&line, event->cursor);
    add_time(&line, "\"time\":\"", event->time_ms);
    add_name(&line, "op", feed_op_text(event->op));
    if (event->op == FEED_GAP) {
        add_name(&line, "node", node);
        add_gap(&line, event, node);
    } else if (event->op == FEED_BACK || event->op == FEED_FLUSH) {
        add_name(&line, "node", node);
    } else {
        add_field(&line, "key", event->key);
        add_value(&line, event);
        add_name(&line, "node", node);
    }
    add(&line, "}");
    return line.code;
}

int feed_json_heartbeat(struct buffer *out, uint64_t time_ms, struct bytes cursor)
{
    struct line line = {.out = out};
    add(&line, "{");
    add_cursor(&line, cursor);
    add_time(&line, "\"time\":\"", time_ms);
    add(&line, ",\"op\":\"heartbeat\"}");
    return line.code;
}
