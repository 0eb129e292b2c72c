/* A node whose disk is full or has failed tells everybody at once, and the cluster goes on without
 * its writes; reads with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"

enum { KEYS = 30 };

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    *state = &world;
    for (uint32_t i = 0; i < 3; i++) {
        world.nodes[i].durable = true;
        world.nodes[i].worker_count = 2;
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

/* How `who` says that the storage of `whose` is. */
static uint32_t storage_of(struct fake_world *world, uint32_t who, uint32_t whose)
{
    uint64_t id = worker_node_id(world->nodes[whose].workers[0]);
    return snapshot_find(world_snapshot(world, who), id)->record.storage;
}

static void full(struct fake_world *world, uint32_t node, bool full)
{
    for (uint32_t w = 0; w < 2; w++) {
        struct fickle_engine *engine = world->nodes[node].engines[w];
        engine->health = full ? ENGINE_FULL : ENGINE_HEALTHY;
        engine->puts_failing = full ? UINT32_MAX : 0;
        engine->put_code = SHOAL_ENOSPC;
        worker_flush(world->nodes[node].workers[w], world->now);
    }
}

static void put_and_get_all(struct fake_world *world, uint32_t node)
{
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, node, i % 2, key_of(i), key_of(i));
    }
    fake_world_run(world, 3000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_get(world, node, i % 2, key_of(i));
    }
    fake_world_run(world, 3000 * MS);
    for (uint32_t i = 0; i < 2 * KEYS; i++) {
        assert_int_equal(world->answers[first + i].code, 0);
    }
    world->answer_count = first;
}

static void a_full_disk_is_known_to_all_at_once_and_so_is_its_recovery(void **state)
{
    struct fake_world *world = *state;
    full(world, 1, true);
    fake_world_run(world, 50 * MS); /* less than a heartbeat */
    for (uint32_t who = 0; who < 3; who++) {
        assert_int_equal(storage_of(world, who, 1), NODE_STORAGE_FULL);
        assert_int_equal(storage_of(world, who, 0), NODE_STORAGE_OK);
    }
    full(world, 1, false);
    fake_world_run(world, 50 * MS);
    for (uint32_t who = 0; who < 3; who++) {
        assert_int_equal(storage_of(world, who, 1), NODE_STORAGE_OK);
    }
}

static void the_cluster_goes_on_beside_a_full_disk(void **state)
{
    struct fake_world *world = *state;
    put_and_get_all(world, 0);
    full(world, 1, true);
    fake_world_run(world, 300 * MS);
    put_and_get_all(world, 0);
    put_and_get_all(world, 1); /* also for who asks that very node */
    full(world, 1, false);
    fake_world_run(world, 300 * MS);
    put_and_get_all(world, 1);
}

static void the_cluster_goes_on_beside_storage_that_failed(void **state)
{
    struct fake_world *world = *state;
    put_and_get_all(world, 0);
    for (uint32_t w = 0; w < 2; w++) {
        fickle_engine_break(world->nodes[2].engines[w], SHOAL_EIO);
        worker_flush(world->nodes[2].workers[w], world->now);
    }
    fake_world_run(world, 300 * MS);
    assert_int_equal(storage_of(world, 0, 2), NODE_STORAGE_FAILED);
    put_and_get_all(world, 0);
    put_and_get_all(world, 2);
}

/* Before anybody has heard of it. */
static void a_write_that_meets_a_full_coordinator_finds_another(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t w = 0; w < 2; w++) {
        world->nodes[0].engines[w]->puts_failing = UINT32_MAX;
        world->nodes[0].engines[w]->put_code = SHOAL_ENOSPC;
    }
    put_and_get_all(world, 1);
    put_and_get_all(world, 2);
}

static void one_worker_in_trouble_is_the_node_in_trouble(void **state)
{
    struct fake_world *world = *state;
    world->nodes[1].engines[1]->health = ENGINE_FULL;
    world->nodes[1].engines[1]->puts_failing = UINT32_MAX;
    world->nodes[1].engines[1]->put_code = SHOAL_ENOSPC;
    worker_flush(world->nodes[1].workers[1], world->now);
    fake_world_run(world, 50 * MS);
    assert_int_equal(storage_of(world, 0, 1), NODE_STORAGE_FULL);
    put_and_get_all(world, 1); /* also what comes in at the other worker */
    world->nodes[1].engines[1]->health = ENGINE_HEALTHY;
    world->nodes[1].engines[1]->puts_failing = 0;
    worker_flush(world->nodes[1].workers[1], world->now);
    fake_world_run(world, 50 * MS);
    assert_int_equal(storage_of(world, 0, 1), NODE_STORAGE_OK);
    assert_int_equal(storage_of(world, 1, 1), NODE_STORAGE_OK); /* it doesn't stick to itself */
}

