/* See websocket_handshake.h. */
#include "api/http/websocket_handshake.h"

#include <stdio.h>
#include <strings.h>

#include "api/http/desk.h"
#include "base/sha1.h"
#include "base/text.h"
#include "shoal/error.h"

#define KEY_BYTES 16u

static bool same_letters(struct bytes a, struct bytes b)
{
    return a.len == b.len &&
           (a.len == 0 || strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0);
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

/* Is the token in a comma-separated list? */
static bool lists(struct bytes list, const char *token)
{
    size_t start = 0;
    for (size_t i = 0; i <= list.len; i++) {
        if (i == list.len || list.data[i] == ',') {
            if (same_letters(trim(bytes_make(list.data + start, i - start)),
                             bytes_from_string(token))) {
                return true;
            }
            start = i + 1;
        }
    }
    return false;
}

/* A field that may come several times, each a list. */
static bool field_lists(const struct http_exchange *exchange, const char *name, const char *token)
{
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        const struct http_field *field = &exchange->fields[i];
        if (same_letters(field->name, bytes_from_string(name)) && lists(field->value, token)) {
            return true;
        }
    }
    return false;
}

static uint32_t field_occurrences(const struct http_exchange *exchange, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < exchange->field_count; i++) {
        count += same_letters(exchange->fields[i].name, bytes_from_string(name)) ? 1 : 0;
    }
    return count;
}

/* ---- origins --------------------------------------------------------------------------------- */

/* Without the port, if that is what the scheme stands for anyway. */
static struct bytes without_port(struct bytes host, const char *port)
{
    size_t len = strlen(port);
    if (host.len > len && memcmp(host.data + host.len - len, port, len) == 0) {
        host.len -= len;
    }
    return host;
}

bool websocket_same_origin(struct bytes origin, struct bytes host)
{
    static const struct {
        const char *scheme;
        const char *port;
    } schemes[] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].scheme);
        if (origin.len > len &&
            same_letters(bytes_make(origin.data, len), bytes_from_string(schemes[i].scheme))) {
            struct bytes rest = bytes_make(origin.data + len, origin.len - len);
            return same_letters(without_port(rest, schemes[i].port),
                                without_port(host, schemes[i].port));
        }
    }
    return false;
}

static bool is_let_in(const struct http_exchange *exchange)
{
    struct bytes origin = http_header(exchange, "Origin");
    return origin.data == NULL || /* no browser's page */
           websocket_same_origin(origin, http_header(exchange, "Host")) ||
           http_cors_allows(&exchange->http->cors, exchange);
}

/* ---- the handshake --------------------------------------------------------------------------- */

static bool is_key(struct bytes key)
{
    struct buffer nonce;
    buffer_init(&nonce, KEY_BYTES);
    bool is = text_base64_decode(key, &nonce) == 0 && nonce.len == KEY_BYTES;
    buffer_deinit(&nonce);
    return is;
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

bool websocket_shake(struct http_exchange *exchange)
{
    struct bytes version = http_header(exchange, "Sec-WebSocket-Version");
    if (exchange->method != HTTP_GET || !field_lists(exchange, "Upgrade", "websocket")) {
        return refuse_plain(exchange, "this is a WebSocket: connect with a WebSocket client "
                                      "(ws://HOST:PORT/wal, see docs/feed.md)");
    }
    if (!field_lists(exchange, "Connection", "upgrade")) {
        return refuse(exchange, 400, "a WebSocket handshake has Connection: Upgrade");
    }
    if (version.data == NULL) {
        return refuse(exchange, 400, "a WebSocket handshake has Sec-WebSocket-Version: 13");
    }
    if (!bytes_equal(version, bytes_from_string("13")) ||
        field_occurrences(exchange, "Sec-WebSocket-Version") != 1) {
        return refuse_plain(exchange, "of WebSocket only version 13 is spoken here (RFC 6455)");
    }
    if (field_occurrences(exchange, "Sec-WebSocket-Key") != 1 ||
        !is_key(http_header(exchange, "Sec-WebSocket-Key"))) {
        return refuse(exchange, 400,
                      "a WebSocket handshake has one Sec-WebSocket-Key: 16 bytes in base64");
    }
    if (!is_let_in(exchange)) {
        return refuse(exchange, 403,
                      "pages of this origin may not read the feed: list it in http.cors");
    }
    return true;
}
