/* Checks a RING answer and keeps its own copy: a node that answers nonsense must not send the
 * client astray outside an array. */
#include "client/map.h"

#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"

static bool ring_holds_together(const struct message_ring_reply *ring)
{
    uint32_t partitions = ring->partitions;
    if (partitions == 0 || partitions > LIMIT_PARTITIONS_MAX ||
        (partitions & (partitions - 1)) != 0 || ring->replicas == 0 ||
        ring->replicas > LIMIT_REPLICAS || ring->node_count == 0) {
        return false;
    }
    for (size_t i = 0; i < (size_t)partitions * ring->replicas; i++) {
        if (ring->owners[i] >= ring->node_count) {
            return false;
        }
    }
    return true;
}

static void node_fill(struct map_node *node, const struct status_node *from)
{
    node->id = from->id;
    node->state = from->state;
    if (from->host.len == 0 || from->host.len >= sizeof(node->host) ||
        memchr(from->host.data, '\0', from->host.len) != NULL || from->client_port > UINT16_MAX) {
        return;
    }
    memcpy(node->host, from->host.data, from->host.len);
    node->port = (uint16_t)from->client_port;
}

int map_new(const struct message_ring_reply *ring, struct map **out)
{
    if (!ring_holds_together(ring)) {
        return SHOAL_EPROTO;
    }
    size_t slots = (size_t)ring->partitions * ring->replicas;
    struct map *map = mem_alloc_zeroed(1, sizeof(*map));
    if (map == NULL) {
        return SHOAL_ENOMEM;
    }
    map->nodes = mem_alloc_zeroed(ring->node_count, sizeof(*map->nodes));
    map->owners = mem_alloc(slots * sizeof(*map->owners));
    if (map->nodes == NULL || map->owners == NULL) {
        map_free(map);
        return SHOAL_ENOMEM;
    }
    map->layout_version = ring->layout_version;
    map->layout_hash = ring->layout_hash;
    map->partitions = ring->partitions;
    map->replicas = ring->replicas;
    map->node_count = ring->node_count;
    memcpy(map->owners, ring->owners, slots * sizeof(*map->owners));
    for (uint32_t i = 0; i < ring->node_count; i++) {
        node_fill(&map->nodes[i], &ring->nodes[i]);
    }
    *out = map;
    return 0;
}

void map_free(struct map *map)
{
    if (map != NULL) {
        mem_free(map->nodes);
        mem_free(map->owners);
        mem_free(map);
    }
}

const uint16_t *map_owners(const struct map *map, struct bytes key)
{
    return map->owners + (size_t)partition_of_key(key, map->partitions) * map->replicas;
}