static void all_disks_full_are_said_by_name(void **state)
{
    struct fake_world *world = *state;
    put_and_get_all(world, 0);
    for (uint32_t i = 0; i < 3; i++) {
        full(world, i, true);
    }
    fake_world_run(world, 300 * MS);
    struct world_answer *put = fake_world_put(world, 0, 0, key_of(1), "two");
    struct world_answer *get = fake_world_get(world, 0, 0, key_of(1));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(put->code, SHOAL_ENOSPC);
    assert_non_null(strstr(put->text, "disk full"));
    assert_non_null(strstr(put->text, "node"));
    assert_int_equal(get->code, 0);
    assert_string_equal(get->value, key_of(1));
}

/* ---- a disk that is far behind ---- */

/* How many dots the node has given in the partition. */
static uint64_t dots_given(struct fake_world *world, uint32_t node, uint32_t partition)
{
    const struct worker *worker = world->nodes[node].workers[partition % 2];
    return replica_holding(&worker->replica, partition)->counter;
}

static bool is_first_owner(struct fake_world *world, uint32_t node, uint32_t partition)
{
    uint64_t owners[LIMIT_REPLICAS];
    const struct view *view = world_snapshot(world, node)->view;
    uint32_t count = layout_owners(view_newest(view), partition, owners);
    return count > 0 && owners[0] == worker_node_id(world->nodes[node].workers[0]);
}

/* Each worker has a disk queue of its own, and a request may come in at any of them. */
static void writes_are_left_to_others_by_the_worker_that_is_far_behind_and_no_other(void **state)
{
    struct fake_world *world = *state;
    uint32_t partitions = view_facts(world_snapshot(world, 0)->view)->partitions;
    uint32_t tried[2] = {0};
    for (uint32_t behind = 0; behind < 2; behind++) {
        world->nodes[0].engines[behind]->behind = true;
        for (uint32_t i = 0; i < KEYS; i++) {
            uint32_t partition = partition_of_key(bytes_from_string(key_of(i)), partitions);
            if (!is_first_owner(world, 0, partition)) {
                continue;
            }
            uint32_t first = world->answer_count;
            uint64_t before = dots_given(world, 0, partition);
            struct world_answer *put = fake_world_put(world, 0, 0, key_of(i), "value");
            fake_world_run(world, 300 * MS);
            assert_int_equal(put->code, 0);
            bool left = partition % 2 == behind;
            assert_int_equal(dots_given(world, 0, partition) - before, left ? 0 : 1);
            tried[left ? 1 : 0]++;
            world->answer_count = first;
        }
        world->nodes[0].engines[behind]->behind = false;
    }
    assert_true(tried[0] > 0 && tried[1] > 0);
}

/* ---- the engine's own time ---- */

static void the_engine_is_called_when_it_asked_to_be(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = world->nodes[0].workers[0];
    struct fickle_engine *engine = world->nodes[0].engines[0];
    engine->reads[0] = (struct fickle_read){.ticket = 0, .due_us = world->now.mono_us + 7};
    engine->read_count = 1;
    assert_true(worker_next_us(worker) == world->now.mono_us + 7);
    fake_world_run(world, 1 * MS);
    assert_int_equal(engine->read_count, 0);
}

static void a_job_that_comes_back_is_an_event_of_its_own(struct offload_job *job, bool dropped)
{
    assert_true(dropped);
    job->next = job;
}

static void a_job_that_comes_back_is_done(void **state)
{
    struct fake_world *world = *state;
    struct offload_job job = {.done = a_job_that_comes_back_is_an_event_of_its_own};
    struct moment later = world->now;
    later.mono_us += 5;
    worker_offloaded(world->nodes[0].workers[0], later, &job, true);
    assert_ptr_equal(job.next, &job);
    assert_true(world->nodes[0].engines[0]->engine.now_us == later.mono_us);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_is_known_to_all_at_once_and_so_is_its_recovery),
        TEST(the_cluster_goes_on_beside_a_full_disk),
        TEST(the_cluster_goes_on_beside_storage_that_failed),
        TEST(a_write_that_meets_a_full_coordinator_finds_another),
        TEST(one_worker_in_trouble_is_the_node_in_trouble),
        TEST(all_disks_full_are_said_by_name),
        TEST(writes_are_left_to_others_by_the_worker_that_is_far_behind_and_no_other),
        TEST(the_engine_is_called_when_it_asked_to_be),
        TEST(a_job_that_comes_back_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
