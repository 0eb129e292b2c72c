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

/* What is told of a record is so; nothing may be. */
static void check_told(const struct engine_brief *brief, struct bytes record)
{
    struct object_glance glance = {0};
    if (brief->simple) {
        assert_true(object_glance(record, &glance));
        assert_true(dot_equal(glance.dot, brief->dot));
    }
    assert_int_equal(brief->tombstone, glance.tombstone);
    assert_int_equal(brief->expires, glance.expires);
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
    check_told(&brief, *record);
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
    bool surveys;
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

/* The entry of the model that is meant: among several of one position the order is the engine's. */
static const struct engine_model_entry *surveyed(const struct walk *walk,
                                                 const struct engine_survey_entry *entry)
{
    const struct engine_model *model = &walk->trial->model;
    size_t at = engine_model_seek(model, walk->partition, entry->position);
    for (; at < model->count; at++) {
        const struct engine_model_entry *expected = &model->entries[at];
        bool same = entry->key.data == NULL
                        ? expected->tag == entry->tag
                        : bytes_equal(bytes_make(expected->key, expected->key_len), entry->key);
        if (expected->partition != walk->partition || expected->position != entry->position) {
            return NULL;
        }
        if (same) {
            return expected;
        }
    }
    return NULL;
}

static bool survey_visit(void *self, const struct engine_survey_entry *entry)
{
    struct walk *walk = self;
    assert_true(walk->visits < walk->visits_max);
    assert_true(walk->expected < walk->trial->model.count);
    assert_true(walk->trial->model.entries[walk->expected].position == entry->position);
    const struct engine_model_entry *expected = surveyed(walk, entry);
    assert_non_null(expected);
    check_told(&entry->brief, bytes_make(expected->record, expected->record_len));
    walk->expected++;
    walk->visits++;
    return walk->visits < walk->visits_max;
}

static void walk_ask(struct walk *walk)
{
    struct trial *trial = walk->trial;
    struct engine *engine = trial->engine;
    uint64_t next = 0;
    uint64_t ticket = ++trial->ticket;
    if (walk->surveys) {
        walk->code = engine->ops->survey(engine, walk->partition, walk->position, ticket,
                                         survey_visit, walk, &next);
    } else {
        walk->code =
            engine->ops->walk(engine, walk->partition, walk->position, ticket, visit, walk, &next);
    }
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

static size_t walk_all(struct walk *walk)
{
    const struct engine_model *model = &walk->trial->model;
    walk->expected = engine_model_seek(model, walk->partition, walk->position);
    walk_ask(walk);
    if (walk->code == 2) {
        trial_wait(walk->trial, walk_again, walk);
    }
    assert_int_equal(walk->code, walk->visits == walk->visits_max ? 1 : 0);
    if (walk->code == 0) {
        assert_true(walk->expected == model->count ||
                    model->entries[walk->expected].partition != walk->partition);
    }
    return walk->visits;
}

size_t trial_walk(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max)
{
    struct walk walk = {
        .trial = trial, .partition = partition, .position = position, .visits_max = visits_max};
    return walk_all(&walk);
}

size_t trial_survey(struct trial *trial, uint32_t partition, uint64_t position, size_t visits_max)
{
    struct walk walk = {.trial = trial,
                        .partition = partition,
                        .surveys = true,
                        .position = position,
                        .visits_max = visits_max};
    return walk_all(&walk);
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
    uint64_t memory_bytes = 0;
    struct engine_stats expected[ENGINE_FAMILIES] = {0};
    struct engine_stats stats;
    size_t at = 0;
    for (uint32_t i = 0; i < TRIAL_STORES; i++) {
        struct engine_stats own = {0};
        for (; at < trial->model.count && trial->model.entries[at].partition == i; at++) {
            own.keys++;
            own.bytes += trial->model.entries[at].key_len + trial->model.entries[at].record_len;
        }
        trial->engine->ops->stats(trial->engine, i, &stats);
        check_figures(&stats, &own);
        uint32_t family = engine_family_of(i, TRIAL_PARTITIONS);
        memory_bytes += stats.memory_bytes;
        expected[family].keys += own.keys;
        expected[family].bytes += own.bytes;
    }
    trial->engine->ops->stats(trial->engine, ENGINE_HINTS, &stats);
    check_figures(&stats, &expected[ENGINE_FAMILY_HINTS]);
    trial->engine->ops->stats(trial->engine, ENGINE_DATA, &stats);
    check_figures(&stats, &expected[ENGINE_FAMILY_DATA]);
    assert_true(memory_bytes <= stats.memory_bytes);
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
    size_t surveyed = 0;
    for (uint32_t i = 0; i < TRIAL_STORES; i++) {
        walked += trial_walk(trial, i, 0, SIZE_MAX);
        surveyed += trial_survey(trial, i, 0, SIZE_MAX);
    }
    assert_int_equal(walked, trial->model.count);
    assert_int_equal(surveyed, trial->model.count);
    check_stats(trial);
}
