/* Becoming a member: by an operator's word or by the seeds. What fails changes nothing anywhere,
 * and says what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/partition.h"
#include "shoal/error.h"
#include "support/fake_world.h"
#include "wire/frame.h"

static int setup(void **state)
{
    static struct fake_world world;
    fake_world_init(&world, 3, 2, 2);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    fake_world_deinit(*state);
    return 0;
}

/* Nodes 0 to count - 1, each the founder of a cluster of its own, of these numbers. */
static void start_apart(struct fake_world *world, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(fake_world_start(world, i), 0);
    }
    fake_world_run(world, 300 * MS);
}

static void set_quorum(struct fake_world *world, uint32_t n, uint32_t r, uint32_t w)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        world->nodes[i].config.n = n;
        world->nodes[i].config.r = r;
        world->nodes[i].config.w = w;
    }
}

static void join_done(struct fake_world *world, uint32_t node, uint32_t known)
{
    struct world_answer *join = fake_world_join(world, node, world_port(known));
    fake_world_run(world, 6000 * MS);
    assert_true(join->done);
    assert_int_equal(join->code, 0);
}

/* The node is on its own, takes writes, and knows of nobody. */
static void assert_alone(struct fake_world *world, uint32_t node)
{
    assert_int_equal(world_members(world, node), 1);
    assert_int_equal(world_snapshot(world, node)->view->roles.count, 1);
    assert_false(world_snapshot(world, node)->closed);
}

/* ---- by an operator's word ---- */

static void nodes_join_one_after_the_other_and_serve(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 3);
    join_done(world, 1, 0);
    join_done(world, 2, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_members(world, i), 3);
        assert_int_equal(world_snapshot(world, i)->view->live_count, 1);
    }
    struct world_answer *put = fake_world_put(world, 1, 0, "key", "value");
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, 0);
    struct world_answer *get = fake_world_get(world, 2, 0, "key");
    fake_world_run(world, 500 * MS);
    assert_int_equal(get->code, 0);
    assert_string_equal(get->value, "value");
}

static void a_joiner_gets_the_data_before_it_counts(void **state)
{
    struct fake_world *world = *state;
    set_quorum(world, 1, 1, 1);
    start_apart(world, 2);
    for (uint32_t i = 0; i < 40; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        (void)fake_world_put(world, 0, 0, key, "value");
    }
    fake_world_run(world, 500 * MS);
    join_done(world, 1, 0);
    for (uint32_t i = 0; i < 40; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        struct world_answer *get = fake_world_get(world, 1, 0, key);
        fake_world_run(world, 100 * MS);
        assert_int_equal(get->code, 0);
    }
    struct engine_stats stats;
    struct engine *engine = &world->nodes[1].engines[0]->engine;
    engine->ops->stats(engine, UINT32_MAX, &stats);
    assert_true(stats.keys > 0 && stats.keys < 40); /* its share */
}

static void a_wrong_address_is_an_error_in_time_and_leaves_no_ghost_member(void **state)
{
    struct fake_world *world = *state;
    set_quorum(world, 1, 1, 1);
    start_apart(world, 2);
    uint64_t id = worker_node_id(world->nodes[1].workers[0]);
    static const uint32_t wrong[] = {4711, 0}; /* refused at once; nobody answers */
    fake_world_cut(world, 0, true);
    for (uint32_t i = 0; i < 2; i++) {
        uint16_t port = i == 0 ? (uint16_t)wrong[0] : world_port(0);
        struct world_answer *join = fake_world_join(world, 1, port);
        fake_world_run(world, 5100 * MS);
        assert_true(join->done);
        assert_int_equal(shoal_error_nothing_applied(join->code), 1);
        assert_non_null(strstr(join->text, "check the address"));
        assert_alone(world, 1);
        assert_int_equal(world_members(world, 0), 1);
    }
    fake_world_cut(world, 0, false);
    fake_world_run(world, 3000 * MS);
    assert_alone(world, 0);
    assert_null(snapshot_find(world_snapshot(world, 0), id));
    struct world_answer *put = fake_world_put(world, 1, 0, "key", "value");
    fake_world_run(world, 500 * MS);
    assert_int_equal(put->code, 0); /* it goes on as before */
    join_done(world, 0, 1);
}

