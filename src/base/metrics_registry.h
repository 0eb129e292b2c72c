/* What declaring and counting (metrics.c) share with rendering (metrics_render.c), and no one else
 * should look at. */
#ifndef BASE_METRICS_REGISTRY_H
#define BASE_METRICS_REGISTRY_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/metrics.h"

#define METRICS_NONE UINT32_MAX

struct metric {
    enum metric_kind kind;
    const char *name;
    const char *labels; /* NULL: none */
    const char *help;
    size_t cell;           /* its first cell in every shard */
    metrics_source source; /* a histogram kept elsewhere; NULL: it is kept here */
    void *source_self;
    bool leads;     /* the first declared of its family */
    metric_id next; /* the next declared of its family; METRICS_NONE at the end */
};

/* Only its owner writes it. Shards are whole cache lines apart. */
struct metrics_shard {
    void *memory; /* what is freed */
    _Atomic uint64_t *cells;
};

struct metrics {
    struct metric *list;
    uint32_t count;
    uint32_t capacity;
    size_t cells; /* in use in every shard */
    size_t cells_capacity;
    uint32_t shard_count;
    struct arena texts; /* labels */
    struct metrics_shard shards[];
};

#endif
