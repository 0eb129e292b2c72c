/* The node as monitors ask for it: does the process live, is it ready for requests, does it answer.
 * The other routes about the node and its cluster stand in the table, too; node_routes.h says where
 * they are. */
#include "api/http/node_routes.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/native_nodes.h"
#include "shoal/error.h"

/* That an answer comes at all is what is asked for. */
static void answer_health(struct http_exchange *exchange)
{
    http_add(exchange, "Cache-Control", "no-store");
    http_answer(exchange, 200, HTTP_JSON, bytes_from_string("{\"status\":\"ok\"}\n"));
}

static void answer_ping(struct http_exchange *exchange)
{
    http_add(exchange, "Cache-Control", "no-store");
    http_answer(exchange, 200, "text/plain; charset=utf-8", bytes_from_string("pong"));
}

const char *http_unready(const struct snapshot *snapshot, bool stopping)
{
    if (stopping) {
        return "this node is stopping";
    }
    int code;
    const char *mute = native_mute(snapshot, &code);
    if (mute != NULL) {
        return mute;
    }
    if (snapshot->closed) {
        return "this node is joining a cluster and takes no writes until it has";
    }
    const struct snapshot_node *self = snapshot_find(snapshot, snapshot->self);
    if (self == NULL) {
        return "this node does not know itself yet";
    }
    switch (self->record.storage) {
    case NODE_STORAGE_OK:
        break;
    case NODE_STORAGE_FULL:
        return "this node's disk is full: it refuses writes until there is room";
    default:
        return "this node's storage has failed: it confirms no writes until a restart";
    }
    switch (self->record.state) {
    case NODE_UP:
    case NODE_REFILLING: /* the quorum of the others answers for what it lacks */
        return NULL;
    case NODE_JOINING:
        return "this node is joining: its share of the data is on its way";
    default:
        return "this node is leaving its cluster";
    }
}

static void answer_ready(struct http_exchange *exchange)
{
    const struct snapshot *snapshot = worker_snapshot(exchange->worker);
    const char *why = http_unready(snapshot, worker_stopping(exchange->worker));
    http_add(exchange, "Cache-Control", "no-store");
    if (why != NULL) {
        http_fail(exchange, 503, "%s", why);
        return;
    }
    const struct snapshot_node *self = snapshot_find(snapshot, snapshot->self);
    char text[128];
    int len = snprintf(text, sizeof(text), "{\"status\":\"ready\",\"state\":\"%s\"}\n",
                       node_state_text(self->record.state));
    http_answer(exchange, 200, HTTP_JSON, bytes_make(text, (size_t)len));
}

static const struct http_route routes[] = {
    {.methods = HTTP_GET, .pattern = "/health", .handle = answer_health},
    {.methods = HTTP_GET, .pattern = "/ready", .handle = answer_ready},
    {.methods = HTTP_GET, .pattern = "/ping", .handle = answer_ping},
    {.methods = HTTP_GET, .pattern = "/stats", .handle = http_stats},
    {.methods = HTTP_GET, .pattern = "/metrics", .handle = http_metrics_page},
    {.methods = HTTP_GET, .pattern = "/v1/status", .handle = http_status},
    {.methods = HTTP_GET, .pattern = "/v1/ring", .handle = http_ring},
    {.counted = SERVED_ADMIN, .methods = HTTP_GET, .pattern = "/v1/plan", .handle = http_plan},
    {.counted = SERVED_ADMIN, .methods = HTTP_POST, .pattern = "/v1/repair", .handle = http_repair},
};

const struct http_table http_node_table = {
    .routes = routes,
    .count = sizeof(routes) / sizeof(routes[0]),
};
