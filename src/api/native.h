/* The native protocol as clients speak it (docs/protocol.md): HELLO, then REQUEST, LIST, STATUS,
 * RING, JOIN, CHANGE, BACKUP and so on in any number at once, answered by id in any order. One desk
 * a worker serves the connections that its loop accepted, and hands requests to that worker. */
#ifndef API_NATIVE_H
#define API_NATIVE_H

#include <stdatomic.h>

#include "api/served.h"
#include "base/metrics.h"
#include "net/net.h"

struct feed_surface;
struct native;

/* What a user may set and change while the node runs; any thread. */
struct native_limits {
    _Atomic uint64_t key_bytes;
    _Atomic uint64_t value_bytes;
    _Atomic uint32_t connections; /* clients of this node together */
    _Atomic uint32_t clients;     /* so many there are, of all surfaces */
};

enum native_op {
    NATIVE_OP_PUT,
    NATIVE_OP_GET,
    NATIVE_OP_DELETE,
    NATIVE_OP_ADD,
    NATIVE_OP_EXPIRE,
    NATIVE_OP_LIST,
    NATIVE_OP_JOIN,
    NATIVE_OP_VERIFY,
    NATIVE_OP_REPAIR,
    NATIVE_OP_CHANGE,
    NATIVE_OP_COUNT,
};

struct native_metrics {
    struct served_metrics served;
};

#define NATIVE_BACKUP_TEXT_BYTES 512u

/* How the last backup goes, or went. */
struct native_backup_state {
    uint64_t number;
    uint32_t state; /* enum backup_state */
    int code;
    uint64_t files;
    uint64_t bytes;
    uint64_t bytes_done;
    char text[NATIVE_BACKUP_TEXT_BYTES]; /* why it failed */
    char path[LIMIT_PATH_BYTES + 1];
};

/* Who makes backups (the server). Both are called on the workers' threads and answer at once. */
struct native_backup {
    void *self; /* NULL: nobody does */
    /* 0: it has begun; or a code and why not. The path is borrowed for the call. */
    int (*begin)(void *self, struct bytes path, char text[NATIVE_BACKUP_TEXT_BYTES]);
    void (*look)(void *self, struct native_backup_state *out);
};

struct native_options {
    uint32_t workers;
    struct native_limits *limits; /* borrowed */
    struct native_backup backup;
    struct metrics *metrics;   /* borrowed; NULL: none are kept */
    struct feed_surface *feed; /* borrowed; NULL: WATCH is not served */
    struct native_metrics metric_ids;
};

/* Declares this surface's metrics; once a registry, before native_new. As metrics_declare. */
int native_declare_metrics(struct metrics *metrics, struct native_metrics *ids);

/* 0 or SHOAL_ENOMEM. */
int native_new(const struct native_options *options, struct native **out);

/* Once the loops are over and the workers freed: requests that they never finished are released.
 * NULL is fine. */
void native_free(struct native *native);

/* For net_listen: a connection to the client port. `self` is the struct native. */
void native_accept(void *self, struct loop *loop, int fd);

/* For net_options.client: a client that called on the peer port, where it is served what concerns
 * the cluster (PING, STATUS, RING, JOIN, CHANGE, VERIFY, REPAIR) but no data. */
void native_adopt(void *self, struct connection *connection, const struct message_hello *hello);

#endif
