/* The part of the conformance suite for engines that keep data: what is settled is there after a
 * restart, whether the process before ended in order or was killed, and nothing comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "shoal/error.h"
#include "support/engine_conformance_parts.h"

static void put_numbers(struct trial *trial, uint32_t first, uint32_t count, uint8_t seed)
{
    char text[24];
    for (uint32_t i = first; i < first + count; i++) {
        snprintf(text, sizeof(text), "key %u", (unsigned)i);
        trial_put(trial, trial_key(trial, i % TRIAL_STORES, text),
                  trial_bytes(trial, 20 + i % 200, (uint8_t)(seed + i)));
        if (i % 37 == 0) {
            trial_turn(trial);
        }
    }
}

static void remove_numbers(struct trial *trial, uint32_t first, uint32_t count)
{
    char text[24];
    for (uint32_t i = first; i < first + count; i++) {
        snprintf(text, sizeof(text), "key %u", (unsigned)i);
        trial_remove(trial, trial_key(trial, i % TRIAL_STORES, text));
    }
}

static void expect_nothing_lost(const struct trial *trial)
{
    for (uint32_t i = 0; i < TRIAL_STORES; i++) {
        assert_false(trial->engine->ops->lost(trial->engine, i));
    }
    assert_int_equal(trial->engine->ops->health(trial->engine), ENGINE_HEALTHY);
}

/* Ends in both ways, so that what the first restart found is still there after the second. */
static void restart_and_check(struct trial *trial)
{
    static const bool clean[] = {false, true, true, false, false};
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        trial_settle(trial);
        trial_restart(trial, clean[i]);
        expect_nothing_lost(trial);
        trial_check_all(trial);
    }
}

void an_engine_says_whether_it_keeps_data(void **state)
{
    struct trial *trial = *state;
    assert_int_equal(trial->engine->keeps_data, trial->subject->keeps_data);
    assert_false(trial->engine->behind);
    expect_nothing_lost(trial);
}

void what_is_settled_is_there_after_a_restart(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    restart_and_check(trial);
    put_numbers(trial, 0, 2000, 0);
    restart_and_check(trial);
    put_numbers(trial, 1000, 2000, 77);
    restart_and_check(trial);
}

void what_was_removed_stays_gone_after_a_restart(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    put_numbers(trial, 0, 1000, 0);
    trial_settle(trial);
    remove_numbers(trial, 200, 500);
    restart_and_check(trial);
    put_numbers(trial, 600, 100, 9);
    remove_numbers(trial, 650, 400);
    restart_and_check(trial);
}

void what_was_dropped_stays_gone_after_a_restart(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    put_numbers(trial, 0, 1600, 0);
    trial_put_holding(trial, 3, bytes_from_string("actor 3"));
    trial_put_holding(trial, 4, bytes_from_string("actor 4"));
    trial_settle(trial);
    trial_drop(trial, 3);
    restart_and_check(trial);
    trial_expect_no_holding(trial, 3);
    trial_expect_holding(trial, 4, bytes_from_string("actor 4"));

    /* All in one turn. */
    trial_drop(trial, 4);
    put_numbers(trial, 4, 1, 50);
    trial_put_holding(trial, 4, bytes_from_string("actor 44"));
    trial_drop(trial, 5);
    put_numbers(trial, 5, 1, 50);
    trial_drop(trial, 5);
    restart_and_check(trial);
    trial_expect_holding(trial, 4, bytes_from_string("actor 44"));
    put_numbers(trial, 0, 400, 60);
    restart_and_check(trial);
}

void holdings_are_there_after_a_restart(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    trial_put_holding(trial, 0, bytes_from_string("first"));
    trial_put_holding(trial, 0, bytes_from_string("second"));
    trial_put_holding(trial, TRIAL_PARTITIONS - 1, bytes_make(NULL, 0));
    restart_and_check(trial);
    trial_expect_holding(trial, 0, bytes_from_string("second"));
    trial_expect_no_holding(trial, 1);
    trial_expect_holding(trial, TRIAL_PARTITIONS - 1, bytes_make(NULL, 0));
    trial_put_holding(trial, 0, bytes_from_string("a third, which is longer"));
    restart_and_check(trial);
    trial_expect_holding(trial, 0, bytes_from_string("a third, which is longer"));
}

void only_after_an_orderly_end_may_holdings_go_on(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    put_numbers(trial, 0, 100, 0);
    trial_harden(trial);
    trial_restart(trial, true);
    assert_true(trial->engine->resumed);
    trial_restart(trial, true); /* nothing was written */
    assert_true(trial->engine->resumed);
    trial_restart(trial, false);
    assert_false(trial->engine->resumed);
    trial_restart(trial, false);
    assert_false(trial->engine->resumed);
    trial_restart(trial, true);
    assert_true(trial->engine->resumed);
}

/* Of writes that had not settled some may be lost, but never one and not a later one. */
void what_a_kill_takes_are_the_last_writes(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    const uint32_t count = 400;
    struct random random;
    random_init(&random, 500);
    char text[24];
    for (uint32_t round = 0; round < 10; round++) {
        uint32_t settled = 0; /* how many of the round certainly were */
        for (uint32_t i = 0; i < count; i++) {
            snprintf(text, sizeof(text), "key %u %u", (unsigned)round, (unsigned)i);
            trial_put(trial, trial_key(trial, i % TRIAL_STORES, text), bytes_from_string(text));
            if (trial->settled >= trial->promised) {
                settled = i + 1;
            }
            if (random_chance(&random, 0.03)) {
                trial_turn(trial);
                settled = trial->settled >= trial->promised ? i + 1 : settled;
            }
        }
        trial_restart(trial, false);
        expect_nothing_lost(trial);
        uint32_t there = 0;
        for (uint32_t i = 0; i < count; i++) {
            snprintf(text, sizeof(text), "key %u %u", (unsigned)round, (unsigned)i);
            struct engine_key key = trial_key(trial, i % TRIAL_STORES, text);
            if (there == i && trial_has(trial, key)) {
                trial_expect(trial, key, bytes_from_string(text));
                there++;
            } else {
                trial_expect_absent(trial, key);
                engine_model_remove(&trial->model, &key);
            }
        }
        assert_true(there >= settled);
        trial_check_all(trial);
    }
}

void what_was_hardened_is_durable(void **state)
{
    struct trial *trial = *state;
    if (!trial->subject->keeps_data) {
        return;
    }
    put_numbers(trial, 0, 300, 0);
    trial_harden(trial);
    assert_true(trial->durable >= trial->sequence);
    trial_harden(trial); /* with nothing to do */
    trial_restart(trial, false);
    trial_check_all(trial);
}

void nothing_is_settled_before_it_is_told(void **state)
{
    struct trial *trial = *state;
    for (uint32_t i = 0; i < 200; i++) {
        put_numbers(trial, i * 5, 5, 0);
        trial_turn(trial);
        if (trial->engine->settles_durable) {
            assert_int_equal(trial->settled, trial->durable);
        }
    }
    trial_settle(trial);
    assert_true(trial->settled >= trial->promised);
}
