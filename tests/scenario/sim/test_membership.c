/* Joining: by an operator's word and by seeds, rightly and wrongly. */
#include "scenario.h"

#include "sim_meet.h"

#define KEYS 40u

static void founders(struct sim_options *options, uint32_t nodes, uint32_t n)
{
    sim_options_quiet(options);
    options->nodes = nodes;
    options->setup = SIM_SETUP_JOIN;
    options->n = n;
    options->r = n > 1 ? 2 : 1;
    options->w = n > 1 ? 2 : 1;
}

static void a_wrong_join_address_is_an_error_in_time_and_leaves_no_ghost_member(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    founders(&options, 3, 3);
    cluster_open_empty(&cluster, &options);
    cluster_start(&cluster, 0);
    cluster_start(&cluster, 1);
    cluster_run(&cluster, SECOND_US);

    struct answer nobody = cluster_join(&cluster, 1, "nowhere", 4001);
    assert_true(nobody.code < 0);
    assert_true(nobody.text[0] != '\0');
    assert_true(nobody.took_us <= options.request_timeout_us + SECOND_US);
    /* Node 2 is down: there is a machine and nothing listens. */
    struct answer down = cluster_join(&cluster, 1, "host2", 4003);
    assert_true(down.code < 0);
    assert_true(down.took_us <= options.request_timeout_us + SECOND_US);
    cluster_run(&cluster, 10 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), 1);
    assert_int_equal(cluster_members(&cluster, 1), 1);

    /* The right one still works afterwards. */
    assert_int_equal(cluster_join(&cluster, 1, "host0", 4001).code, 0);
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 0), 2);
    assert_int_equal(cluster_members(&cluster, 1), 2);
    cluster_close(&cluster);
}

static void a_node_that_cannot_hear_the_cluster_gives_up_joining_in_time(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    founders(&options, 2, 3);
    cluster_open_empty(&cluster, &options);
    cluster_start(&cluster, 0);
    cluster_start(&cluster, 1);
    cluster_run(&cluster, SECOND_US);
    cluster_mute(&cluster, 0, 1);
    struct answer answer = cluster_join(&cluster, 1, "host0", 4001);
    assert_true(answer.code < 0);
    assert_true(answer.took_us <= options.request_timeout_us + SECOND_US);
    cluster_mend(&cluster);
    cluster_run(&cluster, 10 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), cluster_members(&cluster, 1));
    cluster_close(&cluster);
}

static void a_joiner_that_holds_data_is_refused_and_keeps_it(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    founders(&options, 2, 1);
    cluster_open_empty(&cluster, &options);
    cluster_start(&cluster, 0);
    cluster_start(&cluster, 1);
    cluster_run(&cluster, SECOND_US);
    assert_int_equal(cluster_put(&cluster, 1, "mine", "my data", NULL).code, 0);

    struct answer refused = cluster_join(&cluster, 1, "host0", 4001);
    assert_int_equal(refused.code, SHOAL_EHASDATA);
    assert_true(refused.text[0] != '\0');
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), 1);
    assert_int_equal(cluster_members(&cluster, 1), 1);
    struct answer still = cluster_get(&cluster, 1, "mine");
    assert_values(&still, "my data", NULL);
    cluster_close(&cluster);
}

