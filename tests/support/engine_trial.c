/* See engine_trial.h. Keeps its copies behind the back of mem_fail_from. */
#include "support/engine_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "model/object.h"
#include "model/varint.h"
#include "shoal/error.h"

#define TURNS_MAX 100000u
#define TURN_US 1000u

/* ---- events ---- */

static void on_ready(void *self, uint64_t ticket, int code)
{
    struct trial *trial = self;
    struct trial_wait wait = trial->wait;
    assert_non_null(wait.self);
    assert_int_equal(ticket, wait.ticket);
    trial->wait = (struct trial_wait){0};
    if (wait.again(wait.self, code)) {
        trial->pendings++;
        wait.ticket = trial->ticket;
        trial->wait = wait;
    }
}

static void on_settled(void *self, uint64_t sequence)
{
    struct trial *trial = self;
    assert_true(sequence >= trial->settled && sequence <= trial->sequence);
    trial->settled = sequence;
}

static void on_durable(void *self, uint64_t sequence)
{
    struct trial *trial = self;
    assert_true(sequence >= trial->durable && sequence <= trial->sequence);
    trial->durable = sequence;
    trial->settled = sequence > trial->settled ? sequence : trial->settled;
}

static void on_failed(void *self, int code)
{
    (void)self;
    fail_msg("the engine failed: %s", shoal_error_text(code));
}

static void on_damaged(void *self, uint32_t partition)
{
    (void)self;
    fail_msg("a record of partition %u is damaged", (unsigned)partition);
}

/* ---- opening and closing ---- */

static void open_engine(struct trial *trial, const struct engine_options *options, bool fresh)
{
    const struct engine_subject *subject = trial->subject;
    assert_int_equal(subject->open(subject->self, options, fresh, &trial->engine), 0);
    trial->engine->now_us = trial->now_us;
    trial->engine->events = (struct engine_events){.self = trial,
                                                   .ready = on_ready,
                                                   .settled = on_settled,
                                                   .durable = on_durable,
                                                   .failed = on_failed,
                                                   .damaged = on_damaged};
    trial->sequence = 0;
    trial->promised = 0;
    trial->pendings = 0;
    trial->settled = 0;
    trial->durable = 0;
    trial->wait = (struct trial_wait){0};
}

static void close_engine(struct trial *trial, bool clean)
{
    if (trial->subject->close != NULL) {
        trial->subject->close(trial->subject->self, trial->engine, clean);
    } else {
        trial->engine->ops->free(trial->engine);
    }
    trial->engine = NULL;
}

static const struct engine_options default_options = {.partitions = TRIAL_PARTITIONS};

int trial_open(void **state)
{
    struct trial *trial = *state;
    uint8_t seed[32] = {1, 2, 3};
    hash_secret_init(&trial->secret, seed);
    trial->scratch = malloc(TRIAL_BYTES_MAX);
    assert_non_null(trial->scratch);
    engine_model_init(&trial->model);
    open_engine(trial, &default_options, true);
    return 0;
}

int trial_close(void **state)
{
    struct trial *trial = *state;
    mem_fail_never();
    close_engine(trial, true);
    engine_model_deinit(&trial->model);
    free(trial->read);
    free(trial->scratch);
    trial->read = NULL;
    return 0;
}

void trial_renew(struct trial *trial, const struct engine_options *options)
{
    close_engine(trial, true);
    engine_model_deinit(&trial->model);
    engine_model_init(&trial->model);
    open_engine(trial, options, true);
}

void trial_restart(struct trial *trial, bool clean)
{
    close_engine(trial, clean);
    open_engine(trial, &default_options, false);
}

/* ---- keys and records ---- */

struct engine_key trial_key(const struct trial *trial, uint32_t partition, const char *text)
{
    return engine_key_of(&trial->secret, partition, bytes_from_string(text));
}

struct bytes trial_bytes(struct trial *trial, size_t len, uint8_t seed)
{
    assert_true(len <= TRIAL_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        trial->scratch[i] = (uint8_t)(seed + i * 31 + (i >> 8));
    }
    return bytes_make(trial->scratch, len);
}

