/* Verifying compares what all owners hold, whoever is asked, and claims nothing that it has not
 * seen; a repair reaches all who can be reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"

#define KEYS 60u
#define ALL ((UINT64_C(1) << WORLD_PARTITIONS) - 1)

/* Three nodes of different numbers of workers. */
static int setup(void **state)
{
    static const uint32_t workers[] = {2, 1, 3};
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    *state = &world;
    for (uint32_t i = 0; i < 3; i++) {
        world.nodes[i].worker_count = workers[i];
        if (fake_world_start(&world, i) < 0) {
            return -1;
        }
        fake_world_run(&world, 300 * MS);
        if (i > 0) {
            (void)fake_world_join(&world, i, world_port(0));
        }
        fake_world_run(&world, 4000 * MS);
    }
    return world_members(&world, 0) == 3 ? 0 : -1;
}

static int teardown(void **state)
{
    mem_fail_never();
    fake_world_deinit(*state);
    return 0;
}

static void key_of(uint32_t number, char out[16])
{
    (void)snprintf(out, 16, "key %u", (unsigned)number);
}

static uint32_t partition_of(const char *key)
{
    return partition_of_key(bytes_from_string(key), WORLD_PARTITIONS);
}

static void put_keys(struct fake_world *world)
{
    char key[16];
    for (uint32_t i = 0; i < KEYS; i++) {
        key_of(i, key);
        (void)fake_world_put(world, i % 2, 0, key, "value");
        fake_world_run(world, 20 * MS);
    }
    fake_world_run(world, 500 * MS);
}

static struct world_answer *begin(struct fake_world *world, uint32_t node, uint32_t worker,
                                  bool with_values)
{
    struct request request = {
        .op = REQUEST_VERIFY, .with_values = with_values, .options = {.timeout_us = 30000 * MS}};
    return fake_world_begin(world, node, worker, &request);
}

static struct world_answer *verify(struct fake_world *world, uint32_t node, uint32_t worker,
                                   bool with_values)
{
    struct world_answer *answer = begin(world, node, worker, with_values);
    fake_world_run(world, 31000 * MS);
    assert_true(answer->done);
    assert_int_equal(answer->code, 0);
    return answer;
}

static void every_worker_of_every_node_finds_the_same(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    for (uint32_t values = 0; values < 2; values++) {
        struct world_answer *first = verify(world, 0, 0, values == 1);
        assert_int_equal(first->differing | first->unverified, 0);
        assert_int_equal(first->verification.partitions, WORLD_PARTITIONS);
        assert_int_equal(first->verification.siblings, KEYS);
        assert_int_equal(first->verification.bytes, values == 1 ? KEYS * strlen("value") : 0);
        assert_string_equal(first->text, "");
        static const uint32_t places[][2] = {{0, 1}, {1, 0}, {2, 2}};
        for (uint32_t i = 0; i < 3; i++) {
            struct world_answer *other = verify(world, places[i][0], places[i][1], values == 1);
            assert_int_equal(other->differing | other->unverified, 0);
            assert_true(other->verification.digest.low == first->verification.digest.low);
            assert_true(other->verification.digest.high == first->verification.digest.high);
        }
    }
}

static void what_an_owner_has_missed_is_told_until_it_is_repaired(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    struct world_answer *before = verify(world, 0, 0, false);
    fake_world_cut(world, 2, true);
    struct world_answer *put = fake_world_put(world, 0, 0, "missed", "x");
    fake_world_run(world, 5000 * MS);
    assert_int_equal(put->code, 0);
    fake_world_cut(world, 2, false);
    fake_world_run(world, 5000 * MS);
    for (uint32_t values = 0; values < 2; values++) {
        struct world_answer *after = verify(world, 1, 0, values == 1);
        assert_true(after->differing == UINT64_C(1) << partition_of("missed"));
        assert_int_equal(after->unverified, 0);
    }
    struct request request = {.op = REQUEST_REPAIR};
    struct world_answer *repair = fake_world_begin(world, 2, 2, &request);
    fake_world_run(world, 5000 * MS);
    assert_int_equal(repair->code, 0);
    assert_int_equal(repair->owners, 3);
    assert_int_equal(repair->needed, 3);
    assert_string_equal(repair->text, "");
    struct world_answer *after = verify(world, 1, 0, true);
    assert_int_equal(after->differing | after->unverified, 0);
    assert_int_equal(after->verification.siblings, KEYS + 1);
    assert_true(after->verification.digest.low != before->verification.digest.low);
}

