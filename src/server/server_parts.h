/* What a node as a process consists of, for the files that open and close its parts. Whoever opens
 * one says in `text` why it can't be; what has been opened by then is closed by server_free. */
#ifndef SERVER_SERVER_PARTS_H
#define SERVER_SERVER_PARTS_H

#include "api/feed_surface.h"
#include "api/http.h"
#include "api/native.h"
#include "api/redis.h"
#include "net/net.h"
#include "server/backup.h"
#include "server/data_folder.h"
#include "server/feed_store.h"
#include "server/readiness.h"
#include "server/secret.h"
#include "server/server.h"
#include "server/storage.h"
#include "server/tracing.h"

#define PORTS_FILE "ports.json"

struct server {
    struct config config;
    struct data_folder folder;
    struct secrets secrets;
    struct buffer record;
    struct metrics *metrics;
    struct net_metrics net_metrics;
    struct feed_metrics feed_metrics;
    struct feed_surface *feed;
    struct native_metrics native_metrics;
    struct native_limits limits;
    struct native *native;
    struct redis_metrics redis_metrics;
    struct redis *redis; /* NULL: not served */
    struct http_metrics http_metrics;
    struct http *http; /* NULL: not served */
    struct net *net;
    struct backup *backup;
    struct storage *storage;
    struct feed_store *feed_store;
    uint16_t client_port;
    uint16_t peer_port;
    uint16_t redis_port;
    uint16_t http_port;
    struct node_config node;
    void *seeds;
    uint32_t worker_count;
    struct engine *engines[LIMIT_WORKERS]; /* until their workers have them */
    struct worker *workers[LIMIT_WORKERS];
    struct readiness readiness;
    struct tracing *tracing; /* NULL: off */
    atomic_uint_least64_t slow_us;
    bool running;
};

/* "what: why" as the text. Returns the code. */
int server_explain(char text[512], int code, const char *what);
struct moment server_now(void);

/* server_node.c: what the workers are told of their node; the ports are known by now. 0 or
 * SHOAL_ENOMEM. */
int server_describe_node(struct server *server);

/* server_surfaces.c: what clients talk to, then the ports on which it is served. */
int server_declare_metrics(struct server *server);
int server_open_surfaces(struct server *server, char text[512]);
int server_open_ports(struct server *server, char text[512]);
int server_write_ports(struct server *server, char text[512]);
/* What of the configuration may change while it runs. */
void server_set_limits(struct server *server, const struct config *config);
void server_close_surfaces(struct server *server);

/* server_workers.c: the engines' data, and the workers that have it. */
int server_load_engines(struct server *server, char text[512]);
int server_make_workers(struct server *server, char text[512]);
/* Clean when every worker has written its last word, and all of it is on disk. False when the disk
 * doesn't let go: then what a thread of it may still use stays. */
bool server_end_workers(struct server *server);

#endif
