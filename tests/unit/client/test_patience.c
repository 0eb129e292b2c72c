/* How long a silent node is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/patience.h"

#define MS UINT64_C(1000)

/* So many answers, one after the other, that took so long each. */
static uint64_t answers(struct patience *patience, uint64_t now_us, uint32_t count,
                        uint64_t took_us)
{
    for (uint32_t i = 0; i < count; i++) {
        patience_answered(patience, now_us, now_us + took_us);
        now_us += took_us;
    }
    return now_us;
}

static void while_nothing_is_known_patience_is_longest(void **state)
{
    (void)state;
    struct patience patience = {0};
    assert_int_equal(patience_us(&patience), PATIENCE_US_MAX);
}

static void steady_answers_make_it_short_down_to_its_bound(void **state)
{
    (void)state;
    struct patience patience = {0};
    uint64_t now_us = answers(&patience, 0, 20, 100 * MS);
    assert_in_range(patience_us(&patience), 100 * MS, 150 * MS);
    (void)answers(&patience, now_us, 50, 1 * MS);
    assert_int_equal(patience_us(&patience), PATIENCE_US_MIN);
}

static void answers_that_vary_are_waited_for_longer_than_steady_ones(void **state)
{
    (void)state;
    struct patience steady = {0};
    struct patience varied = {0};
    uint64_t now_us = 0;
    (void)answers(&steady, 0, 40, 60 * MS);
    for (uint32_t i = 0; i < 20; i++) {
        now_us = answers(&varied, now_us, 1, 20 * MS);
        now_us = answers(&varied, now_us, 1, 100 * MS);
    }
    assert_true(patience_us(&varied) > patience_us(&steady) + 50 * MS);
}

static void no_answers_make_it_longer_than_the_bound(void **state)
{
    (void)state;
    struct patience patience = {0};
    (void)answers(&patience, 0, 40, 5000 * MS);
    assert_int_equal(patience_us(&patience), PATIENCE_US_MAX);
}

/* It was stopped for ten seconds, and answers all that it was asked before. */
static void a_node_that_was_stopped_is_soon_found_silent_again(void **state)
{
    (void)state;
    struct patience patience = {0};
    uint64_t asked_us = answers(&patience, 0, 20, 2 * MS);
    uint64_t now_us = asked_us + 10000 * MS;
    patience_silence_ended(&patience);
    for (uint32_t i = 0; i < 70; i++) {
        patience_answered(&patience, asked_us + i, now_us);
    }
    assert_true(patience_us(&patience) < 4 * PATIENCE_US_MIN);
    (void)answers(&patience, now_us, 20, 2 * MS);
    assert_int_equal(patience_us(&patience), PATIENCE_US_MIN);
}

/* Every answer takes longer than it is waited for, until it is not. */
static void a_node_that_has_become_slow_is_soon_waited_for(void **state)
{
    (void)state;
    struct patience patience = {0};
    uint64_t now_us = answers(&patience, 0, 20, 2 * MS);
    uint32_t silences = 0;
    for (uint32_t i = 0; i < 50; i++) {
        if (patience_us(&patience) < 300 * MS) {
            patience_silence_ended(&patience);
            silences++;
        }
        now_us = answers(&patience, now_us, 1, 300 * MS);
    }
    assert_in_range(silences, 1, 5);
    assert_in_range(patience_us(&patience), 300 * MS, 400 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_nothing_is_known_patience_is_longest),
        cmocka_unit_test(steady_answers_make_it_short_down_to_its_bound),
        cmocka_unit_test(answers_that_vary_are_waited_for_longer_than_steady_ones),
        cmocka_unit_test(no_answers_make_it_longer_than_the_bound),
        cmocka_unit_test(a_node_that_was_stopped_is_soon_found_silent_again),
        cmocka_unit_test(a_node_that_has_become_slow_is_soon_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
