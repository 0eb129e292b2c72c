/* See feed_line.h. */
#include "cli/feed_line.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/terminal.h"
#include "report/bytes_json.h"

#define SHOWN_BYTES_MAX 200u

static void print_bytes(FILE *out, struct shoal_bytes bytes)
{
    struct bytes rest = bytes_make(bytes.data, bytes.len);
    size_t shown = 0;
    while (rest.len > 0 && shown < SHOWN_BYTES_MAX) {
        size_t len = terminal_print_tame(out, rest);
        rest = bytes_make(rest.data + len, rest.len - len);
        shown += len;
    }
    if (rest.len > 0) {
        (void)fprintf(out, "... (%zu bytes)", bytes.len);
    }
}

static void print_value(FILE *out, const struct shoal_event *event)
{
    (void)fputc('\t', out);
    if (event->value.data != NULL) {
        print_bytes(out, event->value);
    } else {
        (void)fprintf(out, "(%" PRIu64 " bytes, not kept in the feed)", event->value_bytes);
    }
    if (event->expiry_ms > 0) {
        char until[TEXT_TIME_BYTES];
        text_time(event->expiry_ms, until);
        (void)fprintf(out, "\tuntil %s", until);
    }
}

void feed_line_print(FILE *out, const struct shoal_event *event)
{
    char time[TEXT_TIME_BYTES];
    text_time(event->time_ms, time);
    (void)fprintf(out, "%s\t%s\t%s\t", time, event->op_text, event->node);
    if (event->op == SHOAL_EVENT_GAP) {
        (void)fprintf(out, "%s: %s", event->gap_text, event->text);
    } else if (event->op == SHOAL_EVENT_BACK) {
        (void)fputs("is heard again: what it did meanwhile follows", out);
    } else if (event->op == SHOAL_EVENT_FLUSH) {
        (void)fputs("all keys were deleted", out);
    } else {
        print_bytes(out, event->key);
        if (event->op == SHOAL_EVENT_PUT) {
            print_value(out, event);
        }
    }
    (void)fputc('\n', out);
}

static bool set_time(json_t *object, const char *name, uint64_t ms)
{
    char text[TEXT_TIME_BYTES];
    text_time(ms, text);
    return json_object_set_new(object, name, json_string(text)) == 0;
}

static bool set_number(json_t *object, const char *name, uint64_t number)
{
    return json_object_set_new(object, name, json_integer((json_int_t)number)) == 0;
}

static bool set_key(json_t *object, const struct shoal_event *event)
{
    bool done = json_set_bytes(object, "key", event->key);
    if (event->op != SHOAL_EVENT_PUT) {
        return done && json_object_set_new(object, "value", json_null()) == 0;
    }
    return done && json_set_bytes(object, "value", event->value) &&
           (event->value.data != NULL || set_number(object, "value_bytes", event->value_bytes)) &&
           (event->expiry_ms == 0 || set_time(object, "expiry", event->expiry_ms));
}

static bool set_gap(json_t *object, const struct shoal_event *event)
{
    return json_object_set_new(object, "reason", json_string(event->gap_text)) == 0 &&
           (event->missed > 0 ? set_number(object, "missed", event->missed)
                              : json_object_set_new(object, "missed", json_null()) == 0) &&
           json_set_bytes(object, "message", shoal_text(event->text));
}

json_t *feed_line_json(const struct shoal_event *event)
{
    json_t *object = json_object();
    bool done = object != NULL &&
                (event->cursor.len == 0 || json_set_token(object, "cursor", event->cursor)) &&
                set_time(object, "time", event->time_ms) &&
                json_object_set_new(object, "op", json_string(event->op_text)) == 0;
    if (done && event->op < SHOAL_EVENT_GAP) {
        done = set_key(object, event);
    }
    done = done && json_set_bytes(object, "node", shoal_text(event->node));
    if (done && event->op == SHOAL_EVENT_GAP) {
        done = set_gap(object, event);
    }
    if (!done) {
        json_decref(object);
        object = NULL;
    }
    return object;
}
