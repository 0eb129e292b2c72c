/* The end of a run and the beginning of the next over the same data: holdings go on after a clean
 * stop and only then, and what may have been forgotten is filled again. */
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

enum { KEYS = 30 };

static void init(struct fake_world *world, uint32_t n, uint32_t q)
{
    fake_world_init(world, n, q, q);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        world->nodes[i].durable = true;
    }
}

/* One node of two workers. */
static int setup_one(void **state)
{
    static struct fake_world world;
    init(&world, 1, 1);
    world.nodes[0].worker_count = 2;
    *state = &world;
    if (fake_world_start(&world, 0) < 0) {
        return -1;
    }
    fake_world_run(&world, 300 * MS);
    return 0;
}

/* Three nodes in one cluster. */
static int setup_three(void **state)
{
    static struct fake_world world;
    init(&world, 3, 2);
    *state = &world;
    for (uint32_t i = 0; i < 3; i++) {
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

static void put_all(struct fake_world *world, uint32_t node)
{
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(world, node, 0, key_of(i), key_of(i));
    }
    fake_world_run(world, 2000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(world->answers[first + i].code, 0);
    }
}

static void get_all(struct fake_world *world, uint32_t node)
{
    uint32_t first = world->answer_count;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_get(world, node, 0, key_of(i));
    }
    fake_world_run(world, 2000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(world->answers[first + i].code, 0);
        assert_string_equal(world->answers[first + i].value, key_of(i));
    }
}

static const struct holding *holding_of(struct fake_world *world, uint32_t node, uint32_t partition)
{
    struct world_node *it = &world->nodes[node];
    return replica_holding(&it->workers[partition % it->worker_count]->replica, partition);
}

struct actors {
    uint64_t actor[WORLD_PARTITIONS];
    uint64_t counter[WORLD_PARTITIONS];
};

static struct actors actors_of(struct fake_world *world, uint32_t node)
{
    struct actors out = {{0}, {0}};
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        const struct holding *holding = holding_of(world, node, p);
        assert_non_null(holding);
        out.actor[p] = holding->actor;
        out.counter[p] = holding->counter;
    }
    return out;
}

static uint32_t refilling(struct fake_world *world, uint32_t node)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        count += holding_of(world, node, p)->refilling ? 1 : 0;
    }
    return count;
}

static uint32_t state_of(struct fake_world *world, uint32_t node)
{
    const struct snapshot *snapshot = world_snapshot(world, node);
    return snapshot_find(snapshot, snapshot->self)->state;
}

/* Begins again and waits for the first snapshot, no longer. */
static void start(struct fake_world *world, uint32_t node)
{
    assert_int_equal(fake_world_start(world, node), 0);
    for (uint32_t i = 0; i < 1000 && world_snapshot(world, node) == NULL; i++) {
        fake_world_run(world, 1 * MS);
    }
    fake_world_run(world, 1 * MS); /* to the other workers */
    assert_non_null(world_snapshot(world, node));
}

/* ---- the same actors, or others ---- */

static void after_a_clean_stop_every_holding_goes_on(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct actors before = actors_of(world, 0);
    fake_world_stop(world, 0);
    assert_true(world->nodes[0].clean);
    start(world, 0);
    struct actors after = actors_of(world, 0);
    assert_memory_equal(&after, &before, sizeof(before));
    assert_int_equal(refilling(world, 0), 0);
    fake_world_run(world, 500 * MS);
    assert_int_equal(state_of(world, 0), NODE_UP);
    get_all(world, 0);
    put_all(world, 0); /* without a context: each replaces the one before */
    get_all(world, 0);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        assert_true(holding_of(world, 0, p)->counter >= before.counter[p]);
    }
}

static void a_killed_node_has_its_data_and_other_actors(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct actors before = actors_of(world, 0);
    fake_world_kill(world, 0);
    start(world, 0);
    struct actors after = actors_of(world, 0);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        assert_true(after.actor[p] != before.actor[p]);
        assert_true(after.counter[p] == 0);
    }
    assert_int_equal(refilling(world, 0), 0);
    get_all(world, 0);
}

static void a_clean_stop_counts_once(void **state)
{
    struct fake_world *world = *state;
    fake_world_stop(world, 0);
    start(world, 0);
    struct actors resumed = actors_of(world, 0);
    put_all(world, 0);
    fake_world_kill(world, 0);
    start(world, 0);
    struct actors after = actors_of(world, 0);
    for (uint32_t p = 0; p < WORLD_PARTITIONS; p++) {
        assert_true(after.actor[p] != resumed.actor[p]);
    }
    get_all(world, 0);
}

