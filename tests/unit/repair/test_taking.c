/* An owner takes what an old owner lets go of, and says so when it is settled and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "growing_view.h"
#include "repair/taking.h"
#include "shoal/error.h"
#include "support/sync_rig.h"

#define MS UINT64_C(1000)

static struct sync_rig rig;
static struct growing growing;
static struct taking taking;
static struct transfers transfers;
static uint32_t answers;
static int answer_code;
static uint64_t answer_actor;
static uint32_t ended_count;
static bool ended_release;
static uint32_t rooms;
static uint32_t forgotten;

static uint32_t P(void)
{
    return growing.moved;
}

static void on_answer(void *self, int code, uint64_t actor)
{
    (void)self;
    answers++;
    answer_code = code;
    answer_actor = actor;
}

static void on_ended(void *self, const struct sync_outcome *outcome)
{
    (void)self;
    ended_count++;
    ended_release = outcome->release;
}

static void on_room(void *self)
{
    (void)self;
    rooms++;
}

static void on_forget(void *asker)
{
    (void)asker;
    forgotten++;
}

static int setup(void **state)
{
    (void)state;
    sync_rig_init(&rig, true);
    growing_init(&growing, 2);
    rig_self(&rig, 4);
    rig.syncs.view = growing.after;
    transfers_init(&transfers, 2, 0, 1);
    taking_init(&taking);
    taking.ports = (struct taking_ports){.ended = on_ended, .room = on_room};
    taking.syncs = &rig.syncs;
    taking.transfers = &transfers;
    answers = ended_count = rooms = forgotten = 0;
    answer_code = 1;
    answer_actor = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    taking_check(&taking);
    taking_deinit(&taking, on_forget);
    assert_int_equal(transfers.used, 0);
    growing_deinit(&growing);
    sync_rig_deinit(&rig);
    return 0;
}

static struct message_release question(uint32_t partition)
{
    return (struct message_release){.id = 1,
                                    .partition = partition,
                                    .node = growing.leaves,
                                    .actor = rig_holding(&rig, growing.leaves, partition)->actor};
}

static int begin(uint32_t partition)
{
    struct message_release ask = question(partition);
    struct taking_asker asker = {.answer = on_answer};
    int result = taking_begin(&taking, &ask, &asker);
    taking_check(&taking);
    return result;
}

static void it_takes_what_it_lacks_and_confirms_with_its_actor(void **state)
{
    (void)state;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    assert_int_equal(begin(P()), 0);
    assert_int_equal(answers, 0);
    assert_int_equal(transfers.used, 1);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, 0);
    assert_true(answer_actor == rig_holding(&rig, 4, P())->actor);
    assert_int_equal(rig_keys(&rig, 4, P()), 1);
    assert_true(ended_count == 1 && ended_release);
    assert_int_equal(rooms, 1);
    assert_int_equal(transfers.used, 0);
}

static void where_both_have_the_same_it_costs_two_messages(void **state)
{
    (void)state;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    rig_send(&rig, growing.leaves, 4, P(), "key");
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answer_code, 0);
    assert_int_equal(rig.messages, 2);
}

static void nothing_is_confirmed_before_it_is_settled(void **state)
{
    (void)state;
    rig.fickle[4]->slow = true;
    rig.fickle[4]->engine.keeps_data = true;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 1000 * MS);
    assert_int_equal(ended_count, 1);
    assert_int_equal(answers, 0);
    assert_int_equal(transfers.used, 0); /* waiting takes no room */
    durability_reach(&rig.replicas[4].durability, DURABILITY_SETTLED,
                     rig.replicas[4].durability.issued);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, 0);
}

static void storage_that_fails_meanwhile_confirms_nothing(void **state)
{
    (void)state;
    rig.fickle[4]->slow = true;
    rig.fickle[4]->engine.keeps_data = true;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 1000 * MS);
    durability_fail(&rig.replicas[4].durability, SHOAL_EIO);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_EIO);
    assert_int_equal(begin(P()), SHOAL_EIO);
}

static void who_is_no_owner_takes_nothing(void **state)
{
    (void)state;
    rig_self(&rig, growing.leaves);
    rig.syncs.view = growing.after;
    struct message_release ask = question(P());
    struct taking_asker asker = {.answer = on_answer};
    ask.node = 4;
    assert_int_equal(taking_begin(&taking, &ask, &asker), SHOAL_ENOTOWNER);
    ask.partition = 1u << 20;
    assert_int_equal(taking_begin(&taking, &ask, &asker), SHOAL_ENOTOWNER);
}

static void nobody_takes_from_itself(void **state)
{
    (void)state;
    struct message_release ask = question(P());
    struct taking_asker asker = {.answer = on_answer};
    ask.node = 4;
    assert_int_equal(taking_begin(&taking, &ask, &asker), SHOAL_ENOTOWNER);
}

