/* A backup is asked of every worker's engine, once all it has confirmed is durable, and is done
 * when the last engine is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"
#include "support/fake_world.h"

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 1, 1, 1);
    world.nodes[0].worker_count = 3;
    world.nodes[0].durable = true;
    *state = &world;
    if (fake_world_start(&world, 0) < 0) {
        return -1;
    }
    fake_world_run(&world, 300 * MS);
    return 0;
}

static int teardown(void **state)
{
    mem_fail_never();
    fake_world_deinit(*state);
    return 0;
}

static struct world_answer *backup(struct fake_world *world, const char *folder)
{
    struct request request = {.op = REQUEST_BACKUP, .key = bytes_from_string(folder)};
    return fake_world_begin(world, 0, 0, &request);
}

static void every_engine_is_asked_and_waited_for(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].engines[2]->disk_us = 400 * MS;
    struct world_answer *answer = backup(world, "/backups/one");
    fake_world_run(world, 300 * MS);
    assert_false(answer->done);
    for (uint32_t w = 0; w < 3; w++) {
        assert_string_equal(world->nodes[0].engines[w]->backup_folder, "/backups/one");
    }
    assert_false(worker_idle(world->nodes[0].workers[0])); /* a stop waits for it */
    fake_world_run(world, 300 * MS);
    assert_int_equal(answer->code, 0);
    assert_true(worker_idle(world->nodes[0].workers[0]));
}

static void what_is_confirmed_is_made_durable_first(void **state)
{
    struct fake_world *world = *state;
    struct fickle_engine *engine = world->nodes[0].engines[1];
    engine->settles = false;
    engine->engine.settles_durable = false;
    durability_issue(&world->nodes[0].workers[1]->replica.durability, ++engine->sequence);
    fickle_engine_settle(engine);
    struct world_answer *answer = backup(world, "/backups/one");
    fake_world_run(world, 100 * MS);
    assert_false(answer->done);
    assert_true(engine->hardens > 0);
    assert_string_equal(engine->backup_folder, "");
    fickle_engine_make_durable(engine);
    fake_world_run(world, 100 * MS);
    assert_int_equal(answer->code, 0);
    assert_string_equal(engine->backup_folder, "/backups/one");
}

static void the_first_failure_is_told_when_all_have_answered(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].engines[1]->backup_code = SHOAL_ENOMEM;
    world->nodes[0].engines[2]->read_code = SHOAL_ENOSPC;
    world->nodes[0].engines[2]->disk_us = 400 * MS;
    struct world_answer *answer = backup(world, "/backups/one");
    fake_world_run(world, 300 * MS);
    assert_false(answer->done);
    fake_world_run(world, 300 * MS);
    assert_int_equal(answer->code, SHOAL_ENOMEM);
    assert_non_null(strstr(answer->text, "worker 1"));
}

static void an_engine_that_can_t_says_so(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t w = 0; w < 3; w++) {
        world->nodes[0].engines[w]->backup_code = SHOAL_EUNSUPPORTED;
    }
    struct world_answer *answer = backup(world, "/backups/one");
    fake_world_run(world, 100 * MS);
    assert_int_equal(answer->code, SHOAL_EUNSUPPORTED);
}

static void storage_that_has_failed_is_not_copied(void **state)
{
    struct fake_world *world = *state;
    fickle_engine_break(world->nodes[0].engines[2], SHOAL_EIO);
    struct world_answer *answer = backup(world, "/backups/one");
    fake_world_run(world, 100 * MS);
    assert_int_equal(answer->code, SHOAL_EIO);
}

static void a_path_that_is_not_absolute_is_refused(void **state)
{
    struct fake_world *world = *state;
    assert_int_equal(backup(world, "backups")->code, SHOAL_EINVAL);
    assert_int_equal(backup(world, "")->code, SHOAL_EINVAL);
}

static void a_node_that_is_stopping_begins_none(void **state)
{
    struct fake_world *world = *state;
    worker_stop(world->nodes[0].workers[0], world->now);
    assert_int_equal(backup(world, "/backups/one")->code, SHOAL_ESHUTDOWN);
}

static void one_under_way_goes_with_its_worker(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].engines[1]->settles = false;
    world->nodes[0].engines[1]->engine.settles_durable = false;
    durability_issue(&world->nodes[0].workers[1]->replica.durability,
                     ++world->nodes[0].engines[1]->sequence);
    world->nodes[0].engines[2]->disk_us = 400 * MS;
    (void)backup(world, "/backups/one");
    fake_world_run(world, 100 * MS);
    fake_world_kill(world, 0); /* AddressSanitizer looks on */
}

static void without_memory_it_fails_once(void **state)
{
    struct fake_world *world = *state;
    uint32_t failed = 0;
    for (uint64_t nth = 1; nth <= 12; nth++) {
        mem_fail_from(nth);
        struct world_answer *answer = backup(world, "/backups/one");
        mem_fail_never();
        fake_world_run(world, 100 * MS);
        assert_true(answer->done);
        assert_true(answer->code == 0 || answer->code == SHOAL_ENOMEM);
        failed += answer->code == 0 ? 0 : 1;
    }
    assert_true(failed > 0 && failed < 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_engine_is_asked_and_waited_for),
        TEST(what_is_confirmed_is_made_durable_first),
        TEST(the_first_failure_is_told_when_all_have_answered),
        TEST(an_engine_that_can_t_says_so),
        TEST(storage_that_has_failed_is_not_copied),
        TEST(a_path_that_is_not_absolute_is_refused),
        TEST(a_node_that_is_stopping_begins_none),
        TEST(one_under_way_goes_with_its_worker),
        TEST(without_memory_it_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
