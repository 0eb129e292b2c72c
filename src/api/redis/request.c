/* One pass for a request that is all there, writing arguments as it goes; one that isn't is gone
 * on with where it was left, and its arguments are noted only when the last has come. What is
 * accepted is what Redis 7.0's processMultibulkBuffer and sdssplitargs accept: line ends are two
 * bytes of which only the first is looked at. */
#include "api/redis/request.h"

#include <stdio.h>

#include "shoal/error.h"

#define LENGTH_DIGITS_MAX 20u
#define ARGUMENTS_AT_ONCE                                                                          \
    64u /* noted while they are read; of more it is first seen that they come */
#define ARGUMENT_BYTES_MIN 6u                       /* "$0\r\n\r\n" */
#define REDIS_BULK_BYTES_MAX (512u * 1024u * 1024u) /* Redis's own default */
#define LINE_BYTES_USUAL 24u /* of a line with a number: looked through byte by byte */
#define SHORT_DIGITS 4u

struct reading {
    struct bytes input;
    const struct redis_request_bounds *bounds;
    char *text;
    size_t at;
    size_t need;
};

static int refuse(const struct reading *reading, const char *text)
{
    snprintf(reading->text, REDIS_ERROR_BYTES, "Protocol error: %s", text);
    return SHOAL_EPROTO;
}

/* ---- lines with a number --------------------------------------------------------------------- */

