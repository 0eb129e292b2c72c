/* A replica over an engine with moods, one partition held, and small objects to put into it. */
#ifndef UNIT_REPLICA_FIXTURE_H
#define UNIT_REPLICA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "replica/replica.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"

#define PARTITION 2u
#define WALL_MS 1000000u

struct fixture {
    struct fickle_engine *fickle;
    struct random random;
    struct arena arena;
    struct replica replica;
    struct holding *holding;
    struct engine_key key;
    uint32_t began; /* holdings */
    struct moment now;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The outcome of a write that replaces what `seen` covers. */
int write_over(struct fixture *fixture, struct version_vector seen, const char *value,
               struct replica_written *out);
/* ... that has seen nothing. */
int write_unseen(struct fixture *fixture, const char *value, struct replica_written *out);

/* Whatever the engine's mood. */
struct object held(struct fixture *fixture);

/* An object of one value by another node's actor, encoded. */
struct bytes foreign(struct fixture *fixture, uint64_t actor, uint64_t counter, const char *value);

/* Any object: encoded, in the arena. */
struct bytes made(struct fixture *fixture, const struct dot *context, uint32_t context_count,
                  const struct sibling *siblings, uint32_t sibling_count);
/* A deletion by another node's actor of all before its counter. */
struct bytes deletion(struct fixture *fixture, uint64_t actor, uint64_t counter);

int store(struct fixture *fixture, struct bytes encoded);

/* Lets the replica do all that it does by itself, and whatever it reads be read. */
void upkeep(struct fixture *fixture);

/* So much time passes. */
void pass_ms(struct fixture *fixture, uint64_t ms);

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
