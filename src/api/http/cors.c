/* See cors.h. */
#include "api/http/cors.h"

#include <stdio.h>

#include "api/http/desk.h"

#define EXPOSED                                                                                    \
    "ETag, Last-Modified, Retry-After, X-Request-Id, X-Shoal-After, X-Shoal-Context, "             \
    "X-Shoal-Expires, X-Shoal-Siblings"
#define MAX_AGE_S 600

static bool is_any(const struct http_cors *cors)
{
    return strcmp(cors->origins, "*") == 0;
}

bool http_cors_allows(const struct http_cors *cors, const struct http_exchange *exchange)
{
    struct bytes origin = http_header(exchange, "origin");
    if (origin.data == NULL || cors->origins[0] == 0) {
        return false;
    }
    if (is_any(cors)) {
        return true;
    }
    struct bytes rest = bytes_from_string(cors->origins);
    struct bytes one;
    while (http_list_next(&rest, &one)) {
        if (bytes_equal(one, origin)) {
            return true;
        }
    }
    return false;
}

void http_cors_add(const struct http_cors *cors, struct http_exchange *exchange)
{
    if (cors->origins[0] == 0) {
        return;
    }
    if (!is_any(cors)) {
        http_add(exchange, "Vary", "Origin");
    }
    if (http_cors_allows(cors, exchange)) {
        struct bytes origin = http_header(exchange, "origin");
        http_add(exchange, "Access-Control-Allow-Origin", "%.*s",
                 is_any(cors) ? 1 : (int)origin.len,
                 is_any(cors) ? "*" : (const char *)origin.data);
        http_add(exchange, "Access-Control-Expose-Headers", EXPOSED);
    }
}

void http_cors_add_preflight(const struct http_cors *cors, struct http_exchange *exchange,
                             uint32_t methods)
{
    struct bytes asked = http_header(exchange, "access-control-request-method");
    if (asked.data == NULL || !http_cors_allows(cors, exchange)) {
        return;
    }
    char allow[HTTP_ALLOW_BYTES];
    http_allow_text(methods, allow);
    http_add(exchange, "Access-Control-Allow-Methods", "%s", allow);
    struct bytes headers = http_header(exchange, "access-control-request-headers");
    if (headers.data != NULL) {
        http_add(exchange, "Access-Control-Allow-Headers", "%.*s", (int)headers.len,
                 (const char *)headers.data);
    }
    http_add(exchange, "Access-Control-Max-Age", "%d", MAX_AGE_S);
}

static bool is_same_host(struct bytes one, struct bytes other)
{
    bool same = one.len == other.len;
    for (size_t i = 0; i < one.len && same; i++) {
        uint8_t a = one.data[i];
        uint8_t b = other.data[i];
        bool letter = (a | 0x20) >= 'a' && (a | 0x20) <= 'z';
        same = letter ? (a | 0x20) == (b | 0x20) : a == b;
    }
    return same;
}

/* "https://host:port" of the page, "host:port" of the request. */
static bool is_same_origin(struct bytes origin, struct bytes host)
{
    for (size_t i = 0; i + 3 <= origin.len; i++) {
        if (memcmp(origin.data + i, "://", 3) == 0) {
            struct bytes rest = bytes_make(origin.data + i + 3, origin.len - i - 3);
            return is_same_host(rest, host);
        }
    }
    return false;
}

bool http_cors_forbids(const struct http_cors *cors, const struct http_exchange *exchange)
{
    bool upgrades = http_header(exchange, "upgrade").data != NULL;
    bool safe = (exchange->method & (HTTP_GET | HTTP_HEAD | HTTP_OPTIONS)) != 0 && !upgrades;
    struct bytes origin = http_header(exchange, "origin");
    return !safe && origin.data != NULL && !http_cors_allows(cors, exchange) &&
           !is_same_origin(origin, http_header(exchange, "host"));
}