static void a_node_alone_that_may_be_behind_serves_what_it_has(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    fake_world_stop(world, 0);
    world->nodes[0].behind = true;
    start(world, 0);
    fake_world_run(world, 1000 * MS);
    assert_int_equal(refilling(world, 0), 0);
    assert_int_equal(state_of(world, 0), NODE_UP);
    get_all(world, 0);
}

static void one_of_three_that_is_behind_is_filled_by_the_others(void **state)
{
    struct fake_world *world = *state;
    fake_world_kill(world, 2);
    fake_world_run(world, 3000 * MS);
    put_all(world, 0); /* it misses these */
    world->nodes[2].behind = true;
    start(world, 2);
    assert_int_equal(refilling(world, 2), WORLD_PARTITIONS);
    assert_int_equal(state_of(world, 2), NODE_REFILLING);
    fake_world_run(world, 5000 * MS);
    assert_int_equal(refilling(world, 2), 0);
    assert_int_equal(state_of(world, 2), NODE_UP);
    struct engine_stats stats;
    replica_stats(&world->nodes[2].workers[0]->replica, &stats);
    assert_int_equal(stats.keys, KEYS);
    fake_world_stop(world, 2); /* and the record says that it is complete */
    start(world, 2);
    assert_int_equal(refilling(world, 2), 0);
}

/* ---- damage ---- */

static struct engine_key stored_key(struct fake_world *world, uint32_t node, const char *key)
{
    struct bytes bytes = bytes_from_string(key);
    return replica_key(&world->nodes[node].workers[0]->replica,
                       partition_of_key(bytes, WORLD_PARTITIONS), bytes);
}

static void a_damaged_record_is_filled_again_under_another_actor(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct engine_key key = stored_key(world, 1, key_of(3));
    uint64_t actor = holding_of(world, 1, key.partition)->actor;
    fickle_engine_damage(world->nodes[1].engines[0], &key);
    assert_int_equal(refilling(world, 1), 1);
    assert_true(holding_of(world, 1, key.partition)->actor != actor);
    fake_world_run(world, 3000 * MS);
    assert_int_equal(refilling(world, 1), 0);
    assert_int_equal(world->nodes[1].engines[0]->damaged_count, 0);
    get_all(world, 1);
}

/* What was copied before the damage counts no more: one of two was heard, then the other alone. */
static void damage_in_the_middle_of_a_refill_has_it_begin_again(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    fake_world_kill(world, 2);
    fake_world_kill(world, 1);
    world->nodes[2].behind = true;
    start(world, 2);
    fake_world_run(world, 3000 * MS); /* node 0 is heard */
    assert_int_equal(refilling(world, 2), WORLD_PARTITIONS);
    struct engine_key key = stored_key(world, 2, key_of(3));
    fickle_engine_damage(world->nodes[2].engines[0], &key);
    fake_world_kill(world, 0);
    start(world, 1);
    fake_world_run(world, 5000 * MS); /* node 1 is heard */
    assert_int_equal(refilling(world, 2), 1);
    start(world, 0);
    fake_world_run(world, 5000 * MS);
    assert_int_equal(refilling(world, 2), 0);
    get_all(world, 2);
}

static void the_only_copy_damaged_fails_its_key_alone_until_it_is_overwritten(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct engine_key key = stored_key(world, 0, key_of(3));
    fickle_engine_damage(world->nodes[0].engines[key.partition % 2], &key);
    assert_int_equal(refilling(world, 0), 1);
    worker_flush(world->nodes[0].workers[key.partition % 2], world->now);
    assert_int_equal(refilling(world, 0), 0); /* there is nobody to be filled by */
    struct world_answer *get = fake_world_get(world, 0, 0, key_of(3));
    struct world_answer *other = fake_world_get(world, 0, 0, key_of(4));
    fake_world_run(world, 500 * MS);
    assert_int_equal(get->code, SHOAL_EDAMAGED);
    assert_int_equal(other->code, 0);
    struct world_answer *put = fake_world_put(world, 0, 0, key_of(3), key_of(3));
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, 0);
    get_all(world, 0);
}

/* ---- stopping ---- */

