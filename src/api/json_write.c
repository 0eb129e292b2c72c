/* Only what must be escaped is (RFC 8259, section 7): runs between such characters are copied
 * whole. */
#include "api/json_write.h"

#include <stdio.h>

#include "base/text.h"

static int write_string(struct buffer *out, const char *text)
{
    return buffer_append(out, text, strlen(text));
}

static const char *short_escape(uint8_t c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static int write_escaped(struct buffer *out, uint8_t c)
{
    char text[sizeof("\\u0000")];
    const char *known = short_escape(c);
    if (known == NULL) {
        (void)snprintf(text, sizeof(text), "\\u%04x", c);
        known = text;
    }
    return write_string(out, known);
}

static bool stands_for_itself(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

int json_write_text(struct buffer *out, struct bytes text)
{
    int code = buffer_append_u8(out, '"');
    size_t at = 0;
    while (code == 0 && at < text.len) {
        size_t from = at;
        while (at < text.len && stands_for_itself(text.data[at])) {
            at++;
        }
        code = buffer_append(out, text.data + from, at - from);
        if (code == 0 && at < text.len) {
            code = write_escaped(out, text.data[at++]);
        }
    }
    return code == 0 ? buffer_append_u8(out, '"') : code;
}

static int write_base64(struct buffer *out, struct bytes bytes)
{
    int code = buffer_append_u8(out, '"');
    if (code == 0) {
        code = text_base64_encode(bytes, out);
    }
    return code == 0 ? buffer_append_u8(out, '"') : code;
}

/* `"name` and what follows it, up to the value. */
static int write_name(struct buffer *out, const char *name, const char *rest)
{
    int code = buffer_append_u8(out, '"');
    if (code == 0) {
        code = write_string(out, name);
    }
    return code == 0 ? write_string(out, rest) : code;
}

int json_write_field(struct buffer *out, const char *name, struct bytes bytes)
{
    bool text = text_is_utf8(bytes);
    int code = write_name(out, name, text ? "\":" : "_base64\":");
    if (code != 0) {
        return code;
    }
    return text ? json_write_text(out, bytes) : write_base64(out, bytes);
}

int json_write_item(struct buffer *out, const char *name, struct bytes bytes)
{
    if (text_is_utf8(bytes)) {
        return json_write_text(out, bytes);
    }
    int code = buffer_append_u8(out, '{');
    if (code == 0) {
        code = json_write_field(out, name, bytes);
    }
    return code == 0 ? buffer_append_u8(out, '}') : code;
}
