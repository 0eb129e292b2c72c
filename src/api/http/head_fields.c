/* The few fields that HTTP itself goes by: Host, Content-Length, Transfer-Encoding, Connection and
 * Expect. */
#include "api/http/head_fields.h"

#include "shoal/error.h"

#define LENGTH_DIGITS_MAX 18u

struct reading {
    struct http_head *head;
    struct http_problem *problem;
    uint32_t hosts;
    bool has_length;
    bool chunked;
};

static int refuse(struct reading *reading, uint32_t status, const char *text)
{
    *reading->problem = (struct http_problem){.status = status, .text = text};
    return SHOAL_EPROTO;
}

/* ---- Host ------------------------------------------------------------------------------------ */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What names of hosts are made of in practice: a URL could have more signs in one, among them the
 * comma, by which two Hosts would look like one. */
static bool is_of_name(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static size_t name_length(struct bytes text)
{
    size_t i = 0;
    while (i < text.len && is_of_name(text.data[i])) {
        i++;
    }
    return i;
}

/* "[v6]" with its brackets; 0: there is none. */
static size_t bracketed_length(struct bytes text)
{
    size_t i = 1;
    while (i < text.len && (is_hex(text.data[i]) || text.data[i] == ':' || text.data[i] == '.')) {
        i++;
    }
    return i > 2 && i < text.len && text.data[i] == ']' ? i + 1 : 0;
}

bool http_is_authority(struct bytes text)
{
    if (text.len == 0) {
        return false;
    }
    size_t at = text.data[0] == '[' ? bracketed_length(text) : name_length(text);
    if (at == 0) {
        return false;
    }
    if (at < text.len && text.data[at] == ':') {
        at++;
        size_t digits = 0;
        while (at < text.len && is_digit(text.data[at])) {
            at++;
            digits++;
        }
        return at == text.len && digits <= 5;
    }
    return at == text.len;
}

static int take_host(struct reading *reading, struct bytes value)
{
    if (++reading->hosts > 1) {
        return refuse(reading, 400, "there is more than one Host");
    }
    if (!http_is_authority(value)) {
        return refuse(reading, 400, "the Host is malformed");
    }
    return 0;
}

/* ---- where the body ends --------------------------------------------------------------------- */

static int take_length(struct reading *reading, struct bytes value)
{
    if (reading->has_length) {
        return refuse(reading, 400, "there is more than one Content-Length");
    }
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i])) {
            return refuse(reading, 400, "the Content-Length is no number");
        }
        if (i < LENGTH_DIGITS_MAX) {
            length = length * 10 + (uint64_t)(value.data[i] - '0');
        }
    }
    bool octal = value.len > 1 && value.data[0] == '0'; /* to some */
    if (value.len == 0 || octal) {
        return refuse(reading, 400, "the Content-Length is no number");
    }
    reading->has_length = true;
    reading->head->body_bytes = value.len > LENGTH_DIGITS_MAX ? UINT64_MAX : length;
    return 0;
}

/* Anything before a last "chunked" is a coding that isn't known here; anything else leaves it
 * open where the body ends. */
static int take_coding(struct reading *reading, struct bytes value)
{
    struct bytes rest = value;
    struct bytes member;
    uint32_t chunked = 0;
    uint32_t count = 0;
    bool last = false;
    while (http_list_next(&rest, &member)) {
        count++;
        last = http_text_is(member, "chunked");
        chunked += last ? 1 : 0;
    }
    if (reading->chunked || chunked != 1 || !last) {
        return refuse(reading, 400, "Transfer-Encoding may only be chunked, once");
    }
    if (count > 1) {
        return refuse(reading, 501, "no other Transfer-Encoding than chunked is known here");
    }
    reading->chunked = true;
    return 0;
}

static int find_body(struct reading *reading)
{
    struct http_head *head = reading->head;
    if (reading->chunked && reading->has_length) {
        return refuse(reading, 400, "there are both Content-Length and Transfer-Encoding");
    }
    if (reading->chunked && head->version < 11) {
        return refuse(reading, 400, "HTTP/1.0 has no Transfer-Encoding");
    }
    if (reading->chunked) {
        head->body = HTTP_BODY_CHUNKED;
    } else if (head->body_bytes > 0) {
        head->body = HTTP_BODY_LENGTH;
    }
    return 0;
}

/* ---- the others ------------------------------------------------------------------------------ */

static void take_connection(struct reading *reading, struct bytes value)
{
    struct bytes rest = value;
    struct bytes member;
    while (http_list_next(&rest, &member)) {
        reading->head->close = reading->head->close || http_text_is(member, "close");
        reading->head->keep_alive = reading->head->keep_alive || http_text_is(member, "keep-alive");
    }
}

static int take_expectation(struct reading *reading, struct bytes value)
{
    if (reading->head->version < 11) {
        return 0;
    }
    if (!http_text_is(value, "100-continue")) {
        return refuse(reading, 417, "no other expectation than 100-continue can be met");
    }
    reading->head->expects = true;
    return 0;
}

static int take_field(struct reading *reading, const struct http_field *field)
{
    switch (field->name.len) {
    case 4:
        return http_text_is(field->name, "host") ? take_host(reading, field->value) : 0;
    case 6:
        return http_text_is(field->name, "expect") ? take_expectation(reading, field->value) : 0;
    case 10:
        if (http_text_is(field->name, "connection")) {
            take_connection(reading, field->value);
        }
        return 0;
    case 14:
        return http_text_is(field->name, "content-length") ? take_length(reading, field->value) : 0;
    case 17:
        return http_text_is(field->name, "transfer-encoding") ? take_coding(reading, field->value)
                                                              : 0;
    default:
        return 0;
    }
}

int http_head_understand(struct http_head *head, struct http_problem *problem)
{
    struct reading reading = {.head = head, .problem = problem};
    int code = 0;
    for (uint32_t i = 0; i < head->field_count && code == 0; i++) {
        code = take_field(&reading, &head->fields[i]);
    }
    if (code == 0 && head->version >= 11 && reading.hosts == 0) {
        code = refuse(&reading, 400, "there is no Host");
    }
    return code == 0 ? find_body(&reading) : code;
}