/* The tree knows dots only; the byte is another one in one copy. */
static void a_byte_that_has_changed_by_itself_is_found_by_reading(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    uint32_t partition = partition_of("key 7");
    struct worker *worker = world->nodes[2].workers[partition % 3];
    struct engine_key key = replica_key(&worker->replica, partition, bytes_from_string("key 7"));
    struct bytes record;
    uint8_t changed[256];
    uint64_t sequence;
    assert_int_equal(worker->engine->ops->get(worker->engine, &key, 1, &record), 0);
    assert_true(record.len < sizeof(changed));
    memcpy(changed, record.data, record.len);
    changed[record.len - 1] ^= 1;
    assert_true(worker->engine->ops->put(worker->engine, &key, bytes_make(changed, record.len),
                                         &sequence) >= 0);
    assert_int_equal(verify(world, 0, 0, false)->differing, 0);
    struct world_answer *found = verify(world, 0, 0, true);
    assert_true(found->differing == UINT64_C(1) << partition);
    assert_int_equal(found->unverified, 0);
}

static void a_node_that_is_away_is_named_and_its_partitions_are_unknown(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    fake_world_kill(world, 1);
    fake_world_run(world, 1000 * MS);
    struct world_answer *answer = verify(world, 0, 1, false);
    assert_true(answer->unverified == ALL);
    assert_int_equal(answer->differing, 0);
    assert_non_null(strstr(answer->text, "node"));
    struct request request = {.op = REQUEST_REPAIR};
    struct world_answer *repair = fake_world_begin(world, 0, 1, &request);
    fake_world_run(world, 5000 * MS);
    assert_int_equal(repair->code, 0);
    assert_int_equal(repair->owners, 2);
    assert_int_equal(repair->needed, 3);
    assert_true(repair->text[0] != '\0');
}

static void a_node_that_falls_silent_is_not_waited_for_forever(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    struct world_answer *answer = begin(world, 0, 0, true);
    fake_world_cut(world, 2, true);
    fake_world_run(world, 40000 * MS);
    assert_true(answer->done);
    assert_true(answer->unverified != 0);
    assert_int_equal(answer->differing, 0);
}

static void only_so_many_are_made_at_a_time(void **state)
{
    struct fake_world *world = *state;
    struct world_answer *answers[5];
    fake_world_cut(world, 2, true);
    for (uint32_t i = 0; i < 5; i++) {
        answers[i] = begin(world, 0, 0, false);
    }
    assert_int_equal(answers[4]->code, SHOAL_EOVERLOAD);
    fake_world_cut(world, 2, false);
    fake_world_run(world, 31000 * MS);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(answers[i]->code, 0);
        assert_int_equal(answers[i]->unverified | answers[i]->differing, 0);
    }
    assert_int_equal(verify(world, 0, 0, false)->unverified, 0);
}

static void a_node_that_stops_ends_it(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    fake_world_cut(world, 2, true);
    struct world_answer *answer = begin(world, 0, 1, false);
    fake_world_run(world, 10 * MS);
    assert_false(answer->done);
    for (uint32_t i = 0; i < 2; i++) {
        worker_stop(world->nodes[0].workers[i], world->now);
    }
    fake_world_run(world, 50 * MS);
    assert_true(answer->done);
    assert_true(answer->unverified != 0);
}

static void without_memory_nothing_is_claimed(void **state)
{
    struct fake_world *world = *state;
    put_keys(world);
    for (uint64_t nth = 1; nth < 60; nth++) {
        mem_fail_from(nth);
        struct world_answer *answer = begin(world, 0, nth % 2 == 0 ? 0 : 1, nth % 3 == 0);
        mem_fail_never();
        fake_world_run(world, 31000 * MS);
        assert_true(answer->done);
        assert_true(answer->code == 0 || answer->code == SHOAL_ENOMEM);
        assert_int_equal(answer->differing, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_worker_of_every_node_finds_the_same),
        TEST(what_an_owner_has_missed_is_told_until_it_is_repaired),
        TEST(a_byte_that_has_changed_by_itself_is_found_by_reading),
        TEST(a_node_that_is_away_is_named_and_its_partitions_are_unknown),
        TEST(a_node_that_falls_silent_is_not_waited_for_forever),
        TEST(only_so_many_are_made_at_a_time),
        TEST(a_node_that_stops_ends_it),
        TEST(without_memory_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