static void a_worker_is_idle_only_when_all_is_durable(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct worker *worker = world->nodes[0].workers[1];
    struct fickle_engine *engine = world->nodes[0].engines[1];
    engine->engine.settles_durable = false;
    engine->settles = false;
    assert_false(worker_clean(worker));
    worker_stop(worker, world->now);
    worker_flush(worker, world->now);
    fake_world_run(world, 100 * MS);
    assert_false(worker_idle(worker));
    assert_true(engine->hardens > 0);
    fickle_engine_settle(engine); /* not yet durable */
    assert_false(worker_idle(worker));
    assert_false(worker_clean(worker));
    fickle_engine_make_durable(engine);
    assert_true(worker_idle(worker));
    assert_true(worker_clean(worker));
}

static void storage_that_fails_at_the_end_leaves_no_clean_stop(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct worker *worker = world->nodes[0].workers[1];
    struct fickle_engine *engine = world->nodes[0].engines[1];
    engine->settles = false;
    worker_stop(worker, world->now);
    worker_flush(worker, world->now);
    fickle_engine_break(engine, SHOAL_EIO);
    assert_true(worker_idle(worker));
    assert_false(worker_clean(worker));
}

static void records_for_which_there_is_no_room_leave_no_clean_stop(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = world->nodes[0].workers[1];
    world->nodes[0].engines[1]->holdings_failing = 1;
    worker_stop(worker, world->now);
    worker_flush(worker, world->now);
    fake_world_run(world, 100 * MS);
    assert_true(worker_idle(worker));
    assert_false(worker_clean(worker));
}

static void no_dot_is_given_after_the_last_record(void **state)
{
    struct fake_world *world = *state;
    put_all(world, 0);
    struct worker *worker = world->nodes[0].workers[1];
    worker_stop(worker, world->now);
    worker_flush(worker, world->now);
    fake_world_run(world, 50 * MS);
    assert_true(worker_clean(worker));
    struct actors before = actors_of(world, 0);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        /* The other worker is not stopping yet. */
        struct world_answer *put = fake_world_put(world, 0, 0, key_of(i), "late");
        fake_world_run(world, 20 * MS);
        assert_true(put->done);
        assert_true(put->code == 0 || put->code == SHOAL_ESHUTDOWN);
        refused += put->code == 0 ? 0 : 1;
    }
    assert_true(refused > 0 && refused < KEYS);
    struct actors after = actors_of(world, 0);
    for (uint32_t p = 1; p < WORLD_PARTITIONS; p += 2) {
        assert_true(after.counter[p] == before.counter[p]);
    }
    assert_true(worker_clean(worker));
}

static void what_peers_store_meanwhile_is_taken_and_made_durable(void **state)
{
    struct fake_world *world = *state;
    struct worker *worker = world->nodes[2].workers[0];
    worker_stop(worker, world->now);
    worker_flush(worker, world->now);
    fake_world_run(world, 10 * MS);
    assert_true(worker_clean(worker));
    put_all(world, 0);
    fake_world_run(world, 100 * MS);
    assert_true(worker_clean(worker));
}

static void an_engine_that_keeps_nothing_has_no_clean_stop(void **state)
{
    (void)state;
    static struct fake_world world;
    fake_world_init(&world, 1, 1, 1);
    assert_int_equal(fake_world_start(&world, 0), 0);
    fake_world_run(&world, 300 * MS);
    struct worker *worker = world.nodes[0].workers[0];
    worker_stop(worker, world.now);
    worker_flush(worker, world.now);
    fake_world_run(&world, 100 * MS);
    assert_true(worker_idle(worker));
    assert_false(worker_clean(worker));
    fake_world_deinit(&world);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, setup_one, teardown)
#define THREE(name) cmocka_unit_test_setup_teardown(name, setup_three, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(after_a_clean_stop_every_holding_goes_on),
        ONE(a_killed_node_has_its_data_and_other_actors),
        ONE(a_clean_stop_counts_once),
        ONE(a_node_alone_that_may_be_behind_serves_what_it_has),
        THREE(one_of_three_that_is_behind_is_filled_by_the_others),
        THREE(a_damaged_record_is_filled_again_under_another_actor),
        THREE(damage_in_the_middle_of_a_refill_has_it_begin_again),
        ONE(the_only_copy_damaged_fails_its_key_alone_until_it_is_overwritten),
        ONE(a_worker_is_idle_only_when_all_is_durable),
        ONE(storage_that_fails_at_the_end_leaves_no_clean_stop),
        ONE(records_for_which_there_is_no_room_leave_no_clean_stop),
        ONE(no_dot_is_given_after_the_last_record),
        THREE(what_peers_store_meanwhile_is_taken_and_made_durable),
        cmocka_unit_test(an_engine_that_keeps_nothing_has_no_clean_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
