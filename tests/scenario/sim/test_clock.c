/* Wall clocks that are wrong. They decide nothing but which of two siblings is shown first. */
#include "scenario.h"

#include "model/hlc.h"

#define HOUR_MS INT64_C(3600000)

static uint64_t true_ms(struct cluster *cluster)
{
    return sim_clock_moment(&cluster_node(cluster, 0)->clock, cluster->world.now_us).wall_ms;
}

static void a_clock_far_ahead_neither_coordinates_nor_drags_others_along(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    char key[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 2));
    cluster_node(&cluster, 2)->clock.wall_offset_ms = HOUR_MS;
    cluster_run(&cluster, 5 * SECOND_US);
    for (uint32_t i = 0; i < 30; i++) {
        char value[32];
        snprintf(value, sizeof(value), "value %u", i);
        assert_int_equal(cluster_put(&cluster, i % 3, key, value, NULL).code, 0);
        struct answer now = cluster_get(&cluster, (i + 1) % 3, key);
        assert_values(&now, value, NULL);
        uint64_t bound_ms =
            true_ms(&cluster) + cluster_node(&cluster, 0)->config.clock_ahead_ms_max;
        assert_true(hlc_wall_ms(now.hlc[0]) <= bound_ms);
    }
    cluster_close(&cluster);
}

static void a_version_from_a_clock_far_ahead_is_kept_and_replaced_all_the_same(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);

    char key[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 2));
    /* The clock jumps and the node writes before anybody has noticed. */
    cluster_node(&cluster, 2)->clock.wall_offset_ms = HOUR_MS;
    assert_int_equal(cluster_put(&cluster, 2, key, "from the future", NULL).code, 0);
    struct answer seen = cluster_get(&cluster, 0, key);
    assert_values(&seen, "from the future", NULL);
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_put(&cluster, 0, key, "from today", &seen).code, 0);
    for (uint32_t node = 0; node < 3; node++) {
        struct answer now = cluster_get(&cluster, node, key);
        assert_values(&now, "from today", NULL);
    }
    cluster_close(&cluster);
}

static void a_clock_that_jumps_back_hides_nothing(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    assert_int_equal(cluster_put(&cluster, 1, "key", "before", NULL).code, 0);
    for (uint32_t node = 0; node < 3; node++) {
        cluster_node(&cluster, node)->clock.wall_offset_ms = -HOUR_MS;
    }
    assert_int_equal(cluster_put(&cluster, 2, "key", "after", NULL).code, 0);
    struct answer now = cluster_get(&cluster, 0, "key");
    assert_values(&now, "after", NULL);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_far_ahead_neither_coordinates_nor_drags_others_along),
        cmocka_unit_test(a_version_from_a_clock_far_ahead_is_kept_and_replaced_all_the_same),
        cmocka_unit_test(a_clock_that_jumps_back_hides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
