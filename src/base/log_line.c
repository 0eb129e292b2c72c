/* A field either fits whole, perhaps with its text cut, or is taken back: `mark` is where the line
 * ended before it. */
#include "base/log_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/text.h"

#define VALUE_BYTES_MAX 1024u /* of a line, escapes included */
#define MESSAGE_BYTES_MAX 1024u
#define END_BYTES 32u /* kept free for the end of the line */

static void put(struct log_line *line, const void *data, size_t len)
{
    if (line->full || len > line->len_max - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->data + line->len, data, len);
    line->len += len;
}

static void put_string(struct log_line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* 2026-11-21T10:00:00.123Z */
static void put_time(struct log_line *line, uint64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char date[32];
    char text[40];
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        put_string(line, "?");
        return;
    }
    snprintf(text, sizeof(text), "%s.%03uZ", date, (unsigned)(time_us / 1000 % 1000));
    put_string(line, text);
}

/* C1 controls (U+0080 to U+009F) drive some terminals as escape sequences do. */
static bool is_control(const uint8_t *at, size_t len)
{
    return (len == 1 && (at[0] < 0x20 || at[0] == 0x7f)) ||
           (len == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

/* How the character or byte at the start is written between quotes. Returns its length in the
 * input. A byte that is no UTF-8 becomes \xNN, which in JSON needs its backslash escaped. */
static size_t escape(struct bytes in, bool json, char out[16])
{
    size_t len = text_utf8_length(in);
    uint8_t first = in.data[0];
    if (len == 0) {
        snprintf(out, 16, json ? "\\\\x%02x" : "\\x%02x", first);
        return 1;
    }
    if (first == '"' || first == '\\') {
        snprintf(out, 16, "\\%c", first);
    } else if (first == '\n') {
        snprintf(out, 16, "\\n");
    } else if (is_control(in.data, len)) {
        unsigned code = len == 1 ? first : in.data[1];
        snprintf(out, 16, json ? "\\u%04x" : "\\x%02x", code);
    } else {
        memcpy(out, in.data, len);
        out[len] = '\0';
    }
    return len;
}

/* At most `room` bytes of the line, cut at a character and marked by "..." when there is more. */
static void put_escaped(struct log_line *line, struct bytes text, bool json, size_t room)
{
    size_t start = line->len;
    while (text.len > 0) {
        char escaped[16];
        size_t taken = escape(text, json, escaped);
        size_t len = strlen(escaped);
        if (line->len - start + len + 3 > room) {
            put_string(line, "...");
            return;
        }
        put(line, escaped, len);
        text = bytes_make(text.data + taken, text.len - taken);
    }
}

static void put_quoted(struct log_line *line, struct bytes text, bool json, size_t room)
{
    put_string(line, "\"");
    put_escaped(line, text, json, room);
    put_string(line, "\"");
}

/* Text that can stand without quotes: what a reader, or cut, takes as one word. */
static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return text.len > 0 && text.len <= VALUE_BYTES_MAX - 3;
}

static void put_value(struct log_line *line, const struct log_field *field, bool json)
{
    char number[32];
    switch (field->kind) {
    case LOG_KIND_U64:
        snprintf(number, sizeof(number), "%" PRIu64, field->number);
        break;
    case LOG_KIND_I64:
        snprintf(number, sizeof(number), "%" PRId64, (int64_t)field->number);
        break;
    case LOG_KIND_HEX64:
        snprintf(number, sizeof(number), json ? "\"%016" PRIx64 "\"" : "%016" PRIx64,
                 field->number);
        break;
    case LOG_KIND_TEXT:
    case LOG_KIND_BYTES:
    case LOG_KIND_END:
        if (!json && is_plain(field->bytes)) {
            put(line, field->bytes.data, field->bytes.len);
        } else {
            put_quoted(line, field->bytes, json, VALUE_BYTES_MAX);
        }
        return;
    }
    put_string(line, number);
}

static void put_fields(struct log_line *line, const struct log_field *fields, bool json)
{
    bool left_out = false;
    for (; fields->kind != LOG_KIND_END; fields++) {
        size_t mark = line->len;
        put_string(line, json ? ",\"" : " ");
        put_string(line, fields->name);
        put_string(line, json ? "\":" : "=");
        put_value(line, fields, json);
        if (line->full) {
            line->len = mark;
            line->full = false;
            left_out = true;
        }
    }
    line->len_max = sizeof(line->data);
    if (left_out) {
        put_string(line, json ? ",\"truncated\":true" : " truncated=true");
    }
}

static void begin(struct log_line *line)
{
    line->len = 0;
    line->len_max = sizeof(line->data) - END_BYTES;
    line->full = false;
}

void log_line_text(struct log_line *line, const struct log_head *head,
                   const struct log_field *fields)
{
    char level[16];
    begin(line);
    put_time(line, head->time_us);
    snprintf(level, sizeof(level), " %-7s ", head->level);
    put_string(line, level);
    put_escaped(line, bytes_from_string(head->message), false, MESSAGE_BYTES_MAX);
    put_fields(line, fields, false);
    put_string(line, "\n");
}

void log_line_json(struct log_line *line, const struct log_head *head,
                   const struct log_field *fields)
{
    begin(line);
    put_string(line, "{\"time\":\"");
    put_time(line, head->time_us);
    put_string(line, "\",\"level\":\"");
    put_string(line, head->level);
    if (head->node != NULL) {
        put_string(line, "\",\"node\":");
        put_quoted(line, bytes_from_string(head->node), true, VALUE_BYTES_MAX);
        put_string(line, ",\"message\":");
    } else {
        put_string(line, "\",\"message\":");
    }
    put_quoted(line, bytes_from_string(head->message), true, MESSAGE_BYTES_MAX);
    put_fields(line, fields, true);
    put_string(line, "}\n");
}