static void a_joiner_that_holds_data_of_its_own_is_refused_and_told_what_to_do(void **state)
{
    struct fake_world *world = *state;
    set_quorum(world, 1, 1, 1);
    start_apart(world, 2);
    (void)fake_world_put(world, 1, 0, "one", "value");
    (void)fake_world_put(world, 1, 0, "two", "value");
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_EHASDATA);
    assert_non_null(strstr(join->text, "2 keys"));
    assert_non_null(strstr(join->text, "empty data directory"));
    assert_int_equal(world->contacts, 0);
    assert_alone(world, 1);
    struct world_answer *get = fake_world_get(world, 1, 0, "one");
    fake_world_run(world, 500 * MS);
    assert_int_equal(get->code, 0);
}

static void what_any_of_its_workers_holds_is_counted(void **state)
{
    struct fake_world *world = *state;
    char key[16] = "";
    set_quorum(world, 1, 1, 1);
    world->nodes[1].worker_count = 3;
    start_apart(world, 2);
    for (uint32_t i = 0;
         i == 0 || partition_of_key(bytes_from_string(key), WORLD_PARTITIONS) % 3 != 2; i++) {
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
    }
    (void)fake_world_put(world, 1, 2, key, "value");
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_EHASDATA);
    assert_int_equal(world->contacts, 0);
}

static void facts_that_differ_are_named(void **state)
{
    struct fake_world *world = *state;
    set_quorum(world, 1, 1, 1);
    struct node_config *config = &world->nodes[1].config;
    static const char *const named[] = {"partitions", "n=1 r=1 w=1", "cluster.name"};
    assert_int_equal(fake_world_start(world, 0), 0);
    for (uint32_t i = 0; i < 3; i++) {
        buffer_clear(&world->nodes[1].kept);
        config->partitions = i == 0 ? WORLD_PARTITIONS / 2 : WORLD_PARTITIONS;
        config->n = i == 1 ? 3 : 1;
        (void)snprintf(config->cluster_name, sizeof(config->cluster_name), "%s",
                       i == 2 ? "other" : "test");
        assert_int_equal(fake_world_start(world, 1), 0);
        fake_world_run(world, 300 * MS);
        struct world_answer *join = fake_world_join(world, 1, world_port(0));
        fake_world_run(world, 1000 * MS);
        assert_int_equal(join->code, SHOAL_ECLUSTER);
        assert_non_null(strstr(join->text, named[i]));
        assert_alone(world, 0);
        assert_alone(world, 1);
        fake_world_kill(world, 1);
    }
}

static void a_name_that_is_taken_is_refused(void **state)
{
    struct fake_world *world = *state;
    (void)snprintf(world->nodes[1].config.name, sizeof(world->nodes[1].config.name), "node0");
    start_apart(world, 2);
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_ECONFLICT);
    assert_non_null(strstr(join->text, "'node0'"));
    assert_alone(world, 0);
    assert_alone(world, 1);
}

static void secrets_that_differ_are_refused_and_not_given_away(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].config.secret = bytes_from_string("the one secret");
    world->nodes[1].config.secret = bytes_from_string("another secret");
    start_apart(world, 3);
    for (uint32_t i = 1; i <= 2; i++) { /* another one; none */
        struct world_answer *join = fake_world_join(world, i, world_port(0));
        fake_world_run(world, 1000 * MS);
        assert_int_equal(join->code, SHOAL_EPERM);
        assert_alone(world, i);
    }
    assert_alone(world, 0);
    fake_world_kill(world, 1);
    buffer_clear(&world->nodes[1].kept);
    world->nodes[1].config.secret = bytes_from_string("the one secret");
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 300 * MS);
    join_done(world, 1, 0);
}

static void while_a_secret_changes_a_joiner_is_let_in_with_either(void **state)
{
    struct fake_world *world = *state;
    world->nodes[0].config.secret = bytes_from_string("the old secret");
    world->nodes[1].config.secret = bytes_from_string("the new secret");
    world->nodes[1].config.secret_previous = bytes_from_string("the old secret");
    world->nodes[2].config.secret = bytes_from_string("some other secret");
    world->nodes[2].config.secret_previous = bytes_from_string("the new secret");
    start_apart(world, 3);
    struct world_answer *join = fake_world_join(world, 2, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_EPERM);
    join_done(world, 1, 0);
}

