/* Stores for owners that are away: a member that is no owner keeps them, says so when that is
 * settled, tells how much it owes, and delivers; an owner takes them for its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"

#define MEMBERS 4u

struct fixture {
    struct fake_world world;
    struct arena arena;
    struct buffer frame;
    char key[16];
    uint32_t partition;
    uint32_t keeper;    /* the member that is no owner of it */
    uint32_t owners[3]; /* the others */
};

static struct worker *worker_at(struct fixture *fixture, uint32_t node)
{
    return fixture->world.nodes[node].workers[0];
}

static void find_key(struct fixture *fixture)
{
    const struct layout *layout = view_newest(world_snapshot(&fixture->world, 0)->view);
    (void)snprintf(fixture->key, sizeof(fixture->key), "key");
    fixture->partition =
        partition_of_key(bytes_from_string(fixture->key), layout->facts.partitions);
    uint32_t count = 0;
    for (uint32_t node = 0; node < MEMBERS; node++) {
        uint64_t id = worker_node_id(worker_at(fixture, node));
        if (layout_owns(layout, id, fixture->partition)) {
            assert_true(count < 3);
            fixture->owners[count++] = node;
        } else {
            fixture->keeper = node;
        }
    }
    assert_int_equal(count, 3);
}

static int setup(void **state)
{
    static struct fixture fixture;
    *state = &fixture;
    fixture = (struct fixture){0};
    fake_world_init(&fixture.world, 3, 2, 2);
    arena_init(&fixture.arena, 0);
    buffer_init(&fixture.frame, 0);
    for (uint32_t node = 0; node < MEMBERS; node++) {
        fixture.world.nodes[node].durable = true;
        if (fake_world_start(&fixture.world, node) < 0) {
            return -1;
        }
        fake_world_run(&fixture.world, 300 * MS);
        if (node > 0) {
            (void)fake_world_join(&fixture.world, node, world_port(0));
        }
        fake_world_run(&fixture.world, 3000 * MS);
    }
    fake_world_run(&fixture.world, 5000 * MS);
    if (world_members(&fixture.world, 0) != MEMBERS ||
        world_snapshot(&fixture.world, 0)->view->live_count != 1) {
        return -1;
    }
    find_key(&fixture);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fake_world_deinit(&fixture->world);
    arena_deinit(&fixture->arena);
    buffer_deinit(&fixture->frame);
    return 0;
}

/* ---- a hint, by hand ---- */

static void send_hint(struct fixture *fixture, uint32_t node, uint32_t partition, uint64_t counter)
{
    struct dot dot = {.actor = 77, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 9, .value = bytes_from_string("value")};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    struct message_store store = {.id = 5,
                                  .partition = partition,
                                  .key = bytes_from_string(fixture->key),
                                  .object = buffer_bytes(&encoded),
                                  .view_digest =
                                      world_snapshot(&fixture->world, node)->view->digest,
                                  .actor = 77,
                                  .hint = true};
    buffer_clear(&fixture->frame);
    assert_int_equal(message_store_encode(&store, &fixture->frame), 0);
    buffer_deinit(&encoded);
    fixture->world.replies = 0;
    fake_world_ask(&fixture->world, node, buffer_bytes(&fixture->frame));
    fake_world_run(&fixture->world, 2 * MS);
}

static struct message_stored answered(struct fixture *fixture)
{
    struct message_stored stored;
    assert_int_equal(fixture->world.replies, 1);
    assert_int_equal(
        message_stored_decode(buffer_bytes(&fixture->world.reply), &fixture->arena, &stored), 0);
    assert_true(stored.id == 5);
    return stored;
}

static void keep_one(struct fixture *fixture)
{
    send_hint(fixture, fixture->keeper, fixture->partition, 1);
    struct message_stored stored = answered(fixture);
    assert_int_equal(stored.code, 0);
    assert_true(stored.actor == 0); /* nobody's holding has it */
    assert_false(stored.refilling);
}

static uint64_t owed(struct fixture *fixture)
{
    return worker_at(fixture, fixture->keeper)->hints.keys;
}

/* What another node hears of it. */
static uint64_t owed_as_told(struct fixture *fixture)
{
    uint64_t keeper = worker_node_id(worker_at(fixture, fixture->keeper));
    return snapshot_find(world_snapshot(&fixture->world, fixture->owners[0]), keeper)->record.hints;
}

static uint32_t held_by(struct fixture *fixture, uint32_t node)
{
    struct object object;
    int result = worker_peek(worker_at(fixture, node), &fixture->arena,
                             bytes_from_string(fixture->key), &object);
    assert_true(result == 0 || result == SHOAL_ENOTFOUND);
    return result == 0 ? object.sibling_count : 0;
}

/* ---- tests ---- */

