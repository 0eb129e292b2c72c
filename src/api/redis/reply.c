/* RESP as Redis 7.0 writes it. Each reply reserves its room once and is written in place; errors
 * of the writer are remembered, not returned, since nobody could act on them in between. */
#include "api/redis/reply.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEADER_BYTES_MAX 24u /* type, sign, digits of 64 bits, line end */
#define ERROR_BYTES_MAX 4096u

/* The bound is looked at only where memory is to be had for more. */
static bool grow(struct reply *reply, size_t bytes)
{
    size_t len = reply->out->len;
    if (reply->len_max != 0 && (len > reply->len_max || bytes > reply->len_max - len)) {
        reply->too_long = true;
        return false;
    }
    return buffer_reserve(reply->out, bytes) == 0;
}

/* Room for so many bytes, or NULL. What is written there is then added to out->len. */
static uint8_t *reserve(struct reply *reply, size_t bytes)
{
    struct buffer *out = reply->out;
    if (out->capacity - out->len < bytes && !grow(reply, bytes)) {
        reply->failed = true;
    }
    return reply->failed ? NULL : out->data + out->len;
}

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(at, data, len);
    }
    return at + len;
}

static uint8_t *put_line_end(uint8_t *at)
{
    at[0] = '\r';
    at[1] = '\n';
    return at + 2;
}

static uint8_t *put_unsigned(uint8_t *at, uint64_t value)
{
    if (value < 10) {
        *at = (uint8_t)('0' + value);
        return at + 1;
    }
    uint8_t digits[20];
    uint32_t first = sizeof(digits);
    while (value > 0) {
        digits[--first] = (uint8_t)('0' + value % 10);
        value /= 10;
    }
    return put(at, digits + first, sizeof(digits) - first);
}

static uint8_t *put_signed(uint8_t *at, int64_t value)
{
    if (value < 0) {
        *at++ = '-';
        return put_unsigned(at, 0 - (uint64_t)value);
    }
    return put_unsigned(at, (uint64_t)value);
}

static void finish(struct reply *reply, const uint8_t *at)
{
    reply->out->len = (size_t)(at - reply->out->data);
}

static void write_literal(struct reply *reply, const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = reserve(reply, len);
    if (at != NULL) {
        finish(reply, put(at, text, len));
    }
}

static void write_number(struct reply *reply, char type, int64_t value)
{
    uint8_t *at = reserve(reply, HEADER_BYTES_MAX);
    if (at != NULL) {
        *at++ = (uint8_t)type;
        finish(reply, put_line_end(put_signed(at, value)));
    }
}

/* ---- one line -------------------------------------------------------------------------------- */

void reply_simple(struct reply *reply, const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = reserve(reply, len + 3);
    if (at != NULL) {
        *at++ = '+';
        finish(reply, put_line_end(put(at, text, len)));
    }
}

void reply_error(struct reply *reply, const char *text)
{
    size_t len = strlen(text);
    uint8_t *at = reserve(reply, len + 3);
    if (at == NULL) {
        return;
    }
    *at++ = '-';
    for (size_t i = 0; i < len; i++) {
        *at++ = text[i] == '\r' || text[i] == '\n' ? ' ' : (uint8_t)text[i];
    }
    finish(reply, put_line_end(at));
}

void reply_error_format(struct reply *reply, const char *format, ...)
{
    char text[ERROR_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    reply_error(reply, text);
}

void reply_integer(struct reply *reply, int64_t value)
{
    write_number(reply, ':', value);
}

void reply_null(struct reply *reply)
{
    write_literal(reply, reply->resp3 ? "_\r\n" : "$-1\r\n");
}

void reply_null_array(struct reply *reply)
{
    write_literal(reply, reply->resp3 ? "_\r\n" : "*-1\r\n");
}

void reply_bool(struct reply *reply, bool value)
{
    if (reply->resp3) {
        write_literal(reply, value ? "#t\r\n" : "#f\r\n");
    } else {
        write_literal(reply, value ? ":1\r\n" : ":0\r\n");
    }
}

void reply_double(struct reply *reply, double value)
{
    char text[48];
    if (isinf(value)) {
        (void)snprintf(text, sizeof(text), value > 0 ? "inf" : "-inf");
    } else {
        (void)snprintf(text, sizeof(text), "%.17g", value);
    }
    if (!reply->resp3) {
        reply_bulk_text(reply, text);
        return;
    }
    uint8_t *at = reserve(reply, sizeof(text) + 3);
    if (at != NULL) {
        *at++ = ',';
        finish(reply, put_line_end(put(at, text, strlen(text))));
    }
}

/* ---- strings --------------------------------------------------------------------------------- */

void reply_bulk(struct reply *reply, struct bytes bytes)
{
    uint8_t *at = reserve(reply, bytes.len + HEADER_BYTES_MAX + 2);
    if (at != NULL) {
        *at++ = '$';
        at = put_line_end(put_unsigned(at, bytes.len));
        finish(reply, put_line_end(put(at, bytes.data, bytes.len)));
    }
}

void reply_bulk_text(struct reply *reply, const char *text)
{
    reply_bulk(reply, bytes_from_string(text));
}

void reply_bulk_integer(struct reply *reply, int64_t value)
{
    uint8_t digits[HEADER_BYTES_MAX];
    const uint8_t *end = put_signed(digits, value);
    reply_bulk(reply, bytes_make(digits, (size_t)(end - digits)));
}

void reply_verbatim(struct reply *reply, const char *format, struct bytes text)
{
    if (!reply->resp3) {
        reply_bulk(reply, text);
        return;
    }
    size_t format_len = strlen(format);
    uint8_t *at = reserve(reply, text.len + format_len + 1 + HEADER_BYTES_MAX + 2);
    if (at != NULL) {
        *at++ = '=';
        at = put_line_end(put_unsigned(at, text.len + format_len + 1));
        at = put(at, format, format_len);
        *at++ = ':';
        finish(reply, put_line_end(put(at, text.data, text.len)));
    }
}

/* ---- what others follow ---------------------------------------------------------------------- */

void reply_array(struct reply *reply, uint32_t count)
{
    write_number(reply, '*', count);
}

void reply_map(struct reply *reply, uint32_t pairs)
{
    if (reply->resp3) {
        write_number(reply, '%', pairs);
    } else {
        write_number(reply, '*', 2 * (int64_t)pairs);
    }
}

void reply_set(struct reply *reply, uint32_t count)
{
    write_number(reply, reply->resp3 ? '~' : '*', count);
}
