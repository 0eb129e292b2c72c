/* What the routes about the node and its cluster share: node.c has their table, cluster.c those
 * that show the cluster, stats.c a row a node, metrics_page.c what Prometheus reads. */
#ifndef API_HTTP_NODE_ROUTES_H
#define API_HTTP_NODE_ROUTES_H

#include <jansson.h>

#include "api/http/exchange.h"

#define HTTP_JSON "application/json"

/* Why requests had better go elsewhere; NULL: this node serves them. Pure. */
const char *http_unready(const struct snapshot *snapshot, bool stopping);

/* cluster.c */
void http_status(struct http_exchange *exchange);
void http_ring(struct http_exchange *exchange);
void http_plan(struct http_exchange *exchange);
void http_repair(struct http_exchange *exchange);
/* Answers 200 with it, and frees it; NULL is taken as out of memory. */
void http_answer_json(struct http_exchange *exchange, json_t *json);

/* stats.c */
void http_stats(struct http_exchange *exchange);

/* metrics_page.c */
void http_metrics_page(struct http_exchange *exchange);

#endif
