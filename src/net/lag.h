/* How late a loop is: a timer that is due a few times a second, and by how much it was missed. That
 * is what a request that arrives at any moment waits for before its loop turns to it. It costs the
 * requests themselves nothing. (Node.js measures its event loop so.) */
#ifndef NET_LAG_H
#define NET_LAG_H

#include "base/metrics.h"
#include "net/loop.h"

struct lag {
    struct timer timer;
    struct loop *loop;
    struct metrics *metrics;
    metric_id seconds;
    uint64_t due_us;
};

/* As metrics_declare. */
int lag_declare_metrics(struct metrics *metrics, metric_id *seconds);

/* Begins, on the loop's thread; it goes on until the loop ends. `metrics` NULL: it does not. */
void lag_start(struct lag *lag, struct loop *loop, struct metrics *metrics, metric_id seconds);

#endif
