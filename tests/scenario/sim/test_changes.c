/* Operators' changes with data in the cluster, and machines that die at every stage of them. */
#include "scenario.h"

#include "sim_members.h"

#define KEYS 24u
#define STAGES 8u
#define STAGE_US (60 * MILLISECOND_US)

static const char *value_text(uint32_t i, const char *round)
{
    static char value[64];
    snprintf(value, sizeof(value), "%s %u", round, i);
    return value;
}

static void open_cluster(struct cluster *cluster, uint32_t nodes, uint32_t spares, uint64_t seed)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = nodes;
    options.spares = spares;
    options.seeds = 1;
    options.seed = seed;
    options.repair_us = SECOND_US;
    options.check_every = 32;
    cluster_open(cluster, &options);
}

static void put_all(struct cluster *cluster, uint32_t node, const char *round)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer answer =
            cluster_put(cluster, node, cluster_key(i), value_text(i, round), NULL);
        if (answer.code != 0) {
            fail_msg("%s: %s", cluster_key(i), answer.text);
        }
    }
}

static void assert_all(struct cluster *cluster, uint32_t node, const char *round)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(cluster, node, cluster_key(i), 3);
        assert_values(&now, value_text(i, round), NULL);
    }
}

static void kill_and_start(struct cluster *cluster, uint32_t node)
{
    sim_oracle_loss(&cluster->world.oracle);
    sim_node_crash(cluster_node(cluster, node), SIM_EXIT_KILL);
    cluster_start(cluster, node);
    cluster_run(cluster, 2 * SECOND_US); /* until it answers */
}

static struct message_change about(struct cluster *cluster, uint32_t op, uint32_t node)
{
    return (struct message_change){
        .op = op, .node = bytes_from_string(cluster_node(cluster, node)->config.name)};
}

static void change(struct cluster *cluster, uint32_t at, const struct message_change *wish)
{
    struct answer answer = cluster_change(cluster, at, wish);
    if (answer.code != 0) {
        fail_msg("%s: %s", shoal_error_text(answer.code), answer.text);
    }
}

static const struct view *view_of(struct cluster *cluster, uint32_t node)
{
    return sim_node_snapshot(cluster_node(cluster, node))->view;
}

/* ---- kills at every stage ---- */

static void whoever_dies_at_whatever_stage_of_a_leave_it_comes_to_its_end(void **state)
{
    (void)state;
    for (uint32_t stage = 0; stage < STAGES; stage++) {
        struct cluster cluster;
        open_cluster(&cluster, 4, 0, stage + 1);
        put_all(&cluster, 0, "before");
        struct answer answer = cluster_leave(&cluster, 3);
        assert_int_equal(answer.code, 0);
        cluster_run(&cluster, stage * STAGE_US);
        kill_and_start(&cluster, stage % 2 == 0 ? 3 : stage % 3);
        put_all(&cluster, stage % 3 == 0 ? 1 : 0, "after");
        cluster_settle(&cluster);
        assert_int_equal(cluster_members(&cluster, 1), 3);
        assert_int_equal(cluster_standing(&cluster, 3), SIM_LEAVER);
        assert_int_equal(cluster_held_keys(&cluster, 3, KEYS), 0);
        assert_all(&cluster, 3, "after"); /* passed on */
        cluster_close(&cluster);
    }
}

static void a_joiner_that_dies_at_whatever_stage_finishes(void **state)
{
    (void)state;
    for (uint32_t stage = 0; stage < STAGES; stage++) {
        struct cluster cluster;
        open_cluster(&cluster, 3, 1, stage + 1);
        put_all(&cluster, 0, "before");
        cluster_start_joiner(&cluster, 3);
        cluster_run(&cluster, 400 * MILLISECOND_US + stage * STAGE_US);
        kill_and_start(&cluster, 3);
        put_all(&cluster, 1, "after");
        cluster_settle(&cluster);
        assert_int_equal(cluster_members(&cluster, 0), 4);
        assert_true(cluster_held_keys(&cluster, 3, KEYS) > 0);
        assert_all(&cluster, 3, "after");
        cluster_close(&cluster);
    }
}

static void a_newcomer_that_dies_while_it_replaces_finishes(void **state)
{
    (void)state;
    for (uint32_t stage = 0; stage < STAGES; stage++) {
        struct cluster cluster;
        open_cluster(&cluster, 3, 1, stage + 1);
        put_all(&cluster, 0, "before");
        cluster_bury(&cluster, 2);
        cluster_run(&cluster, 30 * SECOND_US);
        cluster_node(&cluster, 3)->config.seed_count = 0;
        cluster.joins.waits[3] = true; /* it is told to join, nobody else has it do so */
        cluster_start_joiner(&cluster, 3);
        cluster_run(&cluster, SECOND_US);
        struct message_change replace = about(&cluster, CHANGE_REPLACE, 2);
        const struct node_config *config = &cluster_node(&cluster, 3)->config;
        snprintf(replace.host, sizeof(replace.host), "%s", config->advertise_host);
        replace.port = config->peer_port;
        change(&cluster, 0, &replace);
        cluster_run(&cluster, stage * STAGE_US);
        kill_and_start(&cluster, 3);
        put_all(&cluster, 1, "after");
        cluster_settle(&cluster);
        assert_int_equal(cluster_members(&cluster, 0), 3);
        assert_int_equal(cluster_held_keys(&cluster, 3, KEYS), KEYS);
        assert_all(&cluster, 1, "after");
        cluster_close(&cluster);
    }
}

/* ---- coming back ---- */

