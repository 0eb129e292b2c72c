/* Comparing what two nodes share, and rounds of syncs over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "growing_view.h"
#include "repair/rounds.h"
#include "shoal/error.h"
#include "support/sync_rig.h"

#define MS UINT64_C(1000)

static struct sync_rig rig;
static struct growing growing;
static struct rounds rounds;
static uint32_t ended_count;
static uint64_t repaired;

static void on_ended(void *self, const struct sync_outcome *outcome)
{
    (void)self;
    ended_count++;
    repaired += outcome->repaired;
}

static int setup(void **state)
{
    (void)state;
    sync_rig_init(&rig, true);
    growing_init(&growing, 2);
    rig.syncs.view = growing.before;
    rounds_init(&rounds);
    rounds.ports = (struct rounds_ports){.ended = on_ended};
    rounds.syncs = &rig.syncs;
    rounds.share = (struct worker_share){.index = 0, .count = 1};
    ended_count = 0;
    repaired = 0;
    for (uint64_t node = 1; node <= 3; node++) {
        for (uint32_t p = 0; p < RIG_PARTITIONS; p++) {
            uint64_t others[2] = {node % 3 + 1, (node + 1) % 3 + 1};
            assert_int_equal(replica_set_owners(rig_holding(&rig, node, p), others, 2), 0);
        }
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rounds_deinit(&rounds);
    sync_rig_deinit(&rig);
    growing_deinit(&growing);
    return 0;
}

static struct comparison compare(uint64_t self, uint64_t node)
{
    struct comparison whole = {0};
    for (uint32_t worker = 0; worker < 3; worker++) {
        struct comparison part;
        struct worker_share share = {.index = worker, .count = 3};
        comparison_make(&rig.replicas[self], growing.before, share, self, node, &part);
        comparison_add(&whole, &part);
    }
    return whole;
}

static bool equal(struct comparison a, struct comparison b)
{
    return a.sum.low == b.sum.low && a.sum.high == b.sum.high;
}

/* Rounds at both, from each other. */
static void exchange(bool everything)
{
    for (uint64_t node = 1; node <= 2; node++) {
        rig_self(&rig, node);
        rounds_begin(&rounds, 3 - node, everything);
        rig_pass(&rig, 100 * MS);
        assert_true(rounds_idle(&rounds));
    }
}

static void sums_are_equal_exactly_where_all_that_is_shared_is(void **state)
{
    (void)state;
    assert_int_equal(compare(1, 2).shared, GROWING_PARTITIONS);
    assert_int_equal(compare(1, 4).shared, 0); /* no owner yet */
    assert_true(equal(compare(1, 2), compare(2, 1)));
    (void)rig_write(&rig, 1, 3, "key", "value");
    assert_false(equal(compare(1, 2), compare(2, 1)));
    rig_send(&rig, 1, 2, 3, "key");
    assert_true(equal(compare(1, 2), compare(2, 1)));
    (void)rig_write(&rig, 1, 3, "key", NULL);
    rig_send(&rig, 1, 2, 3, "key");
    assert_true(equal(compare(1, 2), compare(2, 1)));
}

static void a_holding_that_is_refilling_makes_a_comparison_incomplete(void **state)
{
    (void)state;
    assert_false(compare(1, 2).incomplete);
    rig_holding(&rig, 1, 5)->refilling = true;
    assert_true(compare(1, 2).incomplete);
}

static void a_round_of_everything_makes_all_partitions_equal(void **state)
{
    (void)state;
    for (uint32_t p = 0; p < RIG_PARTITIONS; p++) {
        (void)rig_write(&rig, 1 + p % 2, p, "key", "value");
    }
    exchange(true);
    assert_int_equal(ended_count, 2 * RIG_PARTITIONS);
    assert_int_equal(repaired, RIG_PARTITIONS);
    assert_true(equal(compare(1, 2), compare(2, 1)));
    for (uint32_t p = 0; p < RIG_PARTITIONS; p++) {
        assert_true(rig_same(&rig, 1, 2, p));
    }
}

static void where_all_is_equal_a_round_costs_one_pair_of_messages_a_partition(void **state)
{
    (void)state;
    rounds_begin(&rounds, 2, true);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(rig.messages, 2 * RIG_PARTITIONS);
    assert_int_equal(repaired, 0);
}

static void few_syncs_run_at_a_time_and_rounds_take_turns(void **state)
{
    (void)state;
    rounds_begin(&rounds, 2, true);
    rounds_begin(&rounds, 3, true);
    rounds_begin(&rounds, 2, true); /* under way already */
    while (!rounds_idle(&rounds)) {
        assert_true(rig.syncs.count <= ROUNDS_CONCURRENT_MAX);
        if (!rig_answer(&rig)) {
            rig_pass(&rig, MS);
        }
    }
    assert_int_equal(ended_count, 2 * RIG_PARTITIONS);
}

static void clocks_are_told_where_they_were_not_and_then_there_is_silence(void **state)
{
    (void)state;
    (void)rig_write(&rig, 1, 3, "key", "value");
    rig_send(&rig, 1, 2, 3, "key");
    assert_true(compare(1, 2).untold);
    rig_upkeep(&rig); /* comparing has had the clocks put on record */
    exchange(false);
    rig_upkeep(&rig);
    exchange(false);
    assert_false(compare(1, 2).untold);
    assert_false(compare(2, 1).untold);
    uint64_t messages = rig.messages;
    exchange(false);
    assert_int_equal(rig.messages, messages);
}

static void holdings_that_are_refilling_are_left_to_the_filler(void **state)
{
    (void)state;
    rig_holding(&rig, 1, 5)->refilling = true;
    rounds_begin(&rounds, 2, true);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(ended_count, RIG_PARTITIONS - 1);
}

static void a_peer_that_can_t_be_reached_ends_the_round(void **state)
{
    (void)state;
    rig.unreachable = true;
    rounds_begin(&rounds, 2, true);
    assert_true(rounds_idle(&rounds));
    assert_int_equal(ended_count, 0);
    rig.unreachable = false;
    rounds_begin(&rounds, 2, true);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(ended_count, RIG_PARTITIONS);
}

static void rounds_that_were_stopped_end_at_once(void **state)
{
    (void)state;
    rounds_begin(&rounds, 2, true);
    rounds_stop(&rounds);
    assert_int_equal(rig.syncs.count, 0);
    rounds_begin(&rounds, 3, true);
    assert_true(rounds_idle(&rounds));
}

#define ROUNDS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUNDS_TEST(sums_are_equal_exactly_where_all_that_is_shared_is),
        ROUNDS_TEST(a_holding_that_is_refilling_makes_a_comparison_incomplete),
        ROUNDS_TEST(a_round_of_everything_makes_all_partitions_equal),
        ROUNDS_TEST(where_all_is_equal_a_round_costs_one_pair_of_messages_a_partition),
        ROUNDS_TEST(few_syncs_run_at_a_time_and_rounds_take_turns),
        ROUNDS_TEST(clocks_are_told_where_they_were_not_and_then_there_is_silence),
        ROUNDS_TEST(holdings_that_are_refilling_are_left_to_the_filler),
        ROUNDS_TEST(a_peer_that_can_t_be_reached_ends_the_round),
        ROUNDS_TEST(rounds_that_were_stopped_end_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
