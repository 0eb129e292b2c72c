/* Random numbers: xoshiro256** for the deciding code, seeded by the world (from the kernel in
 * production, from the schedule's seed in the simulator), and the kernel's own for secrets. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state[4];
};

/* Any seed will do; equal seeds give equal sequences on every machine. */
void random_init(struct random *random, uint64_t seed);

uint64_t random_u64(struct random *random);

/* Uniform in [0, bound); 0 when bound is 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Uniform in [0, 1). */
double random_unit(struct random *random);

/* True with the given probability. */
bool random_chance(struct random *random, double probability);

/* A 64-bit id, never 0. */
uint64_t random_id(struct random *random);

/* Fills from the kernel; for ids, seeds and secrets of a real node. 0 or SHOAL_EIO. */
int random_from_kernel(void *out, size_t len);

#endif
