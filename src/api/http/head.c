/* Where a head ends, its request line, and the pieces of text that HTTP is made of. What fields
 * mean for the request as a whole is in head_fields.c. */
#include "api/http/head.h"

#include "api/http/head_fields.h"
#include "shoal/error.h"

/* Bits of what a byte may be. */
enum {
    TOKEN = 1,  /* tchar */
    VALUE = 2,  /* field-vchar, blank, tab */
    TARGET = 4, /* what a request target is made of; '#' and blanks are not */
};

#define V VALUE
#define N (TOKEN | VALUE)
#define U (VALUE | TARGET)
#define T (TOKEN | VALUE | TARGET)

/* clang-format off */
static const uint8_t kinds[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    V, T, U, N, T, T, T, T, U, U, T, T, U, T, T, U,
    T, T, T, T, T, T, T, T, T, T, U, U, U, U, U, U,
    U, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, U, U, U, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, U, T, U, T, 0,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
/* clang-format on */

#undef V
#undef N
#undef U
#undef T

static int refuse(struct http_problem *problem, uint32_t status, const char *text)
{
    *problem = (struct http_problem){.status = status, .text = text};
    return SHOAL_EPROTO;
}

static size_t span(struct bytes bytes, uint8_t kind)
{
    size_t i = 0;
    while (i < bytes.len && (kinds[bytes.data[i]] & kind) != 0) {
        i++;
    }
    return i;
}

bool http_is_token(struct bytes bytes)
{
    return bytes.len > 0 && span(bytes, TOKEN) == bytes.len;
}

bool http_text_is(struct bytes bytes, const char *name)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (c >= 'A' && c <= 'Z') {
            c = (uint8_t)(c | 0x20);
        }
        if (name[i] == 0 || c != (uint8_t)name[i]) {
            return false;
        }
    }
    return name[bytes.len] == 0;
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_make(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

bool http_list_next(struct bytes *rest, struct bytes *member)
{
    while (rest->len > 0) {
        const uint8_t *comma = memchr(rest->data, ',', rest->len);
        size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
        size_t step = comma == NULL ? len : len + 1;
        *member = trim(bytes_make(rest->data, len));
        *rest = bytes_make(rest->data + step, rest->len - step);
        if (member->len > 0) {
            return true;
        }
    }
    return false;
}

int http_field_read(struct bytes line, struct http_field *field, struct http_problem *problem)
{
    size_t name_len = span(line, TOKEN);
    if (name_len == 0 || name_len == line.len || line.data[name_len] != ':') {
        return refuse(problem, 400,
                      "a header field is malformed: expected is NAME:VALUE without blanks before "
                      "the colon or the name");
    }
    struct bytes value = bytes_make(line.data + name_len + 1, line.len - name_len - 1);
    if (span(value, VALUE) != value.len) {
        return refuse(problem, 400, "a header field holds a control character");
    }
    *field = (struct http_field){.name = bytes_make(line.data, name_len), .value = trim(value)};
    return 0;
}

/* ---- where it ends --------------------------------------------------------------------------- */

static int too_long(const struct http_head_progress *progress, struct bytes bytes,
                    struct http_problem *problem)
{
    if (!progress->begun && memchr(bytes.data, ' ', bytes.len) == NULL) {
        return refuse(problem, 501, "this method is not known here");
    }
    if (!progress->begun) {
        return refuse(problem, 414, "the request line is longer than http.head_kb allows");
    }
    return refuse(problem, 431, "the header fields are longer than http.head_kb allows");
}

/* What begins with anything but a token is no request, and need not be waited for. */
static int check_beginning(struct bytes bytes, struct http_problem *problem)
{
    if ((kinds[bytes.data[0]] & TOKEN) == 0) {
        return refuse(problem, 400, "this is no HTTP request");
    }
    return 0;
}

int http_head_scan(struct http_head_progress *progress, struct bytes bytes,
                   const struct http_head_bounds *bounds, size_t *head_bytes,
                   struct http_problem *problem)
{
    if (bytes.len == 0) {
        return 0;
    }
    if (progress->scanned == 0 && check_beginning(bytes, problem) != 0) {
        return SHOAL_EPROTO;
    }
    struct bytes allowed =
        bytes_make(bytes.data, bytes.len < bounds->bytes ? bytes.len : bounds->bytes);
    while (progress->scanned < allowed.len) {
        const uint8_t *from = allowed.data + progress->scanned;
        const uint8_t *end = memchr(from, '\n', allowed.len - progress->scanned);
        if (end == NULL) {
            progress->scanned = allowed.len;
            break;
        }
        size_t at = (size_t)(end - allowed.data);
        if (at == progress->line || end[-1] != '\r') {
            return refuse(problem, 400, "a line does not end with CR LF");
        }
        bool empty = at == progress->line + 1;
        if (empty && progress->begun) {
            *head_bytes = at + 1;
            return 1;
        }
        progress->begun = true;
        progress->scanned = progress->line = at + 1;
    }
    return bytes.len >= bounds->bytes ? too_long(progress, allowed, problem) : 0;
}

/* ---- the request line ------------------------------------------------------------------------ */

static uint32_t method_of(struct bytes name)
{
    static const struct {
        const char *name;
        uint32_t method;
    } methods[] = {
        {"GET", HTTP_GET},
        {"PUT", HTTP_PUT},
        {"POST", HTTP_POST},
        {"HEAD", HTTP_HEAD},
        {"DELETE", HTTP_DELETE},
        {"OPTIONS", HTTP_OPTIONS},
        {"PATCH", HTTP_METHOD_REFUSED},
        {"TRACE", HTTP_METHOD_REFUSED},
    };
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strlen(methods[i].name) == name.len &&
            memcmp(methods[i].name, name.data, name.len) == 0) {
            return methods[i].method;
        }
    }
    return 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1". A later 1.x is spoken to as 1.1, as RFC 9110 asks. */
