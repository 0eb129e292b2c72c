/* The check of JSON (json_read.h): one pass without recursion. What is open is a stack of bits, one
 * a level. */
#include "api/json_read.h"

#include "base/assert.h"
#include "base/text.h"
#include "shoal/error.h"

struct scan {
    struct bytes text;
    size_t at;
    const char *wrong;                                             /* NULL: nothing yet */
    uint8_t objects[(JSON_DEPTH_MAX + JSON_DEPTH_AROUND_MAX) / 8]; /* bit d: level d is an object */
    uint32_t depth;
    uint32_t depth_max;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The byte at hand, -1 at the end. */
static int peek(const struct scan *scan)
{
    return scan->at < scan->text.len ? scan->text.data[scan->at] : -1;
}

static bool fail(struct scan *scan, const char *wrong)
{
    scan->wrong = scan->at < scan->text.len ? wrong : "it ends too early";
    return false;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->text.len && is_blank(scan->text.data[scan->at])) {
        scan->at++;
    }
}

static bool take(struct scan *scan, char c, const char *wrong)
{
    if (peek(scan) != (uint8_t)c) {
        return fail(scan, wrong);
    }
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    for (; *word != '\0'; word++) {
        if (!take(scan, *word, "this is no value: null, true, false, a number, a string, [ or {")) {
            return false;
        }
    }
    return true;
}

static bool take_digits(struct scan *scan)
{
    if (!is_digit(peek(scan))) {
        return fail(scan, "a digit is missing");
    }
    while (is_digit(peek(scan))) {
        scan->at++;
    }
    return true;
}

static bool take_number(struct scan *scan)
{
    if (peek(scan) == '-') {
        scan->at++;
    }
    if (peek(scan) == '0') {
        scan->at++;
        if (is_digit(peek(scan))) {
            return fail(scan, "a number has no leading zeros");
        }
    } else if (!take_digits(scan)) {
        return false;
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (!take_digits(scan)) {
            return false;
        }
    }
    if (peek(scan) != 'e' && peek(scan) != 'E') {
        return true;
    }
    scan->at++;
    if (peek(scan) == '+' || peek(scan) == '-') {
        scan->at++;
    }
    return take_digits(scan);
}

static bool is_hex_digit(int c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind the backslash. */
static bool take_escape(struct scan *scan)
{
    int c = peek(scan);
    if (c < 0 || strchr("\"\\/bfnrtu", c) == NULL || c == '\0') {
        return fail(scan, "no such escape in a string");
    }
    scan->at++;
    for (uint32_t i = 0; c == 'u' && i < 4; i++) {
        if (!is_hex_digit(peek(scan))) {
            return fail(scan, "\\u is followed by four hex digits");
        }
        scan->at++;
    }
    return true;
}

static bool take_string(struct scan *scan)
{
    scan->at++; /* the quote that made it one */
    for (;;) {
        int c = peek(scan);
        if (c < 0x20) {
            return fail(scan, "control characters in a string are escaped");
        }
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            scan->at++;
            if (!take_escape(scan)) {
                return false;
            }
            continue;
        }
        size_t len =
            text_utf8_length(bytes_make(scan->text.data + scan->at, scan->text.len - scan->at));
        if (len == 0) {
            scan->wrong = "a string is not UTF-8 (bytes travel as value_base64, key_base64)";
            return false;
        }
        scan->at += len;
    }
}

static bool take_scalar(struct scan *scan)
{
    switch (peek(scan)) {
    case '"':
        return take_string(scan);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return peek(scan) == '-' || is_digit(peek(scan)) ? take_number(scan)
                                                         : take_word(scan, "null");
    }
}

static bool in_object(const struct scan *scan)
{
    uint32_t level = scan->depth - 1;
    return (scan->objects[level / 8] >> (level % 8) & 1) != 0;
}

static bool open_level(struct scan *scan, bool object)
{
    if (scan->depth == scan->depth_max) {
        return fail(scan, "it is nested too deeply");
    }
    uint8_t bit = (uint8_t)(1u << (scan->depth % 8));
    uint8_t *byte = &scan->objects[scan->depth / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    scan->depth++;
    scan->at++;
    return true;
}

static bool take_name(struct scan *scan)
{
    skip_blanks(scan);
    if (peek(scan) != '"') {
        return fail(scan, "a name in quotes is missing");
    }
    if (!take_string(scan)) {
        return false;
    }
    skip_blanks(scan);
    return take(scan, ':', "a ':' is missing");
}

/* At the beginning of a value: up to its end, or into it (*inside: another one is to come). */
static bool take_beginning(struct scan *scan, bool *inside)
{
    int c = peek(scan);
    *inside = false;
    if (c != '{' && c != '[') {
        return take_scalar(scan);
    }
    if (!open_level(scan, c == '{')) {
        return false;
    }
    skip_blanks(scan);
    if (peek(scan) == (c == '{' ? '}' : ']')) {
        scan->at++;
        scan->depth--;
        return true;
    }
    *inside = true;
    return c == '[' || take_name(scan);
}

/* Behind a value within another: to the next one, or out of all that ends here. */
static bool take_end(struct scan *scan)
{
    while (scan->depth > 0) {
        skip_blanks(scan);
        bool object = in_object(scan);
        if (peek(scan) == ',') {
            scan->at++;
            return !object || take_name(scan);
        }
        if (!take(scan, object ? '}' : ']',
                  object ? "a ',' or '}' is missing" : "a ',' or ']' is missing")) {
            return false;
        }
        scan->depth--;
    }
    return true;
}

static bool take_value(struct scan *scan)
{
    do {
        bool inside = true;
        while (inside) {
            skip_blanks(scan);
            if (!take_beginning(scan, &inside)) {
                return false;
            }
        }
        if (!take_end(scan)) {
            return false;
        }
    } while (scan->depth > 0);
    return true;
}

static void locate(const struct scan *scan, struct json_fault *fault)
{
    *fault = (struct json_fault){.what = scan->wrong, .line = 1, .column = 1};
    for (size_t i = 0; i < scan->at && i < scan->text.len; i++) {
        bool ends = scan->text.data[i] == '\n';
        fault->line += ends ? 1 : 0;
        fault->column = ends ? 1 : fault->column + 1;
    }
}

int json_check(struct bytes text, struct bytes *value, struct json_fault *fault)
{
    return json_check_around(text, 0, value, fault);
}

int json_check_around(struct bytes text, uint32_t around, struct bytes *value,
                      struct json_fault *fault)
{
    ASSERT(around <= JSON_DEPTH_AROUND_MAX);
    struct scan scan = {.text = text, .depth_max = JSON_DEPTH_MAX + around};
    skip_blanks(&scan);
    size_t from = scan.at;
    if (take_value(&scan)) {
        size_t to = scan.at;
        skip_blanks(&scan);
        if (scan.at == text.len) {
            *value = bytes_make(text.data + from, to - from);
            return 0;
        }
        scan.wrong = "something follows the value";
    }
    if (fault != NULL) {
        locate(&scan, fault);
    }
    return SHOAL_EINVAL;
}
