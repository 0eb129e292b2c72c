/* The hybrid logical clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "model/hlc.h"

#define AHEAD_MS_MAX 500u

static uint64_t time_at(uint64_t wall_ms)
{
    return wall_ms << 16;
}

static void time_follows_the_wall_clock(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    assert_int_equal(hlc_next(&hlc, 1000), time_at(1000));
    assert_int_equal(hlc_next(&hlc, 1001), time_at(1001));
    assert_int_equal(hlc_wall_ms(hlc_next(&hlc, 5000)), 5000);
}

static void times_within_one_millisecond_ascend(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t last = hlc_next(&hlc, 1000);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t next = hlc_next(&hlc, 1000);
        assert_true(next > last);
        last = next;
    }
    /* 65536 a millisecond: what did not fit has carried into the next ones. */
    assert_int_equal(hlc_wall_ms(last), 1003);
}

static void a_wall_clock_that_steps_back_does_not_take_time_back(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t last = hlc_next(&hlc, 9000);
    assert_true(hlc_next(&hlc, 10) > last);
    assert_int_equal(hlc_wall_ms(hlc.last), 9000);
}

static void a_write_after_one_seen_from_a_peer_is_later(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t peer = time_at(1000 + AHEAD_MS_MAX) + 7;
    assert_int_equal(hlc_observe(&hlc, peer, 1000), 0);
    assert_true(hlc_next(&hlc, 1000) > peer);
}

static void an_older_time_from_a_peer_changes_nothing(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t last = hlc_next(&hlc, 1000);
    assert_int_equal(hlc_observe(&hlc, time_at(3), 1000), 0);
    assert_int_equal(hlc.last, last);
}

static void a_peer_beyond_the_bound_is_told_apart_and_does_not_drag(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t last = hlc_next(&hlc, 1000);
    assert_int_equal(hlc_observe(&hlc, time_at(1000 + AHEAD_MS_MAX + 1), 1000), 1);
    assert_int_equal(hlc_observe(&hlc, UINT64_MAX, 1000), 1);
    assert_int_equal(hlc.last, last);
}

static void under_any_events_time_ascends_and_stays_within_the_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct random random;
        random_init(&random, seed);
        struct hlc hlc;
        hlc_init(&hlc, AHEAD_MS_MAX);
        uint64_t wall_ms = 1000000;
        uint64_t wall_ms_max = wall_ms;
        uint64_t last = 0;
        for (unsigned i = 0; i < 2000; i++) {
            wall_ms += random_below(&random, 5);
            wall_ms -= random_below(&random, 4); /* it also steps back */
            wall_ms_max = wall_ms > wall_ms_max ? wall_ms : wall_ms_max;
            uint64_t peer_ms = wall_ms + random_below(&random, 2 * AHEAD_MS_MAX);
            uint64_t seen = time_at(peer_ms) + random_below(&random, 65536);
            int outcome = hlc_observe(&hlc, seen, wall_ms);
            assert_int_equal(outcome, peer_ms - wall_ms > AHEAD_MS_MAX ? 1 : 0);
            uint64_t next = hlc_next(&hlc, wall_ms);
            assert_true(next > last);
            assert_true(outcome == 1 || next > seen);
            last = next;
            assert_true(hlc_wall_ms(last) <= wall_ms_max + AHEAD_MS_MAX + 1);
        }
    }
}

static void absurd_wall_clocks_neither_wrap_nor_crash(void **state)
{
    (void)state;
    struct hlc hlc;
    hlc_init(&hlc, AHEAD_MS_MAX);
    uint64_t last = hlc_next(&hlc, UINT64_MAX);
    for (unsigned i = 0; i < 70000; i++) {
        uint64_t next = hlc_next(&hlc, UINT64_MAX);
        assert_true(next >= last);
        last = next;
    }
    assert_int_equal(last, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_follows_the_wall_clock),
        cmocka_unit_test(times_within_one_millisecond_ascend),
        cmocka_unit_test(a_wall_clock_that_steps_back_does_not_take_time_back),
        cmocka_unit_test(a_write_after_one_seen_from_a_peer_is_later),
        cmocka_unit_test(an_older_time_from_a_peer_changes_nothing),
        cmocka_unit_test(a_peer_beyond_the_bound_is_told_apart_and_does_not_drag),
        cmocka_unit_test(under_any_events_time_ascends_and_stays_within_the_bound),
        cmocka_unit_test(absurd_wall_clocks_neither_wrap_nor_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