static int read_version(struct bytes text, struct http_head *head, struct http_problem *problem)
{
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || !is_digit(text.data[5]) ||
        text.data[6] != '.' || !is_digit(text.data[7])) {
        return refuse(problem, 400,
                      "the request line is malformed: expected is METHOD TARGET "
                      "HTTP/1.1, with one blank between them");
    }
    if (text.data[5] != '1') {
        return refuse(problem, 505, "this version of HTTP is not spoken here: use HTTP/1.1");
    }
    head->version = text.data[7] == '0' ? 10 : 11;
    return 0;
}

/* http://host:port/path is the same as /path; what stands for the host must still be one. */
static int read_absolute(struct bytes target, size_t scheme, struct bytes *origin,
                         struct http_problem *problem)
{
    struct bytes rest = bytes_make(target.data + scheme, target.len - scheme);
    size_t len = 0;
    while (len < rest.len && rest.data[len] != '/' && rest.data[len] != '?') {
        len++;
    }
    if (!http_is_authority(bytes_make(rest.data, len))) {
        return refuse(problem, 400, "the request target is malformed");
    }
    *origin = bytes_make(rest.data + len, rest.len - len);
    return 0;
}

static int read_target(struct bytes target, struct http_head *head, struct http_problem *problem)
{
    static const char root[] = "/";
    struct bytes origin = target;
    int code = 0;
    if (span(target, TARGET) != target.len || target.len == 0) {
        return refuse(problem, 400,
                      "the request target is malformed: what is no letter, digit or "
                      "sign of a URL must be percent-encoded");
    }
    if (bytes_equal(target, bytes_from_string("*"))) {
        if (head->method != HTTP_OPTIONS) {
            return refuse(problem, 400, "the target * is for OPTIONS alone");
        }
    } else if (target.len > 7 && http_text_is(bytes_make(target.data, 7), "http://")) {
        code = read_absolute(target, 7, &origin, problem);
    } else if (target.len > 8 && http_text_is(bytes_make(target.data, 8), "https://")) {
        code = read_absolute(target, 8, &origin, problem);
    } else if (target.data[0] != '/' && head->method != 0) { /* CONNECT's is not known here */
        return refuse(problem, 400, "the request target must begin with a slash");
    }
    const uint8_t *mark = origin.len == 0 ? NULL : memchr(origin.data, '?', origin.len);
    size_t len = mark == NULL ? origin.len : (size_t)(mark - origin.data);
    head->path = len == 0 ? bytes_from_string(root) : bytes_make(origin.data, len);
    head->query = mark == NULL ? bytes_make(NULL, 0) : bytes_make(mark + 1, origin.len - len - 1);
    return code;
}

static int read_request_line(struct bytes line, struct http_head *head,
                             struct http_problem *problem)
{
    size_t method = span(line, TOKEN);
    const uint8_t *blank = method == line.len ? NULL : line.data + method;
    struct bytes rest =
        blank == NULL ? bytes_make(NULL, 0) : bytes_make(blank + 1, line.len - method - 1);
    const uint8_t *second = rest.len == 0 ? NULL : memchr(rest.data, ' ', rest.len);
    if (method == 0 || blank == NULL || *blank != ' ' || second == NULL) {
        return refuse(problem, 400,
                      "the request line is malformed: expected is METHOD TARGET "
                      "HTTP/1.1, with one blank between them");
    }
    size_t target = (size_t)(second - rest.data);
    head->method = method_of(bytes_make(line.data, method));
    int code = read_version(bytes_make(second + 1, rest.len - target - 1), head, problem);
    return code == 0 ? read_target(bytes_make(rest.data, target), head, problem) : code;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The line at the front, without its end; its end is there, as the scan has seen. */
static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = (size_t)(end - rest->data);
    struct bytes line = bytes_make(rest->data, len - 1);
    *rest = bytes_make(end + 1, rest->len - len - 1);
    return line;
}

int http_head_read(struct bytes bytes, struct http_field *fields, struct http_head *head,
                   struct http_problem *problem)
{
    struct bytes rest = bytes;
    struct http_head found = {.fields = fields};
    int code = read_request_line(take_line(&rest), &found, problem);
    while (code == 0) {
        struct bytes line = take_line(&rest);
        if (line.len == 0) {
            break;
        }
        if (found.field_count == HTTP_FIELDS_MAX) {
            return refuse(problem, 431, "there are more than 100 header fields");
        }
        code = http_field_read(line, &fields[found.field_count], problem);
        found.field_count++;
    }
    if (code == 0) {
        code = http_head_understand(&found, problem);
    }
    if (code == 0) {
        *head = found;
    }
    return code;
}
