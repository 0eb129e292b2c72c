/* A request's fields as routes ask for them: by name, as conditions on what is there, as what the
 * client can decode. */
#include "api/http/desk.h"
#include "base/mutant.h"

struct bytes http_header(const struct http_exchange *exchange, const char *name)
{
    size_t len = strlen(name);
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        const struct http_field *field = &exchange->fields[i];
        if (field->name.len == len && http_text_is(field->name, name)) {
            return field->value.data == NULL ? bytes_make("", 0) : field->value;
        }
    }
    return bytes_make(NULL, 0);
}

uint32_t http_header_count(const struct http_exchange *exchange, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        count += http_text_is(exchange->fields[i].name, name) ? 1 : 0;
    }
    return count;
}

/* ---- conditions (RFC 9110, section 13) ------------------------------------------------------- */

static struct bytes without_weakness(struct bytes tag)
{
    return tag.len >= 2 && memcmp(tag.data, "W/", 2) == 0 ? bytes_make(tag.data + 2, tag.len - 2)
                                                          : tag;
}

/* Is the tag in the list? Commas may stand within tags. `strong`: weak tags equal none. */
static bool list_has(struct bytes list, struct bytes tag, bool strong)
{
    size_t at = 0;
    while (at < list.len) {
        size_t start = at;
        bool weak = list.len - at >= 2 && memcmp(list.data + at, "W/", 2) == 0;
        at += weak ? 2 : 0;
        if (at < list.len && list.data[at] == '"') {
            const uint8_t *end = memchr(list.data + at + 1, '"', list.len - at - 1);
            if (end == NULL) {
                return false;
            }
            size_t len = (size_t)(end - list.data) + 1 - start;
            struct bytes one = bytes_make(list.data + start, len);
            if (strong ? !weak && bytes_equal(one, tag)
                       : bytes_equal(without_weakness(one), without_weakness(tag))) {
                return true;
            }
            at = start + len;
        } else {
            at++;
        }
    }
    return false;
}

/* Over all fields of that name. */
static bool any_has(const struct http_exchange *exchange, const char *name, struct bytes tag,
                    bool strong)
{
    for (uint32_t i = 0; i < exchange->field_count && tag.data != NULL; i++) {
        const struct http_field *field = &exchange->fields[i];
        if (http_text_is(field->name, name) && (bytes_equal(field->value, bytes_from_string("*")) ||
                                                list_has(field->value, tag, strong))) {
            return true;
        }
    }
    return false;
}

bool http_has(const struct http_exchange *exchange, struct bytes tag)
{
    return any_has(exchange, "if-none-match", tag, false);
}

bool http_wants_other(const struct http_exchange *exchange, struct bytes tag)
{
    return http_header(exchange, "if-match").data != NULL &&
           !any_has(exchange, "if-match", tag, true);
}

bool http_forbids(const struct http_exchange *exchange, struct bytes tag)
{
    return (http_wants_other(exchange, tag) && !MUTANT(if_match_ignored)) ||
           http_has(exchange, tag);
}

/* ---- codings --------------------------------------------------------------------------------- */

/* "0.5" in thousandths; what is no quality is none. */
static uint32_t quality_of(struct bytes text)
{
    uint32_t value = 0;
    uint32_t scale = 1000;
    for (size_t i = 0; i < text.len && i < 5; i++) {
        uint8_t c = text.data[i];
        if (i == 1 && c == '.') {
            continue;
        }
        if (c < '0' || c > '9' || (i == 0 && c > '1')) {
            return 0;
        }
        value += (uint32_t)(c - '0') * scale;
        scale /= 10;
    }
    return value > 1000 ? 1000 : value;
}

/* Splits "gzip;q=0.5". */
static struct bytes split_quality(struct bytes member, uint32_t *quality)
{
    size_t end = 0;
    while (end < member.len && member.data[end] != ';' && member.data[end] != ' ' &&
           member.data[end] != '\t') {
        end++;
    }
    *quality = 1000;
    for (size_t i = end; i + 2 < member.len; i++) {
        if ((member.data[i] | 0x20) == 'q' && member.data[i + 1] == '=') {
            *quality = quality_of(bytes_make(member.data + i + 2, member.len - i - 2));
            break;
        }
    }
    return bytes_make(member.data, end);
}

struct qualities {
    uint32_t gzip, any, identity; /* in thousandths; UINT32_MAX: not named */
};

static void read_codings(struct bytes list, struct qualities *found)
{
    struct bytes member;
    while (http_list_next(&list, &member)) {
        uint32_t quality;
        struct bytes name = split_quality(member, &quality);
        if (http_text_is(name, "gzip") || http_text_is(name, "x-gzip")) {
            found->gzip = quality;
        } else if (http_text_is(name, "identity")) {
            found->identity = quality;
        } else if (http_text_is(name, "*")) {
            found->any = quality;
        }
    }
}

bool http_accepts_gzip(const struct http_exchange *exchange)
{
    struct qualities found = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        const struct http_field *field = &exchange->fields[i];
        if (http_text_is(field->name, "accept-encoding")) {
            read_codings(field->value, &found);
        }
    }
    uint32_t gzip = found.gzip != UINT32_MAX ? found.gzip : found.any;
    bool plain_is_better = found.identity != UINT32_MAX && found.identity > gzip;
    return gzip != UINT32_MAX && gzip > 0 && !plain_is_better;
}
