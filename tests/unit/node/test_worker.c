/* Workers of a node and what passes between them: requests cross to the worker of their partition
 * and come back, once; a node of several workers is the same node as one of one. */
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

enum { KEYS = 30 };

static void init(struct fake_world *world, uint32_t n, uint32_t q, uint32_t workers)
{
    fake_world_init(world, n, q, q);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        world->nodes[i].worker_count = workers;
    }
}

/* One node of three workers. */
static int setup_one(void **state)
{
    static struct fake_world world;
    init(&world, 1, 1, 3);
    *state = &world;
    if (fake_world_start(&world, 0) < 0) {
        return -1;
    }
    fake_world_run(&world, 300 * MS);
    return 0;
}

/* Three nodes of different numbers of workers, in one cluster. */
static int setup_three(void **state)
{
    static struct fake_world world;
    init(&world, 3, 2, 1);
    *state = &world;
    for (uint32_t i = 0; i < 3; i++) {
        world.nodes[i].worker_count = i + 1;
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
    }
    fake_world_run(&world, 2000 * MS);
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

static const char *key_of(uint32_t i)
{
    static char key[16];
    (void)snprintf(key, sizeof(key), "key%02u", (unsigned)i);
    return key;
}

/* Every key put at one worker, read at another. */
static void put_and_get(struct fake_world *world, uint32_t put_node, uint32_t get_node)
{
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t worker = i % world->nodes[put_node].worker_count;
        (void)fake_world_put(world, put_node, worker, key_of(i), key_of(i));
    }
    fake_world_run(world, 2000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t worker = (i + 1) % world->nodes[get_node].worker_count;
        (void)fake_world_get(world, get_node, worker, key_of(i));
    }
    fake_world_run(world, 2000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(world->answers[first + i].code, 0);
        const struct world_answer *get = &world->answers[first + KEYS + i];
        assert_true(get->done);
        assert_int_equal(get->code, 0);
        assert_string_equal(get->value, key_of(i));
        assert_non_null(get->context.data);
    }
    for (uint32_t w = 0; w < world->nodes[put_node].worker_count; w++) {
        assert_true(worker_idle(world->nodes[put_node].workers[w]));
    }
}

static void requests_cross_to_the_worker_of_their_partition_and_back(void **state)
{
    put_and_get(*state, 0, 0);
}

static void each_worker_holds_its_own_partitions_and_no_others(void **state)
{
    struct fake_world *world = *state;
    put_and_get(world, 0, 0);
    uint64_t keys = 0;
    for (uint32_t w = 0; w < 3; w++) {
        struct engine *engine = &world->nodes[0].engines[w]->engine;
        for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
            struct engine_stats stats;
            engine->ops->stats(engine, p, &stats);
            assert_true(stats.keys == 0 || p % 3 == w);
            keys += stats.keys;
        }
    }
    assert_true(keys == KEYS);
}

static void nodes_of_different_numbers_of_workers_understand_each_other(void **state)
{
    struct fake_world *world = *state;
    put_and_get(world, 0, 2);
    put_and_get(world, 2, 1);
}

static void a_list_is_of_all_workers(void **state)
{
    struct fake_world *world = *state;
    put_and_get(world, 0, 0);
    struct world_answer *list = fake_world_list(world, 0, 1);
    fake_world_run(world, 1000 * MS);
    assert_true(list->done);
    assert_int_equal(list->code, 0);
    assert_int_equal(list->key_count, KEYS);
}

static void a_node_killed_with_requests_under_way_frees_them(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, i % 3, i % world->nodes[i % 3].worker_count, key_of(i), "v");
    }
    (void)fake_world_list(world, 2, 0);
    fake_world_run(world, 500); /* letters, frames and answers are in the air */
    fake_world_kill(world, 2);
    fake_world_run(world, 3000 * MS);
    fake_world_kill(world, 1);
    fake_world_kill(world, 0);
}

static void a_write_whose_coordinator_dies_is_unknown_or_done(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, 0, 0, key_of(i), "v");
    }
    fake_world_run(world, 500);
    fake_world_kill(world, 1);
    fake_world_run(world, 3000 * MS);
    uint32_t unknown = 0;
    for (uint32_t i = 0; i < world->answer_count; i++) {
        const struct world_answer *put = &world->answers[i];
        if (put->request.op == REQUEST_PUT) {
            assert_true(put->done);
            assert_true(put->code == 0 || put->code == SHOAL_EUNKNOWN);
            unknown += put->code == SHOAL_EUNKNOWN ? 1 : 0;
        }
    }
    assert_true(unknown > 0 && unknown < KEYS);
}

