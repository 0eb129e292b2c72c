/* Filling holdings by syncs from owners that are silent, refuse, are incomplete or begin anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "growing_view.h"
#include "repair/filler.h"
#include "shoal/error.h"
#include "support/sync_rig.h"

#define MS UINT64_C(1000)
#define P 5u

static struct sync_rig rig;
static struct growing growing;
static struct reach reach;
static struct filler filler;
static struct transfers transfers;
static uint32_t refilled_count;
static uint32_t synced_count;
static uint32_t synced_partition;
static uint32_t ended_count;

static void on_refilled(void *self, uint32_t partition)
{
    (void)self;
    refilled_count++;
    replica_complete(&rig.replicas[rig.self], rig_holding(&rig, rig.self, partition));
}

static void on_synced(void *self, uint32_t partition, const struct content_hash *target)
{
    (void)self;
    assert_true(content_hash_equal(target, &view_newest(rig.syncs.view)->key.hash));
    synced_count++;
    synced_partition = partition;
}

static void on_ended(void *self, const struct sync_outcome *outcome)
{
    (void)self;
    (void)outcome;
    ended_count++;
}

static int setup(void **state)
{
    (void)state;
    sync_rig_init(&rig, true);
    growing_init(&growing, 2);
    reach_init(&reach);
    for (uint64_t node = 1; node <= RIG_NODES; node++) {
        assert_int_equal(reach_link(&reach, node, true), 0);
    }
    filler_init(&filler);
    filler.ports =
        (struct filler_ports){.refilled = on_refilled, .synced = on_synced, .ended = on_ended};
    filler.syncs = &rig.syncs;
    filler.reach = &reach;
    transfers_init(&transfers, 4, 0, 1);
    filler.transfers = &transfers;
    rig.syncs.view = growing.before;
    refilled_count = synced_count = ended_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    filler_deinit(&filler);
    sync_rig_deinit(&rig);
    reach_deinit(&reach);
    growing_deinit(&growing);
    return 0;
}

/* The node that fills has lost what it held of the partition. */
static void refill(uint32_t partition)
{
    rig_holding(&rig, rig.self, partition)->refilling = true;
    assert_int_equal(filler_want(&filler, partition, NULL), 0);
}

/* Another owner restarted incomplete. */
static void make_incomplete(uint64_t node, uint32_t partition)
{
    rig_holding(&rig, node, partition)->refilling = true;
}

static void a_refilling_partition_counts_again_after_syncs_from_two_others(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "one", "value");
    (void)rig_write(&rig, 3, P, "two", "value");
    refill(P);
    filler_review(&filler);
    assert_int_equal(filler_pending(&filler), 1);
    assert_true(filler_has(&filler, P));
    while (ended_count < 1) {
        assert_true(rig_answer(&rig));
    }
    assert_int_equal(refilled_count, 0);
    rig_pass(&rig, 0);
    assert_int_equal(ended_count, 2);
    assert_int_equal(refilled_count, 1);
    assert_int_equal(rig_keys(&rig, 1, P), 2);
    assert_int_equal(filler_pending(&filler), 0);
    assert_false(rig_holding(&rig, 1, P)->refilling);
}

static void a_silent_source_is_given_up_for_another(void **state)
{
    (void)state;
    refill(P);
    rig.lose_percent = 100;
    filler_review(&filler);
    rig_pass(&rig, 60000 * MS);
    assert_int_equal(refilled_count, 0);
    rig.lose_percent = 0;
    rig_pass(&rig, 60000 * MS);
    assert_int_equal(refilled_count, 1);
}

static void an_owner_that_can_t_be_reached_is_not_asked_until_its_link_is_up(void **state)
{
    (void)state;
    assert_int_equal(reach_link(&reach, 2, false), 0);
    assert_int_equal(reach_link(&reach, 3, false), 0);
    refill(P);
    filler_review(&filler);
    rig_pass(&rig, 10000 * MS);
    assert_int_equal(rig.messages, 0);
    assert_int_equal(reach_link(&reach, 2, true), 0);
    rig_pass(&rig, 300 * MS);
    assert_int_equal(ended_count, 1);
    assert_int_equal(refilled_count, 0);
    assert_int_equal(reach_link(&reach, 3, true), 0);
    rig_pass(&rig, 300 * MS);
    assert_int_equal(refilled_count, 1);
}

