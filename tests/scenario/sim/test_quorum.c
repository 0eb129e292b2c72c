/* Quorums that are met late, by others, or not at all; and what the client is told. */
#include "scenario.h"

static void a_put_that_cannot_reach_w_owners_says_that_nothing_was_applied(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    const char *key = cluster_key_of(&cluster, 0);
    assert_int_equal(cluster_put(&cluster, 0, key, "before", NULL).code, 0);
    struct answer seen = cluster_get(&cluster, 0, key);
    cluster_part(&cluster, 0, 1);
    cluster_part(&cluster, 0, 2);

    struct answer blind = cluster_put(&cluster, 0, key, "never", NULL);
    assert_int_equal(blind.code, SHOAL_EQUORUM);
    struct answer with_context = cluster_put(&cluster, 0, key, "never either", &seen);
    assert_int_equal(with_context.code, SHOAL_EQUORUM);
    assert_true(strstr(with_context.text, "nothing was applied") != NULL);
    assert_true(with_context.took_us < SECOND_US);

    /* The others go on without it. */
    assert_int_equal(cluster_put(&cluster, 1, key, "after", &seen).code, 0);
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t node = 0; node < 3; node++) {
        struct answer now = cluster_get_from(&cluster, node, key, 3);
        assert_values(&now, "after", NULL);
    }
    cluster_close(&cluster);
}

static void a_coordinator_that_dies_before_it_answers_leaves_the_outcome_unknown(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    const char *key = cluster_key_of(&cluster, 0);
    assert_int_equal(cluster_put(&cluster, 0, key, "kept", NULL).code, 0);

    struct sim_request *request = cluster_begin_put(&cluster, 1, key, "perhaps");
    uint64_t dots = cluster.world.oracle.dots;
    while (cluster.world.oracle.dots == dots) {
        assert_true(sim_world_step(&cluster.world));
    }
    assert_false(request->done);
    sim_node_crash(cluster_node(&cluster, 0), SIM_EXIT_KILL);
    struct answer answer = cluster_await(&cluster, request);
    assert_int_equal(answer.code, SHOAL_EUNKNOWN);

    /* Either it happened or it did not; what was acknowledged before is there or was replaced. */
    cluster_start(&cluster, 0);
    cluster_settle(&cluster);
    struct answer first = cluster_get_from(&cluster, 0, key, 3);
    assert_int_equal(first.code, 0);
    assert_int_equal(first.value_count, 1);
    struct answer second = cluster_get(&cluster, 2, key);
    assert_values(&second, first.values[0], NULL);
    cluster_close(&cluster);
}

static void a_node_that_crashes_right_after_its_acknowledgement_loses_nothing(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.store.wait_us_mean[OFFLOAD_WRITE] = 20 * MILLISECOND_US;
    cluster_open(&cluster, &options);

    const char *key = cluster_key_of(&cluster, 1);
    for (uint32_t round = 0; round < 10; round++) {
        char value[32];
        snprintf(value, sizeof(value), "round %u", round);
        assert_int_equal(cluster_put(&cluster, 1, key, value, NULL).code, 0);
        sim_node_crash(cluster_node(&cluster, 1), SIM_EXIT_KILL);
        struct answer now = cluster_get(&cluster, 2, key);
        assert_values(&now, value, NULL);
        cluster_start(&cluster, 1);
        cluster_settle(&cluster);
    }
    cluster_close(&cluster);
}

static void a_paused_owner_is_hedged_around(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.request_timeout_us = 5 * SECOND_US;
    cluster_open(&cluster, &options);

    const char *key = cluster_key_of(&cluster, 0);
    for (uint32_t i = 0; i < 20; i++) { /* so that latencies are known */
        char value[32];
        snprintf(value, sizeof(value), "warm %u", i);
        assert_int_equal(cluster_put(&cluster, 1, key, value, NULL).code, 0);
        assert_int_equal(cluster_get(&cluster, 2, key).code, 0);
    }
    sim_node_pause(cluster_node(&cluster, 2));
    for (uint32_t i = 0; i < 5; i++) {
        struct answer read = cluster_get(&cluster, i % 2, key);
        assert_values(&read, "warm 19", NULL);
        assert_true(read.took_us < 200 * MILLISECOND_US);
    }
    struct answer written = cluster_put(&cluster, 1, key, "without it", NULL);
    assert_int_equal(written.code, 0);
    assert_true(written.took_us < 400 * MILLISECOND_US);
    sim_node_resume(cluster_node(&cluster, 2));
    cluster_settle(&cluster);
    struct answer now = cluster_get(&cluster, 2, key);
    assert_values(&now, "without it", NULL);
    cluster_close(&cluster);
}

static void a_one_way_partition_stops_nobody_who_has_a_quorum(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    const char *key = cluster_key_of(&cluster, 1);
    assert_int_equal(cluster_put(&cluster, 0, key, "start", NULL).code, 0);
    /* Node 2 hears everybody, and nobody hears it. */
    cluster_mute(&cluster, 2, 0);
    cluster_mute(&cluster, 2, 1);
    for (uint32_t i = 0; i < 20; i++) {
        char value[32];
        snprintf(value, sizeof(value), "one way %u", i);
        assert_int_equal(cluster_put(&cluster, i % 2, key, value, NULL).code, 0);
        struct answer now = cluster_get(&cluster, (i + 1) % 2, key);
        assert_values(&now, value, NULL);
        cluster_run(&cluster, SECOND_US / 2);
    }
    /* The mute one cannot get a quorum and must not pretend. */
    struct answer alone = cluster_get(&cluster, 2, key);
    assert_true(alone.code == SHOAL_EQUORUM || alone.code == SHOAL_ETIMEOUT);
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    struct answer now = cluster_get(&cluster, 2, key);
    assert_values(&now, "one way 19", NULL);
    cluster_close(&cluster);
}

static void a_quorum_larger_than_n_is_refused(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    struct answer answer = cluster_get_from(&cluster, 0, "any", 4);
    assert_int_equal(answer.code, SHOAL_EINVAL);
    assert_true(strstr(answer.text, "4") != NULL);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_that_cannot_reach_w_owners_says_that_nothing_was_applied),
        cmocka_unit_test(a_coordinator_that_dies_before_it_answers_leaves_the_outcome_unknown),
        cmocka_unit_test(a_node_that_crashes_right_after_its_acknowledgement_loses_nothing),
        cmocka_unit_test(a_paused_owner_is_hedged_around),
        cmocka_unit_test(a_one_way_partition_stops_nobody_who_has_a_quorum),
        cmocka_unit_test(a_quorum_larger_than_n_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