static void what_is_kept_reaches_all_owners_and_goes(void **state)
{
    struct fixture *fixture = *state;
    keep_one(fixture);
    assert_true(owed(fixture) == 1);
    assert_int_equal(held_by(fixture, fixture->keeper), 0);
    fake_world_run(&fixture->world, 3000 * MS);
    assert_true(owed(fixture) == 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(held_by(fixture, fixture->owners[i]), 1);
    }
    assert_int_equal(held_by(fixture, fixture->keeper), 0);
}

static void what_is_owed_to_one_that_is_away_waits_for_it_and_is_told(void **state)
{
    struct fixture *fixture = *state;
    fake_world_stop(&fixture->world, fixture->owners[2]);
    keep_one(fixture);
    fake_world_run(&fixture->world, 15000 * MS);
    assert_true(owed(fixture) == 1);
    assert_true(owed_as_told(fixture) == 1);
    assert_int_equal(held_by(fixture, fixture->owners[0]), 1);
    assert_int_equal(fake_world_start(&fixture->world, fixture->owners[2]), 0);
    fake_world_run(&fixture->world, 5000 * MS);
    assert_true(owed(fixture) == 0);
    assert_true(owed_as_told(fixture) == 0);
    assert_int_equal(held_by(fixture, fixture->owners[2]), 1);
}

static void what_is_kept_outlives_its_keeper(void **state)
{
    struct fixture *fixture = *state;
    fake_world_stop(&fixture->world, fixture->owners[1]);
    keep_one(fixture);
    fake_world_kill(&fixture->world, fixture->keeper);
    assert_int_equal(fake_world_start(&fixture->world, fixture->keeper), 0);
    fake_world_run(&fixture->world, 3000 * MS);
    assert_true(owed(fixture) == 1);
    assert_int_equal(fake_world_start(&fixture->world, fixture->owners[1]), 0);
    fake_world_run(&fixture->world, 10000 * MS);
    assert_true(owed(fixture) == 0);
    assert_int_equal(held_by(fixture, fixture->owners[1]), 1);
}

static void an_owner_takes_it_for_its_own(void **state)
{
    struct fixture *fixture = *state;
    uint32_t owner = fixture->owners[0];
    send_hint(fixture, owner, fixture->partition, 1);
    struct message_stored stored = answered(fixture);
    assert_int_equal(stored.code, 0);
    assert_true(stored.actor != 0);
    assert_true(worker_at(fixture, owner)->hints.keys == 0);
    assert_int_equal(held_by(fixture, owner), 1);
}

static void a_partition_that_is_none_is_refused(void **state)
{
    struct fixture *fixture = *state;
    send_hint(fixture, fixture->keeper, WORLD_PARTITIONS + fixture->partition, 1);
    assert_int_equal(answered(fixture).code, SHOAL_ENOTOWNER);
    assert_true(owed(fixture) == 0);
}

static void without_room_it_is_refused(void **state)
{
    struct fixture *fixture = *state;
    worker_at(fixture, fixture->keeper)->hints.bytes_max = 10;
    send_hint(fixture, fixture->keeper, fixture->partition, 1);
    assert_int_equal(answered(fixture).code, SHOAL_EOVERLOAD);
    assert_true(owed(fixture) == 0);
}

static void it_is_confirmed_once_it_is_settled(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *engine = fixture->world.nodes[fixture->keeper].engines[0];
    engine->slow = true;
    engine->settles = false;
    send_hint(fixture, fixture->keeper, fixture->partition, 1);
    assert_int_equal(fixture->world.replies, 0);
    engine->settles = true;
    fake_world_run(&fixture->world, 200 * MS);
    assert_int_equal(answered(fixture).code, 0);
}

static void one_that_must_be_read_first_waits_for_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *engine = fixture->world.nodes[fixture->keeper].engines[0];
    fake_world_stop(&fixture->world, fixture->owners[2]);
    keep_one(fixture);
    engine->cold_percent = 100;
    uint32_t waited = engine->reads_waited;
    send_hint(fixture, fixture->keeper, fixture->partition, 2);
    fake_world_run(&fixture->world, 100 * MS);
    assert_int_equal(answered(fixture).code, 0);
    assert_true(engine->reads_waited > waited);
    assert_true(owed(fixture) == 1);
}

#define HINT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HINT_TEST(what_is_kept_reaches_all_owners_and_goes),
        HINT_TEST(what_is_owed_to_one_that_is_away_waits_for_it_and_is_told),
        HINT_TEST(what_is_kept_outlives_its_keeper),
        HINT_TEST(an_owner_takes_it_for_its_own),
        HINT_TEST(a_partition_that_is_none_is_refused),
        HINT_TEST(without_room_it_is_refused),
        HINT_TEST(it_is_confirmed_once_it_is_settled),
        HINT_TEST(one_that_must_be_read_first_waits_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
