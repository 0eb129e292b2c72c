/* Closing ended actors: only when everybody has said that they aren't theirs, then that no hint is
 * left and nothing more is taken from them, and then a sync from every other owner is complete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "growing_view.h"
#include "repair/closing.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"
#include "wire/frame.h"

#define MS UINT64_C(1000)
#define NODES 4u
#define P 0u
#define CURRENT_2 UINT64_C(102) /* the actors of nodes 2 and 3 */
#define CURRENT_3 UINT64_C(103)
#define OLD UINT64_C(50) /* an actor that has ended */
#define OLDER UINT64_C(40)

/* The last question to a node. */
struct ask {
    uint64_t id;
    uint32_t partition;
    uint64_t actors[LIMIT_ENDED_ACTORS];
    uint32_t count;
    bool certain;
    uint32_t times;
};

struct fixture {
    struct growing growing;
    struct fickle_engine *fickle;
    struct replica replica;
    struct holding *holding;
    struct random random;
    struct arena arena;
    struct timers timers;
    struct buffer frame;
    struct ended ended;
    struct closing closing;
    struct ask asks[NODES + 1];
    uint32_t syncs[NODES + 1]; /* wanted from the node */
    uint32_t learned;
    bool owes_hints;
    int sync_code;
};

static int on_send(void *self, uint64_t node, struct bytes frame)
{
    struct fixture *fixture = self;
    struct message_ended question;
    struct ask *ask = &fixture->asks[node];
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    assert_int_equal(message_ended_decode(payload, &fixture->arena, &question), 0);
    assert_true(question.view_digest == fixture->closing.view->digest);
    ask->id = question.id;
    ask->partition = question.partition;
    memcpy(ask->actors, question.actors, question.count * sizeof(*ask->actors));
    ask->count = question.count;
    ask->certain = question.certain;
    ask->times++;
    return 0;
}

static void on_learn(void *self, uint64_t digest, struct bytes view)
{
    struct fixture *fixture = self;
    (void)digest;
    assert_non_null(view.data);
    fixture->learned++;
}

static bool on_owes_hints(void *self, uint32_t partition)
{
    struct fixture *fixture = self;
    (void)partition;
    return fixture->owes_hints;
}

static int on_sync(void *self, uint32_t partition, uint64_t node)
{
    struct fixture *fixture = self;
    assert_int_equal(partition, P);
    if (fixture->sync_code == 0) {
        fixture->syncs[node]++;
    }
    return fixture->sync_code;
}

static void see(struct fixture *fixture, uint64_t actor, uint64_t counter)
{
    partition_clock_add(&fixture->holding->clock, (struct dot){actor, counter});
}

static void tell(struct fixture *fixture, uint64_t node, uint64_t actor)
{
    replica_report(fixture->holding, node, actor, &fixture->holding->clock);
}

