/* What has expired is replaced by one tombstone, on every owner, by whichever owner is the first
 * healthy one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"

enum { NODES = 3, TTL_MS = 5000 };

static uint32_t tombstones; /* that were issued */
static uint64_t by_node;

static void on_expired(void *self, uint64_t node, struct bytes key, struct dot dot,
                       struct dot replaced)
{
    (void)self;
    assert_true(bytes_equal(key, bytes_from_string("key")));
    assert_false(dot_equal(dot, replaced));
    tombstones++;
    by_node = node;
}

static int setup(void **state)
{
    static struct fake_world world;
    static const struct worker_observer observer = {.expired = on_expired};
    fake_world_init(&world, NODES, 2, 2);
    *state = &world;
    tombstones = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        if (fake_world_start(&world, i) < 0) {
            return -1;
        }
        fake_world_run(&world, 300 * MS);
        if (i > 0) {
            struct world_answer *join = fake_world_join(&world, i, world_port(0));
            fake_world_run(&world, 3000 * MS);
            if (join->code != 0) {
                return -1;
            }
        }
        worker_observe(world.nodes[i].workers[0], &observer);
    }
    fake_world_run(&world, 2000 * MS);
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static struct world_answer *put_for_a_while(struct fake_world *world)
{
    struct request request = {.op = REQUEST_PUT,
                              .key = bytes_from_string("key"),
                              .value = bytes_from_string("value"),
                              .ttl_ms = TTL_MS};
    return fake_world_begin(world, 0, 0, &request);
}

/* What the node holds: 'v' a value, 't' a tombstone, '-' nothing. */
static char holds(struct fake_world *world, uint32_t node)
{
    struct arena arena;
    struct object object;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    int result =
        worker_peek(world->nodes[node].workers[0], &arena, bytes_from_string("key"), &object);
    char kind = '-';
    if (result == 0) {
        assert_int_equal(object.sibling_count, 1);
        kind = object.siblings[0].kind == SIBLING_TOMBSTONE ? 't' : 'v';
    }
    arena_deinit(&arena);
    return kind;
}

/* Until no clock that is as far ahead as may be thinks that it should still be there. */
static uint64_t until_removal_us(const struct fake_world *world)
{
    return (TTL_MS + world->nodes[0].config.clock_ahead_ms_max + 3000) * MS;
}

static void it_is_hidden_first_and_then_removed_everywhere_by_one(void **state)
{
    struct fake_world *world = *state;
    struct world_answer *put = put_for_a_while(world);
    fake_world_run(world, 1000 * MS);
    assert_int_equal(put->code, 0);
    struct world_answer *get = fake_world_get(world, 1, 0, "key");
    fake_world_run(world, 1000 * MS);
    assert_string_equal(get->value, "value");
    assert_int_equal(tombstones, 0);
    fake_world_run(world, until_removal_us(world));
    assert_int_equal(tombstones, 1);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(holds(world, i) != 'v');
    }
    get = fake_world_get(world, 1, 0, "key");
    fake_world_run(world, 1000 * MS);
    assert_int_equal(get->code, SHOAL_ENOTFOUND);
}

static uint32_t number_of(struct fake_world *world, uint64_t id)
{
    uint32_t i = 0;
    while (worker_node_id(world->nodes[i].workers[0]) != id) {
        i++;
    }
    return i;
}

static void where_the_first_owner_is_away_the_next_one_removes_it(void **state)
{
    struct fake_world *world = *state;
    (void)put_for_a_while(world);
    fake_world_run(world, until_removal_us(world));
    assert_int_equal(tombstones, 1);
    uint64_t first = by_node;
    (void)put_for_a_while(world);
    fake_world_run(world, 1000 * MS);
    fake_world_cut(world, number_of(world, first), true);
    fake_world_run(world, 2 * until_removal_us(world));
    /* The one that is cut off removes its own copy too, for all that it can know. */
    assert_true(tombstones >= 2 && tombstones <= 3);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(holds(world, i) != 'v');
    }
}

static void what_was_written_again_stays(void **state)
{
    struct fake_world *world = *state;
    (void)put_for_a_while(world);
    fake_world_run(world, 1000 * MS);
    (void)fake_world_put(world, 0, 0, "key", "newer");
    fake_world_run(world, until_removal_us(world));
    assert_int_equal(tombstones, 0);
    struct world_answer *get = fake_world_get(world, 2, 0, "key");
    fake_world_run(world, 1000 * MS);
    assert_string_equal(get->value, "newer");
}

/* For as long as it lasts, at every node. */
static void doubt_clocks(struct fake_world *world, bool doubt)
{
    for (uint32_t i = 0; i < NODES; i++) {
        world->nodes[i].workers[0]->coordinator.self_clock_doubtful = doubt;
    }
}

static void nothing_is_hidden_or_removed_by_a_clock_that_is_in_doubt(void **state)
{
    struct fake_world *world = *state;
    (void)put_for_a_while(world);
    for (uint64_t us = 0; us < until_removal_us(world); us += 100 * MS) {
        doubt_clocks(world, true); /* the next snapshot says otherwise */
        fake_world_run(world, 100 * MS);
    }
    assert_int_equal(tombstones, 0);
    doubt_clocks(world, true);
    struct world_answer *get = fake_world_get(world, 1, 0, "key");
    fake_world_run(world, 100 * MS);
    assert_string_equal(get->value, "value");
    doubt_clocks(world, false);
    fake_world_run(world, until_removal_us(world));
    assert_int_equal(tombstones, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_hidden_first_and_then_removed_everywhere_by_one),
        TEST(where_the_first_owner_is_away_the_next_one_removes_it),
        TEST(what_was_written_again_stays),
        TEST(nothing_is_hidden_or_removed_by_a_clock_that_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
