/* Whole nodes with several workers: what differs is found and repaired without anybody's request,
 * deleted keys are forgotten, and then there is silence; and what a source refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "node/core.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"

#define INTERVAL_US (1000 * MS)
#define KEYS 40u

static struct fake_world world;
static struct arena arena;
static struct buffer frame;

/* Three nodes of different numbers of workers, all owners of everything. */
static int setup(void **state)
{
    static const uint32_t workers[] = {2, 1, 3};
    (void)state;
    arena_init(&arena, 0);
    buffer_init(&frame, 0);
    fake_world_init(&world, 3, 2, 2);
    for (uint32_t i = 0; i < 3; i++) {
        world.nodes[i].worker_count = workers[i];
        world.nodes[i].config.repair_interval_us = INTERVAL_US;
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
    (void)state;
    fake_world_deinit(&world);
    arena_deinit(&arena);
    buffer_deinit(&frame);
    return 0;
}

static const char *key_of(uint32_t number)
{
    static char key[16];
    (void)snprintf(key, sizeof(key), "key %u", (unsigned)number);
    return key;
}

static struct worker *worker_of(uint32_t node, const char *key)
{
    uint32_t partition = partition_of_key(bytes_from_string(key), WORLD_PARTITIONS);
    return world.nodes[node].workers[partition % world.nodes[node].worker_count];
}

/* The object is there at one node only, as if the others had missed it. */
static void plant(uint32_t node, const char *key, uint64_t counter)
{
    struct worker *worker = worker_of(node, key);
    uint32_t partition = partition_of_key(bytes_from_string(key), WORLD_PARTITIONS);
    struct dot dot = {.actor = 77 + node, .counter = counter};
    struct sibling sibling = {.dot = dot, .hlc = 9, .value = bytes_from_string("value")};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct engine_key wanted = replica_key(&worker->replica, partition, bytes_from_string(key));
    buffer_clear(&frame);
    assert_int_equal(object_encode(&object, &frame), 0);
    assert_true(replica_store(&worker->replica, &wanted, buffer_bytes(&frame), world.now.wall_ms,
                              NULL) >= 0);
}

static bool holds(uint32_t node, const char *key)
{
    struct object object;
    int result = worker_peek(worker_of(node, key), &arena, bytes_from_string(key), &object);
    return result == 0 || result == 1; /* there, though on the disk */
}

static uint64_t questions(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t w = 0; w < world.nodes[i].worker_count; w++) {
            sum += world.nodes[i].workers[w]->syncs.counts.questions;
        }
    }
    return sum;
}

static uint64_t repairs(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t w = 0; w < world.nodes[i].worker_count; w++) {
            sum += world.nodes[i].workers[w]->syncs.counts.repairs;
        }
    }
    return sum;
}

static void what_one_owner_alone_has_comes_to_all(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KEYS; i++) {
        plant(i % 3, key_of(i), i + 1);
    }
    fake_world_run(&world, 4 * INTERVAL_US);
    for (uint32_t i = 0; i < 3 * KEYS; i++) {
        assert_true(holds(i % 3, key_of(i / 3)));
    }
    assert_int_equal(repairs(), 2 * KEYS);
}

static void nodes_that_hold_the_same_compare_and_do_nothing_else(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(&world, i % 3, 0, key_of(i), "value");
        fake_world_run(&world, 20 * MS);
    }
    fake_world_run(&world, 10 * INTERVAL_US); /* until all clocks are told */
    uint64_t asked = questions();
    uint64_t repaired = repairs();
    uint64_t compared = world.nodes[0].workers[0]->anti_entropy.equal;
    fake_world_run(&world, 20 * INTERVAL_US);
    assert_int_equal(questions(), asked);
    assert_int_equal(repairs(), repaired);
    uint64_t more = world.nodes[0].workers[0]->anti_entropy.equal - compared;
    assert_true(more >= 2 * 17 && more <= 2 * 23); /* two peers, an interval each */
}

static void a_deleted_key_is_forgotten_by_all(void **state)
{
    (void)state;
    (void)fake_world_put(&world, 0, 0, "key", "value");
    fake_world_run(&world, 100 * MS);
    assert_true(holds(0, "key") && holds(1, "key") && holds(2, "key"));
    struct request request = {.op = REQUEST_DELETE, .key = bytes_from_string("key")};
    struct world_answer *answer = fake_world_begin(&world, 1, 0, &request);
    fake_world_run(&world, 100 * MS);
    assert_true(answer->done && answer->code == 0);
    assert_true(holds(0, "key")); /* the tombstone */
    fake_world_run(&world, 10 * INTERVAL_US);
    assert_false(holds(0, "key") || holds(1, "key") || holds(2, "key"));
}

static void a_deleted_key_does_not_return_with_a_node_that_missed_the_delete(void **state)
{
    (void)state;
    (void)fake_world_put(&world, 0, 0, "key", "value");
    fake_world_run(&world, 100 * MS);
    fake_world_cut(&world, 2, true);
    fake_world_run(&world, 3000 * MS);
    struct request request = {.op = REQUEST_DELETE, .key = bytes_from_string("key")};
    struct world_answer *answer = fake_world_begin(&world, 1, 0, &request);
    fake_world_run(&world, 20 * INTERVAL_US);
    assert_true(answer->done && answer->code == 0);
    assert_true(holds(0, "key")); /* it stays while one owner has not seen it */
    fake_world_cut(&world, 2, false);
    fake_world_run(&world, 20 * INTERVAL_US);
    assert_false(holds(0, "key") || holds(1, "key") || holds(2, "key"));
}

