/* The pace of repair under foregrounds that are fast, slow, absent and slowed down by it; and in a
 * model of a worker that requests and pages queue for, what both come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "repair/pace.h"

#include <stdlib.h>

#define MS UINT64_C(1000)
#define PAGE (UINT64_C(1) << 16)
#define MIB (UINT64_C(1) << 20)

static struct pace pace;
static uint64_t now_us;
static uint64_t moved; /* by repair */

static int setup(void **state)
{
    (void)state;
    pace_init(&pace);
    now_us = 1000 * MS;
    moved = 0;
    return 0;
}

/* Requests, one a millisecond, each so slow. */
static void serve(uint64_t ms, uint64_t latency_us)
{
    for (uint64_t i = 0; i < ms; i++) {
        now_us += MS;
        pace_served(&pace, now_us, latency_us);
    }
}

/* The same, while repair moves as much as it may. */
static void serve_and_repair(uint64_t ms, uint64_t latency_us)
{
    for (uint64_t i = 0; i < ms; i++) {
        serve(1, latency_us);
        for (int j = 0; j < 16 && pace_wait_us(&pace, now_us) == 0; j++) {
            pace_moved(&pace, now_us, PAGE);
            moved += PAGE;
        }
    }
}

/* So slow while repair moves something, and so slow while it rests. */
static void serve_and_hinder(uint64_t ms, uint64_t latency_us, uint64_t resting_us)
{
    for (uint64_t i = 0; i < ms; i++) {
        bool rests = now_us - pace.moved_at_us > 50 * MS;
        serve_and_repair(1, rests ? resting_us : latency_us);
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

static void while_latency_stays_as_it_is_the_rate_grows(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(5000, 6 * MS);
    assert_true(pace.rate >= 64 * MIB);
}

static void latency_that_more_than_doubles_slows_repair_down(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(3000, 6 * MS);
    uint64_t rate = pace.rate;
    serve_and_hinder(400, 20 * MS, 5 * MS);
    assert_true(pace.rate < rate / 4);
    serve_and_hinder(1000, 20 * MS, 5 * MS);
    assert_int_equal(pace.rate, PACE_RATE_MIN);
}

static void one_request_in_a_hundred_may_be_slow(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    for (int i = 0; i < 100; i++) {
        serve_and_repair(1, 40 * MS);
        serve_and_repair(149, 6 * MS);
    }
    assert_true(pace.rate >= 64 * MIB);
    for (int i = 0; i < 100; i++) {
        serve_and_repair(3, 40 * MS);
        serve_and_repair(47, 6 * MS);
    }
    assert_true(pace.rate < 8 * PACE_RATE_MIN);
}

static void the_rate_that_was_too_much_is_approached_slowly(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(1500, 6 * MS);
    uint64_t rate = pace.rate;
    serve_and_repair(200, 20 * MS);
    assert_true(pace.ceiling > 0);
    serve_and_repair(4000, 6 * MS);
    assert_true(pace.rate > rate / 2 && pace.rate < 2 * rate);
}

static void a_rate_that_is_not_used_does_not_grow(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    for (int i = 0; i < 100; i++) {
        serve(100, 5 * MS);
        pace_moved(&pace, now_us, PAGE / 8);
    }
    assert_int_equal(pace.rate, PACE_RATE_MIN);
}

static void what_was_moved_is_paid_off_at_the_rate(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(3000, 20 * MS);
    serve(1000, 5 * MS); /* a rest, if it is one, is over */
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
    serve(5000, 5 * MS);
    (void)pace_wait_us(&pace, now_us);
    assert_int_equal(pace.owed, 0);
    pace_asked(&pace, 100000);
    assert_true(pace_wait_us(&pace, now_us) > 0);
    pace_came(&pace, now_us, 1000, 100000); /* it was little */
    assert_int_equal(pace.owed, 1000);
}

static void pages_are_small_while_somebody_is_served(void **state)
{
    (void)state;
    assert_int_equal(pace_page_bytes(&pace, now_us), PACE_PAGE_BYTES_MAX);
    serve(1000, 5 * MS);
    assert_true(pace_page_bytes(&pace, now_us) <= PACE_PAGE_BYTES_SERVING);
    now_us += 5000 * MS;
    (void)pace_wait_us(&pace, now_us);
    now_us += 5000 * MS;
    assert_int_equal(pace_page_bytes(&pace, now_us), PACE_PAGE_BYTES_MAX);
}

static void it_speeds_up_again_when_latency_is_back(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(3000, 6 * MS);
    serve_and_hinder(3000, 20 * MS, 5 * MS);
    assert_true(pace.rate < 2 * PACE_RATE_MIN);
    serve_and_repair(60000, 6 * MS);
    assert_true(pace.rate >= 64 * MIB);
}

static void very_small_latencies_may_more_than_double(void **state)
{
    (void)state;
    serve(5000, 50);
    serve_and_repair(5000, 500);
    assert_true(pace.rate >= 64 * MIB);
}

static void latency_that_is_the_foreground_s_own_does_not_stop_repair_for_ever(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    pace_disturb(&pace, true);
    serve_and_repair(30000, 50 * MS); /* it is no better however little is moved */
    assert_true(pace.baseline_us > 20 * MS);
    assert_true(pace.rate > 10 * PACE_RATE_MIN);
}

static void latency_that_is_better_at_rest_keeps_repair_slow_however_long_it_lasts(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_hinder(60000, 20 * MS, 5 * MS);
    assert_true(pace.baseline_us < 7 * MS);
    assert_int_equal(pace.rate, PACE_RATE_MIN);
    assert_true(moved > 30 * MIB);
}

static void what_others_move_is_not_taken_for_the_foreground_s_own(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    pace_disturb(&pace, true);
    serve(60000, 9 * MS);
    assert_true(pace.baseline_us < 6 * MS);
    pace_disturb(&pace, false);
    serve(60000, 9 * MS);
    assert_true(pace.baseline_us > 8 * MS);
}

static void a_window_that_was_disturbed_hardly_moves_the_baseline(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve(1000, 300 * MS);
    assert_true(pace.baseline_us < 8 * MS);
}

static void a_repair_under_way_before_anything_was_measured_is_slow_to_find_out(void **state)
{
    (void)state;
    serve_and_repair(150, 40 * MS);
    assert_int_equal(pace.rate, PACE_RATE_MIN);
    serve_and_repair(5000, 4 * MS);
    assert_true(pace.baseline_us >= 3 * MS && pace.baseline_us < 5 * MS);
    assert_true(pace.rate > PACE_RATE_MIN);
}

static void when_requests_stop_the_bound_goes(void **state)
{
    (void)state;
    serve(5000, 5 * MS);
    serve_and_repair(2000, 20 * MS);
    assert_true(pace.rate > 0);
    now_us += 3000 * MS;
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
    pace_moved(&pace, now_us, 500 * PAGE);
    assert_int_equal(pace_wait_us(&pace, now_us), 0);
}

/* ---- a worker that requests and pages queue for ---------------------------------------------- */

#define QUESTIONS 16     /* of repair in flight */
#define WORKER_MAX 60000 /* latencies */

struct queueing {
    struct random random;
    uint64_t request_every_us;
    uint64_t page_us_per_mib;
    uint64_t free_us; /* when the worker has done all that waits */
    uint64_t request_us;
    uint64_t page_us;
    uint64_t latencies[WORKER_MAX];
    uint32_t count;
};

static struct queueing queueing;

static void queueing_request(void)
{
    struct random *random = &queueing.random;
    uint64_t work_us = 50 + random_below(random, 300);
    uint64_t peers_us = 200 + random_below(random, 600) + (random_below(random, 30) == 0 ? 800 : 0);
    queueing.free_us = (queueing.free_us > now_us ? queueing.free_us : now_us) + work_us;
    uint64_t latency_us = queueing.free_us - now_us + peers_us;
    pace_served(&pace, now_us, latency_us);
    assert_true(queueing.count < WORKER_MAX);
    queueing.latencies[queueing.count++] = latency_us;
    queueing.request_us = now_us + 1 + random_below(random, 2 * queueing.request_every_us);
}

/* Asks for as many pages as it may; the next are asked for when they have been taken. */
static void queueing_pages(void)
{
    uint64_t wait_us = pace_wait_us(&pace, now_us);
    if (wait_us > 0) {
        queueing.page_us = now_us + wait_us;
        return;
    }
    for (int i = 0; i < QUESTIONS && pace_wait_us(&pace, now_us) == 0; i++) {
        uint64_t bytes = pace_page_bytes(&pace, now_us);
        pace_asked(&pace, bytes);
        queueing.free_us = queueing.free_us > now_us ? queueing.free_us : now_us;
        queueing.free_us += bytes * queueing.page_us_per_mib / MIB;
        pace_came(&pace, now_us, bytes, bytes);
        moved += bytes;
    }
    queueing.page_us = queueing.free_us + 1;
}

static int latency_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* The 99th percentile of so many seconds. */
static uint64_t queueing_run(uint64_t seconds, bool repairs)
{
    uint64_t until_us = now_us + seconds * 1000 * MS;
    queueing.count = 0;
    queueing.request_us = now_us;
    queueing.page_us = repairs ? now_us : UINT64_MAX;
    while (now_us < until_us) {
        bool is_request = queueing.request_us <= queueing.page_us;
        now_us = is_request ? queueing.request_us : queueing.page_us;
        if (is_request) {
            queueing_request();
        } else {
            queueing_pages();
        }
    }
    qsort(queueing.latencies, queueing.count, sizeof(queueing.latencies[0]), latency_order);
    return queueing.latencies[queueing.count * 99 / 100];
}

static void the_99th_percentile_at_most_doubles_and_repair_goes_on(void **state)
{
    (void)state;
    const uint64_t every_us[] = {10000, 5000, 2000};
    const uint64_t costs_us[] = {4000, 10000, 30000}; /* a mebibyte's */
    for (uint64_t i = 0; i < 27; i++) {
        (void)setup(NULL);
        queueing = (struct queueing){.request_every_us = every_us[i % 3],
                                     .page_us_per_mib = costs_us[i / 3 % 3]};
        random_init(&queueing.random, i);
        uint64_t before_us = queueing_run(30, false);
        pace_disturb(&pace, true);
        uint64_t during_us = queueing_run(60, true);
        uint64_t mib_per_s = moved / 60 / MIB;
        uint64_t possible = UINT64_C(1000000) / queueing.page_us_per_mib;
        print_message("every %5u us, %5u us a MiB: %u us -> %u us, %u of %u MiB/s\n",
                      (unsigned)queueing.request_every_us, (unsigned)queueing.page_us_per_mib,
                      (unsigned)before_us, (unsigned)during_us, (unsigned)mib_per_s,
                      (unsigned)possible);
        assert_true(during_us <= 2 * before_us);
        assert_true(mib_per_s >= possible / 10);
    }
}

#define PACE_TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PACE_TEST(with_nobody_to_serve_there_is_no_bound),
        PACE_TEST(while_latency_stays_as_it_is_the_rate_grows),
        PACE_TEST(latency_that_more_than_doubles_slows_repair_down),
        PACE_TEST(one_request_in_a_hundred_may_be_slow),
        PACE_TEST(the_rate_that_was_too_much_is_approached_slowly),
        PACE_TEST(a_rate_that_is_not_used_does_not_grow),
        PACE_TEST(what_was_moved_is_paid_off_at_the_rate),
        PACE_TEST(what_is_asked_for_is_owed_before_it_comes),
        PACE_TEST(pages_are_small_while_somebody_is_served),
        PACE_TEST(it_speeds_up_again_when_latency_is_back),
        PACE_TEST(very_small_latencies_may_more_than_double),
        PACE_TEST(latency_that_is_the_foreground_s_own_does_not_stop_repair_for_ever),
        PACE_TEST(latency_that_is_better_at_rest_keeps_repair_slow_however_long_it_lasts),
        PACE_TEST(what_others_move_is_not_taken_for_the_foreground_s_own),
        PACE_TEST(a_window_that_was_disturbed_hardly_moves_the_baseline),
        PACE_TEST(a_repair_under_way_before_anything_was_measured_is_slow_to_find_out),
        PACE_TEST(when_requests_stop_the_bound_goes),
        PACE_TEST(the_99th_percentile_at_most_doubles_and_repair_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
