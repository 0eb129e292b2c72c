/* Status and ring as JSON; see cluster_json.h. */
#include "cli/cluster_json.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *json_of_id(uint64_t id)
{
    char text[17];
    (void)snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

static json_t *json_of_node(const struct shoal_node *node)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "name",
                     node->name, "state", node->state, "zone", node->zone, "host", node->host,
                     "client_port", (int)node->client_port, "peer_port", (int)node->peer_port,
                     "redis_port", (int)node->redis_port, "http_port", (int)node->http_port,
                     "partitions", (json_int_t)node->partitions, "keys", (json_int_t)node->keys,
                     "bytes", (json_int_t)node->bytes, "hints", (json_int_t)node->hints,
                     "pending_sync", (json_int_t)node->pending_sync, "weight",
                     (json_int_t)node->weight, "storage", node->storage, "id",
                     json_of_id(node->id));
}

json_t *json_of_status(const struct shoal_status *status)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < status->node_count; i++) {
        (void)json_array_append_new(nodes, json_of_node(&status->nodes[i]));
    }
    json_t *layout = json_pack(
        "{s:I,s:s,s:i,s:i,s:i,s:i,s:i}", "version", (json_int_t)status->layout_version, "hash",
        status->layout_hash, "live", (int)status->live_layouts, "partitions",
        (int)status->partitions, "n", (int)status->n, "r", (int)status->r, "w", (int)status->w);
    const char *self = "";
    for (size_t i = 0; i < status->node_count; i++) {
        if (status->nodes[i].id == status->node) {
            self = status->nodes[i].name;
        }
    }
    return json_pack("{s:o,s:o,s:{s:s,s:o},s:s}", "nodes", nodes, "layout", layout, "cluster",
                     "name", status->cluster_name, "id", json_of_id(status->cluster), "node", self);
}

json_t *json_of_owners(const struct shoal_ring *ring, uint32_t partition)
{
    json_t *owners = json_array();
    const uint16_t *row = ring->owners + (size_t)partition * ring->replicas;
    for (uint32_t i = 0; i < ring->replicas; i++) {
        (void)json_array_append_new(owners, json_string(ring->nodes[row[i]].name));
    }
    return owners;
}

json_t *json_of_ring(const struct shoal_ring *ring)
{
    json_t *partitions = json_array();
    for (uint32_t i = 0; i < ring->partitions; i++) {
        (void)json_array_append_new(partitions, json_of_owners(ring, i));
    }
    return json_pack("{s:i,s:i,s:{s:I,s:s},s:o}", "partitions", (int)ring->partitions, "replicas",
                     (int)ring->replicas, "layout", "version", (json_int_t)ring->layout_version,
                     "hash", ring->layout_hash, "owners", partitions);
}
