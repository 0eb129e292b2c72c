/* HTTP as a surface of a node (docs/http.md): one desk a worker serves the connections that its
 * loop accepted. RFC 9110 and 9112, read strictly; WebSocket (RFC 6455) for the live feed. */
#ifndef API_HTTP_H
#define API_HTTP_H

#include "api/native.h"
#include "api/served.h"
#include "base/metrics.h"
#include "net/net.h"

struct feed_surface;
struct http;

/* From the configuration. */
struct http_settings {
    const char *cors_origins; /* comma-separated, or "*"; empty: no CORS; borrowed */
    uint64_t body_bytes_max;  /* of any body that isn't a value alone (JSON is longer than that) */
    uint64_t head_bytes_max;  /* request line and header fields */
    uint64_t idle_us;         /* between requests of a kept connection */
    uint64_t request_us;      /* from a request's first byte to its last */
};

/* What of the node's configuration routes tell of. The server's; borrowed. */
struct http_node {
    const char *engine;     /* "log", ... */
    const char *durability; /* "sync", ... */
    uint64_t started_ms;    /* wall */
};

struct http_metrics {
    struct served_metrics served;
};

struct http_options {
    uint32_t workers;
    struct native_limits *limits; /* borrowed; connections are counted for all surfaces */
    struct http_settings settings;
    struct http_node node;
    struct metrics *metrics;   /* borrowed; NULL: none are kept, and /metrics has none */
    struct feed_surface *feed; /* borrowed; NULL: /wal is not served */
    struct http_metrics metric_ids;
};

/* Declares this surface's metrics; once a registry, before http_new. As metrics_declare. */
int http_declare_metrics(struct metrics *metrics, struct http_metrics *ids);

/* 0 or SHOAL_ENOMEM. */
int http_new(const struct http_options *options, struct http **out);

/* From now on; any thread. All but cors_origins, which stay. */
void http_change(struct http *http, const struct http_settings *settings);

/* Once the loops are over and the workers freed. NULL is fine. */
void http_free(struct http *http);

/* For net_listen. `self` is the struct http. */
void http_accept(void *self, struct loop *loop, int fd);

#endif
