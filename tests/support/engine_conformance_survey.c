/* The part of the conformance suite about surveys, and about partitions that hold hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "shoal/error.h"
#include "support/engine_conformance_parts.h"

void a_survey_begins_at_any_position_and_ends_when_told(void **state)
{
    struct trial *trial = *state;
    static const uint64_t positions[] = {0, 1, 1000, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
    const size_t count = sizeof(positions) / sizeof(positions[0]);
    for (size_t i = 0; i < count; i++) {
        struct engine_key key = trial_key(trial, 2, "key");
        key.position = positions[count - 1 - i];
        trial_put(trial, key, bytes_from_string("x"));
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(trial_survey(trial, 2, positions[i], SIZE_MAX), count - i);
        assert_int_equal(trial_survey(trial, 2, positions[i], 1), 1);
    }
    assert_int_equal(trial_survey(trial, 2, 2, SIZE_MAX), count - 2);
    assert_int_equal(trial_survey(trial, 1, 0, SIZE_MAX), 0);
}

struct told {
    uint32_t simple;
    uint32_t tombstones;
    uint32_t expiring;
    uint32_t others;
};

static bool tell(void *self, const struct engine_survey_entry *entry)
{
    struct told *told = self;
    told->simple += entry->brief.simple;
    told->tombstones += entry->brief.tombstone;
    told->expiring += entry->brief.expires;
    told->others += !entry->brief.simple;
    return true;
}

static bool survey_again(void *self, int code)
{
    (void)self;
    assert_int_equal(code, 0);
    return false;
}

/* Small partitions: whatever was read for it is there the second time. */
static struct told survey(struct trial *trial, uint32_t partition)
{
    struct told told = {0};
    uint64_t next;
    const struct engine_ops *ops = trial->engine->ops;
    int code = ops->survey(trial->engine, partition, 0, ++trial->ticket, tell, &told, &next);
    for (uint32_t i = 0; code == 2; i++) {
        assert_true(i < 100);
        trial_wait(trial, survey_again, &told);
        code = ops->survey(trial->engine, partition, next, ++trial->ticket, tell, &told, &next);
    }
    assert_int_equal(code, 0);
    return told;
}

static void expect_told(struct trial *trial, struct told expected)
{
    trial_check_all(trial); /* compares one by one */
    struct told told = survey(trial, 5);
    assert_int_equal(told.simple, expected.simple);
    assert_int_equal(told.tombstones, expected.tombstones);
    assert_int_equal(told.expiring, expected.expiring);
    assert_int_equal(told.others, expected.others);
}

void a_survey_tells_tombstones_and_what_expires(void **state)
{
    struct trial *trial = *state;
    const struct dot dot = {.actor = 7, .counter = 300};
    trial_put(trial, trial_key(trial, 5, "value"),
              trial_object(trial, dot, bytes_from_string("v")));
    trial_put(trial, trial_key(trial, 5, "gone"), trial_tombstone(trial, dot));
    trial_put(trial, trial_key(trial, 5, "passing"), trial_expiring(trial, dot, 99));
    trial_put(trial, trial_key(trial, 5, "other"), bytes_from_string("no object"));
    const struct told told = {.simple = 3, .tombstones = 1, .expiring = 1, .others = 1};
    expect_told(trial, told);
    if (trial->subject->keeps_data) {
        for (uint32_t i = 0; i < 3; i++) {
            trial_settle(trial);
            trial_restart(trial, i == 1);
            expect_told(trial, told);
        }
    }
    trial_put(trial, trial_key(trial, 5, "value"), trial_tombstone(trial, dot));
    trial_put(trial, trial_key(trial, 5, "gone"), trial_object(trial, dot, bytes_from_string("v")));
    trial_put(trial, trial_key(trial, 5, "passing"), bytes_from_string("no object"));
    expect_told(trial, (struct told){.simple = 2, .tombstones = 1, .others = 2});
}

static void expect_figures(const struct trial *trial, uint64_t data, uint64_t hints)
{
    struct engine_stats stats;
    trial->engine->ops->stats(trial->engine, ENGINE_DATA, &stats);
    assert_int_equal(stats.keys, data);
    trial->engine->ops->stats(trial->engine, ENGINE_HINTS, &stats);
    assert_int_equal(stats.keys, hints);
}

void hints_are_kept_apart_from_data_and_counted_apart(void **state)
{
    struct trial *trial = *state;
    const uint32_t hints = TRIAL_PARTITIONS + 3;
    char text[16];
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "key %u", (unsigned)i);
        trial_put(trial, trial_key(trial, i % 4 == 0 ? hints : 3, text), bytes_from_string(text));
    }
    trial_put_holding(trial, 3, bytes_from_string("of data"));
    trial_check_all(trial);
    trial_expect_no_holding(trial, hints);
    expect_figures(trial, 150, 50);
    if (trial->subject->keeps_data) {
        trial_restart(trial, false);
        trial_check_all(trial);
        expect_figures(trial, 150, 50);
        assert_false(trial->engine->ops->lost(trial->engine, hints));
    }
    trial_remove(trial, trial_key(trial, hints, "key 0"));
    trial_settle(trial);
    expect_figures(trial, 150, 49);
    trial_drop(trial, 3);
    trial_check_all(trial);
    expect_figures(trial, 0, 49);
    trial_drop(trial, hints);
    trial_check_all(trial);
    expect_figures(trial, 0, 0);
}

static uint64_t memory_held(const struct trial *trial)
{
    struct engine_stats stats;
    trial->engine->ops->stats(trial->engine, ENGINE_DATA, &stats);
    return stats.memory_bytes;
}

void a_holding_takes_the_memory_that_it_needs(void **state)
{
    struct trial *trial = *state;
    uint64_t sequence;
    struct bytes large = trial_bytes(trial, ENGINE_HOLDING_BYTES_MAX + 1, 5);
    assert_int_equal(trial->engine->ops->put_holding(trial->engine, 4, large, &sequence),
                     SHOAL_ETOOBIG);
    trial_expect_no_holding(trial, 4);
    large.len--;
    trial_put_holding(trial, 4, large);
    trial_expect_holding(trial, 4, large);
    if (trial->subject->keeps_data) {
        trial_settle(trial);
        trial_restart(trial, false);
        trial_expect_holding(trial, 4, large);
    }
    trial_put_holding(trial, 4, bytes_from_string("small"));
    trial_expect_holding(trial, 4, bytes_from_string("small"));
    trial_settle(trial);
    trial_turn(trial);
    uint64_t before = memory_held(trial);
    for (uint32_t i = 0; i < TRIAL_STORES; i++) {
        trial_put_holding(trial, i, bytes_from_string("small"));
    }
    trial_settle(trial);
    trial_turn(trial);
    assert_true(memory_held(trial) < before + TRIAL_STORES * 512 + trial->subject->memory_step);
}
