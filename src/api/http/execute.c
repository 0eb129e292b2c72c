/* Transactions of a standalone node: /v1/execute. */
#include "api/http/exchange.h"

const struct http_table http_execute_table = {.routes = NULL, .count = 0};
