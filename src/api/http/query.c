/* A request's parameters, and percent-encoding. */
#include <stdio.h>

#include "api/http/desk.h"
#include "base/text.h"
#include "shoal/error.h"

#define NAME_BYTES_MAX 64u
#define NAMES_BYTES_MAX 128u

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct arena *arena, struct bytes encoded, bool plus, struct bytes *out)
{
    uint8_t *decoded = arena_alloc(arena, encoded.len + 1);
    if (decoded == NULL) {
        return SHOAL_ENOMEM;
    }
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        uint8_t c = encoded.data[i];
        if (c == '%') {
            int high = encoded.len - i > 2 ? digit_of(encoded.data[i + 1]) : -1;
            int low = high < 0 ? -1 : digit_of(encoded.data[i + 2]);
            if (low < 0) {
                return SHOAL_EINVAL;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        decoded[len++] = c;
    }
    *out = bytes_make(decoded, len);
    return 0;
}

int http_decode(struct http_exchange *exchange, struct bytes encoded, struct bytes *out)
{
    if (encoded.len == 0 || memchr(encoded.data, '%', encoded.len) == NULL) {
        *out = encoded;
        return 0;
    }
    return decode(exchange->arena, encoded, false, out);
}

/* The next "name=value" of the query, from *rest on; false: no more. */
static bool next_parameter(struct bytes *rest, struct bytes *name, struct bytes *value)
{
    while (rest->len > 0) {
        const uint8_t *end = memchr(rest->data, '&', rest->len);
        size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
        struct bytes one = bytes_make(rest->data, len);
        size_t step = end == NULL ? len : len + 1;
        *rest = bytes_make(rest->data + step, rest->len - step);
        if (len == 0) {
            continue;
        }
        const uint8_t *equals = memchr(one.data, '=', one.len);
        size_t name_len = equals == NULL ? one.len : (size_t)(equals - one.data);
        *name = bytes_make(one.data, name_len);
        *value =
            equals == NULL ? bytes_make("", 0) : bytes_make(equals + 1, one.len - name_len - 1);
        return true;
    }
    return false;
}

int http_parameter(struct http_exchange *exchange, const char *name, struct bytes *out)
{
    struct bytes rest = exchange->query;
    struct bytes found = bytes_make(NULL, 0);
    struct bytes encoded;
    struct bytes value;
    while (next_parameter(&rest, &encoded, &value)) {
        struct bytes decoded;
        int code = decode(exchange->arena, encoded, true, &decoded);
        if (code != 0) {
            return code;
        }
        if (!bytes_equal(decoded, bytes_from_string(name))) {
            continue;
        }
        if (found.data != NULL) {
            return SHOAL_EINVAL;
        }
        code = decode(exchange->arena, value, true, &found);
        if (code != 0) {
            return code;
        }
    }
    *out = found;
    return 0;
}

static bool is_one_of(struct bytes name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (bytes_equal(name, bytes_from_string(*names))) {
            return true;
        }
    }
    return false;
}

static void refuse_unknown(struct http_exchange *exchange, struct bytes name,
                           const char *const *names)
{
    char text[NAME_BYTES_MAX + 1];
    size_t len = name.len < NAME_BYTES_MAX ? name.len : NAME_BYTES_MAX;
    memcpy(text, name.data, len);
    text[len] = 0;
    const char *nearest = text_nearest(text, names);
    char all[NAMES_BYTES_MAX];
    text_list(names, all, sizeof(all));
    if (nearest != NULL) {
        http_fail(exchange, 400, "unknown parameter %s, did you mean %s?", text, nearest);
    } else if (names[0] != NULL) {
        http_fail(exchange, 400, "unknown parameter %s; known here: %s", text, all);
    } else {
        http_fail(exchange, 400, "unknown parameter %s; there are none here", text);
    }
}

int http_parameters_only(struct http_exchange *exchange, const char *const *names)
{
    struct bytes rest = exchange->query;
    struct bytes encoded;
    struct bytes value;
    while (next_parameter(&rest, &encoded, &value)) {
        struct bytes name;
        int code = decode(exchange->arena, encoded, true, &name);
        if (code != 0) {
            http_fail(exchange, code == SHOAL_ENOMEM ? 503 : 400,
                      "the query's percent-encoding is broken");
            return SHOAL_EINVAL;
        }
        if (!is_one_of(name, names)) {
            refuse_unknown(exchange, name, names);
            return SHOAL_EINVAL;
        }
    }
    return 0;
}
