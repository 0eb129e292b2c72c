/* The admin page and what it needs. */
#include "api/http/exchange.h"

const struct http_table http_page_table = {.routes = NULL, .count = 0};
