/* All tables of routes as one: which route a path belongs to, and which methods it knows. Pure. */
#ifndef API_HTTP_ROUTES_H
#define API_HTTP_ROUTES_H

#include "api/http/exchange.h"

/* The longest pattern that fits the path wins; of routes with one pattern, the one with the method.
 * NULL: none has the path (*methods is 0), or none of them the method (*methods are those that they
 * have). `rest` is what the '*' stands for. HEAD goes where GET goes. */
const struct http_route *http_route_find(struct bytes path, uint32_t method, struct bytes *rest,
                                         uint32_t *methods);

#endif