static void a_joiner_does_not_bring_secrets_of_a_cluster_of_its_own(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2);
    world->nodes[0].config.secret = bytes_from_string("the one secret");
    world->nodes[1].config.secret = bytes_from_string("the one secret");
    for (uint32_t i = 0; i < 2; i++) { /* what each had made becomes its previous one */
        fake_world_kill(world, i);
        assert_int_equal(fake_world_start(world, i), 0);
    }
    fake_world_run(world, 300 * MS);
    assert_true(world_snapshot(world, 1)->token_keys.has_previous);
    join_done(world, 1, 0);
    assert_false(world_snapshot(world, 1)->token_keys.has_previous);
    assert_true(world_snapshot(world, 0)->token_keys.has_previous);
}

static void while_it_joins_a_node_takes_no_writes(void **state)
{
    struct fake_world *world = *state;
    set_quorum(world, 1, 1, 1);
    start_apart(world, 2);
    fake_world_cut(world, 0, true);
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 50 * MS);
    struct world_answer *put = fake_world_put(world, 1, 0, "key", "value");
    fake_world_run(world, 50 * MS);
    assert_int_equal(put->code, SHOAL_EQUORUM);
    assert_non_null(strstr(put->text, "joining"));
    struct world_answer *second = fake_world_join(world, 1, world_port(0));
    assert_true(second->done);
    assert_int_equal(second->code, SHOAL_ECONFLICT);
    fake_world_run(world, 6000 * MS);
    assert_true(join->done);
    put = fake_world_put(world, 1, 0, "key", "value");
    fake_world_run(world, 50 * MS);
    assert_int_equal(put->code, 0);
}

/* Alone it has no quorum; it joins before they have given up. */
static void writes_that_were_waiting_when_it_joined_are_found_where_they_landed(void **state)
{
    enum { WRITES = 8 };
    struct fake_world *world = *state;
    struct world_answer *puts[WRITES];
    start_apart(world, 2);
    for (uint32_t i = 0; i < WRITES; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        puts[i] = fake_world_put(world, 1, 0, key, "value");
    }
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0);
    fake_world_cut(world, 0, true);
    fake_world_run(world, 10 * MS);
    uint32_t done = 0;
    for (uint32_t i = 0; i < WRITES; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        struct request request = {
            .op = REQUEST_GET, .key = bytes_from_string(key), .options = {.r = 1}};
        struct world_answer *get = fake_world_begin(world, 1, 0, &request);
        fake_world_run(world, 500 * MS);
        assert_true(puts[i]->done);
        assert_int_equal(get->code, puts[i]->code == 0 ? 0 : SHOAL_ENOTFOUND);
        done += puts[i]->code == 0 ? 1 : 0;
    }
    struct engine_stats stats;
    struct engine *engine = &world->nodes[1].engines[0]->engine;
    engine->ops->stats(engine, UINT32_MAX, &stats);
    assert_true(done > 0 && stats.keys == done); /* each in one place */
}

static void a_member_of_a_cluster_with_others_does_not_join_another(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 3);
    join_done(world, 1, 0);
    struct world_answer *join = fake_world_join(world, 1, world_port(2));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, SHOAL_ECONFLICT);
    assert_alone(world, 2);
}

static void joining_the_own_cluster_again_is_done_already(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 1);
    struct world_answer *join = fake_world_join(world, 0, world_port(0));
    fake_world_run(world, 1000 * MS);
    assert_int_equal(join->code, 0);
    assert_alone(world, 0);
}

static void a_joiner_that_can_not_write_its_record_is_no_member_yet(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2);
    world->nodes[1].keeps_failing = 5;
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 250 * MS);
    assert_false(join->done);
    assert_alone(world, 0); /* nobody was told */
    fake_world_run(world, 3000 * MS);
    assert_int_equal(join->code, 0); /* it tried again */
    assert_int_equal(world_members(world, 0), 2);
}

