/* Holdings that have lost their data: what they may say, and how they catch up. */
#include "scenario.h"

#define KEYS 40u

static const char *value_text(uint32_t i)
{
    static char value[32];
    snprintf(value, sizeof(value), "value %u", i);
    return value;
}

static void put_all(struct cluster *cluster)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_put(cluster, i % 2, cluster_key(i), value_text(i), NULL).code, 0);
    }
}

static void a_refilling_holder_does_not_count_in_r(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    put_all(&cluster);

    sim_node_lose_disk(cluster_node(&cluster, 2));
    /* It must sync with two others, and reaches only one. */
    cluster_part(&cluster, 2, 1);
    cluster_start(&cluster, 2);
    cluster_run(&cluster, 5 * SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer two = cluster_get(&cluster, 0, cluster_key(i));
        assert_values(&two, value_text(i), NULL);
        assert_int_equal(cluster_get_from(&cluster, 0, cluster_key(i), 3).code, SHOAL_EQUORUM);
    }
    /* With node 1 gone there is one voter left: no answer is better than one out of an empty disk.
     */
    sim_node_crash(cluster_node(&cluster, 1), SIM_EXIT_KILL);
    cluster_run(&cluster, SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_get(&cluster, 0, cluster_key(i)).code, SHOAL_EQUORUM);
        assert_int_equal(cluster_get(&cluster, 2, cluster_key(i)).code, SHOAL_EQUORUM);
    }
    cluster_start(&cluster, 1);
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer all = cluster_get_from(&cluster, 2, cluster_key(i), 3);
        assert_values(&all, value_text(i), NULL);
    }
    cluster_close(&cluster);
}

static void a_refilling_holder_takes_writes(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    put_all(&cluster);

    sim_node_lose_disk(cluster_node(&cluster, 2));
    cluster_part(&cluster, 2, 1);
    cluster_start(&cluster, 2);
    cluster_run(&cluster, 5 * SECOND_US);
    struct answer seen = cluster_get(&cluster, 0, cluster_key(0));
    assert_int_equal(cluster_put(&cluster, 0, cluster_key(0), "newer", &seen).code, 0);
    cluster_run(&cluster, SECOND_US);
    assert_int_equal(cluster_held(&cluster, 2, cluster_key(0)), 1);
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    struct answer all = cluster_get_from(&cluster, 1, cluster_key(0), 3);
    assert_values(&all, "newer", NULL);
    cluster_close(&cluster);
}

static void a_member_that_lost_its_disk_refills_all_it_owns_before_it_votes(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.workers[2] = 3;
    cluster_open(&cluster, &options);
    put_all(&cluster);

    sim_node_lose_disk(cluster_node(&cluster, 2));
    cluster_start(&cluster, 2);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_held(&cluster, 2, cluster_key(i)), 1);
    }
    /* Now another may lose its own. */
    sim_node_lose_disk(cluster_node(&cluster, 0));
    cluster_start(&cluster, 0);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer all = cluster_get_from(&cluster, i % 3, cluster_key(i), 3);
        assert_values(&all, value_text(i), NULL);
    }
    cluster_close(&cluster);
}

static void a_memory_cluster_survives_the_restart_of_one_member_after_another(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.store.kind = SIM_STORE_MEMORY;
    cluster_open(&cluster, &options);
    put_all(&cluster);

    for (uint32_t node = 0; node < 3; node++) {
        sim_node_stop(cluster_node(&cluster, node));
        cluster_run(&cluster, 2 * SECOND_US);
        assert_int_equal(cluster_node(&cluster, node)->state, SIM_DOWN);
        cluster_start(&cluster, node);
        cluster_settle(&cluster);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer all = cluster_get_from(&cluster, i % 3, cluster_key(i), 3);
        assert_values(&all, value_text(i), NULL);
    }
    cluster_close(&cluster);
}

/* Node 1 loses its disk while node 3 is joining, and hears node 3's share before there is anything
 * in it. When node 3 has caught up and the old layout is gone, that must not count as having
 * refilled. */
static void a_new_owner_that_has_not_synced_is_no_source_for_a_refill(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.joiners = 1;
    options.n = 2;
    options.r = 1;
    options.w = 2;
    cluster_open(&cluster, &options);
    put_all(&cluster);

    /* What nodes 1 and 2 share, node 3 cannot sync. */
    cluster_part(&cluster, 3, 1);
    cluster_part(&cluster, 3, 2);
    cluster.world.oracle.unstable = true;
    cluster_start(&cluster, 3);
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_live_layouts(&cluster, 1), 2);
    sim_node_lose_disk(cluster_node(&cluster, 1));
    /* Back with an empty disk, node 1 hears node 3 and not node 2. */
    cluster_mend(&cluster);
    cluster_part(&cluster, 3, 2);
    cluster_part(&cluster, 1, 2);
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_live_layouts(&cluster, 0), 2);
    /* Now node 3 hears node 2, and the old layout may go. */
    cluster_mend(&cluster);
    cluster_part(&cluster, 1, 2);
    for (uint32_t turn = 0; turn < 40; turn++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            struct answer answer = cluster_get(&cluster, 1, cluster_key(i));
            assert_true(answer.code == 0 || answer.code == SHOAL_EQUORUM);
        }
    }
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer all = cluster_get_from(&cluster, 1, cluster_key(i), 2);
        assert_values(&all, value_text(i), NULL);
    }
    cluster_close(&cluster);
}

/* Two of the three owners that have confirmed lose their disks at once; the third can't be reached,
 * the two others have missed it all. However these four fill each other, nothing may come of it but
 * that they can't answer yet. */
static void two_holdings_that_forget_at_once_do_not_vouch_for_each_other(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = 5;
    options.n = 5;
    options.r = 3;
    options.w = 3;
    options.sloppy = false;
    options.repair_us = SECOND_US;
    options.check_every = 32;
    cluster_open(&cluster, &options);
    cluster_split(&cluster, 1u << 3 | 1u << 4, 1u << 0 | 1u << 1 | 1u << 2);
    put_all(&cluster);

    sim_node_lose_disk(cluster_node(&cluster, 0));
    sim_node_lose_disk(cluster_node(&cluster, 1));
    cluster_mend(&cluster);
    cluster_split(&cluster, 1u << 2, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4);
    cluster_start(&cluster, 0);
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 10 * SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        static const uint32_t nodes[] = {0, 1, 3, 4};
        struct answer answer = cluster_get(&cluster, nodes[i % 4], cluster_key(i));
        assert_int_equal(answer.code, SHOAL_EQUORUM);
    }
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer all = cluster_get_from(&cluster, i % 2, cluster_key(i), 5);
        assert_values(&all, value_text(i), NULL);
    }
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refilling_holder_does_not_count_in_r),
        cmocka_unit_test(a_refilling_holder_takes_writes),
        cmocka_unit_test(a_member_that_lost_its_disk_refills_all_it_owns_before_it_votes),
        cmocka_unit_test(a_new_owner_that_has_not_synced_is_no_source_for_a_refill),
        cmocka_unit_test(two_holdings_that_forget_at_once_do_not_vouch_for_each_other),
        cmocka_unit_test(a_memory_cluster_survives_the_restart_of_one_member_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