static int setup(void **state)
{
    static struct fixture fixture;
    const uint64_t owners[] = {2, 3};
    fixture = (struct fixture){0};
    growing_init(&fixture.growing, 2);
    random_init(&fixture.random, 3);
    arena_init(&fixture.arena, 65536);
    timers_init(&fixture.timers);
    buffer_init(&fixture.frame, 0);
    ended_init(&fixture.ended);
    fixture.fickle = fickle_engine_new(GROWING_PARTITIONS);
    replica_init(&fixture.replica, &fixture.fickle->engine, &fixture.random, &fixture.arena, 1000);
    assert_int_equal(replica_begin(&fixture.replica, P, false, &fixture.holding), 0);
    assert_int_equal(replica_set_owners(fixture.holding, owners, 2), 0);
    tell(&fixture, 2, CURRENT_2);
    tell(&fixture, 3, CURRENT_3);
    see(&fixture, CURRENT_2, 1);
    see(&fixture, CURRENT_3, 1);
    see(&fixture, fixture.holding->actor, 1);
    closing_init(&fixture.closing, 1000);
    fixture.closing.ports = (struct closing_ports){.self = &fixture,
                                                   .send = on_send,
                                                   .learn = on_learn,
                                                   .owes_hints = on_owes_hints,
                                                   .sync = on_sync};
    fixture.closing.replica = &fixture.replica;
    fixture.closing.timers = &fixture.timers;
    fixture.closing.frame = &fixture.frame;
    fixture.closing.ended = &fixture.ended;
    fixture.closing.step = 1;
    fixture.closing.now = (struct moment){.mono_us = 1000 * MS, .wall_ms = 1000000};
    closing_adopt(&fixture.closing, fixture.growing.before, 1, NULL, 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    closing_check(&fixture->closing);
    ended_check(&fixture->ended);
    closing_deinit(&fixture->closing);
    ended_deinit(&fixture->ended);
    replica_deinit(&fixture->replica);
    fixture->fickle->engine.ops->free(&fixture->fickle->engine);
    timers_deinit(&fixture->timers);
    buffer_deinit(&fixture->frame);
    arena_deinit(&fixture->arena);
    growing_deinit(&fixture->growing);
    return 0;
}

static void pass(struct fixture *fixture, uint64_t ms)
{
    for (uint64_t end_us = fixture->closing.now.mono_us + ms * MS;
         fixture->closing.now.mono_us < end_us;) {
        fixture->closing.now.mono_us += 100 * MS;
        timers_fire(&fixture->timers, fixture->closing.now.mono_us);
        closing_check(&fixture->closing);
    }
}

static void reply(struct fixture *fixture, uint64_t node, uint64_t confirmed)
{
    struct message_ended_reply message = {.id = fixture->asks[node].id,
                                          .confirmed = confirmed,
                                          .view_digest = fixture->closing.view->digest};
    closing_on_reply(&fixture->closing, node, &message);
    closing_check(&fixture->closing);
}

/* A sync from the node, begun now or so long ago. */
static void synced(struct fixture *fixture, uint64_t node, uint64_t ago_us)
{
    struct sync_outcome outcome = {.partition = P,
                                   .node = node,
                                   .actor = node == 2 ? CURRENT_2 : CURRENT_3,
                                   .begun_us = fixture->closing.now.mono_us - ago_us};
    closing_on_synced(&fixture->closing, &outcome);
    closing_check(&fixture->closing);
}

static bool closed(const struct fixture *fixture, uint64_t actor)
{
    return partition_clock_closed(&fixture->holding->clock, actor);
}

static bool asked(const struct fixture *fixture, bool certain)
{
    return fixture->asks[2].count > 0 && fixture->asks[2].certain == certain;
}

/* ---- the way ---- */

static void to_asking(struct fixture *fixture)
{
    see(fixture, OLD, 2); /* with a gap */
    pass(fixture, 2500);
    assert_true(asked(fixture, false));
}

static void to_telling(struct fixture *fixture)
{
    to_asking(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 1000);
    assert_true(asked(fixture, true));
}

static void to_syncing(struct fixture *fixture)
{
    to_telling(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 1000);
    assert_int_equal(fixture->syncs[2], 1);
    assert_int_equal(fixture->syncs[3], 1);
}

static void an_actor_is_closed_after_asking_telling_and_syncing(void **state)
{
    struct fixture *fixture = *state;
    to_syncing(fixture);
    assert_false(closed(fixture, OLD));
    synced(fixture, 2, 0);
    assert_false(closed(fixture, OLD));
    synced(fixture, 3, 0);
    assert_true(closed(fixture, OLD));
    assert_false(closed(fixture, CURRENT_2) || closed(fixture, fixture->holding->actor));
    assert_int_equal(closing_pending(&fixture->closing), 0);
    assert_true(fixture->closing.counts.closed == 1);
}

static void who_confirms_takes_no_more_from_it_and_the_asker_neither(void **state)
{
    struct fixture *fixture = *state;
    to_asking(fixture);
    assert_false(ended_refuses(&fixture->ended, P, fixture->holding, OLD));
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 1000);
    assert_true(ended_refuses(&fixture->ended, P, fixture->holding, OLD));
    assert_false(ended_refuses(&fixture->ended, P, fixture->holding, CURRENT_2));
}

