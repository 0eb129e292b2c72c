/* See websocket_handshake.h. */
#include "api/http/websocket_handshake.h"

#include <stdio.h>

#include "api/http/desk.h"
#include "base/sha1.h"
#include "base/text.h"
#include "shoal/error.h"

#define KEY_DIGITS 22u

/* A field that may come several times, each a list. */
static bool field_lists(const struct http_exchange *exchange, const char *name, const char *token)
{
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        struct bytes rest = exchange->fields[i].value;
        struct bytes member;
        while (http_text_is(exchange->fields[i].name, name) && http_list_next(&rest, &member)) {
            if (http_text_is(member, token)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* 16 bytes in base64. Bits left over in the last digit are not looked at: RFC 6455's own example of
 * a key (in 4.1) has some. */
static bool is_key(struct bytes key)
{
    size_t digits = 0;
    while (digits < key.len && is_base64(key.data[digits])) {
        digits++;
    }
    return digits == KEY_DIGITS && key.len == KEY_DIGITS + 2 && key.data[digits] == '=' &&
           key.data[digits + 1] == '=';
}

int websocket_prove(struct bytes key, char out[WEBSOCKET_PROOF_BYTES])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[64 + sizeof(magic)];
    uint8_t hash[SHA1_BYTES];
    int len = snprintf(text, sizeof(text), "%.*s%s", (int)(key.len < 64 ? key.len : 64),
                       (const char *)key.data, magic);
    sha1(bytes_make(text, (size_t)len), hash);
    struct buffer proof;
    buffer_init(&proof, 0);
    int code = text_base64_encode(bytes_make(hash, sizeof(hash)), &proof);
    if (code == 0) {
        memcpy(out, proof.data, proof.len);
        out[proof.len] = 0;
    }
    buffer_deinit(&proof);
    return code;
}

static bool refuse_plain(struct http_exchange *exchange, const char *text)
{
    http_add(exchange, "Upgrade", "websocket");
    http_add(exchange, "Connection", "Upgrade");
    http_add(exchange, "Sec-WebSocket-Version", "13");
    http_fail(exchange, 426, "%s", text);
    return false;
}

static bool refuse(struct http_exchange *exchange, uint32_t status, const char *text)
{
    http_fail(exchange, status, "%s", text);
    return false;
}

/* HTTP/1.0 has no upgrades (RFC 9110, 7.8). */
static bool can_upgrade(struct http_exchange *exchange)
{
    return exchange->method == HTTP_GET &&
           QUEUE_ITEM(exchange, struct http_call, exchange)->head.version >= 11;
}

bool websocket_shake(struct http_exchange *exchange)
{
    struct bytes version = http_header(exchange, "sec-websocket-version");
    if (!can_upgrade(exchange) || !field_lists(exchange, "upgrade", "websocket")) {
        return refuse_plain(exchange, "this is a WebSocket: connect with a WebSocket client "
                                      "(ws://HOST:PORT/wal, see docs/feed.md)");
    }
    if (!field_lists(exchange, "connection", "upgrade")) {
        return refuse(exchange, 400, "a WebSocket handshake has Connection: Upgrade");
    }
    if (version.data == NULL) {
        return refuse(exchange, 400, "a WebSocket handshake has Sec-WebSocket-Version: 13");
    }
    if (!bytes_equal(version, bytes_from_string("13")) ||
        http_header_count(exchange, "sec-websocket-version") != 1) {
        return refuse_plain(exchange, "of WebSocket only version 13 is spoken here (RFC 6455)");
    }
    if (http_header_count(exchange, "sec-websocket-key") != 1 ||
        !is_key(http_header(exchange, "sec-websocket-key"))) {
        return refuse(exchange, 400,
                      "a WebSocket handshake has one Sec-WebSocket-Key: 16 bytes in base64");
    }
    return true;
}
