/* A JSON array of keys that goes out piece by piece. The head waits for the first page: most lists
 * are one page, and what fails by then has a status of its own. Later only a broken connection can
 * tell the client that the array is not whole. */
#include "api/http/keys.h"
#include "api/json_write.h"
#include "shoal/error.h"

#define PIECE_BYTES (64u * LIMIT_KIB)
#define JSON_TYPE "application/json"

void keys_note_place(struct keys_place *place, const struct outcome *outcome)
{
    place->moved = true;
    place->ended = outcome->after.data == NULL || outcome->after.len != LIST_CURSOR_BYTES;
    if (!place->ended) {
        memcpy(place->cursor, outcome->after.data, LIST_CURSOR_BYTES);
    }
}

struct bytes keys_cursor(const struct keys_place *place)
{
    return place->moved ? bytes_make(place->cursor, LIST_CURSOR_BYTES) : bytes_make(NULL, 0);
}

/* Sends what there is, though not before the head may go. */
static void flush(struct http_exchange *exchange, struct keys_body *body)
{
    body->full = !http_write(exchange, buffer_bytes(&body->piece));
    buffer_clear(&body->piece);
}

int keys_body_add(struct http_exchange *exchange, struct keys_body *body, struct bytes key)
{
    int code = buffer_append_u8(&body->piece, body->some ? ',' : '[');
    if (code == 0) {
        code = json_write_item(&body->piece, "key", key);
    }
    body->some = true;
    if (code == 0 && body->begun && body->piece.len >= PIECE_BYTES) {
        flush(exchange, body);
    }
    return code;
}

static int close_array(struct keys_body *body)
{
    int code = body->some ? 0 : buffer_append_u8(&body->piece, '[');
    return code == 0 ? buffer_append_u8(&body->piece, ']') : code;
}

void keys_body_page(struct http_exchange *exchange, struct keys_body *body, bool last)
{
    if (last && close_array(body) != 0) {
        keys_body_fail(exchange, body, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    struct buffer piece = body->piece; /* the body goes with the exchange */
    if (last && !body->begun) {
        http_answer(exchange, 200, JSON_TYPE, buffer_bytes(&piece));
        buffer_deinit(&piece);
        return;
    }
    if (!body->begun) {
        body->begun = true;
        http_begin(exchange, 200, JSON_TYPE);
    }
    flush(exchange, body);
    buffer_deinit(&body->piece);
    if (last) {
        http_end(exchange);
    }
}

void keys_body_fail(struct http_exchange *exchange, struct keys_body *body, int code,
                    struct bytes text)
{
    buffer_deinit(&body->piece);
    if (body->begun) {
        http_break(exchange);
    } else {
        http_fail_code(exchange, code, text);
    }
}
