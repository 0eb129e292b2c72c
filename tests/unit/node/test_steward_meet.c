/* Members that have lost sight of each other: where nodes are is told and kept at once, so that it
 * hardly happens; and an operator's join-cluster brings them together where it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/messages.h"

#define SECOND (1000 * MS)
#define TICKETS (UINT64_C(1) << 61) /* of meetings */

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 1, 1, 1);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static void start(struct fake_world *world, uint32_t node)
{
    assert_int_equal(fake_world_start(world, node), 0);
    fake_world_run(world, 300 * MS);
}

static uint64_t id_of(struct fake_world *world, uint32_t node)
{
    return world_snapshot(world, node)->self;
}

/* Does it know where the other one is? */
static bool knows(struct fake_world *world, uint32_t node, uint64_t other)
{
    const struct snapshot_node *known = snapshot_find(world_snapshot(world, node), other);
    return known != NULL && known->record.peer_port != 0;
}

static void remove_founder(struct fake_world *world, uint32_t at)
{
    struct message_change change = {
        .op = CHANGE_REMOVE, .force = true, .node = bytes_from_string("node0")};
    struct world_answer *removed = fake_world_change(world, at, 0, &change);
    fake_world_run(world, 10 * SECOND);
    assert_true(removed->done);
    assert_int_equal(removed->code, 0);
}

/* Nodes 1 and 2 join at node 0 at the same time, which then burns down before it could tell either
 * of the other. */
static void lose_sight(struct fake_world *world)
{
    for (uint32_t i = 0; i < 3; i++) {
        start(world, i);
    }
    (void)fake_world_join(world, 1, world_port(0));
    (void)fake_world_join(world, 2, world_port(0));
    for (uint32_t i = 0; i < 100; i++) {
        if (world_members(world, 1) == 2 && world_members(world, 2) == 2) {
            break;
        }
        fake_world_run(world, MS / 4);
    }
    fake_world_kill(world, 0);
    fake_world_run(world, 6 * SECOND);
    assert_int_equal(world_members(world, 1), 2);
    assert_int_equal(world_members(world, 2), 2);
    assert_null(snapshot_find(world_snapshot(world, 1), id_of(world, 2)));
    assert_null(snapshot_find(world_snapshot(world, 2), id_of(world, 1)));
}

static void assert_one_cluster(struct fake_world *world)
{
    fake_world_run(world, 20 * SECOND);
    for (uint32_t i = 1; i < 3; i++) {
        assert_int_equal(world_members(world, i), 2);
        assert_int_equal(world_snapshot(world, i)->view->live_count, 1);
        assert_true(knows(world, i, id_of(world, 3 - i)));
    }
    assert_true(world_snapshot(world, 1)->view->digest == world_snapshot(world, 2)->view->digest);
}

static void assert_found(struct fake_world *world, uint32_t node, const char *key)
{
    struct world_answer *get = fake_world_get(world, node, 0, key);
    fake_world_run(world, SECOND);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->value, key);
}

/* ---- hardly ever ---- */

static void where_a_joiner_is_goes_round_as_fast_as_that_it_is_one(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t i = 0; i < 3; i++) {
        world->nodes[i].config.heartbeat_interval_us = 60 * SECOND;
        start(world, i);
    }
    uint64_t ids[] = {id_of(world, 0), id_of(world, 1), id_of(world, 2)};
    (void)fake_world_join(world, 1, world_port(0));
    (void)fake_world_join(world, 2, world_port(0));
    fake_world_run(world, 2 * SECOND); /* not one heartbeat */
    assert_true(knows(world, 1, ids[2]));
    assert_true(knows(world, 2, ids[1]));
    fake_world_kill(world, 0);
    for (uint32_t i = 1; i < 3; i++) {
        fake_world_kill(world, i);
    }
    start(world, 1);
    assert_true(knows(world, 1, ids[2]));
    start(world, 2);
    assert_true(knows(world, 2, ids[1]));
}

/* ---- brought together ---- */

