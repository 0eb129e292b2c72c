/* The node as monitors and tools ask for it: /health, /stats, /metrics and their kin. */
#include "api/http/exchange.h"

const struct http_table http_node_table = {.routes = NULL, .count = 0};