static void sources_that_are_incomplete_themselves_count_only_together(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "one", "value");
    (void)rig_write(&rig, 3, P, "two", "value");
    make_incomplete(2, P);
    make_incomplete(3, P);
    refill(P);
    filler_review(&filler);
    while (ended_count < 1) {
        assert_true(rig_answer(&rig));
    }
    assert_int_equal(refilled_count, 0);
    assert_int_equal(rig.frame_count, 0); /* not over and over at once */
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(refilled_count, 1); /* these are all there are */
    assert_int_equal(rig_keys(&rig, 1, P), 2);
}

static void no_more_than_a_few_partitions_are_filled_at_a_time(void **state)
{
    (void)state;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        refill(p);
    }
    filler_review(&filler);
    assert_int_equal(transfers.used, transfers.max);
    while (rig_answer(&rig)) {
        assert_true(transfers.used <= transfers.max);
    }
    assert_int_equal(refilled_count, GROWING_PARTITIONS);
}

static void nothing_rests_on_what_is_not_settled_yet(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "one", "value");
    rig.fickle[1]->slow = true;
    rig.fickle[1]->engine.keeps_data = true;
    refill(P);
    filler_review(&filler);
    rig_pass(&rig, 3000 * MS);
    assert_int_equal(rig_keys(&rig, 1, P), 1);
    assert_int_equal(refilled_count, 0);
    fickle_engine_settle(rig.fickle[1]);
    rig_pass(&rig, 300 * MS);
    assert_int_equal(refilled_count, 1);
}

static void a_holding_that_forgets_is_filled_from_the_beginning(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "one", "value");
    refill(P);
    filler_review(&filler);
    while (ended_count < 1) {
        assert_true(rig_answer(&rig));
    }
    replica_renew(&rig.replicas[1], rig_holding(&rig, 1, P), true);
    filler_restart(&filler, P);
    rig_upkeep(&rig);
    while (ended_count < 2) {
        assert_true(rig_answer(&rig));
    }
    assert_int_equal(refilled_count, 0); /* the first one counts no more */
    filler_review(&filler);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(refilled_count, 1);
}

static void nothing_is_asked_for_while_there_is_no_place_for_it(void **state)
{
    (void)state;
    rig.fickle[1]->health = ENGINE_FULL;
    refill(P);
    filler_review(&filler);
    rig_pass(&rig, 2000 * MS);
    assert_int_equal(rig.messages, 0);
    rig.fickle[1]->health = ENGINE_HEALTHY;
    rig_pass(&rig, 300 * MS);
    assert_int_equal(refilled_count, 1);
}

static void a_filler_that_was_stopped_asks_for_nothing_more(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, P, "one", "value");
    refill(P);
    filler_review(&filler);
    filler_stop(&filler);
    uint64_t messages = rig.messages;
    rig_pass(&rig, 5000 * MS);
    filler_review(&filler);
    assert_int_equal(rig.syncs.count, 0);
    assert_int_equal(rig.messages, messages + 1); /* the answer to what was asked before */
    assert_int_equal(rig_keys(&rig, 1, P), 0);
}

static void a_partition_that_is_forgotten_is_let_alone(void **state)
{
    (void)state;
    (void)rig_write(&rig, 2, 5, "one", "value");
    refill(5);
    refill(6);
    filler_review(&filler);
    filler_forget(&filler, 5);
    filler_forget(&filler, 7); /* never wanted */
    rig_pass(&rig, 5000 * MS);
    assert_int_equal(rig_keys(&rig, 1, 5), 0);
    assert_int_equal(refilled_count, 1);
    assert_int_equal(filler_pending(&filler), 0);
}

/* ---- layouts --------------------------------------------------------------------------------- */

static void want_moved(void)
{
    assert_int_equal(filler_want(&filler, growing.moved, &view_newest(growing.both)->key.hash), 0);
}

static void a_layout_is_synced_for_only_when_all_have_seen_it(void **state)
{
    (void)state;
    rig_self(&rig, 4);
    rig.syncs.view = growing.both;
    want_moved();
    filler_review(&filler);
    rig_pass(&rig, 5000 * MS);
    assert_int_equal(rig.messages, 0);
    rig.syncs.view = growing.seen;
    rig_pass(&rig, 300 * MS);
    assert_int_equal(synced_count, 1);
    assert_int_equal(synced_partition, growing.moved);
    assert_int_equal(ended_count, 2);
}

