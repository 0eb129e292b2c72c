/* Answers as the public structs; see public.h. */
#include "ring/public.h"

#include <string.h>

#include "base/text.h"
#include "ring/view.h"
#include "shoal/error.h"

const char *public_text(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (copy != NULL) {
        if (text.len > 0) {
            memcpy(copy, text.data, text.len);
        }
        copy[text.len] = '\0';
    }
    return copy;
}

static uint16_t show_port(uint32_t port)
{
    return port > UINT16_MAX ? 0 : (uint16_t)port;
}

static struct shoal_node *show_nodes(struct arena *arena, const struct status_node *nodes,
                                     uint32_t count)
{
    struct shoal_node *shown = arena_alloc_array(arena, count + 1u, sizeof(*shown));
    for (uint32_t i = 0; i < count && shown != NULL; i++) {
        const struct status_node *node = &nodes[i];
        shown[i] = (struct shoal_node){
            .id = node->id,
            .name = public_text(arena, node->name),
            .zone = public_text(arena, node->zone),
            .host = public_text(arena, node->host),
            .client_port = show_port(node->client_port),
            .peer_port = show_port(node->peer_port),
            .redis_port = show_port(node->redis_port),
            .http_port = show_port(node->http_port),
            .state = node_state_text(node->state),
            .partitions = node->partitions,
            .keys = node->keys,
            .bytes = node->bytes,
            .hints = node->hints,
            .pending_sync = node->pending_sync,
            .weight = node->weight,
            .storage = node_storage_text(node->storage),
            .releasing = node->releasing,
            .sync_rate = node->sync_rate,
            .seen = (node->marks & MARK_SEEN) != 0,
            .synced = (node->marks & MARK_SYNCED) != 0,
            .all_synced = (node->marks & MARK_ALL_SYNCED) != 0,
            .change = node->change == CHANGE_STAYS ? "" : change_kind_text(node->change),
            .staged = node->staged,
            .memory = node->memory,
            .ops = node->ops,
            .ops_rate = node->ops_rate,
        };
        if (shown[i].name == NULL || shown[i].zone == NULL || shown[i].host == NULL) {
            return NULL;
        }
    }
    return shown;
}

int public_status(struct arena *arena, const struct message_status_reply *status,
                  struct shoal_status *out)
{
    struct shoal_status shown = {
        .node = status->node,
        .cluster = status->cluster,
        .cluster_name = public_text(arena, status->cluster_name),
        .layout_version = status->layout_version,
        .live_layouts = status->live_layouts,
        .partitions = status->partitions,
        .n = status->n,
        .r = status->r,
        .w = status->w,
        .nodes = show_nodes(arena, status->nodes, status->node_count),
        .node_count = status->node_count,
        .staged = status->staged,
        .may_lose = status->may_lose,
        .oldest_version = status->oldest_version,
    };
    text_hex(status->layout_hash.bytes, sizeof(status->layout_hash.bytes), shown.layout_hash);
    if (shown.cluster_name == NULL || shown.nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}

int public_ring(struct arena *arena, const struct message_ring_reply *ring, struct shoal_ring *out)
{
    struct shoal_ring shown = {
        .layout_version = ring->layout_version,
        .partitions = ring->partitions,
        .replicas = ring->replicas,
        .nodes = show_nodes(arena, ring->nodes, ring->node_count),
        .node_count = ring->node_count,
        .owners = ring->owners,
    };
    text_hex(ring->layout_hash.bytes, sizeof(ring->layout_hash.bytes), shown.layout_hash);
    if (shown.nodes == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}

int public_repair(struct arena *arena, const struct message_repair_reply *reply,
                  struct shoal_repair *out)
{
    struct shoal_repair shown = {
        .told = reply->told, .nodes = reply->nodes, .text = public_text(arena, reply->text)};
    if (shown.text == NULL) {
        return SHOAL_ENOMEM;
    }
    *out = shown;
    return 0;
}
