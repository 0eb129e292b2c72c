/* Deadlines in order; random operations against a sorted model are in tests/property. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/timers.h"
#include "shoal/error.h"

/* Timers write their names here as they fire. */
static char fired[64];
static size_t fired_count;
static struct timers timers;

struct named {
    struct timer timer;
    char name;
    struct timer *stops;  /* stopped when this one fires */
    struct timer *starts; /* started when this one fires */
    uint64_t starts_at_us;
};

static void fire(struct timer *timer, uint64_t now_us)
{
    struct named *named = (struct named *)(void *)timer;
    assert_false(timer_running(timer));
    assert_true(timer->deadline_us <= now_us);
    fired[fired_count++] = named->name;
    fired[fired_count] = '\0';
    if (named->stops != NULL) {
        timers_stop(&timers, named->stops);
    }
    if (named->starts != NULL) {
        assert_int_equal(timers_start(&timers, named->starts, named->starts_at_us), 0);
    }
}

static int setup(void **state)
{
    (void)state;
    timers_init(&timers);
    fired_count = 0;
    fired[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    timers_deinit(&timers);
    return 0;
}

static void timers_fire_in_order_of_deadline(void **state)
{
    (void)state;
    struct named a = {.timer.fire = fire, .name = 'a'};
    struct named b = {.timer.fire = fire, .name = 'b'};
    struct named c = {.timer.fire = fire, .name = 'c'};
    assert_int_equal(timers_next_us(&timers), TIMERS_NEVER);
    assert_int_equal(timers_start(&timers, &c.timer, 30), 0);
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    assert_int_equal(timers_start(&timers, &b.timer, 20), 0);
    assert_int_equal(timers_next_us(&timers), 10);
    timers_fire(&timers, 9);
    assert_string_equal(fired, "");
    timers_fire(&timers, 20);
    assert_string_equal(fired, "ab");
    assert_int_equal(timers_next_us(&timers), 30);
    timers_fire(&timers, 1000);
    assert_string_equal(fired, "abc");
    assert_int_equal(timers_next_us(&timers), TIMERS_NEVER);
}

static void equal_deadlines_fire_in_the_order_of_their_start(void **state)
{
    (void)state;
    struct named named[20];
    for (size_t i = 0; i < 20; i++) {
        named[i] = (struct named){.timer.fire = fire, .name = (char)('a' + i)};
        assert_int_equal(timers_start(&timers, &named[i].timer, 5), 0);
    }
    /* Started again, it stands at the end. */
    assert_int_equal(timers_start(&timers, &named[3].timer, 5), 0);
    timers_fire(&timers, 5);
    assert_string_equal(fired, "abcefghijklmnopqrstd");
}

static void a_stopped_timer_does_not_fire(void **state)
{
    (void)state;
    struct named a = {.timer.fire = fire, .name = 'a'};
    struct named b = {.timer.fire = fire, .name = 'b'};
    timers_stop(&timers, &a.timer);
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    assert_int_equal(timers_start(&timers, &b.timer, 20), 0);
    timers_stop(&timers, &a.timer);
    timers_stop(&timers, &a.timer);
    assert_false(timer_running(&a.timer));
    assert_int_equal(timers_next_us(&timers), 20);
    timers_fire(&timers, 30);
    assert_string_equal(fired, "b");
}

static void a_running_timer_can_be_moved_both_ways(void **state)
{
    (void)state;
    struct named a = {.timer.fire = fire, .name = 'a'};
    struct named b = {.timer.fire = fire, .name = 'b'};
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    assert_int_equal(timers_start(&timers, &b.timer, 20), 0);
    assert_int_equal(timers_start(&timers, &a.timer, 40), 0);
    assert_int_equal(timers_next_us(&timers), 20);
    assert_int_equal(timers_start(&timers, &b.timer, 50), 0);
    assert_int_equal(timers_start(&timers, &b.timer, 5), 0);
    assert_int_equal(timers.count, 2);
    timers_fire(&timers, 100);
    assert_string_equal(fired, "ba");
}

static void firing_may_stop_and_start_others(void **state)
{
    (void)state;
    struct named c = {.timer.fire = fire, .name = 'c'};
    struct named b = {.timer.fire = fire, .name = 'b'};
    struct named a = {.timer.fire = fire,
                      .name = 'a',
                      .stops = &b.timer,
                      .starts = &c.timer,
                      .starts_at_us = 100};
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    assert_int_equal(timers_start(&timers, &b.timer, 10), 0);
    timers_fire(&timers, 10);
    assert_string_equal(fired, "a");
    assert_int_equal(timers_next_us(&timers), 100);
    timers_stop(&timers, &c.timer);
}

static void a_timer_that_always_starts_itself_fires_once_a_call(void **state)
{
    (void)state;
    struct named a = {.timer.fire = fire, .name = 'a', .starts_at_us = 10};
    a.starts = &a.timer;
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    timers_fire(&timers, 10);
    assert_string_equal(fired, "a");
    assert_int_equal(timers_next_us(&timers), 10);
    timers_fire(&timers, 10);
    assert_string_equal(fired, "aa");
    timers_stop(&timers, &a.timer);
}

static void out_of_memory_leaves_a_timer_stopped_and_others_running(void **state)
{
    (void)state;
    static struct named named[100];
    for (size_t i = 0; i < 100; i++) {
        named[i] = (struct named){.timer.fire = fire, .name = 'x'};
    }
    mem_fail_from(2);
    size_t fits = 0;
    while (timers_start(&timers, &named[fits].timer, 1000 - fits) == 0) {
        fits++;
    }
    assert_true(fits > 0 && fits < 50);
    assert_false(timer_running(&named[fits].timer));
    assert_int_equal(timers.count, fits);
    /* Moving one that runs needs no memory. */
    assert_int_equal(timers_start(&timers, &named[0].timer, 1), 0);
    assert_int_equal(timers_next_us(&timers), 1);
    timers_fire(&timers, 1000);
    assert_int_equal(fired_count, fits);
}

static void what_still_runs_at_the_end_is_stopped(void **state)
{
    (void)state;
    struct named a = {.timer.fire = fire, .name = 'a'};
    assert_int_equal(timers_start(&timers, &a.timer, 10), 0);
    timers_deinit(&timers);
    assert_false(timer_running(&a.timer));
    assert_string_equal(fired, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_of_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_deadlines_fire_in_the_order_of_their_start, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stopped_timer_does_not_fire, setup, teardown),
        cmocka_unit_test_setup_teardown(a_running_timer_can_be_moved_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(firing_may_stop_and_start_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_that_always_starts_itself_fires_once_a_call, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_leaves_a_timer_stopped_and_others_running,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_still_runs_at_the_end_is_stopped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