static void a_sync_begun_for_another_target_is_not_counted_for_this_one(void **state)
{
    (void)state;
    const struct content_hash other = {{1}};
    rig_self(&rig, 4);
    rig.syncs.view = growing.seen;
    want_moved();
    filler_review(&filler);
    assert_int_equal(filler_want(&filler, growing.moved, &other), 0);
    want_moved();
    while (ended_count < 2) {
        assert_true(rig_answer(&rig));
    }
    assert_int_equal(synced_count, 0);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(synced_count, 1);
    assert_int_equal(ended_count, 3);
}

static void an_incomplete_source_does_not_make_a_layout_synced(void **state)
{
    (void)state;
    rig_self(&rig, 4);
    rig.syncs.view = growing.seen;
    for (uint64_t node = 1; node <= 3; node++) {
        make_incomplete(node, growing.moved);
    }
    want_moved();
    filler_review(&filler);
    while (ended_count < 2) {
        if (!rig_answer(&rig)) {
            rig_pass(&rig, 100 * MS);
        }
    }
    assert_int_equal(synced_count, 0);
    for (uint64_t node = 1; node <= 3; node++) {
        rig_holding(&rig, node, growing.moved)->refilling = false;
    }
    rig_pass(&rig, 3000 * MS);
    assert_int_equal(synced_count, 1);
}

/* Two changes are under way. A write is held by two of its three owners, and one of these loses its
 * disk. For the newest layout that one hears node 4, which reads don't go by yet and which holds
 * nothing; then node 4 catches up, and reads go by it. Now a copy from the owner that has missed
 * the write makes two of the owners that count: what node 4 said before must not be one of them, or
 * a read of these two would miss the write. */
static void who_was_heard_before_reads_went_by_it_is_to_be_heard_again(void **state)
{
    (void)state;
    struct growing_on on;
    uint32_t partition = growing.moved;
    uint64_t missed = growing.stays[1];
    growing_then_leaves(&growing, missed, &on);
    rig_self(&rig, growing.stays[0]);
    (void)rig_write(&rig, growing.leaves, partition, "one", "value");
    assert_int_equal(reach_link(&reach, missed, false), 0);
    assert_int_equal(reach_link(&reach, growing.leaves, false), 0);
    rig.syncs.view = on.seen;
    refill(partition);
    assert_int_equal(filler_want(&filler, partition, &view_newest(on.seen)->key.hash), 0);
    filler_review(&filler);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(ended_count, 1);

    rig_send(&rig, growing.leaves, 4, partition, "one");
    rig.syncs.view = on.synced;
    assert_int_equal(reach_link(&reach, 4, false), 0);
    assert_int_equal(reach_link(&reach, missed, true), 0);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(ended_count, 2);
    assert_int_equal(refilled_count, 0);
    assert_int_equal(reach_link(&reach, 4, true), 0);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(refilled_count, 1);
    assert_int_equal(rig_keys(&rig, rig.self, partition), 1);
    rig.syncs.view = growing.before;
    growing_on_deinit(&on);
}

#define FILLER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILLER_TEST(a_refilling_partition_counts_again_after_syncs_from_two_others),
        FILLER_TEST(a_silent_source_is_given_up_for_another),
        FILLER_TEST(an_owner_that_can_t_be_reached_is_not_asked_until_its_link_is_up),
        FILLER_TEST(sources_that_are_incomplete_themselves_count_only_together),
        FILLER_TEST(no_more_than_a_few_partitions_are_filled_at_a_time),
        FILLER_TEST(nothing_rests_on_what_is_not_settled_yet),
        FILLER_TEST(a_holding_that_forgets_is_filled_from_the_beginning),
        FILLER_TEST(nothing_is_asked_for_while_there_is_no_place_for_it),
        FILLER_TEST(a_filler_that_was_stopped_asks_for_nothing_more),
        FILLER_TEST(a_partition_that_is_forgotten_is_let_alone),
        FILLER_TEST(a_layout_is_synced_for_only_when_all_have_seen_it),
        FILLER_TEST(a_sync_begun_for_another_target_is_not_counted_for_this_one),
        FILLER_TEST(an_incomplete_source_does_not_make_a_layout_synced),
        FILLER_TEST(who_was_heard_before_reads_went_by_it_is_to_be_heard_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
