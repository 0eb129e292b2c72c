/* Times of syncs; see sync_times.h. */
#include "storage/sync_times.h"

void sync_times_add(struct sync_times *times, uint64_t us)
{
    atomic_fetch_add_explicit(&times->counts[histogram_bucket(us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&times->sum_us, us, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&times->max_us, memory_order_relaxed);
    while (us > max && !atomic_compare_exchange_weak_explicit(
                           &times->max_us, &max, us, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void sync_times_read(const struct sync_times *times, struct histogram *out)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t count = atomic_load_explicit(&times->counts[i], memory_order_relaxed);
        out->counts[i] += count;
        out->count += count;
    }
    out->sum += atomic_load_explicit(&times->sum_us, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&times->max_us, memory_order_relaxed);
    out->max = max > out->max ? max : out->max;
}