static void nobody_is_asked_while_all_actors_are_current(void **state)
{
    struct fixture *fixture = *state;
    pass(fixture, 20000);
    assert_int_equal(fixture->asks[2].times, 0);
    assert_int_equal(closing_pending(&fixture->closing), 0);
}

static void nobody_is_asked_before_every_owner_has_told_its_actor(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t owners[] = {2, 3, 4};
    assert_int_equal(replica_set_owners(fixture->holding, owners, 3), 0);
    see(fixture, OLD, 1);
    pass(fixture, 20000);
    assert_int_equal(fixture->asks[2].times, 0);
    tell(fixture, 4, 104);
    pass(fixture, 3000);
    assert_true(asked(fixture, false));
}

static void an_actor_that_turns_out_current_meanwhile_is_not_asked_about(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLD, 1);
    pass(fixture, 1100);
    assert_int_equal(closing_pending(&fixture->closing), 1);
    tell(fixture, 2, OLD);
    see(fixture, OLDER, 1);
    pass(fixture, 5000);
    assert_int_equal(fixture->asks[2].count, 2); /* the one that was node 2's before */
    assert_true(fixture->asks[2].actors[0] == OLDER && fixture->asks[2].actors[1] == CURRENT_2);
}

/* ---- what each step asks for ---- */

static void an_actor_that_is_somebodys_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    to_asking(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 0);
    pass(fixture, 5000);
    assert_true(asked(fixture, false));
    assert_int_equal(fixture->asks[2].times, 1);
    assert_false(ended_refuses(&fixture->ended, P, fixture->holding, OLD));
    pass(fixture, 10000); /* later, again */
    assert_true(fixture->asks[2].times > 1);
    assert_true(fixture->asks[3].times > 1);
}

static void of_several_actors_those_that_are_nobodys_go_on(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLDER, 1);
    see(fixture, 60, 1);
    to_asking(fixture);
    assert_int_equal(fixture->asks[2].count, 3); /* 40, 50, 60 */
    reply(fixture, 2, 7);
    reply(fixture, 3, 5);
    pass(fixture, 1000);
    assert_true(asked(fixture, true));
    assert_int_equal(fixture->asks[2].count, 2);
    assert_true(fixture->asks[2].actors[0] == OLDER && fixture->asks[2].actors[1] == 60);
}

static void nothing_goes_on_while_a_member_is_silent(void **state)
{
    struct fixture *fixture = *state;
    to_asking(fixture);
    reply(fixture, 2, 1);
    pass(fixture, 60000);
    assert_true(asked(fixture, false));
    assert_int_equal(fixture->asks[2].times, 1); /* it has answered */
    assert_true(fixture->asks[3].times > 3);
    assert_true(fixture->asks[3].times < 12);
    reply(fixture, 3, 1);
    pass(fixture, 1000);
    assert_true(asked(fixture, true));
}

static void a_member_that_owes_hints_is_asked_until_it_owes_none(void **state)
{
    struct fixture *fixture = *state;
    to_telling(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 0);
    pass(fixture, 5000);
    assert_int_equal(fixture->syncs[2], 0);
    assert_true(fixture->asks[3].times > 2);
    reply(fixture, 3, 1);
    pass(fixture, 1000);
    assert_int_equal(fixture->syncs[2], 1);
}

static void hints_that_this_node_owes_itself_count_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->owes_hints = true;
    to_telling(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 5000);
    assert_int_equal(fixture->syncs[2], 0);
    fixture->owes_hints = false;
    pass(fixture, 10000);
    assert_int_equal(fixture->syncs[2], 1);
}

static void who_has_left_and_not_let_go_of_all_is_asked_too(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t leavers[] = {4};
    closing_adopt(&fixture->closing, fixture->growing.before, 1, leavers, 1);
    to_asking(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 5000);
    assert_true(asked(fixture, false));
    assert_true(fixture->asks[4].times > 1);
    reply(fixture, 4, 1);
    pass(fixture, 1000);
    assert_true(asked(fixture, true));
    /* It is gone: all begins anew, without it. */
    closing_adopt(&fixture->closing, fixture->growing.before, 1, NULL, 0);
    assert_int_equal(closing_pending(&fixture->closing), 0);
    uint32_t times = fixture->asks[4].times;
    to_telling(fixture);
    assert_int_equal(fixture->asks[4].times, times);
}

