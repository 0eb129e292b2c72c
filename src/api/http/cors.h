/* Pages of other origins: which may read what is answered (the Fetch standard's CORS protocol), and
 * that those that may not can't write either: a page that a browser shows can send a plain POST
 * anywhere, and would otherwise empty a store that nobody but its user can reach. */
#ifndef API_HTTP_CORS_H
#define API_HTTP_CORS_H

#include "api/http/exchange.h"

struct http_cors {
    const char *origins; /* comma-separated, "*", or "": none; borrowed */
};

/* Is an answer to this request to be readable by the page that asked? False, too, when no page
 * did. */
bool http_cors_allows(const struct http_cors *cors, const struct http_exchange *exchange);
/* Adds the fields that let it. `preflight`: for OPTIONS, which methods the route has. */
void http_cors_add(const struct http_cors *cors, struct http_exchange *exchange);
void http_cors_add_preflight(const struct http_cors *cors, struct http_exchange *exchange,
                             uint32_t methods);
/* A page of another origin that isn't allowed to asks for what changes something. */
bool http_cors_forbids(const struct http_cors *cors, const struct http_exchange *exchange);

#endif
