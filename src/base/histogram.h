/* Latencies in fixed memory: a log-linear histogram in the manner of HdrHistogram. 16 linear steps
 * in each power of two, so a value is known to within 6.25 %. Adding two is exact. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 16u
#define HISTOGRAM_BUCKETS (16u + 60u * HISTOGRAM_STEPS)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

void histogram_init(struct histogram *histogram);
void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *into, const struct histogram *from);

/* The bucket that counts a value, and the largest value that a bucket counts. */
uint32_t histogram_bucket(uint64_t value);
uint64_t histogram_bucket_end(uint32_t bucket);

/* The value at a quantile in [0, 1], rounded up to its bucket's end but not beyond the largest
 * recorded; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
