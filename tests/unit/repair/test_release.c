/* Letting go: whom an old owner asks, whose word counts, and when it drops what it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "growing_view.h"
#include "repair/release.h"
#include "shoal/error.h"
#include "support/sync_rig.h"
#include "wire/frame.h"

#define MS UINT64_C(1000)
#define ID_FIRST 1000u
#define ASKED_MAX 256u

static struct sync_rig rig;
static struct growing growing;
static struct reach reach;
static struct release release;
static struct view *again; /* in which the old owner owns what it lost */

/* What was sent and not answered yet. */
static struct asked {
    uint64_t node;
    struct message_release message;
} asked[ASKED_MAX];
static uint32_t asked_count;
static uint32_t dropped_count;
static uint32_t dropped_partition;
static int drop_code;
static uint32_t learned_count;

static uint32_t P(void)
{
    return growing.moved;
}

static int on_send(void *self, uint64_t node, struct bytes frame)
{
    (void)self;
    struct asked *one = &asked[asked_count++];
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    assert_true(asked_count < ASKED_MAX);
    one->node = node;
    assert_int_equal(message_release_decode(payload, &rig.arena, &one->message), 0);
    return 0;
}

static void on_learn(void *self, uint64_t digest, struct bytes view)
{
    (void)self;
    (void)digest;
    (void)view;
    learned_count++;
}

static int on_drop(void *self, uint32_t partition)
{
    (void)self;
    if (drop_code == 0) {
        dropped_count++;
        dropped_partition = partition;
        assert_int_equal(replica_drop(&rig.replicas[growing.leaves], partition), 0);
    }
    return drop_code;
}

static int setup(void **state)
{
    (void)state;
    sync_rig_init(&rig, true);
    growing_init(&growing, 2);
    struct role out = ring_role(4, ROLE_OUT);
    again = ring_view_commit(view_ref(growing.after), &out);
    reach_init(&reach);
    for (uint64_t node = 1; node <= RIG_NODES; node++) {
        assert_int_equal(reach_link(&reach, node, true), 0);
    }
    release_init(&release, ID_FIRST, 2);
    release.ports = (struct release_ports){.send = on_send, .learn = on_learn, .drop = on_drop};
    release.replica = &rig.replicas[growing.leaves];
    release.reach = &reach;
    release.timers = &rig.timers;
    release.frame = &rig.frame;
    release.now = rig.now;
    asked_count = dropped_count = learned_count = 0;
    drop_code = 0;
    (void)rig_write(&rig, growing.leaves, P(), "key", "value");
    release_adopt(&release, growing.after, growing.leaves);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    release_check(&release);
    release_deinit(&release);
    assert_int_equal(rig.timers.count, 0);
    reach_deinit(&reach);
    view_unref(again);
    growing_deinit(&growing);
    sync_rig_deinit(&rig);
    return 0;
}

static void pass(uint64_t us)
{
    uint64_t end_us = rig.now.mono_us + us;
    while (timers_next_us(&rig.timers) <= end_us) {
        uint64_t next_us = timers_next_us(&rig.timers);
        rig.now.mono_us = next_us > rig.now.mono_us ? next_us : rig.now.mono_us;
        release.now = rig.now;
        timers_fire(&rig.timers, rig.now.mono_us);
        release_check(&release);
    }
    rig.now.mono_us = end_us;
    release.now = rig.now;
}

static void want(uint32_t partition)
{
    assert_int_equal(release_want(&release, partition), 0);
    release_review(&release);
}

/* Takes the oldest question to the node off the list; id 0: there is none. */
static struct message_release take(uint64_t node)
{
    for (uint32_t i = 0; i < asked_count; i++) {
        if (asked[i].node == node) {
            struct message_release message = asked[i].message;
            memmove(&asked[i], &asked[i + 1], (asked_count - i - 1) * sizeof(*asked));
            asked_count--;
            return message;
        }
    }
    return (struct message_release){0};
}

static void answer_with(uint64_t node, int code, uint64_t actor)
{
    struct message_release question = take(node);
    assert_true(question.id >= ID_FIRST);
    struct message_released answer = {.id = question.id, .code = code, .actor = actor};
    release_on_released(&release, node, &answer);
    release_check(&release);
}

static void confirm(uint64_t node)
{
    answer_with(node, 0, 100 + node);
}

static void link_is(uint64_t node, bool up)
{
    assert_int_equal(reach_link(&reach, node, up), 0);
    release_on_link(&release, node, up);
    release_check(&release);
}

static uint64_t own_actor(void)
{
    return rig_holding(&rig, growing.leaves, P())->actor;
}

static void every_owner_is_asked_and_when_all_have_confirmed_it_is_dropped(void **state)
{
    (void)state;
    uint64_t actor = own_actor();
    want(P());
    assert_int_equal(asked_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(asked[i].node != growing.leaves);
        assert_int_equal(asked[i].message.partition, P());
        assert_true(asked[i].message.node == growing.leaves);
        assert_true(asked[i].message.actor == actor);
        assert_true(asked[i].message.view_digest == growing.after->digest);
    }
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    assert_int_equal(dropped_count, 0);
    assert_int_equal(release_pending(&release), 1);
    confirm(4);
    assert_int_equal(dropped_count, 1);
    assert_int_equal(dropped_partition, P());
    assert_false(release_has(&release, P()));
    assert_int_equal(release_pending(&release), 0);
    assert_int_equal(release.counts.released, 1);
    assert_int_equal(release.counts.questions, 3);
}

