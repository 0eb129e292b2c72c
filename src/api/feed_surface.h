/* What the surfaces of the live feed have in common: a desk a worker, and how events leave.
 *
 * A thousand readers of which each is written to for each event would keep a worker busy with
 * nothing but system calls. So what a reader is given is gathered in its *outlet*, and a round
 * sends what all outlets of the desk have gathered. After a round the next one waits in proportion
 * to how many it has written to: a handful of readers hear within two milliseconds, a thousand
 * within a fifth of a second, and writing never takes more than a small part of a worker's time. */
#ifndef API_FEED_SURFACE_H
#define API_FEED_SURFACE_H

#include "api/feed_frames.h"
#include "base/metrics.h"
#include "net/connection.h"

/* Unread output of one reader; it is offered no more events until it is below the low mark. */
#define FEED_OUTLET_HIGH_BYTES (256u * LIMIT_KIB)
#define FEED_OUTLET_LOW_BYTES (64u * LIMIT_KIB)

#define FEED_HEARTBEAT_US_DEFAULT UINT64_C(15000000)
#define FEED_HEARTBEAT_US_MIN UINT64_C(100000)
#define FEED_HEARTBEAT_US_MAX UINT64_C(3600000000)

/* What a reader is told whom worker_feed_open refused with SHOAL_ECONNECT. */
#define FEED_NO_CLUSTER_TEXT                                                                       \
    "this node is in no cluster, not yet or no more, so it hears of no changes: ask another node"

struct feed_surface;

enum feed_kind { FEED_KIND_HTTP, FEED_KIND_NATIVE, FEED_KIND_COUNT };

struct feed_metrics {
    metric_id readers[FEED_KIND_COUNT];
    metric_id sent[FEED_KIND_COUNT];
    metric_id slow[FEED_KIND_COUNT];
};

/* Declares them; once a registry, before feed_surface_new. As metrics_declare. */
int feed_surface_declare_metrics(struct metrics *metrics, struct feed_metrics *ids);

/* `metrics` is borrowed; NULL: none are kept, `ids` is not looked at. 0 or SHOAL_ENOMEM. */
int feed_surface_new(uint32_t workers, struct metrics *metrics, const struct feed_metrics *ids,
                     struct feed_surface **out);
/* Once the loops are over and all outlets closed. NULL is fine. */
void feed_surface_free(struct feed_surface *surface);

/* One worker's share: touched by its loop's thread alone. */
struct feed_desk {
    struct feed_surface *surface;
    struct loop *loop; /* NULL until somebody reads */
    struct feed_frames frames;
    struct queue dirty; /* outlets that have gathered something */
    struct task round;
    struct timer pace;
    uint64_t next_us; /* no round before */
};

/* The desk of this loop's worker. */
struct feed_desk *feed_surface_desk(struct feed_surface *surface, struct loop *loop);

/* ---- outlets --------------------------------------------------------------------------------- */

struct feed_outlet {
    struct feed_desk *desk;
    struct connection *connection; /* borrowed */
    enum feed_kind kind;
    struct queue link;      /* in desk->dirty */
    struct buffer gathered; /* whole messages */
    uint64_t full_since_us; /* 0: it takes more */
    bool slow;              /* has been full for so long that it counts as slow */
};

/* Sets the connection's marks. */
void feed_outlet_open(struct feed_outlet *outlet, struct feed_desk *desk,
                      struct connection *connection, enum feed_kind kind);
/* What is gathered and not sent is dropped. */
void feed_outlet_close(struct feed_outlet *outlet);

/* May another event be put in? False: not before the connection has drained, or (where the worker's
 * memory for output is what is short) a while later. */
bool feed_outlet_room(struct feed_outlet *outlet);
/* Where a message is appended whole, or nothing; then feed_outlet_put. */
static inline struct buffer *feed_outlet_buffer(struct feed_outlet *outlet)
{
    return &outlet->gathered;
}
/* `events` more of them are in it. They leave at the next feed_outlet_flush, or before. */
void feed_outlet_put(struct feed_outlet *outlet, uint32_t events);
/* They leave with the next round. */
void feed_outlet_flush(struct feed_outlet *outlet);
/* They leave at once: before something else is written to the connection. */
void feed_outlet_send(struct feed_outlet *outlet);

#endif
