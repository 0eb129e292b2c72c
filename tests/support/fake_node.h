/* A node whose workers are fake (fake_worker.h) and whose world is real: loops, threads, sockets
 * and the surfaces, on ports of the kernel's choosing and in a folder of its own. */
#ifndef SUPPORT_FAKE_NODE_H
#define SUPPORT_FAKE_NODE_H

#include "api/feed_surface.h"
#include "api/http.h"
#include "api/native.h"
#include "api/redis.h"
#include "support/fake_worker.h"

#define FAKE_NODE_WORKERS_MAX 8u

struct fake_node {
    struct net *net;
    struct native *native;
    struct redis *redis;
    struct http *http;
    struct feed_surface *feed; /* of fake_feed.h */
    struct native_limits limits;
    struct native_backup_state backup; /* what its fake backups say; the path is that last begun */
    struct metrics *metrics;
    struct node_config config;
    struct worker *workers[FAKE_NODE_WORKERS_MAX];
    uint32_t worker_count;
    uint16_t client_port;
    uint16_t peer_port;
    uint16_t redis_port;
    uint16_t http_port;
    char folder[64];
    int folder_fd;
};

/* `cluster`: the name of the cluster of one it is in; NULL: in none. Fails the test on any error.
 */
void fake_node_start(struct fake_node *node, uint64_t id, uint32_t workers, const char *cluster);
/* On this port for peers, instead of any. */
void fake_node_start_at(struct fake_node *node, uint64_t id, uint32_t workers, const char *cluster,
                        uint16_t peer_port);
/* Gracefully, or at once if requests are held. Frees everything. */
void fake_node_stop(struct fake_node *node);
void fake_node_stop_now(struct fake_node *node);

#endif
