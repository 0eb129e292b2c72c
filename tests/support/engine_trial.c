/* See engine_trial.h. */
#include "support/engine_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "shoal/error.h"

#define TURNS_MAX 100000u

static void read_done(void *self, uint64_t ticket, int code, struct bytes record)
{
    struct trial *trial = self;
    assert_int_equal(ticket, trial->ticket);
    assert_int_equal(trial->read_code, 1);
    trial->read_code = code;
    trial->read_record = record;
}

static void durable(void *self, uint64_t sequence)
{
    struct trial *trial = self;
    assert_true(sequence >= trial->durable && sequence <= trial->sequence);
    trial->durable = sequence;
}

static void failed(void *self, int code)
{
    (void)self;
    fail_msg("the engine failed: %s", shoal_error_text(code));
}

static void open_engine(struct trial *trial, const struct engine_options *options)
{
    const struct engine_subject *subject = trial->subject;
    assert_int_equal(subject->open(subject->self, options, &trial->engine), 0);
    trial->engine->events = (struct engine_events){
        .self = trial, .read_done = read_done, .durable = durable, .failed = failed};
    engine_model_init(&trial->model);
    trial->sequence = 0;
    trial->durable = 0;
}

static void close_engine(struct trial *trial)
{
    trial->engine->ops->free(trial->engine);
    engine_model_deinit(&trial->model);
}

int trial_open(void **state)
{
    struct trial *trial = *state;
    uint8_t seed[32] = {1, 2, 3};
    hash_secret_init(&trial->secret, seed);
    trial->scratch = malloc(TRIAL_BYTES_MAX);
    assert_non_null(trial->scratch);
    const struct engine_options options = {.partitions = TRIAL_PARTITIONS};
    open_engine(trial, &options);
    return 0;
}

int trial_close(void **state)
{
    struct trial *trial = *state;
    mem_fail_never();
    close_engine(trial);
    free(trial->scratch);
    return 0;
}

void trial_reopen(struct trial *trial, const struct engine_options *options)
{
    close_engine(trial);
    open_engine(trial, options);
}

struct engine_key trial_key(const struct trial *trial, uint32_t partition, const char *text)
{
    struct bytes key = bytes_from_string(text);
    return (struct engine_key){
        .partition = partition, .position = engine_position(&trial->secret, key), .key = key};
}

struct bytes trial_bytes(struct trial *trial, size_t len, uint8_t seed)
{
    assert_true(len <= TRIAL_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        trial->scratch[i] = (uint8_t)(seed + i * 31 + (i >> 8));
    }
    return bytes_make(trial->scratch, len);
}

static void turn(struct trial *trial)
{
    trial->engine->ops->flush(trial->engine);
    if (trial->subject->turn != NULL) {
        trial->subject->turn(trial->subject->self, trial->engine);
    }
}

/* The outcome of a write that the test does not mean to fail. */
static void expect_written(struct trial *trial, int code, uint64_t sequence)
{
    assert_true(code == 0 || code == 1);
    trial->sequence = sequence;
    for (uint32_t i = 0; code == 1 && trial->durable < sequence; i++) {
        assert_true(i < TURNS_MAX);
        turn(trial);
    }
}

int trial_try_put(struct trial *trial, struct engine_key key, struct bytes record)
{
    uint64_t sequence;
    int code = trial->engine->ops->put(trial->engine, &key, record, &sequence);
    if (code < 0) {
        return code;
    }
    expect_written(trial, code, sequence);
    engine_model_put(&trial->model, &key, record);
    return 0;
}

void trial_put(struct trial *trial, struct engine_key key, struct bytes record)
{
    assert_int_equal(trial_try_put(trial, key, record), 0);
}

void trial_remove(struct trial *trial, struct engine_key key)
{
    uint64_t sequence = 0;
    int code = trial->engine->ops->remove(trial->engine, &key, &sequence);
    expect_written(trial, code, sequence);
    engine_model_remove(&trial->model, &key);
}

void trial_drop(struct trial *trial, uint32_t partition)
{
    uint64_t sequence = 0;
    int code = trial->engine->ops->drop(trial->engine, partition, &sequence);
    expect_written(trial, code, sequence);
    engine_model_drop(&trial->model, partition);
}

void trial_put_holding(struct trial *trial, uint32_t partition, struct bytes record)
{
    uint64_t sequence = 0;
    int code = trial->engine->ops->put_holding(trial->engine, partition, record, &sequence);
    expect_written(trial, code, sequence);
}

static int get(struct trial *trial, const struct engine_key *key, struct bytes *record)
{
    trial->ticket++;
    trial->read_code = 1;
    int code = trial->engine->ops->get(trial->engine, key, trial->ticket, record);
    for (uint32_t i = 0; code == 1 && trial->read_code == 1; i++) {
        assert_true(i < TURNS_MAX);
        turn(trial);
    }
    if (code == 1) {
        *record = trial->read_record;
        return trial->read_code;
    }
    return code;
}

struct bytes trial_get(struct trial *trial, struct engine_key key)
{
    struct bytes record;
    assert_int_equal(get(trial, &key, &record), 0);
    return record;
}

void trial_expect(struct trial *trial, struct engine_key key, struct bytes record)
{
    assert_true(bytes_equal(trial_get(trial, key), record));
}

void trial_expect_absent(struct trial *trial, struct engine_key key)
{
    struct bytes record;
    assert_int_equal(get(trial, &key, &record), SHOAL_ENOTFOUND);
}

void trial_expect_holding(struct trial *trial, uint32_t partition, struct bytes record)
{
    struct bytes holding;
    assert_int_equal(trial->engine->ops->get_holding(trial->engine, partition, &holding), 0);
    assert_true(bytes_equal(holding, record));
}

struct walk {
    struct trial *trial;
    uint32_t partition;
    size_t expected; /* place in the model */
    size_t visits;
    size_t visits_max;
};

static bool visit(void *self, const struct engine_entry *entry)
{
    struct walk *walk = self;
    const struct engine_model *model = &walk->trial->model;
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

size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max)
{
    struct walk walk = {.trial = trial,
                        .partition = partition,
                        .expected = engine_model_seek(&trial->model, partition, position),
                        .visits_max = visits_max};
    int code = trial->engine->ops->walk(trial->engine, partition, position, visit, &walk);
    assert_int_equal(code, walk.visits == visits_max ? 1 : 0);
    if (code == 0) {
        assert_true(walk.expected == trial->model.count ||
                    trial->model.entries[walk.expected].partition != partition);
    }
    return walk.visits;
}

static void check_stats(struct trial *trial)
{
    struct engine_stats sum = {0};
    struct engine_stats expected = {0};
    struct engine_stats stats;
    for (uint32_t i = 0; i < TRIAL_PARTITIONS; i++) {
        trial->engine->ops->stats(trial->engine, i, &stats);
        sum.keys += stats.keys;
        sum.bytes += stats.bytes;
        sum.memory_bytes += stats.memory_bytes;
    }
    for (size_t i = 0; i < trial->model.count; i++) {
        expected.keys++;
        expected.bytes += trial->model.entries[i].key_len + trial->model.entries[i].record_len;
    }
    trial->engine->ops->stats(trial->engine, UINT32_MAX, &stats);
    assert_int_equal(stats.keys, expected.keys);
    assert_int_equal(stats.bytes, expected.bytes);
    assert_int_equal(sum.keys, expected.keys);
    assert_int_equal(sum.bytes, expected.bytes);
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
