/* A key's value as raw bytes: /kv/{key}. */
#include "api/http/exchange.h"

const struct http_table http_kv_table = {.routes = NULL, .count = 0};
