/* One engine under test beside the model of what it should hold: every write goes to both, and
 * `trial_check_all` compares them entry by entry. */
#ifndef SUPPORT_ENGINE_TRIAL_H
#define SUPPORT_ENGINE_TRIAL_H

#include <stdio.h>

#include "support/engine_conformance.h"
#include "support/engine_model.h"

#define TRIAL_PARTITIONS 16u
#define TRIAL_BYTES_MAX (2u * 1024u * 1024u)

struct trial {
    const struct engine_subject *subject;
    struct engine *engine;
    struct engine_model model;
    struct hash_secret secret;
    uint64_t sequence; /* of the last write */
    uint64_t durable;  /* the last told */
    uint8_t *scratch;  /* TRIAL_BYTES_MAX, for trial_bytes */
    /* Of the read that was pending. */
    uint64_t ticket;
    int read_code; /* 1 while it still is */
    struct bytes read_record;
};

/* Setup and teardown for cmocka: the state is the trial, with its subject set. */
int trial_open(void **state);
int trial_close(void **state);

/* Opens the engine anew with these options; the model is emptied. */
void trial_reopen(struct trial *trial, const struct engine_options *options);

/* A key with its proper position. The text is borrowed. */
struct engine_key trial_key(const struct trial *trial, uint32_t partition, const char *text);

/* So many bytes that depend on the seed; valid until the next call. */
struct bytes trial_bytes(struct trial *trial, size_t len, uint8_t seed);

/* These succeed or fail the test; writes are durable when they return. */
void trial_put(struct trial *trial, struct engine_key key, struct bytes record);
void trial_remove(struct trial *trial, struct engine_key key);
void trial_drop(struct trial *trial, uint32_t partition);
void trial_put_holding(struct trial *trial, uint32_t partition, struct bytes record);
struct bytes trial_get(struct trial *trial, struct engine_key key);
void trial_expect(struct trial *trial, struct engine_key key, struct bytes record);
void trial_expect_absent(struct trial *trial, struct engine_key key);
void trial_expect_holding(struct trial *trial, uint32_t partition, struct bytes record);

/* Walks until so many entries were visited, comparing each with the model; how many were. */
size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max);

/* A put whose failure is a documented outcome: 0 or the error; the model follows. */
int trial_try_put(struct trial *trial, struct engine_key key, struct bytes record);

/* The engine's invariants, every entry by get and by walk, and the figures. */
void trial_check_all(struct trial *trial);

/* The tests of engine_conformance_random.c. */
void random_operations_agree_with_the_model(void **state);
void random_operations_on_crowded_positions_agree_with_the_model(void **state);
void over_the_memory_bound_a_put_is_refused_and_changes_nothing(void **state);
void memory_that_was_freed_serves_records_of_other_sizes(void **state);
void a_failed_allocation_changes_nothing(void **state);

#endif
