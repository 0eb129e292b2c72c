/* /stats: a row a node, by name, from what the nodes tell each other, so that every node answers
 * the same. A node that is in no cluster yet shows itself. */
#include <stdlib.h>
#include <string.h>

#include "api/http/node_routes.h"
#include "api/native_nodes.h"
#include "base/text.h"
#include "node/worker.h"
#include "report/cluster_json.h"
#include "ring/public.h"
#include "shoal/error.h"

static json_t *json_of_row(const struct shoal_node *node)
{
    char address[TEXT_ADDRESS_BYTES] = "";
    text_address(node->host, node->client_port, address);
    json_t *row = json_of_node(node);
    if (row != NULL && json_object_set_new(row, "address", json_string(address)) != 0) {
        json_decref(row);
        row = NULL;
    }
    return row;
}

static int by_name(const void *a, const void *b)
{
    const struct shoal_node *first = a;
    const struct shoal_node *second = b;
    int order = strcmp(first->name, second->name);
    return order != 0 ? order : (first->id > second->id) - (first->id < second->id);
}

/* NULL: no memory. */
static json_t *json_of_rows(const struct shoal_node *nodes, size_t count)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(rows, json_of_row(&nodes[i]));
    }
    if (json_array_size(rows) < count) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

static struct shoal_node describe_lone(const struct worker *worker)
{
    const struct node_config *config = worker_config(worker);
    return (struct shoal_node){
        .id = worker_node_id(worker),
        .name = config->name,
        .zone = config->zone,
        .host = config->advertise_host,
        .client_port = config->client_port,
        .peer_port = config->peer_port,
        .redis_port = config->redis_port,
        .http_port = config->http_port,
        .state = node_state_text(NODE_JOINING),
        .weight = config->weight,
        .storage = node_storage_text(NODE_STORAGE_OK),
        .change = "",
    };
}

void http_stats(struct http_exchange *exchange)
{
    static const char *const names[] = {NULL};
    if (http_parameters_only(exchange, names) != 0) {
        return;
    }
    const struct snapshot *snapshot = worker_snapshot(exchange->worker);
    if (snapshot == NULL) {
        struct shoal_node lone = describe_lone(exchange->worker);
        http_answer_json(exchange, json_of_rows(&lone, 1));
        return;
    }
    struct message_status_reply reply;
    struct shoal_status status;
    int code = native_describe_status(exchange->arena, snapshot, &reply);
    if (code == 0) {
        code = public_status(exchange->arena, &reply, &status);
    }
    struct shoal_node *sorted =
        code != 0 ? NULL : arena_alloc_array(exchange->arena, status.node_count, sizeof(*sorted));
    if (sorted == NULL) {
        http_answer_json(exchange, NULL);
        return;
    }
    memcpy(sorted, status.nodes, status.node_count * sizeof(*sorted));
    qsort(sorted, status.node_count, sizeof(*sorted), by_name);
    http_answer_json(exchange, json_of_rows(sorted, status.node_count));
}
