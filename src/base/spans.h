/* Spans of distributed tracing (OpenTelemetry's model): who did what for which request, from when
 * to when. A worker records the spans of sampled requests into a ring of its own; whoever exports
 * them takes them out on another thread. When the ring is full, spans are dropped and counted:
 * tracing never waits and never makes a request wait. */
#ifndef BASE_SPANS_H
#define BASE_SPANS_H

#include "base/metrics.h"
#include "base/random.h"
#include "base/trace.h"

/* As OTLP numbers them. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

#define SPAN_NODE_BYTES 64u /* names longer than that are cut */
#define SPAN_NO_PARTITION UINT32_MAX

struct span {
    uint64_t id_high, id_low; /* of the trace */
    uint64_t id;
    uint64_t parent; /* 0: none */
    uint64_t begin_ns;
    uint64_t end_ns;
    const char *name;    /* a literal, as are the next three */
    const char *op;      /* of a request: "put"; NULL: none */
    const char *surface; /* that it came in by; NULL: none */
    const char *waited;  /* what it waited for last; NULL: not told */
    uint32_t kind;       /* enum span_kind */
    int32_t code;        /* enum shoal_error */
    bool open;           /* nobody waited for its end: it may have gone on */
    bool quorum;         /* the three are there */
    uint32_t owners, fallbacks, needed;
    uint32_t partition; /* SPAN_NO_PARTITION: not told */
    uint64_t key_hash;  /* keyed with a secret of the cluster; 0: not told */
    uint16_t port;
    char node[SPAN_NODE_BYTES]; /* client: whom it asked; empty: not told ... */
    char host[SPAN_NODE_BYTES]; /* ... and where */
};

/* The time in ns since 1970. */
typedef uint64_t (*spans_clock)(void *self);

struct spans_options {
    uint32_t capacity; /* a power of two */
    double sample;     /* share of the requests without a parent that are traced */
    uint64_t seed;     /* of ids and of the sample */
    spans_clock clock;
    void *clock_self;
    struct metrics *metrics; /* NULL: nothing is counted */
    uint32_t shard;
    metric_id dropped;
};

struct spans; /* of one worker */

/* 0 or SHOAL_ENOMEM. */
int spans_new(const struct spans_options *options, struct spans **out);
void spans_free(struct spans *spans); /* NULL is fine */

/* ---- on the worker's thread ---- */

/* Is a request that has just come in to be traced? Yes if its flag is set, as far as no more than
 * SPANS_ASKED_MAX a second ask for it; no if it is clear and has a parent, who decided so; else by
 * chance. Sets or clears the flag; begins a trace where there was none. */
#define SPANS_ASKED_MAX 200u
bool spans_sample(struct spans *spans, struct trace *trace, uint64_t now_us);

uint64_t spans_now_ns(const struct spans *spans);
uint64_t spans_id(struct spans *spans); /* never 0 */
void spans_record(struct spans *spans, const struct span *span);

/* ---- on the thread of whoever exports them ---- */

/* Takes out the oldest, at most `max`: how many there were. */
uint32_t spans_take(struct spans *spans, struct span *out, uint32_t max);

#endif
