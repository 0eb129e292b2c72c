/* All tables of routes as one. They hold a few dozen patterns, most of which differ in their first
 * letters: looking at each costs less than a tree would. */
#include "api/http/routes.h"

static const struct http_table *const tables[] = {
    &http_kv_table,   &http_keys_table, &http_data_table, &http_execute_table,
    &http_node_table, &http_wal_table,  &http_page_table,
};

/* How much of the path the pattern fixes, plus one; 0: it doesn't fit. An exact pattern beats one
 * with a '*' that fixes as much. */
static size_t pattern_fits(const char *pattern, struct bytes path, struct bytes *rest)
{
    size_t i = 0;
    while (i < path.len && pattern[i] == (char)path.data[i] && pattern[i] != '*') {
        i++;
    }
    if (pattern[i] == '*' && pattern[i + 1] == 0) {
        *rest = bytes_make(path.data + i, path.len - i);
        return 2 * i + 1;
    }
    if (pattern[i] != 0 || i < path.len) {
        return 0;
    }
    *rest = bytes_make(path.data + i, 0);
    return 2 * i + 2;
}

const struct http_route *http_route_find(struct bytes path, uint32_t method, struct bytes *rest,
                                         uint32_t *methods)
{
    uint32_t wanted = method == HTTP_HEAD ? HTTP_GET : method;
    const struct http_route *found = NULL;
    size_t best = 0;
    *methods = 0;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (uint32_t i = 0; i < tables[t]->count; i++) {
            const struct http_route *route = &tables[t]->routes[i];
            struct bytes tail;
            size_t fits = pattern_fits(route->pattern, path, &tail);
            if (fits == 0 || fits < best) {
                continue;
            }
            if (fits > best) {
                best = fits;
                found = NULL;
                *methods = 0;
            }
            *methods |= route->methods;
            if ((route->methods & wanted) != 0) {
                found = route;
                *rest = tail;
            }
        }
    }
    return found;
}