static void a_joiner_that_dies_before_it_was_kept_leaves_no_trace(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2);
    world->nodes[1].keeps_held = true;
    (void)fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 500 * MS);
    fake_world_kill(world, 1);
    fake_world_run(world, 3000 * MS);
    assert_alone(world, 0);
    world->nodes[1].keeps_held = false;
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 1000 * MS);
    assert_alone(world, 1); /* its own cluster still */
}

static void a_joiner_that_dies_once_it_was_kept_is_a_member_when_it_is_back(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2);
    uint32_t keeps = world->nodes[1].keeps;
    (void)fake_world_join(world, 1, world_port(0));
    for (uint32_t i = 0; i < 1000 && world->nodes[1].keeps == keeps; i++) {
        fake_world_run(world, 100);
    }
    fake_world_kill(world, 1);
    assert_alone(world, 0);
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 3000 * MS);
    assert_int_equal(world_members(world, 1), 2);
    assert_int_equal(world_members(world, 0), 2);
}

/* ---- answers that nobody should trust ---- */

/* Node 0 answers an ADMIT; a view of other facts than the joiner's is put into the answer. */
static void a_view_of_other_facts_than_its_own_is_refused(void **state)
{
    struct fake_world *world = *state;
    struct worker *joiner;
    world->nodes[0].config.partitions = WORLD_PARTITIONS * 4;
    start_apart(world, 2);
    joiner = world->nodes[1].workers[0];
    fake_world_cut(world, 0, true);
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 50 * MS);
    struct buffer view;
    struct buffer frame;
    buffer_init(&view, 0);
    buffer_init(&frame, 0);
    assert_int_equal(view_encode(world_snapshot(world, 0)->view, &view), 0);
    uint8_t secret[CRYPTO_KEY_BYTES] = {1};
    struct message_admit_reply reply = {.id = 1,
                                        .cluster = worker_cluster_id(world->nodes[0].workers[0]),
                                        .secret = bytes_make(secret, sizeof(secret)),
                                        .view = buffer_bytes(&view)};
    assert_int_equal(message_admit_reply_encode(&reply, &frame), 0);
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    worker_contacted(joiner, world->now, 1, 0, payload);
    buffer_deinit(&view);
    buffer_deinit(&frame);
    fake_world_run(world, 1000 * MS);
    assert_true(join->done);
    assert_int_equal(join->code, SHOAL_ECLUSTER);
    assert_alone(world, 1);
}

static void an_answer_that_is_none_is_an_error_that_names_the_address(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2);
    fake_world_cut(world, 0, true);
    struct world_answer *join = fake_world_join(world, 1, world_port(0));
    fake_world_run(world, 50 * MS);
    worker_contacted(world->nodes[1].workers[0], world->now, 1, 0, bytes_from_string("HTTP/1.1"));
    fake_world_run(world, 50 * MS);
    assert_true(join->done);
    assert_int_equal(join->code, SHOAL_EPROTO);
    assert_non_null(strstr(join->text, "10.0.0.1:4000"));
    assert_alone(world, 1);
}

/* ---- by the seeds ---- */

static const uint32_t seeds[] = {0, 1, 2};

static void the_first_seed_founds_and_the_others_join(void **state)
{
    struct fake_world *world = *state;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t node = 2 - i; /* the founder comes last */
        world_seeds(world, node, seeds, 3);
        assert_int_equal(fake_world_start(world, node), 0);
        fake_world_run(world, 700 * MS);
    }
    fake_world_run(world, 15000 * MS);
    uint64_t cluster = worker_cluster_id(world->nodes[0].workers[0]);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_members(world, i), 3);
        assert_true(worker_cluster_id(world->nodes[i].workers[0]) == cluster);
    }
}

static void a_seed_that_is_not_the_first_waits_for_it(void **state)
{
    struct fake_world *world = *state;
    world_seeds(world, 1, seeds, 3);
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 20000 * MS);
    assert_int_equal(world_members(world, 1), 0);
    struct world_answer *put = fake_world_put(world, 1, 0, "key", "value");
    assert_int_equal(put->code, SHOAL_EQUORUM);
    assert_non_null(strstr(put->text, "no cluster yet"));
}

