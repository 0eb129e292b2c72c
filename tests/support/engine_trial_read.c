/* The reading half of engine_trial.h: what is asked again when it was pending, and the comparison
 * with the model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/object.h"
#include "shoal/error.h"
#include "support/engine_trial.h"

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
        if (record.len > 0) {
            memcpy(trial->read, record.data, record.len);
        }
        trial->read_len = record.len;
    }
}

static bool read_again(void *self, int code)
{
    struct reading *reading = self;
    assert_int_equal(code, 0);
    read_ask(reading);
    assert_int_not_equal(reading->code, 1); /* nothing was written in between */
    return false;
}

static int get(struct trial *trial, const struct engine_key *key)
{
    struct reading reading = {.trial = trial, .key = key};
    read_ask(&reading);
    if (reading.code == 1) {
        trial_wait(trial, read_again, &reading);
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

bool trial_has(struct trial *trial, struct engine_key key)
{
    int code = get(trial, &key);
    assert_true(code == 0 || code == SHOAL_ENOTFOUND);
    return code == 0;
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
    }
}

static bool walk_again(void *self, int code)
{
    struct walk *walk = self;
    size_t visits = walk->visits;
    uint64_t position = walk->position;
    assert_int_equal(code, 0);
    walk_ask(walk);
    assert_true(walk->code != 2 || walk->visits > visits || walk->position > position);
    return walk->code == 2;
}

size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max)
{
    struct walk walk = {.trial = trial,
                        .partition = partition,
                        .position = position,
                        .expected = engine_model_seek(&trial->model, partition, position),
                        .visits_max = visits_max};
    walk_ask(&walk);
    if (walk.code == 2) {
        trial_wait(trial, walk_again, &walk);
    }
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
    trial_settle(trial);
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