static void a_joiner_refills_before_it_counts(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.joiners = 1;
    cluster_open(&cluster, &options);
    for (uint32_t i = 0; i < KEYS; i++) {
        char value[32];
        snprintf(value, sizeof(value), "value %u", i);
        assert_int_equal(cluster_put(&cluster, 0, cluster_key(i), value, NULL).code, 0);
    }
    /* It reaches one owner, and must hear two. */
    cluster_part(&cluster, 3, 1);
    cluster_part(&cluster, 3, 2);
    cluster.world.oracle.unstable = true;
    cluster_start(&cluster, 3);
    cluster_run(&cluster, 10 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), 4);
    assert_int_equal(cluster_live_layouts(&cluster, 0), 2);
    uint32_t owned = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get(&cluster, i % 3, cluster_key(i));
        assert_int_equal(now.code, 0);
        assert_int_equal(now.value_count, 1);
        owned += cluster_owner_position(&cluster, 3, cluster_key(i)) >= 0;
    }
    assert_true(owned > 0);

    cluster_mend(&cluster);
    cluster_settle(&cluster);
    assert_int_equal(cluster_live_layouts(&cluster, 3), 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        if (cluster_owner_position(&cluster, 3, cluster_key(i)) >= 0) {
            assert_int_equal(cluster_held(&cluster, 3, cluster_key(i)), 1);
        }
        struct answer now = cluster_get_from(&cluster, 3, cluster_key(i), 3);
        assert_int_equal(now.code, 0);
        assert_int_equal(now.value_count, 1);
    }
    cluster_close(&cluster);
}

/* Whoever it let in now would stay behind in the cluster that it leaves. */
static void who_is_about_to_join_lets_nobody_in(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    founders(&options, 3, 3);
    cluster_open_empty(&cluster, &options);
    for (uint32_t node = 0; node < 3; node++) {
        cluster_start(&cluster, node);
    }
    cluster_run(&cluster, SECOND_US);
    cluster_mute(&cluster, 0, 1);
    struct sim_ask ask = {
        .node = 1, .op = REQUEST_JOIN, .key = bytes_from_string("host0"), .limit = 4001};
    struct sim_request *joining = sim_request_submit(&cluster.world, &ask);
    cluster_run(&cluster, 100 * MILLISECOND_US);
    struct answer refused = cluster_join(&cluster, 2, "host1", 4002);
    assert_true(refused.code < 0);
    assert_int_equal(cluster_members(&cluster, 1), 1);
    cluster_mend(&cluster);
    assert_int_equal(cluster_await(&cluster, joining).code, 0);
    assert_int_equal(cluster_join(&cluster, 2, "host1", 4002).code, 0);
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 0), 3);
    cluster_close(&cluster);
}

static struct sim_request *begin_join(struct cluster *cluster, uint32_t node, const char *host)
{
    struct sim_ask ask = {
        .node = node, .op = REQUEST_JOIN, .key = bytes_from_string(host), .limit = 4001};
    return sim_request_submit(&cluster->world, &ask);
}

/* Both are in the founder's cluster, neither knows of the other, and the founder is gone: each is
 * left with a member that never answers. */
static void
two_that_joined_a_founder_as_it_died_go_on_together_when_an_operator_has_them_meet(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    founders(&options, 3, 1);
    cluster_open_empty(&cluster, &options);
    for (uint32_t node = 0; node < 3; node++) {
        cluster_start(&cluster, node);
    }
    cluster_run(&cluster, SECOND_US);
    cluster_expect_change(&cluster);
    struct sim_request *joins[] = {begin_join(&cluster, 1, "host0"),
                                   begin_join(&cluster, 2, "host0")};
    while (cluster_members(&cluster, 1) < 2 || cluster_members(&cluster, 2) < 2) {
        cluster_run(&cluster, MILLISECOND_US / 10);
    }
    cluster_bury(&cluster, 0);
    (void)cluster_await(&cluster, joins[0]);
    (void)cluster_await(&cluster, joins[1]);
    cluster_run(&cluster, 60 * SECOND_US);
    assert_false(sim_meet_done(&cluster.world));
    assert_true(cluster_live_layouts(&cluster, 1) > 1);

    cluster_rejoin(&cluster, 1, 2);
    cluster_run(&cluster, SECOND_US);
    assert_true(sim_meet_done(&cluster.world));
    assert_int_equal(cluster_remove(&cluster, 2, 0, true).code, 0);
    cluster_settle(&cluster);
    for (uint32_t node = 1; node < 3; node++) {
        assert_int_equal(cluster_members(&cluster, node), 2);
        assert_int_equal(cluster_live_layouts(&cluster, node), 1);
    }
    assert_int_equal(cluster_put(&cluster, 1, "key", "value", NULL).code, 0);
    struct answer answer = cluster_get(&cluster, 2, "key");
    assert_values(&answer, "value", NULL);
    cluster_close(&cluster);
}