static void who_refuses_is_asked_again_later_and_nobody_else(void **state)
{
    (void)state;
    want(P());
    confirm(growing.stays[0]);
    answer_with(growing.stays[1], SHOAL_EOVERLOAD, 0);
    confirm(4);
    assert_int_equal(asked_count, 0);
    pass(1000 * MS);
    assert_int_equal(asked_count, 1);
    assert_int_equal(dropped_count, 0);
    answer_with(growing.stays[1], SHOAL_ENOSPC, 0);
    pass(60000 * MS);
    assert_true(asked_count > 0);
    while (asked_count > 1) {
        (void)take(growing.stays[1]); /* late ones don't matter */
    }
    confirm(growing.stays[1]);
    assert_int_equal(dropped_count, 1);
}

static void refusals_make_it_ask_less_and_less(void **state)
{
    (void)state;
    want(P());
    for (uint32_t i = 0; i < 600; i++) {
        for (uint64_t node = 1; node <= 4; node++) {
            while (take(node).id != 0) {
                struct message_released refusal = {.id = release.next_id - 1,
                                                   .code = SHOAL_EOVERLOAD};
                release_on_released(&release, node, &refusal);
            }
        }
        pass(100 * MS);
    }
    assert_true(release.counts.questions < 60);
    assert_int_equal(dropped_count, 0);
}

static void who_is_silent_is_asked_again(void **state)
{
    (void)state;
    want(P());
    struct message_release first = take(4);
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    pass(60000 * MS);
    assert_true(asked_count > 0);
    struct message_released late = {.id = first.id, .actor = 104};
    release_on_released(&release, 4, &late); /* to a question that is void */
    assert_int_equal(dropped_count, 0);
    while (asked_count > 1) {
        (void)take(4);
    }
    confirm(4);
    assert_int_equal(dropped_count, 1);
}

static void who_is_away_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(reach_link(&reach, 4, false), 0);
    want(P());
    assert_int_equal(asked_count, 2);
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    pass(600000 * MS);
    assert_int_equal(asked_count, 0);
    assert_int_equal(dropped_count, 0);
    link_is(4, true);
    assert_int_equal(asked_count, 1); /* at once */
    confirm(4);
    assert_int_equal(dropped_count, 1);
}

static void a_link_that_breaks_voids_what_was_confirmed(void **state)
{
    (void)state;
    want(P());
    confirm(growing.stays[0]);
    confirm(4);
    link_is(4, false);
    confirm(growing.stays[1]);
    assert_int_equal(dropped_count, 0);
    link_is(4, true);
    assert_int_equal(asked_count, 1);
    confirm(4);
    assert_int_equal(dropped_count, 1);
}

static void answers_of_others_and_old_ones_count_for_nothing(void **state)
{
    (void)state;
    want(P());
    struct message_released forged = {.id = asked[0].message.id, .actor = 9};
    uint64_t other = asked[0].node == 4 ? growing.stays[0] : 4;
    release_on_released(&release, other, &forged);
    forged.id = 77;
    release_on_released(&release, 4, &forged);
    assert_int_equal(asked_count, 3);
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    assert_int_equal(dropped_count, 0);
    confirm(4);
    assert_int_equal(dropped_count, 1);
}

static void a_holding_that_began_anew_is_confirmed_anew(void **state)
{
    (void)state;
    want(P());
    confirm(growing.stays[0]);
    confirm(4);
    uint64_t before = own_actor();
    replica_renew(release.replica, rig_holding(&rig, growing.leaves, P()), true);
    assert_true(own_actor() != before);
    confirm(growing.stays[1]);
    assert_int_equal(dropped_count, 0);
    pass(1000 * MS);
    assert_int_equal(asked_count, 3);
    assert_true(asked[0].message.actor == own_actor());
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    confirm(4);
    assert_int_equal(dropped_count, 1);
}

/* Node 4 leaves again, or another one is removed by force: then everybody owns everything. */
static void who_becomes_an_owner_again_keeps_what_it_holds(void **state)
{
    (void)state;
    struct view *without = view_without(growing.after, growing.stays[0]);
    struct view *views[] = {again, without};
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(view_owns(views[i], growing.leaves, P()));
        want(P());
        confirm(growing.stays[0]);
        confirm(growing.stays[1]);
        release_adopt(&release, views[i], growing.leaves);
        assert_false(release_has(&release, P()));
        release_review(&release);
        confirm(4); /* late */
        assert_int_equal(dropped_count, 0);
        assert_non_null(replica_holding(release.replica, P()));
        release_adopt(&release, growing.after, growing.leaves);
    }
    view_unref(without);
}

