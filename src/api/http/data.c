/* Values as JSON: /data. */
#include "api/http/exchange.h"

const struct http_table http_data_table = {.routes = NULL, .count = 0};