static void a_node_that_has_left_joins_again_and_holds_what_is_new(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0, 1);
    put_all(&cluster, 0, "first");
    assert_int_equal(cluster_leave(&cluster, 3).code, 0);
    cluster_settle(&cluster);
    put_all(&cluster, 0, "second");
    struct answer gone = cluster_delete(&cluster, 1, cluster_key(0), NULL);
    assert_int_equal(gone.code, 0);
    cluster_restart(&cluster, 3, SIM_EXIT_STOP);
    assert_int_equal(cluster_standing(&cluster, 3), SIM_LEAVER);
    cluster_rejoin(&cluster, 3, 1);
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 0), 4);
    for (uint32_t i = 1; i < KEYS; i++) {
        struct answer now = cluster_get_from(&cluster, 3, cluster_key(i), 3);
        assert_values(&now, value_text(i, "second"), NULL);
    }
    assert_int_equal(cluster_get(&cluster, 3, cluster_key(0)).value_count, 0);
    cluster_close(&cluster);
}

static void a_node_that_was_removed_while_it_was_away_brings_nothing_back(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0, 1);
    put_all(&cluster, 0, "old");
    cluster_expect_change(&cluster);
    sim_node_crash(cluster_node(&cluster, 3), SIM_EXIT_POWER);
    cluster_run(&cluster, 30 * SECOND_US);
    assert_int_equal(cluster_remove(&cluster, 0, 3, false).code, 0);
    put_all(&cluster, 1, "new");
    for (uint32_t i = 0; i < KEYS; i += 2) {
        assert_int_equal(cluster_delete(&cluster, 2, cluster_key(i), NULL).code, 0);
    }
    cluster_start(&cluster, 3);
    cluster_settle(&cluster);
    assert_int_equal(cluster_standing(&cluster, 3), SIM_REMOVED);
    struct answer refused = cluster_get(&cluster, 3, cluster_key(1));
    assert_int_equal(refused.code, SHOAL_EPERM);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(&cluster, 1, cluster_key(i), 3);
        assert_int_equal(now.value_count, i % 2);
    }
    cluster_close(&cluster);
}

/* ---- two at once, and later ---- */

static void changes_on_two_sides_of_a_partition_both_happen(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 5, 0, 1);
    put_all(&cluster, 0, "before");
    cluster_split(&cluster, 1u << 0 | 1u << 1, 1u << 2 | 1u << 3 | 1u << 4);
    struct message_change set = about(&cluster, CHANGE_SET, 1);
    set.weight = 3;
    set.zone = bytes_from_string("elsewhere");
    change(&cluster, 0, &set);
    change(&cluster, 2,
           &(struct message_change){.op = CHANGE_LEAVE,
                                    .node =
                                        bytes_from_string(cluster_node(&cluster, 4)->config.name)});
    cluster_run(&cluster, 5 * SECOND_US);
    cluster_mend(&cluster);
    put_all(&cluster, 3, "after");
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 0), 4);
    const struct role *role = roles_find_member_by_name(&view_newest(view_of(&cluster, 3))->roles,
                                                        cluster_node(&cluster, 1)->config.name);
    assert_int_equal(role->weight, 3);
    assert_string_equal(role->zone, "elsewhere");
    assert_int_equal(cluster_standing(&cluster, 4), SIM_LEAVER);
    assert_all(&cluster, 0, "after");
    cluster_close(&cluster);
}

static void what_is_staged_outlives_all_processes_and_moves_nothing(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0, 1);
    put_all(&cluster, 0, "before");
    struct message_change leave = about(&cluster, CHANGE_LEAVE, 3);
    leave.stage = true;
    change(&cluster, 1, &leave);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < 4; i++) {
        cluster_restart(&cluster, i, SIM_EXIT_STOP);
    }
    assert_int_equal(cluster_members(&cluster, 0), 4);
    assert_int_equal(cluster_live_layouts(&cluster, 0), 1);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(view_staged(view_of(&cluster, i)), 1);
    }
    change(&cluster, 2, &(struct message_change){.op = CHANGE_COMMIT});
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 0), 3);
    assert_int_equal(cluster_held_keys(&cluster, 3, KEYS), 0);
    assert_all(&cluster, 0, "before");
    cluster_close(&cluster);
}

static void weights_may_change_faster_than_data_moves(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0, 1);
    put_all(&cluster, 0, "before");
    for (uint32_t i = 0; i < 12; i++) {
        struct message_change set = about(&cluster, CHANGE_SET, i % 4);
        set.weight = 1 + i * 7 % 5;
        change(&cluster, (i + 1) % 4, &set);
        cluster_run(&cluster, 20 * MILLISECOND_US);
    }
    put_all(&cluster, 2, "after");
    cluster_settle(&cluster);
    assert_false(view_pending(view_of(&cluster, 0)));
    assert_int_equal(cluster_live_layouts(&cluster, 0), 1);
    assert_all(&cluster, 3, "after");
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_dies_at_whatever_stage_of_a_leave_it_comes_to_its_end),
        cmocka_unit_test(a_joiner_that_dies_at_whatever_stage_finishes),
        cmocka_unit_test(a_newcomer_that_dies_while_it_replaces_finishes),
        cmocka_unit_test(a_node_that_has_left_joins_again_and_holds_what_is_new),
        cmocka_unit_test(a_node_that_was_removed_while_it_was_away_brings_nothing_back),
        cmocka_unit_test(changes_on_two_sides_of_a_partition_both_happen),
        cmocka_unit_test(what_is_staged_outlives_all_processes_and_moves_nothing),
        cmocka_unit_test(weights_may_change_faster_than_data_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