static void members_that_lost_the_only_one_that_knew_both_meet_by_an_operators_word(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    fake_world_run(world, 60 * SECOND);
    assert_false(knows(world, 1, id_of(world, 2)));
    struct world_answer *join = fake_world_join(world, 1, world_port(2));
    fake_world_run(world, SECOND);
    assert_int_equal(join->code, 0);
    assert_true(knows(world, 1, id_of(world, 2)));
    assert_true(knows(world, 2, id_of(world, 1)));
    remove_founder(world, 2);
    assert_one_cluster(world);
}

/* Each takes itself for all that is left, and has data by now. */
static void what_became_two_clusters_by_that_is_one_again_with_the_data_of_both(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    remove_founder(world, 1);
    remove_founder(world, 2);
    assert_int_equal(world_members(world, 1), 1);
    assert_int_equal(world_members(world, 2), 1);
    assert_int_equal(fake_world_put(world, 1, 0, "mine", "mine")->code, 0);
    assert_int_equal(fake_world_put(world, 2, 0, "yours", "yours")->code, 0);
    struct world_answer *join = fake_world_join(world, 2, world_port(1));
    fake_world_run(world, SECOND);
    assert_int_equal(join->code, 0);
    assert_one_cluster(world);
    for (uint32_t i = 1; i < 3; i++) {
        assert_found(world, i, "mine");
        assert_found(world, i, "yours");
    }
}

static void who_meets_a_member_that_knows_it_was_removed_learns_that(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t i = 0; i < 2; i++) {
        world->nodes[i].config.heartbeat_interval_us = i == 0 ? 60 * SECOND : SECOND;
        start(world, i);
    }
    (void)fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 10 * SECOND);
    fake_world_kill(world, 0);
    remove_founder(world, 1);
    fake_world_cut(world, 0, true);
    start(world, 0);
    fake_world_cut(world, 0, false);
    assert_false(view_removed(world_snapshot(world, 0)->view, id_of(world, 0)));
    struct world_answer *join = fake_world_join(world, 0, world_port(1));
    fake_world_run(world, SECOND);
    assert_int_equal(join->code, SHOAL_EPERM);
    assert_true(view_removed(world_snapshot(world, 0)->view, id_of(world, 0)));
}

static void an_address_where_nobody_of_the_cluster_is_changes_nothing_and_is_named(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    start(world, 3);
    uint64_t digest = world_snapshot(world, 1)->view->digest;
    struct world_answer *nobody = fake_world_join(world, 1, 4711);
    fake_world_run(world, 5 * SECOND);
    assert_true(nobody->done);
    assert_int_equal(shoal_error_nothing_applied(nobody->code), 1);
    assert_non_null(strstr(nobody->text, "10.0.0.1:4711"));
    struct world_answer *self = fake_world_join(world, 1, world_port(1));
    fake_world_run(world, 5 * SECOND);
    assert_int_equal(self->code, SHOAL_EINVAL);
    struct world_answer *other = fake_world_join(world, 1, world_port(3));
    fake_world_run(world, 5 * SECOND);
    assert_int_equal(other->code, SHOAL_ECONFLICT);
    assert_non_null(strstr(other->text, "leave that first"));
    assert_true(world_snapshot(world, 1)->view->digest == digest);
    assert_int_equal(world_members(world, 3), 1);
}

static void one_that_is_alone_for_now_still_joins_another_cluster(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    remove_founder(world, 1);
    start(world, 3);
    struct world_answer *join = fake_world_join(world, 1, world_port(3));
    fake_world_run(world, 10 * SECOND);
    assert_int_equal(join->code, 0);
    assert_int_equal(world_members(world, 3), 2);
    assert_true(view_facts(world_snapshot(world, 1)->view)->id ==
                view_facts(world_snapshot(world, 3)->view)->id);
}

/* ---- how it ends ---- */