static void an_actor_without_gaps_needs_the_syncs_too(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLD, 1);
    to_syncing(fixture); /* and its second dot */
    assert_true(fixture->holding->clock.span_count == 0);
    synced(fixture, 3, 0);
    assert_false(closed(fixture, OLD));
    synced(fixture, 2, 0);
    assert_true(closed(fixture, OLD));
}

static void a_sync_begun_before_the_last_word_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    to_telling(fixture);
    synced(fixture, 2, 0);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    synced(fixture, 2, 0); /* begun at the very moment */
    synced(fixture, 3, 0);
    pass(fixture, 1000);
    synced(fixture, 2, 1100 * MS);
    synced(fixture, 3, 0);
    assert_false(closed(fixture, OLD));
    pass(fixture, 2000);
    synced(fixture, 2, 0);
    assert_true(closed(fixture, OLD));
}

static void a_sync_from_a_refilling_owner_or_a_failed_one_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    to_syncing(fixture);
    struct sync_outcome refilling = {
        .partition = P, .node = 2, .refilling = true, .begun_us = fixture->closing.now.mono_us};
    struct sync_outcome failed = {.partition = P,
                                  .node = 2,
                                  .code = SHOAL_ETIMEOUT,
                                  .begun_us = fixture->closing.now.mono_us};
    struct sync_outcome elsewhere = {
        .partition = P + 1, .node = 2, .begun_us = fixture->closing.now.mono_us};
    synced(fixture, 3, 0);
    closing_on_synced(&fixture->closing, &refilling);
    closing_on_synced(&fixture->closing, &failed);
    closing_on_synced(&fixture->closing, &elsewhere);
    assert_false(closed(fixture, OLD));
    pass(fixture, 10000);
    assert_true(fixture->syncs[2] >= 2); /* it is wanted again, the other isn't */
    assert_int_equal(fixture->syncs[3], 1);
    synced(fixture, 2, 0);
    assert_true(closed(fixture, OLD));
}

static void a_sync_that_cannot_begin_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    fixture->sync_code = SHOAL_EOVERLOAD;
    to_telling(fixture);
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 3000);
    fixture->sync_code = 0;
    pass(fixture, 5000);
    assert_int_equal(fixture->syncs[2], 1);
    assert_int_equal(fixture->syncs[3], 1);
}

/* ---- beginning anew ---- */

static void an_answer_of_another_view_is_not_counted(void **state)
{
    struct fixture *fixture = *state;
    to_asking(fixture);
    struct message_ended_reply message = {
        .id = fixture->asks[2].id, .confirmed = 1, .view_digest = 12345};
    closing_on_reply(&fixture->closing, 2, &message); /* of this node's view of then: none came */
    assert_int_equal(fixture->learned, 0);
    message.view = bytes_from_string("a view");
    closing_on_reply(&fixture->closing, 2, &message);
    assert_int_equal(fixture->learned, 1);
    reply(fixture, 3, 1);
    pass(fixture, 2000);
    assert_true(asked(fixture, false));
}

static void refusals_and_answers_to_older_questions_are_not_counted(void **state)
{
    struct fixture *fixture = *state;
    to_telling(fixture);
    struct message_ended_reply stale = {.id = fixture->asks[2].id - 1,
                                        .confirmed = 1,
                                        .view_digest = fixture->closing.view->digest};
    struct message_ended_reply refusal = {.id = fixture->asks[2].id,
                                          .code = SHOAL_EOVERLOAD,
                                          .confirmed = 1,
                                          .view_digest = fixture->closing.view->digest};
    closing_on_reply(&fixture->closing, 2, &stale);
    closing_on_reply(&fixture->closing, 2, &refusal);
    closing_on_reply(&fixture->closing, 4, &refusal);
    reply(fixture, 3, 1);
    pass(fixture, 2000);
    assert_int_equal(fixture->syncs[2], 0);
}

