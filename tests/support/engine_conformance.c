/* See engine_conformance.h: the cases that are told one by one. Random operations against the model
 * are in engine_conformance_random.c, surveys in engine_conformance_survey.c, restarts in
 * engine_conformance_restart.c, reads that wait in engine_conformance_pending.c, what they share in
 * engine_trial.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "shoal/error.h"
#include "support/engine_conformance_parts.h"

static void a_record_is_read_back_and_an_absent_one_is_not_found(void **state)
{
    struct trial *trial = *state;
    trial_expect_absent(trial, trial_key(trial, 0, "a"));
    trial_put(trial, trial_key(trial, 0, "a"), bytes_from_string("one"));
    trial_put(trial, trial_key(trial, 0, "b"), bytes_from_string("two"));
    trial_expect(trial, trial_key(trial, 0, "a"), bytes_from_string("one"));
    trial_expect(trial, trial_key(trial, 0, "b"), bytes_from_string("two"));
    trial_expect_absent(trial, trial_key(trial, 0, "c"));
}

static void a_put_replaces_a_record_of_any_other_size(void **state)
{
    struct trial *trial = *state;
    static const size_t sizes[] = {1, 100, 101, 0, 5000, 40, 70000, 70001, 9000, 3, 1100000, 12};
    const struct engine_key key = trial_key(trial, 3, "key");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bytes record = trial_bytes(trial, sizes[i], (uint8_t)i);
        trial_put(trial, key, record);
        trial_expect(trial, key, record);
        struct engine_stats stats;
        trial_settle(trial);
        trial->engine->ops->stats(trial->engine, 3, &stats);
        assert_int_equal(stats.keys, 1);
    }
}

static void keys_and_records_are_any_bytes(void **state)
{
    struct trial *trial = *state;
    static const size_t key_sizes[] = {0, 1, 2, 16, 255, 4094, 4095, 4096, 65536, 262144};
    for (size_t i = 0; i < sizeof(key_sizes) / sizeof(key_sizes[0]); i++) {
        struct bytes bytes = trial_bytes(trial, key_sizes[i], 0);
        struct engine_key key = engine_key_of(&trial->secret, 1, bytes);
        trial_put(trial, key, bytes_make("a\0b\xff", 4));
    }
    for (size_t i = 0; i < sizeof(key_sizes) / sizeof(key_sizes[0]); i++) {
        struct bytes bytes = trial_bytes(trial, key_sizes[i], 0);
        struct engine_key key = engine_key_of(&trial->secret, 1, bytes);
        trial_expect(trial, key, bytes_make("a\0b\xff", 4));
    }
    trial_check_all(trial);
}

static void what_is_over_the_limits_is_refused(void **state)
{
    struct trial *trial = *state;
    struct bytes bytes = trial_bytes(trial, LIMIT_KEY_BYTES_MAX + 1, 0);
    struct engine_key key = {.partition = 1, .position = 1, .key = bytes};
    uint64_t sequence;
    assert_int_equal(trial->engine->ops->put(trial->engine, &key, bytes, &sequence), SHOAL_ETOOBIG);
    trial_expect_absent(trial, key);

    key = trial_key(trial, 1, "key");
    bytes.len = LIMIT_OBJECT_BYTES + 1; /* not to be read, thus */
    assert_int_equal(trial->engine->ops->put(trial->engine, &key, bytes, &sequence), SHOAL_ETOOBIG);
    trial_expect_absent(trial, key);
}

