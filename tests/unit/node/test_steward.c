/* Founding, keeping before acting, resuming, and saying goodbye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/frame.h"

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

/* Nodes 0 to 2 in one cluster. */
static void three(struct fake_world *world)
{
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(fake_world_start(world, i), 0);
        fake_world_run(world, 300 * MS);
        if (i > 0) {
            struct world_answer *join = fake_world_join(world, i, world_port(0));
            fake_world_run(world, 3000 * MS);
            assert_int_equal(join->code, 0);
        }
    }
    fake_world_run(world, 2000 * MS);
}

static uint32_t put_some(struct fake_world *world, uint32_t node, const char *value)
{
    uint32_t done = 0;
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < 20; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        (void)fake_world_put(world, node, 0, key, value);
    }
    fake_world_run(world, 3000 * MS);
    for (uint32_t i = first; i < world->answer_count; i++) {
        done += world->answers[i].code == 0 && world->answers[i].done ? 1 : 0;
    }
    return done;
}

static uint32_t get_some(struct fake_world *world, uint32_t node, const char *value)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < 20; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        struct world_answer *get = fake_world_get(world, node, 0, key);
        fake_world_run(world, 300 * MS);
        right += get->code == 0 && get->value_count == 1 && strcmp(get->value, value) == 0 ? 1 : 0;
    }
    return right;
}

static void a_node_without_seeds_founds_a_cluster_of_its_own(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 100 * MS);
    assert_int_equal(world_members(world, 0), 1);
    assert_true(worker_cluster_id(world->nodes[0].workers[0]) != 0);
}

static void nothing_is_acted_on_before_it_is_kept(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].keeps_held = true;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 2000 * MS);
    assert_null(world_snapshot(world, 0));
    world->nodes[0].keeps_held = false;
    fake_world_run(world, 100 * MS);
    assert_int_equal(world_members(world, 0), 1);
}