static void an_unreachable_quorum_applies_nothing_anywhere(void **state)
{
    struct fake_world *world = *state;
    fake_world_cut(world, 1, true);
    fake_world_cut(world, 2, true);
    fake_world_run(world, 10 * MS);
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, 0, 0, key_of(i), "v");
    }
    fake_world_run(world, 3000 * MS);
    for (uint32_t i = first; i < world->answer_count; i++) {
        assert_true(world->answers[i].done);
        assert_int_equal(world->answers[i].code, SHOAL_EQUORUM);
    }
    struct engine_stats stats;
    struct engine *engine = &world->nodes[0].engines[0]->engine;
    engine->ops->stats(engine, UINT32_MAX, &stats);
    assert_true(stats.keys == 0);
}

static void a_stopping_node_finishes_what_it_has_begun(void **state)
{
    struct fake_world *world = *state;
    struct world_node *node = &world->nodes[2];
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, 2, i % 3, key_of(i), "v");
    }
    for (uint32_t w = 0; w < 3; w++) {
        worker_stop(node->workers[w], world->now);
    }
    struct world_answer *refused = fake_world_put(world, 2, 1, "late", "v");
    assert_true(refused->done);
    assert_int_equal(refused->code, SHOAL_ESHUTDOWN);
    fake_world_run(world, 2000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_true(world->answers[first + i].done);
        assert_int_equal(world->answers[first + i].code, 0);
    }
    for (uint32_t w = 0; w < 3; w++) {
        assert_true(worker_idle(node->workers[w]));
    }
}

/* ---- without memory ---- */

static void without_memory_every_request_ends_with_an_honest_answer(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 300; nth += 2) {
        static struct fake_world world;
        init(&world, 1, 1, 3);
        assert_int_equal(fake_world_start(&world, 0), 0);
        fake_world_run(&world, 300 * MS);
        struct world_answer *puts[9];
        mem_fail_from(nth);
        for (uint32_t i = 0; i < 9; i++) {
            puts[i] = fake_world_put(&world, 0, i % 3, key_of(i), "v");
        }
        fake_world_run(&world, 50 * MS);
        mem_fail_never();
        fake_world_run(&world, 3000 * MS);
        for (uint32_t i = 0; i < 9; i++) {
            assert_true(puts[i]->done);
            struct world_answer *get = fake_world_get(&world, 0, 0, key_of(i));
            fake_world_run(&world, 500 * MS);
            assert_true(get->code == 0 || get->code == SHOAL_ENOTFOUND);
            if (puts[i]->code == 0) {
                assert_int_equal(get->code, 0);
            } else if (shoal_error_nothing_applied(puts[i]->code)) {
                assert_int_equal(get->code, SHOAL_ENOTFOUND);
            }
        }
        fake_world_deinit(&world);
    }
}

static void without_memory_a_snapshot_is_adopted_in_the_end(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 250; nth += 2) {
        static struct fake_world world;
        init(&world, 1, 1, 2);
        mem_fail_never();
        assert_int_equal(fake_world_start(&world, 0), 0);
        mem_fail_from(nth);
        fake_world_run(&world, 250 * MS);
        mem_fail_never();
        fake_world_run(&world, 3000 * MS);
        assert_int_equal(world_members(&world, 0), 1);
        for (uint32_t i = 0; i < KEYS; i++) {
            struct world_answer *put = fake_world_put(&world, 0, i % 2, key_of(i), "v");
            fake_world_run(&world, 100 * MS);
            assert_int_equal(put->code, 0);
        }
        fake_world_deinit(&world);
    }
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, setup_one, teardown)
#define THREE(name) cmocka_unit_test_setup_teardown(name, setup_three, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(requests_cross_to_the_worker_of_their_partition_and_back),
        ONE(each_worker_holds_its_own_partitions_and_no_others),
        ONE(a_list_is_of_all_workers),
        THREE(nodes_of_different_numbers_of_workers_understand_each_other),
        THREE(a_node_killed_with_requests_under_way_frees_them),
        THREE(a_write_whose_coordinator_dies_is_unknown_or_done),
        THREE(an_unreachable_quorum_applies_nothing_anywhere),
        THREE(a_stopping_node_finishes_what_it_has_begun),
        cmocka_unit_test(without_memory_every_request_ends_with_an_honest_answer),
        cmocka_unit_test(without_memory_a_snapshot_is_adopted_in_the_end),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
