/* Bucket arithmetic. Values below 16 have a bucket each; above, the four bits that follow the
 * highest one choose among the 16 steps of their power of two.
 *
 *      0 .. 15 | 16 .. 31 by 1 | 32 .. 63 by 2 | 64 .. 127 by 4 | ... */
#include "base/histogram.h"

#include <stddef.h>

#define STEP_BITS 4u

void histogram_init(struct histogram *histogram)
{
    *histogram = (struct histogram){0};
}

uint32_t histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_STEPS) {
        return (uint32_t)value;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return HISTOGRAM_STEPS * (shift + 1) + (uint32_t)(value >> shift) % HISTOGRAM_STEPS;
}

uint64_t histogram_bucket_end(uint32_t bucket)
{
    if (bucket < HISTOGRAM_STEPS) {
        return bucket;
    }
    unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t first = (uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->counts[histogram_bucket(value)]++;
    histogram->count++;
    histogram->sum = add_saturating(histogram->sum, value);
    if (value > histogram->max) {
        histogram->max = value;
    }
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->count += from->count;
    into->sum = add_saturating(into->sum, from->sum);
    if (from->max > into->max) {
        into->max = from->max;
    }
}

/* How many values, counted from the smallest, are at or below the quantile: at least one. */
static uint64_t rank_of(uint64_t count, double quantile)
{
    if (!(quantile > 0)) {
        return 1;
    }
    if (quantile >= 1) {
        return count;
    }
    double exact = quantile * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    return rank == 0 ? 1 : rank > count ? count : rank;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    if (histogram->count == 0) {
        return 0;
    }
    uint64_t rank = rank_of(histogram->count, quantile);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= rank) {
            uint64_t end = histogram_bucket_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}
