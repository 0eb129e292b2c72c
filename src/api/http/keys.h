/* The parts of /keys: listing (keys.c) and removing what is listed (keys_remove.c). Both walk page
 * by page, in memory that doesn't grow with the number of keys. */
#ifndef API_HTTP_KEYS_H
#define API_HTTP_KEYS_H

#include "api/http/key_request.h"
#include "coordinate/list_cursor.h"

/* Where a walk goes on. */
struct keys_place {
    bool ended;
    bool moved; /* not at the beginning any more: `cursor` counts */
    uint8_t cursor[LIST_CURSOR_BYTES];
};

/* Takes note of a page's end. */
void keys_note_place(struct keys_place *place, const struct outcome *outcome);
struct bytes keys_cursor(const struct keys_place *place);

/* A JSON array that goes out piece by piece. */
struct keys_body {
    struct buffer piece; /* for the time of a page */
    bool begun;          /* the answer's head has gone out */
    bool some;           /* a key has been written */
    bool full;           /* wait for `drained` before the next page */
};

/* 0 or SHOAL_ENOMEM. */
int keys_body_add(struct http_exchange *exchange, struct keys_body *body, struct bytes key);
/* A page is over: what is there goes out, and if it was the last one the exchange is gone. */
void keys_body_page(struct http_exchange *exchange, struct keys_body *body, bool last);
/* It can't be ended: told by a status while that is possible. The exchange is gone. */
void keys_body_fail(struct http_exchange *exchange, struct keys_body *body, int code,
                    struct bytes text);

/* The prefix behind "/keys/". 0, or negative after having answered. */
int keys_take_prefix(struct http_exchange *exchange, bool rest, struct bytes *prefix);

/* DELETE. `rest`: the path has a prefix. */
void keys_remove(struct http_exchange *exchange, bool rest);

#endif