static void large_records_stand_among_small_ones(void **state)
{
    struct trial *trial = *state;
    static const size_t sizes[] = {9 * LIMIT_MIB, 5 * LIMIT_MIB - 1, 1 * LIMIT_MIB};
    char text[24];
    for (uint32_t i = 0; i < 60; i++) {
        snprintf(text, sizeof(text), "key %u", (unsigned)i % 40);
        size_t size = i % 13 == 5 ? sizes[i / 13 % 3] : 100;
        trial_put(trial, trial_key(trial, i % 4, text), trial_bytes(trial, size, (uint8_t)i));
        if (i % 7 == 0) {
            trial_turn(trial);
        }
    }
    trial_check_all(trial);
    trial_settle(trial);
    trial_check_all(trial);
    if (trial->subject->keeps_data) {
        trial_restart(trial, false);
        trial_check_all(trial);
    }
}

static void partitions_do_not_see_each_other(void **state)
{
    struct trial *trial = *state;
    trial_put(trial, trial_key(trial, 0, "key"), bytes_from_string("in 0"));
    trial_put(trial, trial_key(trial, TRIAL_PARTITIONS - 1, "key"),
              bytes_from_string("in the last"));
    trial_expect(trial, trial_key(trial, 0, "key"), bytes_from_string("in 0"));
    trial_expect_absent(trial, trial_key(trial, 1, "key"));
    trial_remove(trial, trial_key(trial, 0, "key"));
    trial_expect_absent(trial, trial_key(trial, 0, "key"));
    trial_expect(trial, trial_key(trial, TRIAL_PARTITIONS - 1, "key"),
                 bytes_from_string("in the last"));
}

static void removing_forgets_and_what_is_absent_may_be_removed(void **state)
{
    struct trial *trial = *state;
    trial_remove(trial, trial_key(trial, 0, "key"));
    trial_put(trial, trial_key(trial, 0, "key"), bytes_from_string("x"));
    trial_remove(trial, trial_key(trial, 0, "key"));
    trial_expect_absent(trial, trial_key(trial, 0, "key"));
    trial_remove(trial, trial_key(trial, 0, "key"));
    trial_check_all(trial);
}

static void sequences_rise(void **state)
{
    struct trial *trial = *state;
    uint64_t before = trial->sequence;
    for (uint32_t i = 0; i < 10; i++) {
        trial_put(trial, trial_key(trial, i % 3, "key"), bytes_from_string("x"));
        assert_true(trial->sequence > before);
        before = trial->sequence;
    }
    trial_remove(trial, trial_key(trial, 0, "key"));
    assert_true(trial->sequence > before);
    before = trial->sequence;
    trial_drop(trial, 1);
    assert_true(trial->sequence > before);
}

static void a_walk_begins_at_any_position_and_ends_when_told(void **state)
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
        assert_int_equal(trial_walk(trial, 2, positions[i], SIZE_MAX), count - i);
        assert_int_equal(trial_walk(trial, 2, positions[i], 1), 1);
    }
    assert_int_equal(trial_walk(trial, 2, 2, SIZE_MAX), count - 2);
    assert_int_equal(trial_walk(trial, 1, 0, SIZE_MAX), 0);
}

static void keys_of_one_position_are_told_apart_and_walked_by_their_bytes(void **state)
{
    struct trial *trial = *state;
    static const uint64_t positions[] = {0, 12345, UINT64_MAX};
    for (uint32_t i = 0; i < 3000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", i * 7919 % 3001);
        struct engine_key key = trial_key(trial, 0, text);
        key.position = positions[i % 3];
        key.tag = (uint16_t)i;
        trial_put(trial, key, bytes_from_string(text));
        if (i % 4 == 0) {
            trial_remove(trial, key);
        }
    }
    trial_check_all(trial);
}

static void a_drop_forgets_the_partition_and_its_holding_and_no_other(void **state)
{
    struct trial *trial = *state;
    for (uint32_t i = 0; i < 500; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", i);
        trial_put(trial, trial_key(trial, i % 2, text), bytes_from_string(text));
    }
    trial_put_holding(trial, 0, bytes_from_string("actor 0"));
    trial_put_holding(trial, 1, bytes_from_string("actor 1"));
    trial_drop(trial, 0);
    trial_check_all(trial);
    trial_expect_no_holding(trial, 0);
    trial_expect_holding(trial, 1, bytes_from_string("actor 1"));
    assert_int_equal(trial_walk(trial, 0, 0, SIZE_MAX), 0);
    assert_int_equal(trial_walk(trial, 1, 0, SIZE_MAX), 250);
    trial_drop(trial, 0);
    trial_put(trial, trial_key(trial, 0, "again"), bytes_from_string("x"));
    trial_check_all(trial);
}