static void a_node_that_lost_everything_is_filled_and_its_clock_with_it(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)fake_world_put(&world, i % 3, 0, key_of(i), "value");
        fake_world_run(&world, 20 * MS);
    }
    fake_world_kill(&world, 2);
    assert_int_equal(fake_world_start(&world, 2), 0);
    fake_world_run(&world, 8000 * MS);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_true(holds(2, key_of(i)));
    }
    for (uint32_t w = 0; w < 3; w++) {
        assert_int_equal(filler_pending(&world.nodes[2].workers[w]->filler), 0);
    }
}

/* ---- what a source refuses ------------------------------------------------------------------- */

static void ask(void)
{
    world.replies = 0;
    fake_world_ask(&world, 0, buffer_bytes(&frame));
    fake_world_run(&world, 5 * MS);
    buffer_clear(&frame);
    assert_int_equal(world.replies, 1);
}

static struct message_sync_rooted ask_root(struct message_sync_root root)
{
    struct message_sync_rooted rooted;
    root.id = 4;
    root.told = bytes_make("", 0);
    buffer_clear(&frame);
    assert_int_equal(message_sync_root_encode(&root, &frame), 0);
    ask();
    assert_int_equal(message_sync_rooted_decode(buffer_bytes(&world.reply), &arena, &rooted), 0);
    assert_int_equal(rooted.id, 4);
    return rooted;
}

static void a_source_serves_only_what_it_owns_and_layouts_that_it_knows(void **state)
{
    (void)state;
    const struct view *view = world_snapshot(&world, 0)->view;
    struct message_sync_root root = {.partition = 3, .view_digest = view->digest};
    struct message_sync_rooted rooted = ask_root(root);
    assert_int_equal(rooted.code, 0);
    assert_null(rooted.view.data);
    root.target.bytes[3] = 9;
    assert_int_equal(ask_root(root).code, SHOAL_ENOTOWNER);
    root.target = view_newest(view)->key.hash;
    root.view_digest++;
    rooted = ask_root(root);
    assert_int_equal(rooted.code, 0);
    assert_non_null(rooted.view.data);
    root.partition = WORLD_PARTITIONS;
    assert_int_equal(ask_root(root).code, SHOAL_ENOTOWNER);
}

static void a_source_refuses_in_the_name_of_a_holding_that_has_ended(void **state)
{
    (void)state;
    struct message_sync_rooted rooted = ask_root((struct message_sync_root){.partition = 3});
    uint64_t index = 0;
    struct message_sync_leaves leaves = {
        .id = 7, .partition = 3, .actor = rooted.actor, .indexes = &index, .count = 1};
    struct message_sync_listed listed;
    assert_int_equal(message_sync_leaves_encode(&leaves, &frame), 0);
    ask();
    assert_int_equal(message_sync_listed_decode(buffer_bytes(&world.reply), &arena, &listed), 0);
    assert_int_equal(listed.code, 0);
    leaves.actor++;
    assert_int_equal(message_sync_leaves_encode(&leaves, &frame), 0);
    ask();
    assert_int_equal(message_sync_listed_decode(buffer_bytes(&world.reply), &arena, &listed), 0);
    assert_int_equal(listed.code, SHOAL_ECONFLICT);
    struct message_sync_fetch fetch = {
        .id = 8, .partition = 3, .actor = leaves.actor, .until = UINT64_MAX, .bytes_max = 1000};
    struct message_sync_fetched fetched;
    assert_int_equal(message_sync_fetch_encode(&fetch, &frame), 0);
    ask();
    assert_int_equal(message_sync_fetched_decode(buffer_bytes(&world.reply), &arena, &fetched), 0);
    assert_int_equal(fetched.code, SHOAL_ECONFLICT);
}

static void a_question_about_nodes_that_no_tree_has_is_refused(void **state)
{
    (void)state;
    struct message_sync_rooted rooted = ask_root((struct message_sync_root){.partition = 3});
    uint64_t index = 0;
    struct message_sync_nodes nodes = {.id = 7,
                                       .partition = 3,
                                       .actor = rooted.actor,
                                       .depth = rooted.bits,
                                       .fan = 1,
                                       .indexes = &index,
                                       .count = 1};
    struct message_sync_sums sums;
    assert_int_equal(message_sync_nodes_encode(&nodes, &frame), 0);
    ask();
    assert_int_equal(message_sync_sums_decode(buffer_bytes(&world.reply), &arena, &sums), 0);
    assert_int_equal(sums.code, SHOAL_EINVAL);
    nodes.depth = 0;
    nodes.fan = 0;
    index = 1; /* of one node */
    assert_int_equal(message_sync_nodes_encode(&nodes, &frame), 0);
    ask();
    assert_int_equal(message_sync_sums_decode(buffer_bytes(&world.reply), &arena, &sums), 0);
    assert_int_equal(sums.code, SHOAL_EINVAL);
}

#define REPAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REPAIR_TEST(what_one_owner_alone_has_comes_to_all),
        REPAIR_TEST(nodes_that_hold_the_same_compare_and_do_nothing_else),
        REPAIR_TEST(a_deleted_key_is_forgotten_by_all),
        REPAIR_TEST(a_deleted_key_does_not_return_with_a_node_that_missed_the_delete),
        REPAIR_TEST(a_node_that_lost_everything_is_filled_and_its_clock_with_it),
        REPAIR_TEST(a_source_serves_only_what_it_owns_and_layouts_that_it_knows),
        REPAIR_TEST(a_source_refuses_in_the_name_of_a_holding_that_has_ended),
        REPAIR_TEST(a_question_about_nodes_that_no_tree_has_is_refused),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 30; /* the same with a disk that is slow to read */
    return result + cmocka_run_group_tests(tests, NULL, NULL);
}