static void the_first_seed_joins_what_another_is_in_already(void **state)
{
    struct fake_world *world = *state;
    start_apart(world, 2); /* without seeds: node 1 founds one */
    fake_world_kill(world, 0);
    buffer_clear(&world->nodes[0].kept);
    world_seeds(world, 0, seeds, 3);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 10000 * MS);
    assert_int_equal(world_members(world, 0), 2);
    assert_int_equal(world_members(world, 1), 2);
}

static void an_id_that_was_told_to_a_seed_is_kept_over_a_restart(void **state)
{
    struct fake_world *world = *state;
    world_seeds(world, 1, seeds, 3);
    assert_int_equal(fake_world_start(world, 1), 0);
    fake_world_run(world, 1000 * MS);
    uint64_t id = worker_node_id(world->nodes[1].workers[0]);
    fake_world_kill(world, 1);
    assert_int_equal(fake_world_start(world, 1), 0);
    assert_true(worker_node_id(world->nodes[1].workers[0]) == id);
    world_seeds(world, 0, seeds, 3);
    assert_int_equal(fake_world_start(world, 0), 0);
    fake_world_run(world, 15000 * MS);
    assert_int_equal(world_members(world, 1), 2);
}

/* ---- without memory ---- */

static void without_memory_a_join_ends_and_leaves_no_ghost(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 400; nth += 3) {
        static struct fake_world world;
        fake_world_init(&world, 1, 1, 1);
        start_apart(&world, 2);
        mem_fail_from(nth);
        struct world_answer *join = fake_world_join(&world, 1, world_port(0));
        fake_world_run(&world, 20 * MS);
        mem_fail_never();
        fake_world_run(&world, 12000 * MS);
        assert_true(join->done);
        uint32_t members = world_members(&world, 1);
        assert_int_equal(world_members(&world, 0), members); /* both know, or neither */
        assert_true(members == 2 || (join->code != 0 && join->code != SHOAL_EUNKNOWN));
        struct world_answer *put = fake_world_put(&world, 1, 0, "key", "value");
        fake_world_run(&world, 1000 * MS);
        assert_int_equal(put->code, 0);
        fake_world_deinit(&world);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_join_one_after_the_other_and_serve),
        TEST(a_joiner_gets_the_data_before_it_counts),
        TEST(a_wrong_address_is_an_error_in_time_and_leaves_no_ghost_member),
        TEST(a_joiner_that_holds_data_of_its_own_is_refused_and_told_what_to_do),
        TEST(what_any_of_its_workers_holds_is_counted),
        TEST(facts_that_differ_are_named),
        TEST(a_name_that_is_taken_is_refused),
        TEST(secrets_that_differ_are_refused_and_not_given_away),
        TEST(while_a_secret_changes_a_joiner_is_let_in_with_either),
        TEST(a_joiner_does_not_bring_secrets_of_a_cluster_of_its_own),
        TEST(while_it_joins_a_node_takes_no_writes),
        TEST(writes_that_were_waiting_when_it_joined_are_found_where_they_landed),
        TEST(a_member_of_a_cluster_with_others_does_not_join_another),
        TEST(joining_the_own_cluster_again_is_done_already),
        TEST(a_joiner_that_can_not_write_its_record_is_no_member_yet),
        TEST(a_joiner_that_dies_before_it_was_kept_leaves_no_trace),
        TEST(a_joiner_that_dies_once_it_was_kept_is_a_member_when_it_is_back),
        TEST(a_view_of_other_facts_than_its_own_is_refused),
        TEST(an_answer_that_is_none_is_an_error_that_names_the_address),
        TEST(the_first_seed_founds_and_the_others_join),
        TEST(a_seed_that_is_not_the_first_waits_for_it),
        TEST(the_first_seed_joins_what_another_is_in_already),
        TEST(an_id_that_was_told_to_a_seed_is_kept_over_a_restart),
        cmocka_unit_test(without_memory_a_join_ends_and_leaves_no_ghost),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fickle_engine_cold_percent = 70; /* the same where most reads have to wait for the disk */
    return failed + cmocka_run_group_tests_name("cold", tests, NULL, NULL);
}