static void a_record_that_can_not_be_written_is_tried_again(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].keeps_failing = 3;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 150 * MS);
    assert_null(world_snapshot(world, 0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(world_members(world, 0), 1);
}

static void a_member_that_lost_its_data_is_filled_before_it_counts(void **state)
{
    struct fake_world *world = *state;
    three(world);
    assert_int_equal(put_some(world, 0, "one"), 20);
    fake_world_kill(world, 2);
    fake_world_cut(world, 0, true);
    fake_world_cut(world, 1, true);
    assert_int_equal(fake_world_start(world, 2), 0);
    fake_world_run(world, 1000 * MS);
    const struct snapshot *snapshot = world_snapshot(world, 2);
    assert_true(snapshot->returning);
    assert_int_equal(snapshot_find(snapshot, snapshot->self)->state, NODE_REFILLING);
    fake_world_cut(world, 0, false); /* this node and the empty one: no read quorum yet */
    fake_world_run(world, 100 * MS);
    assert_int_equal(get_some(world, 2, "one"), 0);
    fake_world_cut(world, 1, false);
    fake_world_run(world, 5000 * MS);
    snapshot = world_snapshot(world, 2);
    assert_int_equal(snapshot_find(snapshot, snapshot->self)->state, NODE_UP);
    assert_int_equal(get_some(world, 2, "one"), 20);
    fake_world_kill(world, 0); /* what it copied is really there */
    fake_world_run(world, 500 * MS);
    assert_int_equal(get_some(world, 2, "one"), 20);
}

static void a_cluster_that_restarts_empty_serves_again(void **state)
{
    struct fake_world *world = *state;
    three(world);
    for (uint32_t i = 0; i < 3; i++) {
        fake_world_kill(world, i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(fake_world_start(world, i), 0);
    }
    fake_world_run(world, 8000 * MS);
    assert_int_equal(put_some(world, 1, "two"), 20);
    assert_int_equal(get_some(world, 2, "two"), 20);
}

static void a_node_that_is_cut_off_catches_up_with_the_layout(void **state)
{
    struct fake_world *world = *state;
    three(world);
    assert_int_equal(put_some(world, 0, "one"), 20);
    assert_int_equal(fake_world_start(world, 3), 0);
    fake_world_run(world, 300 * MS);
    fake_world_cut(world, 2, true);
    struct world_answer *join = fake_world_join(world, 3, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    assert_int_equal(world_members(world, 2), 3);
    assert_int_equal(world_snapshot(world, 0)->view->live_count, 2); /* not all have seen it */
    assert_int_equal(put_some(world, 0, "two"), 20);
    fake_world_cut(world, 2, false);
    fake_world_run(world, 8000 * MS);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(world_members(world, i), 4);
        assert_int_equal(world_snapshot(world, i)->view->live_count, 1);
        assert_int_equal(get_some(world, i, "two"), 20);
    }
}

static void a_node_that_stops_says_goodbye(void **state)
{
    struct fake_world *world = *state;
    three(world);
    worker_stop(world->nodes[2].workers[0], world->now);
    fake_world_run(world, 50 * MS);
    assert_true(worker_idle(world->nodes[2].workers[0]));
    assert_true(world->nodes[0].goodbyes == 1 && world->nodes[1].goodbyes == 1);
    uint64_t id = worker_node_id(world->nodes[2].workers[0]);
    assert_int_equal(snapshot_find(world_snapshot(world, 0), id)->state, NODE_DOWN);
    struct world_answer *put = fake_world_put(world, 2, 0, "key", "value");
    assert_int_equal(put->code, SHOAL_ESHUTDOWN);
}

/* ---- views that workers hand in ---- */

static void hand_in(struct fake_world *world, struct bytes view)
{
    struct worker *worker = world->nodes[0].workers[0];
    struct letter_view *letter = mem_alloc(sizeof(*letter) + view.len);
    letter->letter.kind = LETTER_VIEW;
    letter->letter.from = 0;
    letter->ticket = ++worker->ticket;
    letter->len = view.len;
    memcpy(letter->bytes, view.data, view.len);
    worker_letter(worker, world->now, &letter->letter);
}

static void a_view_that_can_not_be_joined_voids_its_ticket_and_no_later_one(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    hand_in(world, bytes_from_string("no view at all"));
    fake_world_run(world, 50 * MS);
    assert_true(world_snapshot(world, 0)->tickets_void[0] == 1);
    assert_true(world_snapshot(world, 0)->tickets[0] == 0);
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(view_encode(world_snapshot(world, 0)->view, &encoded), 0);
    hand_in(world, buffer_bytes(&encoded));
    fake_world_run(world, 50 * MS);
    assert_true(world_snapshot(world, 0)->tickets[0] == 2);
    assert_true(world_snapshot(world, 0)->tickets_void[0] == 1);
    buffer_deinit(&encoded);
}

static void a_view_is_joined_only_when_it_is_in_force(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    struct role role = {.node = 4711, .author = 4711, .kind = ROLE_IN, .weight = 1, .name = "x"};
    struct view *wished;
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(view_with_role(world_snapshot(world, 0)->view, &role, &wished), 0);
    assert_int_equal(view_encode(wished, &encoded), 0);
    world->nodes[0].keeps_held = true;
    hand_in(world, buffer_bytes(&encoded));
    fake_world_run(world, 1000 * MS);
    assert_true(world_snapshot(world, 0)->tickets[0] == 0); /* it is not durable */
    world->nodes[0].keeps_held = false;
    fake_world_run(world, 100 * MS);
    assert_true(world_snapshot(world, 0)->tickets[0] == 1);
    assert_true(world_snapshot(world, 0)->view->digest == wished->digest);
    view_unref(wished);
    buffer_deinit(&encoded);
}

static void without_memory_no_ticket_is_done_too_early(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 60; nth++) {
        static struct fake_world world;
        fake_world_init(&world, 1, 1, 1);
        assert_int_equal(fake_world_start(&world, 0), 0);
        fake_world_run(&world, 300 * MS);
        struct role role = {
            .node = 4711, .author = 4711, .kind = ROLE_IN, .weight = 1, .name = "x"};
        struct view *wished;
        struct buffer encoded;
        buffer_init(&encoded, 0);
        assert_int_equal(view_with_role(world_snapshot(&world, 0)->view, &role, &wished), 0);
        assert_int_equal(view_encode(wished, &encoded), 0);
        struct worker *worker = world.nodes[0].workers[0];
        struct letter_view *letter = mem_alloc(sizeof(*letter) + encoded.len);
        letter->letter = (struct letter){.kind = LETTER_VIEW};
        letter->ticket = ++worker->ticket;
        letter->len = encoded.len;
        memcpy(letter->bytes, encoded.data, encoded.len);
        arena_deinit(&worker->arena);
        mem_fail_from(nth);
        worker_letter(worker, world.now, &letter->letter);
        mem_fail_never();
        for (uint32_t i = 0; i < 50; i++) {
            fake_world_run(&world, 10 * MS);
            const struct snapshot *snapshot = world_snapshot(&world, 0);
            bool done = snapshot->tickets[0] >= 1 && snapshot->tickets_void[0] == 0;
            assert_true(!done || snapshot->view->digest == wished->digest);
        }
        const struct snapshot *snapshot = world_snapshot(&world, 0);
        assert_true(snapshot->tickets[0] == 1 || snapshot->tickets_void[0] == 1);
        view_unref(wished);
        buffer_deinit(&encoded);
        fake_world_deinit(&world);
    }
}

/* ---- who may speak ---- */

static void gossip_of_another_cluster_is_refused(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    struct message_gossip gossip = {.id = 7, .cluster = 4711, .from = 99};
    struct message_gossip_reply reply;
    struct buffer frame;
    struct arena arena;
    buffer_init(&frame, 0);
    arena_init(&arena, 0);
    assert_int_equal(message_gossip_encode(&gossip, &frame), 0);
    fake_world_ask(world, 0, buffer_bytes(&frame));
    assert_int_equal(world->replies, 1);
    assert_int_equal(message_gossip_reply_decode(buffer_bytes(&world->reply), &arena, &reply), 0);
    assert_int_equal(reply.code, SHOAL_ECLUSTER);
    assert_null(snapshot_find(world_snapshot(world, 0), 99));
    buffer_deinit(&frame);
    arena_deinit(&arena);
}

static void a_hello_is_checked_for_version_and_cluster(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 300 * MS);
    struct worker *worker = world->nodes[0].workers[0];
    char text[256];
    struct message_hello hello = {.version_min = PROTOCOL_VERSION,
                                  .version_max = PROTOCOL_VERSION + 1,
                                  .role = ROLE_PEER,
                                  .cluster = worker_cluster_id(worker),
                                  .node = 5,
                                  .name = "other"};
    assert_int_equal(worker_check_hello(worker, &hello, text), 0);
    hello.cluster = 0; /* in none yet */
    assert_int_equal(worker_check_hello(worker, &hello, text), 0);
    hello.cluster = 4711;
    assert_int_equal(worker_check_hello(worker, &hello, text), SHOAL_ECLUSTER);
    assert_non_null(strstr(text, "another cluster"));
    hello.role = ROLE_CLIENT;
    assert_int_equal(worker_check_hello(worker, &hello, text), 0);
    hello.version_min = PROTOCOL_VERSION + 1;
    assert_int_equal(worker_check_hello(worker, &hello, text), SHOAL_EVERSION);
    hello.version_min = 0;
    hello.version_max = PROTOCOL_VERSION - 1;
    assert_int_equal(worker_check_hello(worker, &hello, text), SHOAL_EVERSION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_without_seeds_founds_a_cluster_of_its_own),
        TEST(nothing_is_acted_on_before_it_is_kept),
        TEST(a_record_that_can_not_be_written_is_tried_again),
        TEST(a_member_that_lost_its_data_is_filled_before_it_counts),
        TEST(a_cluster_that_restarts_empty_serves_again),
        TEST(a_node_that_is_cut_off_catches_up_with_the_layout),
        TEST(a_node_that_stops_says_goodbye),
        TEST(a_view_that_can_not_be_joined_voids_its_ticket_and_no_later_one),
        TEST(a_view_is_joined_only_when_it_is_in_force),
        cmocka_unit_test(without_memory_no_ticket_is_done_too_early),
        TEST(gossip_of_another_cluster_is_refused),
        TEST(a_hello_is_checked_for_version_and_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
