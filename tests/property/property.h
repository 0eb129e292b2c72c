/* Runs a property over many random inputs, one seed each, and names the seed that broke it.
 *
 *      SHOAL_SEED=17 build/tests/property/base/property-base-table     runs that one seed alone
 *      SHOAL_SEEDS=100000 ...                                          runs more of them
 *
 * A property draws everything from the generator it is given and checks with CHECK. */
#ifndef TESTS_PROPERTY_H
#define TESTS_PROPERTY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

typedef void (*property_fn)(struct random *random);

static uint64_t property_seed;

static inline void property_failed(const char *file, int line, const char *fact)
{
    print_error("%s:%d: %s does not hold with SHOAL_SEED=%llu\n", file, line, fact,
                (unsigned long long)property_seed);
    fail();
}

#define CHECK(fact) ((fact) ? (void)0 : property_failed(__FILE__, __LINE__, #fact))

static inline void property_run_seed(property_fn property, uint64_t seed)
{
    struct random random;
    property_seed = seed;
    random_init(&random, seed);
    property(&random);
}

/* Seeds 1 to `seeds`, unless the environment says otherwise. */
static inline void property_run(property_fn property, uint64_t seeds)
{
    const char *one = getenv("SHOAL_SEED");
    const char *many = getenv("SHOAL_SEEDS");
    if (one != NULL) {
        property_run_seed(property, strtoull(one, NULL, 10));
        return;
    }
    if (many != NULL) {
        seeds = strtoull(many, NULL, 10);
    }
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        property_run_seed(property, seed);
    }
}

#endif
