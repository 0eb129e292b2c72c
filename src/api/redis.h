/* The Redis protocol as a surface of a node (docs/redis.md): one desk a worker serves the
 * connections that its loop accepted. */
#ifndef API_REDIS_H
#define API_REDIS_H

#include <stdatomic.h>

#include "api/native.h"
#include "base/metrics.h"
#include "net/net.h"

struct redis;

struct redis_metrics {
    metric_id connections;
    metric_id refused;  /* connections and requests that were no use */
    metric_id commands; /* carried out */
    metric_id errors;   /* replied */
    metric_id siblings; /* hidden by a plain GET and its like */
};

/* What of the node's configuration commands tell of and change. The server's. */
struct redis_node {
    void *self;
    /* CONFIG SET of what can change while the node runs: 0, or a code and why not. */
    int (*set)(void *self, struct bytes name, struct bytes value, char text[256]);
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

/* For net_listen. `self` is the struct redis. */
void redis_accept(void *self, struct loop *loop, int fd);

#endif
