/* A member that comes back with an empty data_dir is who it was; nobody else is taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/fake_world.h"

#define LOST 2u /* the node that loses its data_dir */

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(fake_world_start(&world, i), 0);
    }
    fake_world_run(&world, 300 * MS);
    for (uint32_t i = 1; i < 3; i++) {
        struct world_answer *join = fake_world_join(&world, i, world_port(0));
        fake_world_run(&world, 6000 * MS);
        assert_int_equal(join->code, 0);
    }
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static uint64_t id_of(struct fake_world *world, uint32_t node)
{
    return worker_node_id(world->nodes[node].workers[0]);
}

/* Ends the node, and starts it with nothing. Returns who it was. */
static uint64_t lose_data(struct fake_world *world)
{
    uint64_t id = id_of(world, LOST);
    fake_world_kill(world, LOST);
    buffer_clear(&world->nodes[LOST].kept);
    assert_int_equal(fake_world_start(world, LOST), 0);
    fake_world_run(world, 300 * MS);
    assert_int_equal(world_members(world, LOST), 1);
    assert_int_not_equal(id_of(world, LOST), id);
    return id;
}

static void assert_back(struct fake_world *world, uint64_t id)
{
    assert_int_equal(id_of(world, LOST), id);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_members(world, i), 3);
        assert_int_equal(world_snapshot(world, i)->view->roles.count, 3);
        assert_int_equal(world_snapshot(world, i)->view->live_count, 1);
    }
}

/* Without node 1 any two know what was written before. */
static void assert_filled(struct fake_world *world)
{
    fake_world_run(world, 5000 * MS);
    fake_world_kill(world, 1);
    struct world_answer *get = fake_world_get(world, LOST, 0, "key");
    fake_world_run(world, 3000 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->value, "value");
}

static void put_done(struct fake_world *world, uint32_t node)
{
    struct world_answer *put = fake_world_put(world, node, 0, "key", "value");
    fake_world_run(world, 1000 * MS);
    assert_int_equal(put->code, 0);
}

static void a_join_with_the_name_and_address_of_a_member_gives_back_its_id(void **state)
{
    struct fake_world *world = *state;
    put_done(world, 0);
    uint64_t id = lose_data(world);
    struct world_answer *join = fake_world_join(world, LOST, world_port(1));
    fake_world_run(world, 6000 * MS);
    assert_int_equal(join->code, 0);
    assert_back(world, id);
    assert_filled(world);
}

static void a_stranger_at_a_members_address_is_invited_and_comes_back(void **state)
{
    struct fake_world *world = *state;
    put_done(world, 0);
    uint64_t id = lose_data(world);
    worker_stranger(world->nodes[0].workers[0], world->now, id);
    fake_world_run(world, 6000 * MS);
    assert_back(world, id);
    assert_filled(world);
}

static void it_does_not_count_in_reads_before_it_is_filled(void **state)
{
    struct fake_world *world = *state;
    put_done(world, 0);
    uint64_t id = lose_data(world);
    fake_world_cut(world, 1, true); /* so that nothing can fill it: one other is too few */
    worker_stranger(world->nodes[0].workers[0], world->now, id);
    fake_world_run(world, 3000 * MS);
    assert_int_equal(id_of(world, LOST), id);
    struct world_answer *get = fake_world_get(world, 0, 0, "key");
    fake_world_run(world, 3000 * MS);
    assert_true(get->done);
    assert_int_equal(get->code, SHOAL_EQUORUM);
}

static void a_node_with_data_of_its_own_is_not_disturbed(void **state)
{
    struct fake_world *world = *state;
    world->nodes[LOST].config.n = 1;
    world->nodes[LOST].config.r = 1;
    world->nodes[LOST].config.w = 1;
    uint64_t id = lose_data(world);
    put_done(world, LOST);
    uint32_t contacts = world->contacts;
    worker_stranger(world->nodes[0].workers[0], world->now, id);
    fake_world_run(world, 3000 * MS);
    assert_int_equal(world->contacts, contacts + 1); /* the invitation alone */
    assert_int_equal(world_members(world, LOST), 1);
    assert_false(world_snapshot(world, LOST)->closed);
}

static void another_name_is_another_node(void **state)
{
    struct fake_world *world = *state;
    (void)snprintf(world->nodes[LOST].config.name, sizeof(world->nodes[LOST].config.name), "new");
    uint64_t id = lose_data(world);
    worker_stranger(world->nodes[0].workers[0], world->now, id);
    fake_world_run(world, 3000 * MS);
    assert_int_equal(world_members(world, LOST), 1);
    assert_int_equal(world_members(world, 0), 3);
    assert_false(world_snapshot(world, LOST)->closed);
}

static void strangers_are_not_invited_all_the_time(void **state)
{
    struct fake_world *world = *state;
    uint64_t id = lose_data(world);
    uint32_t contacts = world->contacts;
    fake_world_cut(world, LOST, true);
    for (uint32_t i = 0; i < 100; i++) {
        worker_stranger(world->nodes[0].workers[0], world->now, id);
        fake_world_run(world, 10 * MS);
    }
    assert_in_range(world->contacts - contacts, 1, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_join_with_the_name_and_address_of_a_member_gives_back_its_id),
        TEST(a_stranger_at_a_members_address_is_invited_and_comes_back),
        TEST(it_does_not_count_in_reads_before_it_is_filled),
        TEST(a_node_with_data_of_its_own_is_not_disturbed),
        TEST(another_name_is_another_node),
        TEST(strangers_are_not_invited_all_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