static void seeds_found_one_cluster_whichever_node_starts_first(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 3; first++) {
        struct cluster cluster;
        struct sim_options options;
        sim_options_quiet(&options);
        options.seed = first + 1;
        cluster_open_empty(&cluster, &options);
        for (uint32_t i = 0; i < 3; i++) {
            cluster_start(&cluster, (first + i) % 3);
            cluster_run(&cluster, 2 * SECOND_US);
        }
        cluster_settle(&cluster);
        assert_int_equal(cluster_members(&cluster, 0), 3);
        cluster_close(&cluster);
    }
}

/* The joiner can't tell it from the cluster that was meant. So a machine is not set up anew where
 * somebody still looks for a cluster: that somebody does is what sim_members_seeking says. */
static void a_joiner_cut_off_with_a_seed_that_was_set_up_anew_is_in_its_cluster(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = 3;
    options.spares = 1;
    cluster_open(&cluster, &options);
    assert_int_equal(cluster_remove(&cluster, 0, 1, true).code, 0);
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_standing(&cluster, 1), SIM_REMOVED);
    sim_node_crash(cluster_node(&cluster, 1), SIM_EXIT_KILL);
    cluster_split(&cluster, 1u << 0 | 1u << 2, 1u << 1 | 1u << 3);
    assert_false(sim_members_seeking(&cluster.world));
    cluster_start_joiner(&cluster, 3);
    cluster_run(&cluster, 2 * SECOND_US);
    assert_true(sim_members_seeking(&cluster.world));
    cluster.joins.waits[1] = true; /* its operator is slow to have it join */
    sim_node_renew(cluster_node(&cluster, 1));
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 10 * SECOND_US);
    sim_members_look(&cluster.world);
    assert_false(sim_members_seeking(&cluster.world));
    assert_int_equal(cluster_members(&cluster, 3), 2);
    assert_int_equal(cluster_standing(&cluster, 3), SIM_OUTSIDE);
    cluster_close(&cluster);
}

static void a_joiner_cut_off_from_all_seeds_is_on_its_way_until_it_is_in(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = 3;
    options.spares = 1;
    cluster_open(&cluster, &options);
    cluster_split(&cluster, 7, 8);
    cluster_start_joiner(&cluster, 3);
    cluster_run(&cluster, 10 * SECOND_US);
    assert_true(sim_members_seeking(&cluster.world));
    cluster_mend(&cluster);
    cluster_settle(&cluster);
    assert_false(sim_members_seeking(&cluster.world));
    assert_int_equal(cluster_members(&cluster, 0), 4);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_join_address_is_an_error_in_time_and_leaves_no_ghost_member),
        cmocka_unit_test(a_node_that_cannot_hear_the_cluster_gives_up_joining_in_time),
        cmocka_unit_test(a_joiner_that_holds_data_is_refused_and_keeps_it),
        cmocka_unit_test(a_joiner_refills_before_it_counts),
        cmocka_unit_test(who_is_about_to_join_lets_nobody_in),
        cmocka_unit_test(
            two_that_joined_a_founder_as_it_died_go_on_together_when_an_operator_has_them_meet),
        cmocka_unit_test(seeds_found_one_cluster_whichever_node_starts_first),
        cmocka_unit_test(a_joiner_cut_off_with_a_seed_that_was_set_up_anew_is_in_its_cluster),
        cmocka_unit_test(a_joiner_cut_off_from_all_seeds_is_on_its_way_until_it_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
