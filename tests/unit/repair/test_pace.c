/* The pace of repair under foregrounds that are fast, slow, absent and slowed down by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repair/pace.h"

#define MS UINT64_C(1000)
#define PAGE (UINT64_C(1) << 20)

static struct pace pace;
static uint64_t now_us;

static int setup(void **state)
{
    (void)state;
    pace_init(&pace);
    now_us = 1000 * MS;
    return 0;
}

/* Requests, one a millisecond, each so slow; `moved` bytes in every tenth of a second. */
static void serve(uint64_t ms, uint64_t latency_us, uint64_t moved)
{
    for (uint64_t i = 0; i < ms; i++) {
        now_us += MS;
        pace_served(&pace, now_us, latency_us);
        if (i % 100 == 0 && moved > 0) {
            pace_moved(&pace, now_us, moved);
        }
    }
}

static void with_nobody_to_serve_there_is_no_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pace_wait_us(&pace, now_us), 0);
        pace_moved(&pace, now_us, 100 * PAGE);
        now_us += 10;
    }
}

static void while_latency_stays_as_it_is_there_is_no_bound(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(5000, 6 * MS, 50 * PAGE);
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
}

static void latency_that_more_than_doubles_slows_repair_down(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(1000, 20 * MS, 50 * PAGE);
    assert_true(pace.rate > 0 && pace.rate < 100 * PAGE);
    pace_moved(&pace, now_us, 50 * PAGE);
    assert_true(pace_wait_us(&pace, now_us) > 0);
}

static void what_was_moved_is_paid_off_at_the_rate(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(3000, 20 * MS, 50 * PAGE);
    uint64_t rate = pace.rate;
    assert_true(rate > 0);
    (void)pace_wait_us(&pace, now_us);
    pace.owed = 0;
    pace_moved(&pace, now_us, rate / 50); /* a fiftieth of a second's worth */
    uint64_t wait_us = pace_wait_us(&pace, now_us);
    assert_true(wait_us > 15 * MS && wait_us < 25 * MS);
    assert_int_equal(pace_wait_us(&pace, now_us + wait_us), 0);
}

static void what_is_asked_for_is_owed_before_it_comes(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(3000, 20 * MS, 50 * PAGE);
    (void)pace_wait_us(&pace, now_us);
    pace.owed = 0;
    pace_asked(&pace, 100000);
    assert_true(pace_wait_us(&pace, now_us) > 0);
    pace_came(&pace, now_us, 1000, 100000); /* it was little */
    assert_int_equal(pace.owed, 1000);
}

static void pages_are_small_while_somebody_is_served(void **state)
{
    (void)state;
    assert_int_equal(pace_page_bytes(&pace, now_us), PACE_PAGE_BYTES_MAX);
    serve(1000, 5 * MS, 0);
    assert_int_equal(pace_page_bytes(&pace, now_us), PACE_PAGE_BYTES_SERVING);
    serve(3000, 20 * MS, 50 * PAGE);
    assert_true(pace.rate > 0);
    assert_true(pace_page_bytes(&pace, now_us) <= PACE_PAGE_BYTES_SERVING);
    now_us += 5000 * MS;
    (void)pace_wait_us(&pace, now_us);
    now_us += 5000 * MS;
    assert_int_equal(pace_page_bytes(&pace, now_us), PACE_PAGE_BYTES_MAX);
}

static void it_speeds_up_again_when_latency_is_back(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(2000, 20 * MS, 50 * PAGE);
    assert_true(pace.rate > 0);
    serve(10000, 6 * MS, PAGE);
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
}

static void very_small_latencies_may_more_than_double(void **state)
{
    (void)state;
    serve(1000, 50, 0);
    serve(2000, 500, 50 * PAGE);
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
}

static void latency_that_is_the_foreground_s_own_does_not_stop_repair_for_ever(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(30000, 50 * MS, PAGE / 10); /* it is no better however little is moved */
    assert_true(pace.baseline_us > 20 * MS);
    serve(20000, 50 * MS, PAGE);
    assert_true(pace.rate == 0 || pace.rate > 10 * PACE_RATE_MIN);
}

static void a_repair_under_way_before_anything_was_measured_slows_down_to_find_out(void **state)
{
    (void)state;
    serve(150, 40 * MS, 50 * PAGE);
    assert_int_equal(pace.rate, PACE_RATE_MIN);
    serve(5000, 4 * MS, PAGE / 10);
    assert_true(pace.baseline_us >= 3 * MS && pace.baseline_us < 50 * MS);
    assert_true(pace.rate == 0 || pace.rate > PACE_RATE_MIN);
}

static void when_requests_stop_the_bound_goes(void **state)
{
    (void)state;
    serve(1000, 5 * MS, 0);
    serve(2000, 20 * MS, 50 * PAGE);
    assert_true(pace.rate > 0);
    now_us += 3000 * MS;
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
    pace_moved(&pace, now_us, 500 * PAGE);
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
}

#define PACE_TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PACE_TEST(with_nobody_to_serve_there_is_no_bound),
        PACE_TEST(while_latency_stays_as_it_is_there_is_no_bound),
        PACE_TEST(latency_that_more_than_doubles_slows_repair_down),
        PACE_TEST(what_was_moved_is_paid_off_at_the_rate),
        PACE_TEST(what_is_asked_for_is_owed_before_it_comes),
        PACE_TEST(pages_are_small_while_somebody_is_served),
        PACE_TEST(it_speeds_up_again_when_latency_is_back),
        PACE_TEST(very_small_latencies_may_more_than_double),
        PACE_TEST(latency_that_is_the_foreground_s_own_does_not_stop_repair_for_ever),
        PACE_TEST(a_repair_under_way_before_anything_was_measured_slows_down_to_find_out),
        PACE_TEST(when_requests_stop_the_bound_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