static void another_view_begins_everything_anew(void **state)
{
    struct fixture *fixture = *state;
    to_syncing(fixture);
    synced(fixture, 2, 0);
    closing_adopt(&fixture->closing, fixture->growing.both, 1, NULL, 0);
    synced(fixture, 3, 0);
    assert_false(closed(fixture, OLD));
    pass(fixture, 3000);
    assert_true(asked(fixture, false));
    assert_true(fixture->asks[4].times > 0); /* the new member too */
    reply(fixture, 2, 1);
    reply(fixture, 3, 1);
    pass(fixture, 2000);
    assert_true(asked(fixture, false));
    reply(fixture, 4, 1);
    pass(fixture, 2000);
    assert_true(asked(fixture, true));
}

static void the_same_view_again_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    to_syncing(fixture);
    closing_adopt(&fixture->closing, fixture->growing.before, 1, NULL, 0);
    synced(fixture, 2, 0);
    synced(fixture, 3, 0);
    assert_true(closed(fixture, OLD));
}

static void a_holding_that_began_anew_starts_over(void **state)
{
    struct fixture *fixture = *state;
    to_syncing(fixture);
    synced(fixture, 2, 0);
    replica_renew(&fixture->replica, fixture->holding, false);
    synced(fixture, 3, 0);
    assert_false(closed(fixture, OLD));
    assert_int_equal(closing_pending(&fixture->closing), 0);
}

static void what_was_learned_from_a_clock_needs_no_closing(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLD, 2);
    pass(fixture, 1100);
    assert_int_equal(closing_pending(&fixture->closing), 1);
    partition_clock_close(&fixture->holding->clock, OLD);
    pass(fixture, 3000);
    assert_int_equal(closing_pending(&fixture->closing), 0);
    assert_int_equal(fixture->asks[2].times, 0);
}

static void after_a_stop_nothing_is_asked(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLD, 2);
    pass(fixture, 1100);
    closing_stop(&fixture->closing);
    pass(fixture, 10000);
    assert_int_equal(fixture->asks[2].times, 0);
    assert_int_equal(closing_pending(&fixture->closing), 0);
}

static void running_out_of_memory_only_delays(void **state)
{
    struct fixture *fixture = *state;
    see(fixture, OLD, 2);
    mem_fail_from(1);
    pass(fixture, 3000);
    mem_fail_never();
    closing_adopt(&fixture->closing, fixture->growing.before, 1, NULL, 0);
    pass(fixture, 3000);
    assert_true(asked(fixture, false));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_actor_is_closed_after_asking_telling_and_syncing),
        TEST(who_confirms_takes_no_more_from_it_and_the_asker_neither),
        TEST(nobody_is_asked_while_all_actors_are_current),
        TEST(nobody_is_asked_before_every_owner_has_told_its_actor),
        TEST(an_actor_that_turns_out_current_meanwhile_is_not_asked_about),
        TEST(an_actor_that_is_somebodys_is_left_alone),
        TEST(of_several_actors_those_that_are_nobodys_go_on),
        TEST(nothing_goes_on_while_a_member_is_silent),
        TEST(a_member_that_owes_hints_is_asked_until_it_owes_none),
        TEST(hints_that_this_node_owes_itself_count_too),
        TEST(who_has_left_and_not_let_go_of_all_is_asked_too),
        TEST(an_actor_without_gaps_needs_the_syncs_too),
        TEST(a_sync_begun_before_the_last_word_does_not_count),
        TEST(a_sync_from_a_refilling_owner_or_a_failed_one_does_not_count),
        TEST(a_sync_that_cannot_begin_is_tried_again),
        TEST(an_answer_of_another_view_is_not_counted),
        TEST(refusals_and_answers_to_older_questions_are_not_counted),
        TEST(another_view_begins_everything_anew),
        TEST(the_same_view_again_changes_nothing),
        TEST(a_holding_that_began_anew_starts_over),
        TEST(what_was_learned_from_a_clock_needs_no_closing),
        TEST(after_a_stop_nothing_is_asked),
        TEST(running_out_of_memory_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
