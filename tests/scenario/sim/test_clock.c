/* Wall clocks that are wrong. They decide nothing but which of two siblings is shown first, and
 * when what expires is hidden: never early. */
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

/* A put that expires, at the node's own clock. */
static struct answer put_expiring(struct cluster *cluster, uint32_t node, const char *key,
                                  const char *value, uint64_t ttl_ms)
{
    struct sim_ask ask = {.node = node,
                          .op = REQUEST_PUT,
                          .key = bytes_from_string(key),
                          .value = bytes_from_string(value),
                          .ttl_ms = ttl_ms};
    return cluster_await(cluster, sim_request_submit(&cluster->world, &ask));
}

/* Both are as far from the true time as they may be: apart by all that nodes are told. The one that
 * is ahead is also who removes what has expired, the first owner, and was away for the write. */
static void
what_expires_is_not_hidden_early_by_a_coordinator_behind_and_a_reader_ahead(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    char key[32];
    sim_options_quiet(&options);
    options.repair_us = SECOND_US;
    cluster_open(&cluster, &options);
    uint32_t number = 0;
    do {
        snprintf(key, sizeof(key), "%s", cluster_key(number++));
    } while (cluster_owner_position(&cluster, 1, key) != 0 ||
             cluster_owner_position(&cluster, 0, key) != 1);
    cluster_node(&cluster, 0)->clock.wall_offset_ms = -(int64_t)SIM_CLOCK_AHEAD_MS / 2;
    cluster_node(&cluster, 1)->clock.wall_offset_ms = SIM_CLOCK_AHEAD_MS / 2;
    cluster_part(&cluster, 1, 0);
    cluster_part(&cluster, 1, 2);
    cluster_run(&cluster, 10 * SECOND_US);

    uint64_t put_us = cluster.world.now_us;
    assert_int_equal(put_expiring(&cluster, 0, key, "for four seconds", 4000).code, 0);
    assert_int_equal(cluster_held(&cluster, 1, key), 0);
    cluster_mend(&cluster);
    cluster_run(&cluster, 2 * SECOND_US);
    while (cluster.world.now_us < put_us + 3950 * MILLISECOND_US) {
        for (uint32_t node = 0; node < 3; node++) {
            struct answer now = cluster_get_from(&cluster, node, key, 3);
            assert_values(&now, "for four seconds", NULL);
        }
        cluster_run(&cluster, 40 * MILLISECOND_US);
    }
    /* It is gone by everybody's clock once it is by the one that is behind. */
    cluster_run(&cluster, put_us + 4600 * MILLISECOND_US - cluster.world.now_us);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_get_from(&cluster, node, key, 3).code, SHOAL_ENOTFOUND);
    }
    cluster_run(&cluster, 60 * SECOND_US);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_held(&cluster, node, key), 0);
    }
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_far_ahead_neither_coordinates_nor_drags_others_along),
        cmocka_unit_test(a_version_from_a_clock_far_ahead_is_kept_and_replaced_all_the_same),
        cmocka_unit_test(a_clock_that_jumps_back_hides_nothing),
        cmocka_unit_test(
            what_expires_is_not_hidden_early_by_a_coordinator_behind_and_a_reader_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
