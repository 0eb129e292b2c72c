/* One engine under test beside the model of what it should hold: every write goes to both, and
 * `trial_check_all` compares them entry by entry. What is pending is asked for again from within
 * `ready`, as the port wants it, and must be answered then. */
#ifndef SUPPORT_ENGINE_TRIAL_H
#define SUPPORT_ENGINE_TRIAL_H

#include <stdio.h>

#include "support/engine_conformance.h"
#include "support/engine_model.h"

#define TRIAL_PARTITIONS 16u
#define TRIAL_STORES (ENGINE_FAMILIES * TRIAL_PARTITIONS) /* those for hints and intents included  \
                                                           */
#define TRIAL_BYTES_MAX (10u * 1024u * 1024u)

/* What waits for `ready`: the ticket, and what to do then; true: it is pending again, under the
 * trial's last ticket. */
struct trial_wait {
    uint64_t ticket;
    bool (*again)(void *self, int code);
    void *self; /* NULL when nothing waits */
};

struct trial {
    const struct engine_subject *subject;
    struct engine *engine;
    struct engine_model model;
    struct hash_secret secret;
    uint64_t now_us;   /* a millisecond passes a turn */
    uint64_t sequence; /* of the last write */
    uint64_t promised; /* of the last write of which the engine said that it will settle */
    uint64_t settled;  /* the last told, or implied by durable */
    uint64_t durable;  /* the last told */
    uint64_t pendings; /* how often something was pending */
    uint8_t *scratch;  /* TRIAL_BYTES_MAX, for trial_bytes */
    uint8_t *read;     /* a copy of the last record that was got */
    size_t read_len;
    uint64_t ticket; /* the last used */
    struct trial_wait wait;
};

/* Setup and teardown for cmocka: the state is the trial, with its subject set. */
int trial_open(void **state);
int trial_close(void **state);

/* Opens an empty engine instead, with these options; the model is emptied. */
void trial_renew(struct trial *trial, const struct engine_options *options);

/* Ends the engine, cleanly or as a killed process does, and opens it again on what it left. All
 * that was settled is there; so the model must hold that and nothing else. */
void trial_restart(struct trial *trial, bool clean);

/* A key with its proper position and tag. The text is borrowed. */
struct engine_key trial_key(const struct trial *trial, uint32_t partition, const char *text);

/* So many bytes that depend on the seed; valid until the next call. */
struct bytes trial_bytes(struct trial *trial, size_t len, uint8_t seed);

/* An encoded object of one sibling with that dot, whose context is the dot; as trial_bytes. */
struct bytes trial_object(struct trial *trial, struct dot dot, struct bytes value);
struct bytes trial_tombstone(struct trial *trial, struct dot dot);
struct bytes trial_expiring(struct trial *trial, struct dot dot, uint64_t expiry_ms);

/* One turn of the worker's loop: flush, and what comes back. */
void trial_turn(struct trial *trial);

/* Turns until all writes are settled, or durable. */
void trial_settle(struct trial *trial);
void trial_harden(struct trial *trial);

/* The last ticket used is pending: turns until it is ready and `again` has had its answer. */
void trial_wait(struct trial *trial, bool (*again)(void *self, int code), void *self);

/* These succeed or fail the test. A write is held when they return, and settles in some later
 * turn. */
void trial_put(struct trial *trial, struct engine_key key, struct bytes record);
void trial_remove(struct trial *trial, struct engine_key key);
void trial_drop(struct trial *trial, uint32_t partition);
void trial_put_holding(struct trial *trial, uint32_t partition, struct bytes record);
struct bytes trial_get(struct trial *trial, struct engine_key key);
void trial_expect(struct trial *trial, struct engine_key key, struct bytes record);
void trial_expect_absent(struct trial *trial, struct engine_key key);
bool trial_has(struct trial *trial, struct engine_key key);
void trial_expect_holding(struct trial *trial, uint32_t partition, struct bytes record);
void trial_expect_no_holding(struct trial *trial, uint32_t partition);

/* Walks until so many entries were visited, comparing each with the model; how many were. */
size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max);

/* The same by a survey. */
size_t trial_survey(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max);

/* Writes whose failure is a documented outcome: 0 or the error; the model follows. */
int trial_try_put(struct trial *trial, struct engine_key key, struct bytes record);
int trial_try_remove(struct trial *trial, struct engine_key key);
int trial_try_drop(struct trial *trial, uint32_t partition);

/* The engine's invariants, every entry by get, brief, walk and survey, and the figures. */
void trial_check_all(struct trial *trial);

#endif
