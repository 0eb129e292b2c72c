/* How long syncing files takes: a histogram that several threads add to, beside their waiting for a
 * disk, which dwarfs the cost. */
#ifndef STORAGE_SYNC_TIMES_H
#define STORAGE_SYNC_TIMES_H

#include <stdatomic.h>

#include "base/histogram.h"

struct sync_times {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum_us;
    _Atomic uint64_t max_us;
};

/* All zeros is an empty one. Any thread. */
void sync_times_add(struct sync_times *times, uint64_t us);
/* Adds what there is to `out`. Any thread. */
void sync_times_read(const struct sync_times *times, struct histogram *out);

#endif