/* As object.h draws it. */
static struct bytes simple_object(struct trial *trial, uint8_t kind, struct dot dot,
                                  uint64_t expiry_ms, struct bytes value)
{
    uint8_t *at = trial->scratch;
    *at++ = 0x11;
    *at++ = (uint8_t)(kind | (expiry_ms != 0 ? 0x80 : 0));
    store_u64_le(at, dot.actor);
    store_u64_le(at + 8, 12345);
    at = varint_store(at + 16, dot.counter);
    if (expiry_ms != 0) {
        store_u64_le(at, expiry_ms);
        at += sizeof(uint64_t);
    }
    if (value.len > 0) {
        memcpy(at, value.data, value.len);
    }
    struct bytes record = bytes_make(trial->scratch, (size_t)(at - trial->scratch) + value.len);
    struct dot peeked;
    assert_true(object_peek_simple(record, &peeked));
    return record;
}

struct bytes trial_object(struct trial *trial, struct dot dot, struct bytes value)
{
    return simple_object(trial, SIBLING_VALUE, dot, 0, value);
}

struct bytes trial_tombstone(struct trial *trial, struct dot dot)
{
    return simple_object(trial, SIBLING_TOMBSTONE, dot, 0, bytes_make(NULL, 0));
}

struct bytes trial_expiring(struct trial *trial, struct dot dot, uint64_t expiry_ms)
{
    return simple_object(trial, SIBLING_VALUE, dot, expiry_ms, bytes_from_string("passing"));
}

/* ---- turns ---- */

void trial_turn(struct trial *trial)
{
    trial->now_us += TURN_US;
    trial->engine->now_us = trial->now_us;
    trial->engine->ops->flush(trial->engine);
    if (trial->subject->turn != NULL) {
        trial->subject->turn(trial->subject->self, trial->engine);
    }
}

void trial_settle(struct trial *trial)
{
    for (uint32_t i = 0; trial->settled < trial->promised; i++) {
        assert_true(i < TURNS_MAX);
        trial_turn(trial);
    }
}

void trial_harden(struct trial *trial)
{
    trial->engine->ops->harden(trial->engine);
    for (uint32_t i = 0; trial->durable < trial->promised; i++) {
        assert_true(i < TURNS_MAX);
        trial_turn(trial);
    }
}

void trial_wait(struct trial *trial, bool (*again)(void *self, int code), void *self)
{
    trial->pendings++;
    trial->wait = (struct trial_wait){.ticket = trial->ticket, .again = again, .self = self};
    for (uint32_t i = 0; trial->wait.self != NULL; i++) {
        assert_true(i < TURNS_MAX);
        trial_turn(trial);
    }
    trial->wait = (struct trial_wait){0};
}

/* ---- writes ---- */

/* The outcome of a write that was done. */
static void written(struct trial *trial, int code, uint64_t sequence)
{
    assert_true(code == 0 || code == 1);
    assert_true(sequence > trial->sequence);
    trial->sequence = sequence;
    trial->promised = code == 1 ? sequence : trial->promised;
}

int trial_try_put(struct trial *trial, struct engine_key key, struct bytes record)
{
    uint64_t sequence;
    int code = trial->engine->ops->put(trial->engine, &key, record, &sequence);
    if (code < 0) {
        return code;
    }
    written(trial, code, sequence);
    engine_model_put(&trial->model, &key, record);
    return 0;
}

int trial_try_remove(struct trial *trial, struct engine_key key)
{
    uint64_t sequence;
    int code = trial->engine->ops->remove(trial->engine, &key, &sequence);
    if (code < 0) {
        return code;
    }
    written(trial, code, sequence);
    engine_model_remove(&trial->model, &key);
    return 0;
}

int trial_try_drop(struct trial *trial, uint32_t partition)
{
    uint64_t sequence;
    int code = trial->engine->ops->drop(trial->engine, partition, &sequence);
    if (code < 0) {
        return code;
    }
    written(trial, code, sequence);
    engine_model_drop(&trial->model, partition);
    return 0;
}

void trial_put(struct trial *trial, struct engine_key key, struct bytes record)
{
    assert_int_equal(trial_try_put(trial, key, record), 0);
}

void trial_remove(struct trial *trial, struct engine_key key)
{
    assert_int_equal(trial_try_remove(trial, key), 0);
}

void trial_drop(struct trial *trial, uint32_t partition)
{
    assert_int_equal(trial_try_drop(trial, partition), 0);
}

void trial_put_holding(struct trial *trial, uint32_t partition, struct bytes record)
{
    uint64_t sequence;
    int code = trial->engine->ops->put_holding(trial->engine, partition, record, &sequence);
    written(trial, code, sequence);
}
