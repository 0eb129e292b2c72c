/* Lists of keys, and deletes by prefix: /keys. */
#include "api/http/exchange.h"

const struct http_table http_keys_table = {.routes = NULL, .count = 0};
