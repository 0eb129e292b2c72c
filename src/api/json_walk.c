/* Walking JSON that has been checked (json_read.h), and what its strings stand for. Since it is
 * well formed, a value's end is found by counting brackets outside strings. */
#include "api/json_read.h"

#include "shoal/error.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum json_kind json_kind(struct bytes value)
{
    switch (value.data[0]) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

/* How long the string at the beginning is. */
static size_t string_length(struct bytes text)
{
    size_t at = 1;
    while (text.data[at] != '"') {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

static size_t nested_length(struct bytes text)
{
    size_t at = 0;
    size_t depth = 0;
    do {
        uint8_t c = text.data[at];
        if (c == '"') {
            at += string_length(bytes_make(text.data + at, text.len - at));
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= c == '}' || c == ']' ? 1 : 0;
        at++;
    } while (depth > 0);
    return at;
}

static size_t value_length(struct bytes text)
{
    size_t at = 0;
    switch (json_kind(text)) {
    case JSON_STRING:
        return string_length(text);
    case JSON_OBJECT:
    case JSON_ARRAY:
        return nested_length(text);
    default:
        while (at < text.len && !is_blank(text.data[at]) && text.data[at] != ',' &&
               text.data[at] != ']' && text.data[at] != '}') {
            at++;
        }
        return at;
    }
}

/* Takes so many bytes off the beginning, and the blanks behind them. */
static struct bytes cut(struct json_walk *walk, size_t len)
{
    struct bytes out = bytes_make(walk->rest.data, len);
    while (len < walk->rest.len && is_blank(walk->rest.data[len])) {
        len++;
    }
    walk->rest = bytes_make(walk->rest.data + len, walk->rest.len - len);
    return out;
}

struct json_walk json_walk(struct bytes value)
{
    struct json_walk walk = {.rest = value};
    (void)cut(&walk, 1);
    return walk;
}

bool json_next(struct json_walk *walk, struct json_member *out)
{
    if (walk->rest.data[0] == ',') {
        (void)cut(walk, 1);
    }
    if (walk->rest.data[0] == ']' || walk->rest.data[0] == '}') {
        return false;
    }
    struct bytes first = cut(walk, value_length(walk->rest));
    if (walk->rest.data[0] != ':') {
        *out = (struct json_member){.value = first};
        return true;
    }
    (void)cut(walk, 1);
    *out = (struct json_member){.name = first, .value = cut(walk, value_length(walk->rest))};
    return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

static uint32_t hex_digit(uint8_t c)
{
    return c <= '9' ? (uint32_t)c - '0' : (uint32_t)(c | 0x20) - 'a' + 10;
}

static uint32_t hex_number(const uint8_t *digits)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < 4; i++) {
        number = number << 4 | hex_digit(digits[i]);
    }
    return number;
}

static size_t put_utf8(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* At a "\u": the character that it, or it and the next one together, stands for, and how many bytes
 * they take; 0 for half of a pair. */
static size_t read_unicode(struct bytes text, uint32_t *c)
{
    *c = hex_number(text.data + 2);
    if (*c < 0xd800 || *c > 0xdfff) {
        return 6;
    }
    if (*c > 0xdbff || text.len < 12 || text.data[6] != '\\' || text.data[7] != 'u') {
        return 0;
    }
    uint32_t low = hex_number(text.data + 8);
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static uint8_t read_short(uint8_t c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Never longer than what it is made from. 0 or SHOAL_EINVAL. */
static int unescape(struct bytes text, uint8_t *out, size_t *len)
{
    size_t at = 0;
    *len = 0;
    while (at < text.len) {
        uint32_t c;
        if (text.data[at] != '\\') {
            out[(*len)++] = text.data[at++];
        } else if (text.data[at + 1] != 'u') {
            out[(*len)++] = read_short(text.data[at + 1]);
            at += 2;
        } else {
            size_t took = read_unicode(bytes_make(text.data + at, text.len - at), &c);
            if (took == 0) {
                return SHOAL_EINVAL;
            }
            *len += put_utf8(out + *len, c);
            at += took;
        }
    }
    return 0;
}

int json_unescape(struct arena *arena, struct bytes string, struct bytes *out)
{
    struct bytes text = bytes_make(string.data + 1, string.len - 2);
    if (text.len == 0 || memchr(text.data, '\\', text.len) == NULL) {
        *out = text;
        return 0;
    }
    size_t len;
    uint8_t *memory = arena_alloc(arena, text.len);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    int code = unescape(text, memory, &len);
    if (code == 0) {
        *out = bytes_make(memory, len);
    }
    return code;
}
