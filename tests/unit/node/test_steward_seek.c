/* Members that can't reach the others ask their seeds; how often. (That it helps is shown with real
 * addresses, in tests/scenario/test_discovery.py.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/ports.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/messages.h"

#define SEEKER 2u /* the one with seeds: the other two */
#define SECOND (1000 * MS)
#define TICKETS (UINT64_C(1) << 63) /* of contacts that seek */

static int setup(void **state)
{
    static struct fake_world world;
    static const uint32_t seeds[] = {0, 1};
    fake_world_init(&world, 3, 2, 2);
    world_seeds(&world, SEEKER, seeds, 2);
    assert_int_equal(fake_world_start(&world, 0), 0);
    assert_int_equal(fake_world_start(&world, 1), 0);
    fake_world_run(&world, 300 * MS);
    struct world_answer *join = fake_world_join(&world, 1, world_port(0));
    fake_world_run(&world, 6 * SECOND);
    assert_int_equal(join->code, 0);
    assert_int_equal(fake_world_start(&world, SEEKER), 0);
    fake_world_run(&world, 6 * SECOND);
    assert_int_equal(world_members(&world, SEEKER), 3);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

/* How many contacts there are in that time. */
static uint32_t contacts_in(struct fake_world *world, uint64_t us)
{
    uint32_t before = world->contacts;
    fake_world_run(world, us);
    return world->contacts - before;
}

static void assert_between(uint32_t count, uint32_t min, uint32_t max)
{
    if (count < min || count > max) {
        fail_msg("%u contacts, expected are %u to %u", count, min, max);
    }
}

static void who_reaches_all_others_asks_nobody(void **state)
{
    assert_int_equal(contacts_in(*state, 120 * SECOND), 0);
}

/* After 1 to 2 s, then 2 to 4, 4 to 8, and 8 to 16 from then on. */
static void who_reaches_nobody_asks_soon_and_then_ever_more_slowly(void **state)
{
    struct fake_world *world = *state;
    fake_world_cut(world, SEEKER, true);
    assert_between(contacts_in(world, 16 * SECOND), 2, 4);
    assert_between(contacts_in(world, 160 * SECOND), 9, 21);
    fake_world_cut(world, SEEKER, false);
    fake_world_run(world, 20 * SECOND);
    assert_int_equal(contacts_in(world, 120 * SECOND), 0);
}

static void who_misses_one_asks_now_and_then(void **state)
{
    struct fake_world *world = *state;
    fake_world_kill(world, 1);
    assert_between(contacts_in(world, 300 * SECOND), 8, 21);
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 20 * SECOND);
    assert_int_equal(contacts_in(world, 120 * SECOND), 0);
}

static void who_has_no_seeds_asks_nobody(void **state)
{
    struct fake_world *world = *state;
    fake_world_kill(world, SEEKER);
    fake_world_cut(world, 1, true);
    assert_int_equal(contacts_in(world, 120 * SECOND), 0);
}

static void a_member_alone_asks_again_after_a_restart_and_is_a_member_all_the_same(void **state)
{
    struct fake_world *world = *state;
    fake_world_kill(world, SEEKER);
    fake_world_cut(world, SEEKER, true);
    assert_int_equal(fake_world_start(world, SEEKER), 0);
    assert_between(contacts_in(world, 30 * SECOND), 2, 6);
    assert_int_equal(world_members(world, SEEKER), 3);
}

/* Nothing that comes as an answer does any harm, least of all a cluster of somebody else. */
static void strange_answers_change_nothing(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = world->nodes[SEEKER].workers[0];
    uint64_t digest = world_snapshot(world, SEEKER)->view->digest;
    struct message_gossip_reply strange = {
        .gossip = {.id = 1, .cluster = 12345, .from = 99, .view = bytes_make(NULL, 0)}};
    struct buffer frame;
    buffer_init(&frame, 0);
    assert_int_equal(message_gossip_reply_encode(&strange, &frame), 0);
    fake_world_cut(world, SEEKER, true);
    for (uint64_t ticket = 0; ticket < 5; ticket++) {
        worker_contacted(worker, world->now, TICKETS + ticket, 0,
                         bytes_from_string("HTTP/1.1 400"));
        worker_contacted(worker, world->now, TICKETS + ticket, CONTACT_SELF, bytes_make(NULL, 0));
        worker_contacted(worker, world->now, TICKETS + ticket, SHOAL_ECONNECT,
                         bytes_from_string("nobody there"));
        worker_contacted(worker, world->now, TICKETS + ticket, 0,
                         bytes_make(frame.data + 4, frame.len - 4));
        fake_world_run(world, 5 * SECOND);
    }
    buffer_deinit(&frame);
    assert_int_equal(world_snapshot(world, SEEKER)->view->digest, digest);
    assert_null(snapshot_find(world_snapshot(world, SEEKER), 99));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_reaches_all_others_asks_nobody),
        TEST(who_reaches_nobody_asks_soon_and_then_ever_more_slowly),
        TEST(who_misses_one_asks_now_and_then),
        TEST(who_has_no_seeds_asks_nobody),
        TEST(a_member_alone_asks_again_after_a_restart_and_is_a_member_all_the_same),
        TEST(strange_answers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