/* As Redis takes numbers: no plus sign, no leading zeros, no "-0". */
static bool parse_length(struct bytes text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    size_t digits = text.len - at;
    if (digits == 0 || digits >= LENGTH_DIGITS_MAX) {
        return false;
    }
    if (text.data[at] == '0' && (digits > 1 || negative)) {
        return false;
    }
    uint64_t value = 0;
    for (; at < text.len; at++) {
        uint8_t digit = (uint8_t)(text.data[at] - '0');
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (value > INT64_MAX) {
        return false;
    }
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Where the line that begins here has its CR; SIZE_MAX: nowhere yet. */
static size_t find_line_end(const struct reading *reading)
{
    const uint8_t *data = reading->input.data;
    size_t len = reading->input.len;
    size_t soon = len - reading->at > LINE_BYTES_USUAL ? reading->at + LINE_BYTES_USUAL : len;
    for (size_t i = reading->at; i < soon; i++) {
        if (data[i] == '\r') {
            return i;
        }
    }
    const uint8_t *end = soon == len ? NULL : memchr(data + soon, '\r', len - soon);
    return end == NULL ? SIZE_MAX : (size_t)(end - data);
}

/* As read_length, of what nearly all lengths are: a few digits, written as they should be. False:
 * it is something else, or not whole. */
static bool read_short_length(struct reading *reading, int64_t *out)
{
    const uint8_t *digits = reading->input.data + reading->at + 1;
    size_t left = reading->input.len - reading->at - 1;
    size_t count = 0;
    int64_t length = 0;
    while (count < left && count < SHORT_DIGITS && digits[count] >= '0' && digits[count] <= '9') {
        length = 10 * length + (digits[count++] - '0');
    }
    if (count == 0 || count + 2 > left || digits[count] != '\r' ||
        (digits[0] == '0' && count > 1)) {
        return false;
    }
    reading->at += 1 + count + 2;
    *out = length;
    return true;
}

/* What follows the line's first byte, as a number. 0 and past the line; 1 not whole yet; or
 * SHOAL_EPROTO: `too_long` for a line without an end, `invalid` for what is no number. */
static int read_length(struct reading *reading, const char *too_long, const char *invalid,
                       int64_t *out)
{
    if (read_short_length(reading, out)) {
        return 0;
    }
    size_t end = find_line_end(reading);
    if (end == SIZE_MAX) {
        bool over = reading->input.len - reading->at > REDIS_INLINE_BYTES_MAX;
        return over ? refuse(reading, too_long) : 1;
    }
    if (end + 2 > reading->input.len) {
        return 1;
    }
    size_t begin = reading->at + 1;
    struct bytes digits = bytes_make(reading->input.data + begin, end > begin ? end - begin : 0);
    if (!parse_length(digits, out)) {
        return refuse(reading, invalid);
    }
    reading->at = end + 2;
    return 0;
}

/* ---- bulk strings ---------------------------------------------------------------------------- */

static int refuse_header(const struct reading *reading)
{
    char byte = (char)reading->input.data[reading->at];
    char text[32];
    snprintf(text, sizeof(text), "expected '$', got '%c'", byte);
    return refuse(reading, text);
}

/* What Redis itself would have taken is told why it isn't taken here. */
static int refuse_bulk(const struct reading *reading, int64_t len)
{
    if (len < 0 || len > (int64_t)REDIS_BULK_BYTES_MAX) {
        return refuse(reading, "invalid bulk length");
    }
    snprintf(reading->text, REDIS_ERROR_BYTES,
             "Protocol error: invalid bulk length (limits.value_bytes is %llu)",
             (unsigned long long)reading->bounds->bulk_bytes);
    return SHOAL_EPROTO;
}

/* One argument, beginning at `at`; `rest` more follow it. Outcomes as of read_length. */
static inline int read_bulk(struct reading *reading, uint32_t rest, struct bytes *out)
{
    const struct bytes input = reading->input;
    size_t begin = reading->at;
    int64_t len = 0;
    if (begin == input.len) {
        return 1;
    }
    /* Redis finds the line's end before it looks at how the line begins. */
    if (input.data[begin] != '$') {
        size_t end = find_line_end(reading);
        if (end == SIZE_MAX && input.len - begin > REDIS_INLINE_BYTES_MAX) {
            return refuse(reading, "too big bulk count string");
        }
        return end == SIZE_MAX || end + 2 > input.len ? 1 : refuse_header(reading);
    }
    int code = read_length(reading, "too big bulk count string", "invalid bulk length", &len);
    if (code != 0) {
        return code;
    }
    if (len < 0 || (uint64_t)len > reading->bounds->bulk_bytes) {
        return refuse_bulk(reading, len);
    }
    size_t all = reading->at + (size_t)len + 2;
    if (all > input.len) {
        reading->need = all + (size_t)rest * ARGUMENT_BYTES_MIN;
        reading->at = begin;
        return 1;
    }
    *out = bytes_make(input.data + reading->at, (size_t)len);
    reading->at = all;
    return 0;
}

static int refuse_whole(const struct reading *reading)
{
    snprintf(reading->text, REDIS_ERROR_BYTES,
             "Protocol error: the request is larger than %llu bytes",
             (unsigned long long)reading->bounds->bytes);
    return SHOAL_EPROTO;
}

/* From the `from`th of `count` on; argv NULL: only to see if they are there. */
static int read_bulks(struct reading *reading, uint32_t from, uint32_t count, struct bytes *argv,
                      uint32_t *whole)
{
    int code = 0;
    uint32_t i = from;
    for (; i < count && code == 0; i++) {
        struct bytes argument;
        code = read_bulk(reading, count - i - 1, argv == NULL ? &argument : &argv[i]);
    }
    *whole = code == 0 ? i : i - 1;
    size_t size = code == 1 && reading->need > 0 ? reading->need : reading->at;
    return code >= 0 && size > reading->bounds->bytes ? refuse_whole(reading) : code;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/* The array's own line. 0 and how many follow; 1; SHOAL_EPROTO. */
static int read_count(struct reading *reading, uint32_t *out)
{
    int64_t count = 0;
    int code =
        read_length(reading, "too big mbulk count string", "invalid multibulk length", &count);
    if (code == 0 && count > (int64_t)reading->bounds->arguments) {
        code = refuse(reading, "invalid multibulk length");
    }
    if (code == 0) {
        *out = count < 0 ? 0 : (uint32_t)count;
    }
    return code;
}

/* All is there: note where. */
static int take_many(struct reading *reading, size_t first, uint32_t count, struct arena *arena,
                     struct redis_request *out)
{
    struct bytes *argv = arena_alloc_array(arena, count, sizeof(*argv));
    if (argv == NULL) {
        return SHOAL_ENOMEM;
    }
    uint32_t whole;
    reading->at = first;
    int code = read_bulks(reading, 0, count, argv, &whole);
    out->argv = argv;
    return code;
}

static int read_array(struct reading *reading, struct redis_request_progress *progress,
                      struct arena *arena, struct redis_request *out)
{
    uint32_t count = 0;
    int code = read_count(reading, &count);
    if (code != 0) {
        return code;
    }
    if (count == 0) {
        return 0;
    }
    size_t first = reading->at;
    struct bytes *argv = NULL;
    if (count <= ARGUMENTS_AT_ONCE && progress->scanned == 0) {
        argv = arena_alloc_array(arena, count, sizeof(*argv));
        if (argv == NULL) {
            return SHOAL_ENOMEM;
        }
    } else if (progress->scanned > first) {
        reading->at = progress->scanned;
    }
    uint32_t whole = 0;
    code = read_bulks(reading, progress->arguments, count, argv, &whole);
    if (code == 0 && argv == NULL) {
        code = take_many(reading, first, count, arena, out);
    } else {
        out->argv = argv;
    }
    progress->scanned = reading->at;
    progress->arguments = whole;
    out->argc = count;
    return code;
}

/* ---- inline ---------------------------------------------------------------------------------- */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t low = c | 0x20;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static uint8_t unescape(uint8_t c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

struct words {
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *into;
};

/* Within double quotes, past the first: past the last, which a space or the end must follow. */
static bool read_double_quoted(struct words *words)
{
    while (words->at < words->end) {
        size_t left = (size_t)(words->end - words->at);
        const uint8_t *at = words->at;
        if (left >= 4 && at[0] == '\\' && at[1] == 'x' && hex_digit(at[2]) >= 0 &&
            hex_digit(at[3]) >= 0) {
            *words->into++ = (uint8_t)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
            words->at += 4;
        } else if (left >= 2 && at[0] == '\\') {
            *words->into++ = unescape(at[1]);
            words->at += 2;
        } else if (at[0] == '"') {
            words->at++;
            return left == 1 || is_space(at[1]);
        } else {
            *words->into++ = at[0];
            words->at++;
        }
    }
    return false;
}

static bool read_single_quoted(struct words *words)
{
    while (words->at < words->end) {
        size_t left = (size_t)(words->end - words->at);
        const uint8_t *at = words->at;
        if (left >= 2 && at[0] == '\\' && at[1] == '\'') {
            *words->into++ = '\'';
            words->at += 2;
        } else if (at[0] == '\'') {
            words->at++;
            return left == 1 || is_space(at[1]);
        } else {
            *words->into++ = at[0];
            words->at++;
        }
    }
    return false;
}

/* False: a quote has no end, or something stands right behind it. */
static bool read_word(struct words *words)
{
    while (words->at < words->end && !is_space(*words->at)) {
        uint8_t c = *words->at++;
        if (c == '"') {
            return read_double_quoted(words);
        }
        if (c == '\'') {
            return read_single_quoted(words);
        }
        *words->into++ = c;
    }
    return true;
}

static int split_line(const struct reading *reading, struct bytes line, struct arena *arena,
                      struct redis_request *out)
{
    size_t count_max = line.len / 2 + 1;
    struct bytes *argv = arena_alloc_array(arena, count_max, sizeof(*argv));
    uint8_t *into = arena_alloc(arena, line.len);
    if (argv == NULL || into == NULL) {
        return SHOAL_ENOMEM;
    }
    struct words words = {.at = line.data, .end = line.data + line.len, .into = into};
    uint32_t count = 0;
    for (;;) {
        while (words.at < words.end && is_space(*words.at)) {
            words.at++;
        }
        if (words.at == words.end) {
            break;
        }
        const uint8_t *begin = words.into;
        if (!read_word(&words)) {
            return refuse(reading, "unbalanced quotes in request");
        }
        argv[count++] = bytes_make(begin, (size_t)(words.into - begin));
    }
    out->argv = argv;
    out->argc = count;
    out->copied = true;
    return 0;
}

static int read_inline(struct reading *reading, struct redis_request_progress *progress,
                       struct arena *arena, struct redis_request *out)
{
    struct bytes input = reading->input;
    size_t from = progress->scanned < input.len ? progress->scanned : input.len;
    size_t until = input.len > REDIS_INLINE_BYTES_MAX + 1 ? REDIS_INLINE_BYTES_MAX + 1 : input.len;
    const uint8_t *end = from < until ? memchr(input.data + from, '\n', until - from) : NULL;
    if (end == NULL) {
        progress->scanned = input.len;
        return input.len > REDIS_INLINE_BYTES_MAX ? refuse(reading, "too big inline request") : 1;
    }
    size_t len = (size_t)(end - input.data);
    reading->at = len + 1;
    if (len > 0 && input.data[len - 1] == '\r') {
        len--;
    }
    return split_line(reading, bytes_make(input.data, len), arena, out);
}

int redis_request_read(struct bytes input, const struct redis_request_bounds *bounds,
                       struct redis_request_progress *progress, struct arena *arena,
                       struct redis_request *out, size_t *need, char text[REDIS_ERROR_BYTES])
{
    struct reading reading = {.input = input, .bounds = bounds, .text = text};
    struct redis_request request = {0};
    int code = 1;
    if (input.len > 0) {
        code = input.data[0] == '*' ? read_array(&reading, progress, arena, &request)
                                    : read_inline(&reading, progress, arena, &request);
    }
    *need = code == 1 ? reading.need : 0;
    if (code != 1) {
        *progress = (struct redis_request_progress){0};
    }
    if (code == 0) {
        request.length = reading.at;
        *out = request;
    }
    return code;
}