static void there_is_room_for_so_many_transfers(void **state)
{
    (void)state;
    uint32_t begun = 0;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        if (view_owns(growing.after, 4, p)) {
            int result = begin(p);
            assert_int_equal(result, begun < 2 ? 0 : SHOAL_EOVERLOAD);
            begun++;
        }
    }
    assert_true(begun > 2);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 2);
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 3);
}

static void who_asks_again_is_answered_once_and_by_one_sync(void **state)
{
    (void)state;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    assert_int_equal(begin(P()), 0);
    assert_int_equal(begin(P()), 0);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_EOVERLOAD); /* to the earlier question */
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 2);
    assert_int_equal(answer_code, 0);
    assert_int_equal(ended_count, 1);
}

static void renew_here(struct sync_rig *at, uint64_t node, uint32_t kind)
{
    (void)node;
    if (kind == MESSAGE_SYNC_LEAVES) {
        replica_renew(&at->replicas[4], rig_holding(at, 4, P()), true);
        at->asked = NULL;
    }
}

static void a_holding_that_begins_anew_meanwhile_confirms_nothing(void **state)
{
    (void)state;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    rig.asked = renew_here;
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 1);
    assert_true(answer_code < 0);
    assert_true(answer_actor == 0);
}

static void a_holding_that_begins_anew_before_all_is_settled_confirms_nothing(void **state)
{
    (void)state;
    rig.fickle[4]->slow = true;
    rig.fickle[4]->engine.keeps_data = true;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 1000 * MS);
    replica_renew(&rig.replicas[4], rig_holding(&rig, 4, P()), true);
    durability_reach(&rig.replicas[4].durability, DURABILITY_SETTLED,
                     rig.replicas[4].durability.issued);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_ECONFLICT);
}

static void what_was_asked_of_another_holding_is_not_confirmed(void **state)
{
    (void)state;
    struct message_release ask = question(P());
    struct taking_asker asker = {.answer = on_answer};
    ask.actor++;
    assert_int_equal(taking_begin(&taking, &ask, &asker), 0);
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_ECONFLICT);
}

static void who_loses_its_place_meanwhile_confirms_nothing(void **state)
{
    (void)state;
    assert_int_equal(begin(P()), 0);
    rig.syncs.view = growing.before; /* node 4 is no owner in it */
    rig_pass(&rig, 100 * MS);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_ENOTOWNER);
}

static void who_can_t_be_reached_is_not_confirmed_to(void **state)
{
    (void)state;
    rig.unreachable = true;
    assert_true(begin(P()) < 0);
    assert_int_equal(answers, 0);
    rig.unreachable = false;
    rig.lose_percent = 100;
    assert_int_equal(begin(P()), 0);
    rig_pass(&rig, 120000 * MS);
    assert_int_equal(answers, 1);
    assert_true(answer_code < 0);
}

static void who_is_stopping_says_so_and_takes_nothing_more(void **state)
{
    (void)state;
    assert_int_equal(begin(P()), 0);
    taking_stop(&taking);
    assert_int_equal(answers, 1);
    assert_int_equal(answer_code, SHOAL_ESHUTDOWN);
    assert_int_equal(begin(P()), SHOAL_ESHUTDOWN);
    assert_int_equal(rig.syncs.count, 0);
}

static void what_is_under_way_at_the_end_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(begin(P()), 0);
    taking_deinit(&taking, on_forget);
    assert_int_equal(forgotten, 1);
    assert_int_equal(answers, 0);
}

#define TAKING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAKING_TEST(it_takes_what_it_lacks_and_confirms_with_its_actor),
        TAKING_TEST(where_both_have_the_same_it_costs_two_messages),
        TAKING_TEST(nothing_is_confirmed_before_it_is_settled),
        TAKING_TEST(storage_that_fails_meanwhile_confirms_nothing),
        TAKING_TEST(who_is_no_owner_takes_nothing),
        TAKING_TEST(nobody_takes_from_itself),
        TAKING_TEST(there_is_room_for_so_many_transfers),
        TAKING_TEST(who_asks_again_is_answered_once_and_by_one_sync),
        TAKING_TEST(a_holding_that_begins_anew_meanwhile_confirms_nothing),
        TAKING_TEST(a_holding_that_begins_anew_before_all_is_settled_confirms_nothing),
        TAKING_TEST(what_was_asked_of_another_holding_is_not_confirmed),
        TAKING_TEST(who_loses_its_place_meanwhile_confirms_nothing),
        TAKING_TEST(who_can_t_be_reached_is_not_confirmed_to),
        TAKING_TEST(who_is_stopping_says_so_and_takes_nothing_more),
        TAKING_TEST(what_is_under_way_at_the_end_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