static void a_holding_is_kept_apart_from_the_data_and_replaced(void **state)
{
    struct trial *trial = *state;
    trial_expect_no_holding(trial, 4);
    trial_put_holding(trial, 4, bytes_from_string("first"));
    trial_expect_holding(trial, 4, bytes_from_string("first"));
    trial_put_holding(trial, 4, bytes_from_string("other"));
    trial_expect_holding(trial, 4, bytes_from_string("other"));
    trial_put_holding(trial, 4, bytes_from_string("longer than before"));
    trial_expect_holding(trial, 4, bytes_from_string("longer than before"));
    trial_put_holding(trial, 4, bytes_make(NULL, 0));
    trial_expect_holding(trial, 4, bytes_make(NULL, 0));
    assert_int_equal(trial_walk(trial, 4, 0, SIZE_MAX), 0);
    struct engine_stats stats;
    trial_settle(trial);
    trial->engine->ops->stats(trial->engine, 4, &stats);
    assert_int_equal(stats.keys, 0);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, trial_open, trial_close, &trial)

int engine_conformance_run(const struct engine_subject *subject)
{
    struct trial trial = {.subject = subject};
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_read_back_and_an_absent_one_is_not_found),
        TEST(a_put_replaces_a_record_of_any_other_size),
        TEST(keys_and_records_are_any_bytes),
        TEST(what_is_over_the_limits_is_refused),
        TEST(large_records_stand_among_small_ones),
        TEST(partitions_do_not_see_each_other),
        TEST(removing_forgets_and_what_is_absent_may_be_removed),
        TEST(sequences_rise),
        TEST(a_walk_begins_at_any_position_and_ends_when_told),
        TEST(keys_of_one_position_are_told_apart_and_walked_by_their_bytes),
        TEST(a_drop_forgets_the_partition_and_its_holding_and_no_other),
        TEST(a_holding_is_kept_apart_from_the_data_and_replaced),
        TEST(a_survey_begins_at_any_position_and_ends_when_told),
        TEST(a_survey_tells_tombstones_and_what_expires),
        TEST(hints_are_kept_apart_from_data_and_counted_apart),
        TEST(a_holding_takes_the_memory_that_it_needs),
        TEST(many_reads_at_once_are_each_ready_once),
        TEST(what_is_written_while_a_read_waits_is_what_it_finds),
        TEST(a_walk_goes_on_while_entries_come_and_go),
        TEST(an_engine_says_whether_it_keeps_data),
        TEST(nothing_is_settled_before_it_is_told),
        TEST(what_was_hardened_is_durable),
        TEST(what_is_settled_is_there_after_a_restart),
        TEST(what_was_removed_stays_gone_after_a_restart),
        TEST(what_was_dropped_stays_gone_after_a_restart),
        TEST(holdings_are_there_after_a_restart),
        TEST(only_after_an_orderly_end_may_holdings_go_on),
        TEST(what_a_kill_takes_are_the_last_writes),
        TEST(random_operations_agree_with_the_model),
        TEST(random_operations_on_crowded_positions_agree_with_the_model),
        TEST(random_operations_and_restarts_agree_with_the_model),
        TEST(over_the_memory_bound_a_put_is_refused_and_changes_nothing),
        TEST(memory_that_was_freed_serves_records_of_other_sizes),
        TEST(a_failed_allocation_changes_nothing),
    };
    return cmocka_run_group_tests_name(subject->name, tests, NULL, NULL);
}
