/* Timing for the benchmarks: rounds of one measurement, printed as the median and the best, because
 * on a shared machine the best is the steadier; and a dependent random load from memory, to compare
 * with. */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdint.h>

#define FIGURE_ROUNDS_MAX 16u

struct moment {
    uint64_t wall_ns;
    uint64_t cpu_ns; /* of this thread */
};

uint64_t cpu_ns(void);
struct moment moment_now(void);

/* In ns an operation. */
struct figure {
    double wall[FIGURE_ROUNDS_MAX];
    double cpu[FIGURE_ROUNDS_MAX];
    uint32_t rounds;
};

/* One more round, of so many operations, ends now. */
void figure_add(struct figure *figure, struct moment begin, uint64_t operations);

/* Returns the best CPU time. */
double figure_print(struct figure *figure, const char *what);

/* A line of another kind, in the same columns. */
void value_print(const char *what, double value, const char *unit);

/* One load that the next one waits for, over far more memory than the caches hold. */
double random_load_print(void);

#endif
