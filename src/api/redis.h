/* The Redis protocol as a surface of a node (docs/redis.md): one desk a worker serves the
 * connections that its loop accepted. */
#ifndef API_REDIS_H
#define API_REDIS_H

#include <stdatomic.h>

#include "api/native.h"
#include "api/served.h"
#include "base/metrics.h"
#include "net/net.h"

struct redis;

struct redis_metrics {
    struct served_metrics served;
    metric_id commands; /* carried out */
    metric_id errors;   /* replied */
    metric_id siblings; /* hidden by a plain GET and its like */
};

/* What of the node's configuration commands tell of. The server's; borrowed. */
struct redis_node {
    const char *data_dir;
    const char *engine;     /* "log", ... */
    const char *durability; /* "sync", ... */
    const char *config_path;
    uint16_t port;
    uint64_t started_ms; /* wall */
};

struct redis_options {
    uint32_t workers;
    struct native_limits *limits; /* borrowed; connections are counted for all surfaces */
    struct redis_node node;
    struct metrics *metrics; /* borrowed; NULL: none are kept */
    struct redis_metrics metric_ids;
};

/* Declares this surface's metrics; once a registry, before redis_new. As metrics_declare. */
int redis_declare_metrics(struct metrics *metrics, struct redis_metrics *ids);

/* 0 or SHOAL_ENOMEM. */
int redis_new(const struct redis_options *options, struct redis **out);

/* Once the loops are over and the workers freed. NULL is fine. */
void redis_free(struct redis *redis);

/* Which port it is served at, once that is known; before the loops run. */
void redis_listening(struct redis *redis, uint16_t port);

/* For net_listen. `self` is the struct redis. */
void redis_accept(void *self, struct loop *loop, int fd);

#endif
