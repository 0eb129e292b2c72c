/* What the workers are told of their node: from the configuration, and from what the start has come
 * to (the ports that were open, the secret that was read). */
#include <string.h>

#include "base/memory.h"
#include "server/server_parts.h"
#include "shoal/error.h"

static int copy_seeds(struct server *server)
{
    const struct config_addresses *seeds = &server->config.seeds;
    struct node_config *node = &server->node;
    if (seeds->count == 0) {
        return 0;
    }
    server->seeds = mem_alloc_zeroed(seeds->count, sizeof(*node->seeds));
    if (server->seeds == NULL) {
        return SHOAL_ENOMEM;
    }
    node->seeds = server->seeds;
    node->seed_count = seeds->count;
    for (uint32_t i = 0; i < seeds->count; i++) {
        memcpy(node->seeds[i].host, seeds->items[i].host, sizeof(node->seeds[i].host));
        node->seeds[i].port = seeds->items[i].port;
    }
    return 0;
}

static uint16_t told(int32_t advertised, uint16_t listened)
{
    return advertised == CONFIG_PORT_NONE ? listened : (uint16_t)advertised;
}

int server_describe_node(struct server *server)
{
    const struct config *config = &server->config;
    struct node_config *node = &server->node;
    *node = (struct node_config){
        .weight = (uint32_t)config->node_weight,
        .partitions = (uint32_t)config->partitions,
        .n = (uint32_t)config->n,
        .r = (uint32_t)config->r,
        .w = (uint32_t)config->w,
        .sloppy = config->sloppy,
        .client_port = told(config->advertise_client_port, server->client_port),
        .peer_port = told(config->advertise_peer_port, server->peer_port),
        .redis_port = told(config->advertise_redis_port, server->redis_port),
        .http_port = told(config->advertise_http_port, server->http_port),
        .heartbeat_interval_us = config->heartbeat_interval_us,
        .heartbeat_fanout = (uint32_t)config->heartbeat_fanout,
        .phi_threshold = config->phi_threshold,
        .repair_interval_us = config->repair_interval_us,
        .request_timeout_us = config->request_timeout_us,
        .clock_ahead_ms_max = config->clock_ahead_us / 1000,
        .key_bytes_max = config->key_bytes,
        .value_bytes_max = config->value_bytes,
        .memory_bytes_max = config->memory_mb * LIMIT_MIB,
        .hints_bytes_max = config->hints_mb * LIMIT_MIB,
        .transfers = (uint32_t)config->transfers,
        .slow_us = &server->slow_us,
        .secret = buffer_bytes(&server->secrets.current),
        .secret_previous = buffer_bytes(&server->secrets.previous),
    };
    memcpy(node->name, config->node_name, sizeof(node->name));
    memcpy(node->zone, config->node_zone, sizeof(node->zone));
    memcpy(node->cluster_name, config->cluster_name, sizeof(node->cluster_name));
    memcpy(node->advertise_host, config->advertise_host, sizeof(node->advertise_host));
    return copy_seeds(server);
}