static void what_answers_and_is_none_is_an_error(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    uint64_t digest = world_snapshot(world, 1)->view->digest;
    fake_world_cut(world, 2, true);
    struct world_answer *join = fake_world_join(world, 1, world_port(2));
    struct worker *worker = world->nodes[1].workers[0];
    worker_contacted(worker, world->now, TICKETS + 4, 0, bytes_from_string("another's answer"));
    fake_world_run(world, 10 * MS);
    assert_false(join->done);
    struct world_answer *second = fake_world_join(world, 1, world_port(2));
    assert_int_equal(second->code, SHOAL_ECONFLICT); /* one at a time */
    worker_contacted(worker, world->now, TICKETS + 1, 0, bytes_from_string("HTTP/1.1 400"));
    fake_world_run(world, 10 * MS);
    assert_true(join->done);
    assert_true(join->code < 0);
    assert_true(world_snapshot(world, 1)->view->digest == digest);
}

static void a_node_that_stops_answers_who_waits_for_a_meeting(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    fake_world_cut(world, 2, true);
    struct world_answer *join = fake_world_join(world, 1, world_port(2));
    fake_world_run(world, 10 * MS);
    assert_false(join->done);
    fake_world_stop(world, 1);
    assert_true(join->done);
    assert_int_equal(join->code, SHOAL_ESHUTDOWN);
}

static void without_memory_a_meeting_ends_and_can_be_repeated(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    bool failed = false;
    for (uint64_t nth = 1; nth < 40; nth++) {
        arena_deinit(&world->nodes[1].workers[0]->arena);
        mem_fail_from(nth);
        struct world_answer *join = fake_world_join(world, 1, world_port(2));
        mem_fail_never();
        fake_world_run(world, 3 * SECOND);
        assert_true(join->done);
        failed = failed || join->code == SHOAL_ENOMEM;
        assert_true(join->code == 0 || join->code == SHOAL_ENOMEM);
    }
    assert_true(failed);
    remove_founder(world, 1);
    assert_one_cluster(world);
}

/* ---- who was removed ---- */

/* It asks at every heartbeat until it knows. Were it answered also when it tells, the two would go
 * on with that as fast as the network can, for as long as its record can't be written. */
static void who_was_removed_is_answered_when_it_asks_and_not_when_it_tells(void **state)
{
    struct fake_world *world = *state;
    lose_sight(world);
    remove_founder(world, 1);
    const struct view *view = world_snapshot(world, 1)->view;
    struct message_gossip gossip = {.id = 7,
                                    .cluster = view_facts(view)->id,
                                    .from = view->removed[0],
                                    .kind = GOSSIP_TELLS,
                                    .view_digest = 4711};
    struct buffer frame;
    buffer_init(&frame, 0);
    assert_int_equal(view->removed_count, 1);
    assert_int_equal(message_gossip_encode(&gossip, &frame), 0);
    fake_world_ask(world, 1, buffer_bytes(&frame));
    assert_int_equal(world->replies, 0);
    gossip.kind = GOSSIP_ASKS;
    buffer_clear(&frame);
    assert_int_equal(message_gossip_encode(&gossip, &frame), 0);
    fake_world_ask(world, 1, buffer_bytes(&frame));
    assert_int_equal(world->replies, 1);
    buffer_deinit(&frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_a_joiner_is_goes_round_as_fast_as_that_it_is_one),
        TEST(members_that_lost_the_only_one_that_knew_both_meet_by_an_operators_word),
        TEST(what_became_two_clusters_by_that_is_one_again_with_the_data_of_both),
        TEST(who_meets_a_member_that_knows_it_was_removed_learns_that),
        TEST(an_address_where_nobody_of_the_cluster_is_changes_nothing_and_is_named),
        TEST(one_that_is_alone_for_now_still_joins_another_cluster),
        TEST(what_answers_and_is_none_is_an_error),
        TEST(a_node_that_stops_answers_who_waits_for_a_meeting),
        TEST(without_memory_a_meeting_ends_and_can_be_repeated),
        TEST(who_was_removed_is_answered_when_it_asks_and_not_when_it_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
