/* See engine_trial.h. Keeps its copies behind the back of mem_fail_from. */
#include "support/engine_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "base/timers.h"
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
    wait.again(wait.self, code);
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

struct bytes trial_object(struct trial *trial, struct dot dot, struct bytes value)
{
    uint8_t *at = trial->scratch;
    *at++ = 0x11;
    *at++ = SIBLING_VALUE;
    store_u64_le(at, dot.actor);
    store_u64_le(at + 8, 12345);
    at = varint_store(at + 16, dot.counter);
    memcpy(at, value.data, value.len);
    struct bytes record = bytes_make(trial->scratch, (size_t)(at - trial->scratch) + value.len);
    struct dot peeked;
    assert_true(object_peek_simple(record, &peeked));
    return record;
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

static void wait_for(struct trial *trial, void (*again)(void *self, int code), void *self)
{
    trial->pendings++;
    trial->wait = (struct trial_wait){.ticket = trial->ticket, .again = again, .self = self};
}

static void turn_while_waiting(struct trial *trial)
{
    for (uint32_t i = 0; trial->wait.self != NULL; i++) {
        assert_true(i < TURNS_MAX);
        trial_turn(trial);
    }
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

/* ---- reads ---- */

struct reading {
    struct trial *trial;
    const struct engine_key *key;
    int code;
};

/* Asks, and copies what is lent. */
static void read_ask(struct reading *reading)
{
    struct trial *trial = reading->trial;
    struct bytes record;
    reading->code = trial->engine->ops->get(trial->engine, reading->key, ++trial->ticket, &record);
    if (reading->code == 0) {
        trial->read = realloc(trial->read, record.len + 1);
        assert_non_null(trial->read);
        memcpy(trial->read, record.data, record.len);
        trial->read_len = record.len;
    }
}

static void read_again(void *self, int code)
{
    struct reading *reading = self;
    assert_int_equal(code, 0);
    read_ask(reading);
    assert_int_not_equal(reading->code, 1); /* nothing was written in between */
}

static int get(struct trial *trial, const struct engine_key *key)
{
    struct reading reading = {.trial = trial, .key = key};
    read_ask(&reading);
    if (reading.code == 1) {
        wait_for(trial, read_again, &reading);
        turn_while_waiting(trial);
    }
    return reading.code;
}

struct bytes trial_get(struct trial *trial, struct engine_key key)
{
    assert_int_equal(get(trial, &key), 0);
    return bytes_make(trial->read, trial->read_len);
}

/* A brief may know nothing, but what it says is so. */
static void check_brief(struct trial *trial, const struct engine_key *key,
                        const struct bytes *record)
{
    struct engine_brief brief;
    int code = trial->engine->ops->brief(trial->engine, key, &brief);
    if (record == NULL) {
        assert_true(code == SHOAL_ENOTFOUND || (code == 0 && !brief.simple));
        return;
    }
    assert_int_equal(code, 0);
    if (brief.simple) {
        struct dot dot;
        assert_true(object_peek_simple(*record, &dot));
        assert_true(dot.actor == brief.dot.actor && dot.counter == brief.dot.counter);
    }
}

void trial_expect(struct trial *trial, struct engine_key key, struct bytes record)
{
    check_brief(trial, &key, &record);
    assert_true(bytes_equal(trial_get(trial, key), record));
    check_brief(trial, &key, &record);
}

void trial_expect_absent(struct trial *trial, struct engine_key key)
{
    check_brief(trial, &key, NULL);
    assert_int_equal(get(trial, &key), SHOAL_ENOTFOUND);
    check_brief(trial, &key, NULL);
}

void trial_expect_holding(struct trial *trial, uint32_t partition, struct bytes record)
{
    struct bytes holding;
    assert_int_equal(trial->engine->ops->get_holding(trial->engine, partition, &holding), 0);
    assert_true(bytes_equal(holding, record));
}

void trial_expect_no_holding(struct trial *trial, uint32_t partition)
{
    struct bytes holding;
    assert_int_equal(trial->engine->ops->get_holding(trial->engine, partition, &holding),
                     SHOAL_ENOTFOUND);
}

/* ---- walks ---- */

struct walk {
    struct trial *trial;
    uint32_t partition;
    uint64_t position; /* to go on from */
    size_t expected;   /* place in the model */
    size_t visits;
    size_t visits_max;
    int code;
};

static bool visit(void *self, const struct engine_entry *entry)
{
    struct walk *walk = self;
    const struct engine_model *model = &walk->trial->model;
    assert_true(walk->visits < walk->visits_max);
    assert_true(walk->expected < model->count);
    const struct engine_model_entry *expected = &model->entries[walk->expected];
    assert_int_equal(expected->partition, walk->partition);
    assert_true(expected->position == entry->position);
    assert_true(bytes_equal(bytes_make(expected->key, expected->key_len), entry->key));
    assert_true(bytes_equal(bytes_make(expected->record, expected->record_len), entry->record));
    walk->expected++;
    walk->visits++;
    return walk->visits < walk->visits_max;
}

static void walk_again(void *self, int code);

static void walk_ask(struct walk *walk)
{
    struct trial *trial = walk->trial;
    uint64_t next = 0;
    walk->code = trial->engine->ops->walk(trial->engine, walk->partition, walk->position,
                                          ++trial->ticket, visit, walk, &next);
    if (walk->code == 2) {
        /* All before `next` was visited, and nothing else. */
        assert_true(next >= walk->position);
        assert_int_equal(engine_model_seek(&trial->model, walk->partition, next), walk->expected);
        walk->position = next;
        wait_for(trial, walk_again, walk);
    }
}

static void walk_again(void *self, int code)
{
    struct walk *walk = self;
    size_t visits = walk->visits;
    uint64_t position = walk->position;
    assert_int_equal(code, 0);
    walk_ask(walk);
    assert_true(walk->code != 2 || walk->visits > visits || walk->position > position);
}

size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max)
{
    struct walk walk = {.trial = trial,
                        .partition = partition,
                        .position = position,
                        .expected = engine_model_seek(&trial->model, partition, position),
                        .visits_max = visits_max};
    walk_ask(&walk);
    turn_while_waiting(trial);
    assert_int_equal(walk.code, walk.visits == visits_max ? 1 : 0);
    if (walk.code == 0) {
        assert_true(walk.expected == trial->model.count ||
                    trial->model.entries[walk.expected].partition != partition);
    }
    return walk.visits;
}

/* ---- all of it ---- */

static void check_figures(const struct engine_stats *stats, const struct engine_stats *expected)
{
    uint64_t off = stats->bytes > expected->bytes ? stats->bytes - expected->bytes
                                                  : expected->bytes - stats->bytes;
    assert_int_equal(stats->keys, expected->keys);
    assert_true(off <= expected->bytes / 16 + 16 * expected->keys);
}

static void check_stats(struct trial *trial)
{
    struct engine_stats sum = {0};
    struct engine_stats expected = {0};
    struct engine_stats stats;
    size_t at = 0;
    for (uint32_t i = 0; i < TRIAL_PARTITIONS; i++) {
        struct engine_stats own = {0};
        for (; at < trial->model.count && trial->model.entries[at].partition == i; at++) {
            own.keys++;
            own.bytes += trial->model.entries[at].key_len + trial->model.entries[at].record_len;
        }
        trial->engine->ops->stats(trial->engine, i, &stats);
        check_figures(&stats, &own);
        sum.memory_bytes += stats.memory_bytes;
        expected.keys += own.keys;
        expected.bytes += own.bytes;
    }
    trial->engine->ops->stats(trial->engine, UINT32_MAX, &stats);
    check_figures(&stats, &expected);
    assert_true(sum.memory_bytes <= stats.memory_bytes);
}

void trial_check_all(struct trial *trial)
{
    if (trial->subject->check != NULL) {
        trial->subject->check(trial->engine);
    }
    for (size_t i = 0; i < trial->model.count; i++) {
        const struct engine_model_entry *entry = &trial->model.entries[i];
        struct engine_key key = {.partition = entry->partition,
                                 .tag = entry->tag,
                                 .position = entry->position,
                                 .key = bytes_make(entry->key, entry->key_len)};
        trial_expect(trial, key, bytes_make(entry->record, entry->record_len));
    }
    size_t walked = 0;
    for (uint32_t i = 0; i < TRIAL_PARTITIONS; i++) {
        walked += trial_walk(trial, i, 0, SIZE_MAX);
    }
    assert_int_equal(walked, trial->model.count);
    check_stats(trial);
}
