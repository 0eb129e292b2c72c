/* How long something still takes, by how it went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/pace.h"

#define SECOND UINT64_C(1000000)

static void a_steady_pace_tells_the_time_left(void **state)
{
    (void)state;
    struct pace pace = {0};
    uint64_t seconds = 0;
    for (uint64_t second = 0; second <= 10; second++) {
        pace_note(&pace, 77 * SECOND + second * SECOND, 100 - 5 * second);
    }
    assert_true(pace_seconds_left(&pace, &seconds));
    assert_int_equal(seconds, 10);
}

static void little_or_no_progress_tells_nothing(void **state)
{
    (void)state;
    struct pace pace = {0};
    uint64_t seconds = 42;
    assert_false(pace_seconds_left(&pace, &seconds));
    pace_note(&pace, 0, 100);
    assert_false(pace_seconds_left(&pace, &seconds));
    pace_note(&pace, SECOND, 50);
    assert_false(pace_seconds_left(&pace, &seconds)); /* a second is too short to tell */
    struct pace stuck = {0};
    for (uint64_t second = 0; second <= 60; second++) {
        pace_note(&stuck, second * SECOND, 100);
    }
    assert_false(pace_seconds_left(&stuck, &seconds));
    assert_int_equal(seconds, 42);
}

static void more_work_begins_anew(void **state)
{
    (void)state;
    struct pace pace = {0};
    uint64_t seconds;
    for (uint64_t second = 0; second <= 10; second++) {
        pace_note(&pace, second * SECOND, 100 - 10 * second);
    }
    assert_true(pace_seconds_left(&pace, &seconds));
    assert_int_equal(seconds, 0);
    pace_note(&pace, 11 * SECOND, 40);
    assert_false(pace_seconds_left(&pace, &seconds));
    for (uint64_t second = 12; second <= 16; second++) {
        pace_note(&pace, second * SECOND, 40 - 2 * (second - 11));
    }
    assert_true(pace_seconds_left(&pace, &seconds));
    assert_int_equal(seconds, 15);
}

static void many_looks_a_second_are_a_window_of_seconds_all_the_same(void **state)
{
    (void)state;
    struct pace pace = {0};
    uint64_t seconds;
    /* A look each tenth of a second, 1 done in each, 1000 to do: 90 s to go after 10 s. */
    for (uint64_t look = 0; look <= 100; look++) {
        pace_note(&pace, look * SECOND / 10, 1000 - look);
    }
    assert_true(pace_seconds_left(&pace, &seconds));
    assert_in_range(seconds, 89, 91);
}

static void what_went_fast_long_ago_is_forgotten(void **state)
{
    (void)state;
    struct pace pace = {0};
    uint64_t seconds;
    for (uint64_t second = 0; second < 100; second++) {
        pace_note(&pace, second * SECOND, 100000 - second * 900);
    }
    uint64_t left = 100000 - 99 * 900;
    for (uint64_t second = 100; second < 200; second++) {
        pace_note(&pace, second * SECOND, --left);
    }
    assert_true(pace_seconds_left(&pace, &seconds));
    assert_in_range(seconds, left - 1, left + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_pace_tells_the_time_left),
        cmocka_unit_test(little_or_no_progress_tells_nothing),
        cmocka_unit_test(more_work_begins_anew),
        cmocka_unit_test(many_looks_a_second_are_a_window_of_seconds_all_the_same),
        cmocka_unit_test(what_went_fast_long_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
