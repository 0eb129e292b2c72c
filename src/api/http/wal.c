/* The live feed over WebSocket: /wal. */
#include "api/http/exchange.h"

const struct http_table http_wal_table = {.routes = NULL, .count = 0};
