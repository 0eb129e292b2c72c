/* Whom this node reaches: silence takes several requests, probes come at growing pauses, the hedge
 * delay follows the answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "member/reach.h"
#include "shoal/error.h"

#define MS UINT64_C(1000)
#define START (5000 * MS)
#define PEER 42u

static int setup(void **state)
{
    static struct reach reach;
    reach_init(&reach);
    *state = &reach;
    return reach_link(&reach, PEER, true);
}

static int teardown(void **state)
{
    mem_fail_never();
    reach_deinit(*state);
    return 0;
}

static void silence(struct reach *reach, uint64_t now_us)
{
    for (uint32_t i = 0; i < REACH_SILENCES; i++) {
        reach_silent(reach, PEER, now_us);
    }
}

static void only_linked_peers_are_usable(void **state)
{
    struct reach *reach = *state;
    assert_true(reach_usable(reach, PEER, START));
    assert_true(reach_linked(reach, PEER));
    assert_false(reach_usable(reach, 1, START));
    assert_false(reach_linked(reach, 1));
    assert_int_equal(reach_link(reach, PEER, false), 0);
    assert_false(reach_usable(reach, PEER, START));
    assert_false(reach_linked(reach, PEER));
}

static void a_single_slow_answer_is_no_silence(void **state)
{
    struct reach *reach = *state;
    for (int i = 0; i < 100; i++) {
        for (uint32_t k = 1; k < REACH_SILENCES; k++) {
            reach_silent(reach, PEER, START);
        }
        assert_true(reach_usable(reach, PEER, START));
        reach_answered(reach, PEER, 300);
    }
}

static void a_silent_peer_is_passed_over_but_stays_linked(void **state)
{
    struct reach *reach = *state;
    silence(reach, START);
    assert_false(reach_usable(reach, PEER, START));
    assert_false(reach_usable(reach, PEER, START + REACH_PROBE_US_MIN - 1));
    assert_true(reach_linked(reach, PEER));
}

static void a_silent_peer_is_probed_at_pauses_that_double_to_a_bound(void **state)
{
    struct reach *reach = *state;
    silence(reach, START);
    uint64_t now = START;
    uint64_t pause = REACH_PROBE_US_MIN;
    for (int i = 0; i < 20; i++) {
        assert_false(reach_usable(reach, PEER, now + pause - 1));
        assert_true(reach_usable(reach, PEER, now + pause));
        assert_false(reach_usable(reach, PEER, now + pause));
        now += pause;
        reach_silent(reach, PEER, now + 5 * MS);
        pause = 2 * pause < REACH_PROBE_US_MAX ? 2 * pause : REACH_PROBE_US_MAX;
    }
}

static void many_requests_that_fail_at_once_do_not_lengthen_the_pause(void **state)
{
    struct reach *reach = *state;
    for (int i = 0; i < 1000; i++) {
        reach_silent(reach, PEER, START);
    }
    assert_true(reach_usable(reach, PEER, START + REACH_PROBE_US_MIN));
}

static void an_answer_ends_the_silence_and_its_history(void **state)
{
    struct reach *reach = *state;
    silence(reach, START);
    assert_true(reach_usable(reach, PEER, START + 10000 * MS));
    assert_false(reach_usable(reach, PEER, START + 10000 * MS));
    reach_answered(reach, PEER, 300);
    assert_true(reach_usable(reach, PEER, START + 10000 * MS));
    silence(reach, START + 20000 * MS);
    assert_true(reach_usable(reach, PEER, START + 20000 * MS + REACH_PROBE_US_MIN));
}

static void a_new_link_starts_with_a_clean_sheet(void **state)
{
    struct reach *reach = *state;
    silence(reach, START);
    assert_int_equal(reach_link(reach, PEER, false), 0);
    assert_int_equal(reach_link(reach, PEER, true), 0);
    assert_true(reach_usable(reach, PEER, START));
}

static void the_hedge_delay_follows_the_answers(void **state)
{
    struct reach *reach = *state;
    reach_answered(reach, PEER, 1000);
    /* RFC 6298: the first sample, and half of it as the deviation. */
    assert_int_equal(reach_hedge_us(reach, PEER, 0, 100000), 3000);
    for (int i = 0; i < 200; i++) {
        reach_answered(reach, PEER, 1000);
    }
    assert_in_range(reach_hedge_us(reach, PEER, 0, 100000), 999, 1001);
    for (int i = 0; i < 200; i++) {
        reach_answered(reach, PEER, i % 2 == 0 ? 1000 : 3000);
    }
    assert_in_range(reach_hedge_us(reach, PEER, 0, 100000), 5000, 7000);
}

static void the_hedge_delay_stays_within_its_bounds(void **state)
{
    struct reach *reach = *state;
    assert_int_equal(reach_hedge_us(reach, PEER, 2000, 50000), 50000);
    assert_int_equal(reach_hedge_us(reach, 1, 2000, 50000), 50000);
    reach_answered(reach, PEER, 10);
    assert_int_equal(reach_hedge_us(reach, PEER, 2000, 50000), 2000);
    reach_answered(reach, PEER, UINT64_MAX);
    assert_int_equal(reach_hedge_us(reach, PEER, 2000, 50000), 50000);
}

static void one_answer_out_of_a_long_pause_is_soon_forgotten(void **state)
{
    struct reach *reach = *state;
    for (int i = 0; i < 50; i++) {
        reach_answered(reach, PEER, 1000);
    }
    reach_answered(reach, PEER, UINT64_C(3600000000));
    for (int i = 0; i < 50; i++) {
        reach_answered(reach, PEER, 1000);
    }
    assert_in_range(reach_hedge_us(reach, PEER, 0, 100000), 1000, 5000);
}

static void peers_never_linked_are_ignored(void **state)
{
    struct reach *reach = *state;
    reach_answered(reach, 1, 5);
    reach_silent(reach, 1, START);
    reach_forget(reach, 1);
    assert_int_equal(reach_link(reach, 1, false), 0);
    assert_int_equal(reach->peers.count, 1);
    reach_forget(reach, PEER);
    assert_int_equal(reach->peers.count, 0);
    assert_false(reach_linked(reach, PEER));
}

static void a_link_without_memory_is_an_error_and_leaves_nothing(void **state)
{
    struct reach *reach = *state;
    reach_deinit(reach);
    reach_init(reach);
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem_fail_from(nth);
        assert_int_equal(reach_link(reach, 9, true), SHOAL_ENOMEM);
        mem_fail_never();
        assert_false(reach_linked(reach, 9));
    }
    assert_int_equal(reach_link(reach, 9, true), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_linked_peers_are_usable),
        TEST(a_single_slow_answer_is_no_silence),
        TEST(a_silent_peer_is_passed_over_but_stays_linked),
        TEST(a_silent_peer_is_probed_at_pauses_that_double_to_a_bound),
        TEST(many_requests_that_fail_at_once_do_not_lengthen_the_pause),
        TEST(an_answer_ends_the_silence_and_its_history),
        TEST(a_new_link_starts_with_a_clean_sheet),
        TEST(the_hedge_delay_follows_the_answers),
        TEST(the_hedge_delay_stays_within_its_bounds),
        TEST(one_answer_out_of_a_long_pause_is_soon_forgotten),
        TEST(peers_never_linked_are_ignored),
        TEST(a_link_without_memory_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
