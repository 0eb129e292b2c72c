/* The layout as a client keeps it: who owns which partition, and where they are. Built from a RING
 * answer, immutable, replaced whole by the next one. It is only a hint of whom to ask first: every
 * node takes every request, so a map that is out of date costs a hop and never an answer. */
#ifndef CLIENT_MAP_H
#define CLIENT_MAP_H

#include "wire/messages.h"

struct endpoint;

struct map_node {
    uint64_t id;
    char host[LIMIT_NAME_BYTES + 1];
    uint16_t port;             /* client port; 0: can't be asked */
    uint32_t state;            /* enum node_state */
    struct endpoint *endpoint; /* set by the client; NULL where it can't be asked */
};

struct map {
    uint64_t layout_version;
    struct content_hash layout_hash;
    uint32_t partitions;
    uint32_t replicas;
    struct map_node *nodes;
    uint32_t node_count;
    uint16_t *owners; /* partitions * replicas indexes into nodes */
};

/* 0, SHOAL_ENOMEM, or SHOAL_EPROTO for a ring that doesn't hold together. The message is borrowed.
 */
int map_new(const struct message_ring_reply *ring, struct map **out);
void map_free(struct map *map); /* NULL is fine */

/* The key's owners in order: map->replicas indexes into map->nodes. */
const uint16_t *map_owners(const struct map *map, struct bytes key);

#endif