static void who_is_removed_by_force_itself_lets_go_of_nothing(void **state)
{
    (void)state;
    struct view *without = view_without(growing.after, growing.leaves);
    want(P());
    release_adopt(&release, without, growing.leaves);
    assert_int_equal(release_pending(&release), 0);
    confirm(4);
    assert_int_equal(dropped_count, 0);
    release_adopt(&release, growing.after, growing.leaves);
    view_unref(without);
}

static void a_view_that_changes_nothing_keeps_what_was_confirmed(void **state)
{
    (void)state;
    struct role heavier = ring_role(growing.stays[0], ROLE_IN);
    struct view *other;
    heavier.weight++;
    heavier.staged = true;
    want(P());
    confirm(growing.stays[0]);
    confirm(4);
    assert_int_equal(view_with_role(growing.after, &heavier, &other), 0);
    assert_true(other->digest != growing.after->digest);
    release_adopt(&release, other, growing.leaves);
    release_review(&release);
    struct message_release question = {0};
    while (asked_count > 0) {
        assert_true(asked[0].node == growing.stays[1]);
        question = take(growing.stays[1]);
    }
    assert_true(question.view_digest == other->digest);
    struct message_released answer = {.id = question.id, .actor = 5};
    release_on_released(&release, growing.stays[1], &answer);
    assert_int_equal(dropped_count, 1);
    release_adopt(&release, growing.after, growing.leaves);
    view_unref(other);
}

static void an_empty_partition_goes_unasked(void **state)
{
    (void)state;
    (void)rig_write(&rig, growing.leaves, P() == 0 ? 1 : 0, "key", "value");
    assert_int_equal(replica_drop(release.replica, P()), 0);
    want(P());
    assert_int_equal(asked_count, 0);
    assert_int_equal(release_pending(&release), 0);
}

static void few_partitions_are_asked_about_at_a_time(void **state)
{
    (void)state;
    uint32_t wanted = 0;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        if (!layout_owns(view_newest(growing.after), growing.leaves, p)) {
            (void)rig_write(&rig, growing.leaves, p, "key", "value");
            assert_int_equal(release_want(&release, p), 0);
            wanted++;
        }
    }
    assert_true(wanted > 2);
    release_review(&release);
    assert_int_equal(asked_count, 2 * 3);
    while (asked_count > 0) {
        confirm(asked[0].node);
        assert_true(release.asking_count <= 2);
    }
    assert_int_equal(dropped_count, wanted);
}

static void what_cannot_be_dropped_yet_is_dropped_later(void **state)
{
    (void)state;
    drop_code = SHOAL_ENOSPC;
    want(P());
    confirm(growing.stays[0]);
    confirm(growing.stays[1]);
    confirm(4);
    assert_int_equal(release_pending(&release), 1);
    pass(30000 * MS);
    assert_int_equal(dropped_count, 0);
    assert_int_equal(asked_count, 0);
    drop_code = 0;
    pass(30000 * MS);
    assert_int_equal(dropped_count, 1);
}

static void a_view_that_comes_with_an_answer_is_learned(void **state)
{
    (void)state;
    want(P());
    struct message_released answer = {.id = take(4).id,
                                      .code = SHOAL_ENOTOWNER,
                                      .view_digest = 5,
                                      .view = bytes_from_string("view")};
    release_on_released(&release, 4, &answer);
    assert_int_equal(learned_count, 1);
}

static void who_is_stopping_asks_no_more(void **state)
{
    (void)state;
    want(P());
    release_stop(&release);
    uint32_t count = asked_count;
    confirm(4);
    link_is(4, false);
    link_is(4, true);
    pass(60000 * MS);
    assert_int_equal(asked_count, count - 1);
    assert_int_equal(release_pending(&release), 1);
}

#define RELEASE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELEASE_TEST(every_owner_is_asked_and_when_all_have_confirmed_it_is_dropped),
        RELEASE_TEST(who_refuses_is_asked_again_later_and_nobody_else),
        RELEASE_TEST(refusals_make_it_ask_less_and_less),
        RELEASE_TEST(who_is_silent_is_asked_again),
        RELEASE_TEST(who_is_away_is_waited_for),
        RELEASE_TEST(a_link_that_breaks_voids_what_was_confirmed),
        RELEASE_TEST(answers_of_others_and_old_ones_count_for_nothing),
        RELEASE_TEST(a_holding_that_began_anew_is_confirmed_anew),
        RELEASE_TEST(who_becomes_an_owner_again_keeps_what_it_holds),
        RELEASE_TEST(who_is_removed_by_force_itself_lets_go_of_nothing),
        RELEASE_TEST(a_view_that_changes_nothing_keeps_what_was_confirmed),
        RELEASE_TEST(an_empty_partition_goes_unasked),
        RELEASE_TEST(few_partitions_are_asked_about_at_a_time),
        RELEASE_TEST(what_cannot_be_dropped_yet_is_dropped_later),
        RELEASE_TEST(a_view_that_comes_with_an_answer_is_learned),
        RELEASE_TEST(who_is_stopping_asks_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
