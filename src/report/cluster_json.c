/* Status and ring as JSON; see cluster_json.h. */
#include "report/cluster_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "report/bytes_json.h"
#include "report/situation.h"

json_t *json_of_id(uint64_t id)
{
    char text[17];
    (void)snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

json_t *json_of_node(const struct shoal_node *node)
{
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "name",
                  node->name, "state", node->state, "zone", node->zone, "host", node->host,
                  "client_port", (int)node->client_port, "peer_port", (int)node->peer_port,
                  "redis_port", (int)node->redis_port, "http_port", (int)node->http_port,
                  "partitions", (json_int_t)node->partitions, "keys", (json_int_t)node->keys,
                  "bytes", (json_int_t)node->bytes, "hints", (json_int_t)node->hints,
                  "pending_sync", (json_int_t)node->pending_sync, "weight",
                  (json_int_t)node->weight, "storage", node->storage, "id", json_of_id(node->id));
    json_t *change = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:b,s:b}", "releasing", (json_int_t)node->releasing,
        "sync_rate", (json_int_t)node->sync_rate, "memory", (json_int_t)node->memory, "ops",
        (json_int_t)node->ops, "ops_rate", (json_int_t)node->ops_rate, "seen", node->seen, "synced",
        node->synced, "all_synced", node->all_synced, "staged", node->staged);
    if (object != NULL && change != NULL) {
        (void)json_object_update(object, change);
        (void)json_object_set_new(
            object, "change", node->change[0] != '\0' ? json_string(node->change) : json_null());
    }
    json_decref(change);
    return object;
}

static json_t *json_of_waits(const struct situation *situation)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < situation->wait_count && i < SITUATION_WAITS_MAX; i++) {
        const struct wait *wait = &situation->waits[i];
        char text[SITUATION_TEXT_BYTES];
        wait_text(wait, text);
        (void)json_array_append_new(list,
                                    json_pack("{s:s,s:s,s:s}", "node", wait->node->name, "for",
                                              wait_kind_text(wait->kind), "text", text));
    }
    return list;
}

/* How a change goes: the part of "layout" that situation.h works out. */
static json_t *json_of_progress(const struct shoal_status *status)
{
    struct situation situation;
    situation_read(status, NULL, &situation);
    uint64_t seconds;
    bool is_known = situation_seconds_left(&situation, &seconds);
    return json_pack(
        "{s:I,s:b,s:I,s:I,s:I,s:I,s:o,s:i,s:i,s:o}", "oldest", (json_int_t)status->oldest_version,
        "settled", situation.settled, "copies", (json_int_t)situation.copies, "to_sync",
        (json_int_t)situation.to_sync, "to_release", (json_int_t)situation.to_release, "rate",
        (json_int_t)situation.rate, "seconds_left",
        is_known ? json_integer((json_int_t)seconds) : json_null(), "staged", (int)status->staged,
        "may_lose", (int)status->may_lose, "waiting_for", json_of_waits(&situation));
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
    json_t *progress = json_of_progress(status);
    if (layout != NULL && progress != NULL) {
        (void)json_object_update(layout, progress);
    }
    json_decref(progress);
    const char *self = "";
    for (size_t i = 0; i < status->node_count; i++) {
        if (status->nodes[i].id == status->node) {
            self = status->nodes[i].name;
        }
    }
    return json_pack("{s:o,s:o,s:{s:s,s:o},s:s}", "nodes", nodes, "layout", layout, "cluster",
                     "name", status->cluster_name, "id", json_of_id(status->cluster), "node", self);
}

static json_t *json_of_owners(const struct shoal_ring *ring, uint32_t partition)
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

json_t *json_of_place(const struct shoal_ring *ring, struct shoal_bytes key, uint32_t partition)
{
    json_t *object = json_object();
    if (!json_set_bytes(object, "key", key) ||
        json_object_set_new(object, "partition", json_integer(partition)) != 0 ||
        json_object_set_new(object, "owners", json_of_owners(ring, partition)) != 0) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

json_t *json_of_repair(const struct shoal_repair *repair)
{
    json_t *object = json_pack("{s:s,s:i,s:i}", "message", "Ok", "told", (int)repair->told, "nodes",
                               (int)repair->nodes);
    if (object != NULL && repair->text[0] != '\0') {
        (void)json_object_set_new(object, "text", json_string(repair->text));
    }
    return object;
}
