/* The membership changes while clients write: stories of how other stores have lost writes then. */
#include "scenario.h"

#include "base/memory.h"
#include "sim_clients.h"

#define KEYS 40u
#define LARGE_BYTES 3000u

/* Its own for each key and round; long ones take time to copy. */
static const char *value_text(uint32_t i, const char *round, size_t pad)
{
    static char value[LARGE_BYTES + 64];
    int len = snprintf(value, sizeof(value), "%s %u", round, i);
    memset(value + len, '.', pad);
    value[(size_t)len + pad] = 0;
    return value;
}

static void open_cluster(struct cluster *cluster, uint32_t nodes, uint32_t spares)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = nodes;
    options.spares = spares;
    options.seeds = 1;
    options.sloppy = false;
    options.repair_us = SECOND_US;
    options.check_every = 32;
    cluster_open(cluster, &options);
}

static void assert_done(const struct answer *answer)
{
    if (answer->code != 0) {
        fail_msg("%s: %s", shoal_error_text(answer->code), answer->text);
    }
}

static void put(struct cluster *cluster, uint32_t node, const char *key, const char *value)
{
    struct answer answer = cluster_put(cluster, node, key, value, NULL);
    if (answer.code != 0) {
        fail_msg("%s: %s", key, answer.text);
    }
}

static void put_all(struct cluster *cluster, uint32_t node, const char *round, size_t pad)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        put(cluster, node, cluster_key(i), value_text(i, round, pad));
    }
}

/* Asked of all owners there are. */
static void assert_all(struct cluster *cluster, uint32_t node, const char *round)
{
    uint32_t members = cluster_members(cluster, node);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now =
            cluster_get_from(cluster, node, cluster_key(i), members < 3 ? (int32_t)members : 3);
        assert_values(&now, value_text(i, round, 0), NULL);
    }
}

/* With that one as its only seed. */
static void start_at(struct cluster *cluster, uint32_t node, uint32_t seed)
{
    struct node_config *config = &cluster_node(cluster, node)->config;
    const struct node_config *other = &cluster_node(cluster, seed)->config;
    snprintf(config->seeds[0].host, sizeof(config->seeds[0].host), "%s", other->advertise_host);
    config->seeds[0].port = other->peer_port;
    cluster_start_joiner(cluster, node);
}

static void leave(struct cluster *cluster, uint32_t node)
{
    struct answer answer = cluster_leave(cluster, node);
    assert_done(&answer);
    assert_true(answer.committed);
}

/* One layout, all data with its owners, and who has left holds nothing. */
static void assert_settled(struct cluster *cluster, uint32_t at, uint32_t members)
{
    cluster_settle(cluster);
    assert_int_equal(cluster_live_layouts(cluster, at), 1);
    assert_int_equal(cluster_members(cluster, at), members);
    for (uint32_t node = 0; node < cluster->world.node_count; node++) {
        const struct sim_node *here = cluster_node(cluster, node);
        if (here->state == SIM_UP && cluster_standing(cluster, node) == SIM_LEAVER) {
            assert_int_equal(cluster_held_keys(cluster, node, KEYS), 0);
        }
    }
}

/* ---- under load ---- */

/* Strict quorums, 40 clients on 10 keys, and a membership that never rests. The oracle knows every
 * acknowledged write: each must be seen by all later reads, or something that replaced it. */
static void no_acknowledged_write_is_lost_while_nodes_join_and_leave(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = 3;
    options.spares = 3;
    options.seeds = 1;
    options.sloppy = false;
    options.repair_us = SECOND_US;
    options.client.clients = 40;
    options.client.keys = 10;
    options.client.think_us_mean = 50 * MILLISECOND_US;
    options.check_every = 128;
    cluster_open(&cluster, &options);
    struct sim_clients *clients = mem_alloc(sizeof(*clients));
    assert_non_null(clients);
    sim_clients_init(clients, &cluster.world, UINT64_MAX);
    sim_clients_begin(clients);
    cluster_run(&cluster, SECOND_US);
    static const struct {
        uint32_t node;
        bool joins;
    } steps[] = {{3, true},  {4, true}, {1, false}, {5, true},  {2, false}, {1, true},
                 {3, false}, {2, true}, {0, false}, {4, false}, {0, true}};
    for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint32_t node = steps[i].node;
        if (!steps[i].joins) {
            leave(&cluster, node);
        } else if (cluster_node(&cluster, node)->life == 0) {
            cluster_start_joiner(&cluster, node);
        } else {
            cluster_rejoin(&cluster, node, 5);
        }
        /* Now and then the next one comes while this is still under way. */
        cluster_run(&cluster, i % 3 == 0 ? 50 * MILLISECOND_US : 3 * SECOND_US);
    }
    sim_clients_end(clients);
    cluster_settle(&cluster);
    assert_int_equal(cluster_members(&cluster, 5), 4);
    assert_true(cluster.world.oracle.acked > 3000);
    assert_true(cluster.world.oracle.reads_strict > 3000);
    const struct sim_history *history = &cluster.world.oracle.history;
    for (uint32_t i = 0; i < history->key_count; i++) {
        char key[64];
        snprintf(key, sizeof(key), "%.*s", (int)history->keys[i].name_len,
                 (const char *)history->keys[i].name);
        (void)cluster_get_from(&cluster, 5, key, 3);
    }
    sim_clients_deinit(clients);
    mem_free(clients);
    cluster_close(&cluster);
}

/* From a single node to five and back, with everything that was written on the way. */
static void a_cluster_grows_from_one_to_five_and_shrinks_to_three(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 1, 4);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct sim_ask ask = {.node = 0,
                              .op = REQUEST_PUT,
                              .key = bytes_from_string(cluster_key(i)),
                              .value = bytes_from_string(value_text(i, "alone", 0)),
                              .options = {.w = 1, .r = 1}};
        struct answer answer = cluster_await(&cluster, sim_request_submit(&cluster.world, &ask));
        assert_done(&answer);
    }
    for (uint32_t node = 1; node < 5; node++) {
        cluster_start_joiner(&cluster, node);
        if (node == 2) {
            assert_settled(&cluster, 0, 3);
            assert_all(&cluster, 1, "alone");
            put_all(&cluster, 2, "three", 0);
        }
    }
    put_all(&cluster, 0, "growing", 0);
    assert_settled(&cluster, 0, 5);
    assert_all(&cluster, 4, "growing");
    leave(&cluster, 0);
    leave(&cluster, 1);
    put_all(&cluster, 2, "shrinking", 0);
    assert_settled(&cluster, 2, 3);
    assert_int_equal(cluster_standing(&cluster, 0), SIM_LEAVER);
    assert_all(&cluster, 3, "shrinking");
    /* Who has left passes on what it is asked. */
    struct answer passed = cluster_get(&cluster, 0, cluster_key(0));
    assert_values(&passed, value_text(0, "shrinking", 0), NULL);
    cluster_close(&cluster);
}

/* ---- one partition ---- */

/* A newcomer is to take partitions over, and leaves again before it could copy them: they return
 * to nodes that had owned them before. What these hold is as it was when they were told to hand it
 * over, and must not be taken for whole. */
static void a_partition_that_returns_to_its_earlier_owner_is_synced_again(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 1);
    put_all(&cluster, 0, "old", 0);
    cluster_split(&cluster, 1u << 4, 1u << 0 | 1u << 1);
    start_at(&cluster, 4, 2);
    cluster_run(&cluster, 3 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), 5);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    /* Of some partitions it is an owner, with two others; their fourth is out of the way. */
    cluster_split(&cluster, 1u << 1, 1u << 0 | 1u << 2 | 1u << 3);
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)cluster_put(&cluster, 2, cluster_key(i), value_text(i, "between", 0), NULL);
    }
    leave(&cluster, 4);
    cluster_run(&cluster, SECOND_US);
    assert_true(cluster_live_layouts(&cluster, 3) > 2);
    cluster_mend(&cluster);
    put_all(&cluster, 1, "new", 0);
    assert_settled(&cluster, 0, 4);
    assert_int_equal(cluster_standing(&cluster, 4), SIM_LEAVER);
    assert_all(&cluster, 3, "new");
    cluster_close(&cluster);
}

/* The write knows the old layout only and waits for its owners; meanwhile the new layout's owners
 * copy what there is. Once they have, a read by the new layout must see the write. */
static void a_write_in_flight_under_the_old_layout_is_not_missed_by_the_new_one(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 8; round++) {
        struct cluster cluster;
        open_cluster(&cluster, 3, 1);
        put_all(&cluster, 0, "old", 0);
        struct sim_request *writes[KEYS];
        for (uint32_t other = 1; other < 4; other++) {
            cluster_mute(&cluster, 0, other);
        }
        for (uint32_t i = 0; i < KEYS; i++) {
            writes[i] = cluster_begin_put(&cluster, 0, cluster_key(i), value_text(i, "flying", 0));
        }
        start_at(&cluster, 3, 1);
        cluster_run(&cluster, round * 40 * MILLISECOND_US);
        cluster_mend(&cluster);
        bool acknowledged[KEYS];
        for (uint32_t i = 0; i < KEYS; i++) {
            struct answer answer = cluster_await(&cluster, writes[i]);
            acknowledged[i] = answer.code == 0;
        }
        assert_settled(&cluster, 3, 4);
        for (uint32_t i = 0; i < KEYS; i++) {
            struct answer now = cluster_get(&cluster, 3, cluster_key(i));
            assert_int_equal(now.code, 0);
            if (acknowledged[i]) {
                assert_values(&now, value_text(i, "flying", 0), NULL);
            }
        }
        cluster_close(&cluster);
    }
}

/* Of three owners one has missed a write, and is the only one that newcomers can reach: what it
 * has is not enough to begin with, however many copy it. */
static void nobody_is_synced_by_the_one_owner_that_missed_a_write(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 3, 2);
    put_all(&cluster, 0, "old", 0);
    cluster_split(&cluster, 1u << 2, 1u << 0 | 1u << 1);
    put_all(&cluster, 0, "missed", 0);
    /* Now node 2 hears of it all, but the newcomers hear of nobody else. */
    cluster_mend(&cluster);
    cluster_split(&cluster, 1u << 3 | 1u << 4, 1u << 0 | 1u << 1);
    for (uint32_t node = 3; node < 5; node++) {
        start_at(&cluster, node, 2);
    }
    cluster_run(&cluster, 10 * SECOND_US);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get(&cluster, i % 2, cluster_key(i));
        assert_values(&now, value_text(i, "missed", 0), NULL);
    }
    cluster_mend(&cluster);
    assert_settled(&cluster, 4, 5);
    assert_all(&cluster, 3, "missed");
    cluster_close(&cluster);
}

/* ---- two sides ---- */

static bool is_older(struct cluster *cluster, uint32_t a, uint32_t b)
{
    const struct layout *one = view_newest(sim_node_snapshot(cluster_node(cluster, a))->view);
    const struct layout *other = view_newest(sim_node_snapshot(cluster_node(cluster, b))->view);
    return layout_key_compare(&one->key, &other->key) < 0;
}

/* Two operators commit, each on one side of a partition, layouts of the same version; and on top of
 * the one that is going to lose a third is committed. Everything asked for comes true. */
static void two_commits_of_one_version_and_a_third_on_the_loser_all_come_true(void **state)
{
    (void)state;
    for (uint32_t on_winner = 0; on_winner < 2; on_winner++) {
        struct cluster cluster;
        open_cluster(&cluster, 6, 0);
        put_all(&cluster, 0, "old", 0);
        cluster_split(&cluster, 1u << 0 | 1u << 1 | 1u << 2, 1u << 3 | 1u << 4 | 1u << 5);
        struct message_change lighter = {
            .op = CHANGE_SET, .node = bytes_from_string("node1"), .weight = 3};
        struct answer first = cluster_change(&cluster, 0, &lighter);
        assert_done(&first);
        leave(&cluster, 5);
        uint32_t loser = is_older(&cluster, 0, 3) ? 0 : 3;
        uint32_t at = on_winner != 0 ? 3 - loser : loser;
        struct message_change zone = {.op = CHANGE_SET,
                                      .node = bytes_from_string("node2"),
                                      .weight = 2,
                                      .zone = bytes_from_string("elsewhere")};
        struct answer third = cluster_change(&cluster, at, &zone);
        assert_done(&third);
        cluster_run(&cluster, 5 * SECOND_US);
        cluster_mend(&cluster);
        put_all(&cluster, 1, "new", 0);
        assert_settled(&cluster, 0, 5);
        const struct view *view = sim_node_snapshot(cluster_node(&cluster, 3))->view;
        const struct roles *roles = &view_newest(view)->roles;
        assert_int_equal(roles_find_member_by_name(roles, "node1")->weight, 3);
        assert_string_equal(roles_find_member_by_name(roles, "node2")->zone, "elsewhere");
        assert_null(roles_find_member_by_name(roles, "node5"));
        assert_all(&cluster, 4, "new");
        cluster_close(&cluster);
    }
}

/* ---- interruptions ---- */

/* The newcomer is killed in the middle of copying, and comes back much later, when most of it has
 * been written anew: it goes on, and what it has of old does no harm. */
static void a_handoff_that_resumes_late_finishes(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 3, 1);
    put_all(&cluster, 0, "old", LARGE_BYTES);
    cluster_start_joiner(&cluster, 3);
    for (uint32_t i = 0; i < 10000 && cluster_held_keys(&cluster, 3, KEYS) < 3; i++) {
        cluster_run(&cluster, MILLISECOND_US / 2);
    }
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    sim_node_crash(cluster_node(&cluster, 3), SIM_EXIT_POWER);
    cluster_run(&cluster, 100 * MILLISECOND_US); /* until nobody passes requests on to it */
    for (uint32_t i = 0; i < KEYS; i += 2) {
        put(&cluster, 0, cluster_key(i), value_text(i, "meanwhile", 0));
    }
    cluster_run(&cluster, 600 * SECOND_US);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer answer = cluster_delete(&cluster, 1, cluster_key(i), NULL);
        assert_done(&answer);
        if (i % 2 == 0) {
            put(&cluster, 1, cluster_key(i), value_text(i, "late", 0));
        }
    }
    cluster_start(&cluster, 3);
    assert_settled(&cluster, 3, 4);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(&cluster, 3, cluster_key(i), 3);
        if (i % 2 == 0) {
            assert_values(&now, value_text(i, "late", 0), NULL);
        } else {
            assert_int_equal(now.code, SHOAL_ENOTFOUND);
        }
    }
    cluster_close(&cluster);
}

/* Two nodes die for good while a third joins. Removing one is safe; the other took the last copy of
 * some writes with it, so its removal is refused until it is forced, and then says which partitions
 * may have lost something. What nobody had to lose is all there. */
static void two_of_three_owners_dead_during_a_change_are_declared(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 5, 1);
    put_all(&cluster, 0, "old", LARGE_BYTES);
    cluster.world.options.w = 3; /* two may be lost: the scenario knows what it does */
    cluster_start_joiner(&cluster, 5);
    for (uint32_t i = 0; i < 10000 && cluster_held_keys(&cluster, 5, KEYS) < 2; i++) {
        cluster_run(&cluster, MILLISECOND_US / 2);
    }
    cluster_bury(&cluster, 1);
    cluster_bury(&cluster, 2);
    cluster_run(&cluster, 60 * SECOND_US);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    struct answer first = cluster_remove(&cluster, 0, 1, false);
    assert_done(&first);
    assert_int_equal(first.may_lose, 0);
    struct answer refused = cluster_remove(&cluster, 3, 2, false);
    assert_true(refused.code < 0);
    assert_true(strstr(refused.text, "--force") != NULL);
    struct answer forced = cluster_remove(&cluster, 3, 2, true);
    assert_done(&forced);
    assert_true(forced.may_lose > 0);
    cluster_settle(&cluster);
    assert_true(cluster.world.counts.declared > 0);
    assert_int_equal(cluster_members(&cluster, 0), 4);
    uint32_t there = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get(&cluster, 4, cluster_key(i));
        there += now.code == 0;
        put(&cluster, 0, cluster_key(i), value_text(i, "again", 0));
    }
    assert_true(there > KEYS / 2);
    assert_all(&cluster, 3, "again");
    cluster_close(&cluster);
}

/* ---- the removed ---- */

/* Cut off, it took a write that nobody else has seen, and missed a deletion; then it was removed by
 * force. When it is back it learns so and refuses; nothing of what it holds comes back by itself.
 */
static void a_removed_node_that_returns_is_refused_and_resurrects_nothing(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0);
    put_all(&cluster, 0, "old", 0);
    cluster_run(&cluster, 5 * SECOND_US);
    cluster_split(&cluster, 1u << 3, 1u << 0 | 1u << 1 | 1u << 2);
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct sim_ask ask = {.node = 3,
                              .op = REQUEST_PUT,
                              .key = bytes_from_string(cluster_key(i)),
                              .value = bytes_from_string(value_text(i, "unseen", 0)),
                              .options = {.w = 1, .r = 1}};
        unseen += cluster_await(&cluster, sim_request_submit(&cluster.world, &ask)).code == 0;
    }
    assert_true(unseen > 0);
    cluster_run(&cluster, 30 * SECOND_US);
    cluster_node(&cluster, 3)->condemned = true;
    struct answer removed = cluster_remove(&cluster, 0, 3, true);
    assert_done(&removed);
    cluster_run(&cluster, 30 * SECOND_US);
    assert_int_equal(cluster_live_layouts(&cluster, 0), 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer gone = cluster_delete(&cluster, i % 3, cluster_key(i), NULL);
        assert_done(&gone);
    }
    cluster_run(&cluster, 30 * SECOND_US);
    cluster_mend(&cluster);
    assert_settled(&cluster, 0, 3);
    assert_int_equal(cluster_standing(&cluster, 3), SIM_REMOVED);
    struct answer refused = cluster_put(&cluster, 3, cluster_key(0), "refused", NULL);
    assert_true(refused.code < 0);
    assert_true(strstr(refused.text, "removed") != NULL);
    refused = cluster_get(&cluster, 3, cluster_key(0));
    assert_true(refused.code < 0 && refused.code != SHOAL_ENOTFOUND);
    cluster_run(&cluster, 60 * SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(&cluster, i % 3, cluster_key(i), 3);
        assert_int_equal(now.code, SHOAL_ENOTFOUND);
    }
    cluster_close(&cluster);
}

/* It had left, was to come back, and died before it said a word: its last one is that it has left.
 * It is as dead as any, and can be removed, or the layout that names it would stay for ever. */
static void who_had_left_was_called_back_and_died_can_be_removed(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 4, 0);
    put_all(&cluster, 0, "old", 0);
    leave(&cluster, 3);
    assert_settled(&cluster, 0, 3);
    const struct node_config *config = &cluster_node(&cluster, 0)->config;
    struct sim_ask ask = {.node = 3,
                          .op = REQUEST_JOIN,
                          .key = bytes_from_string(config->advertise_host),
                          .limit = config->peer_port,
                          .stage = true};
    struct answer staged = cluster_await(&cluster, sim_request_submit(&cluster.world, &ask));
    assert_done(&staged);
    cluster_run(&cluster, SECOND_US);
    cluster_bury(&cluster, 3);
    cluster_run(&cluster, SECOND_US);
    struct message_change commit = {.op = CHANGE_COMMIT};
    struct answer committed = cluster_change(&cluster, 0, &commit);
    assert_done(&committed);
    cluster_run(&cluster, 60 * SECOND_US);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    struct answer removed = cluster_remove(&cluster, 1, 3, false);
    assert_done(&removed);
    put_all(&cluster, 2, "new", 0);
    assert_settled(&cluster, 0, 3);
    assert_all(&cluster, 1, "new");
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_acknowledged_write_is_lost_while_nodes_join_and_leave),
        cmocka_unit_test(a_cluster_grows_from_one_to_five_and_shrinks_to_three),
        cmocka_unit_test(a_partition_that_returns_to_its_earlier_owner_is_synced_again),
        cmocka_unit_test(a_write_in_flight_under_the_old_layout_is_not_missed_by_the_new_one),
        cmocka_unit_test(nobody_is_synced_by_the_one_owner_that_missed_a_write),
        cmocka_unit_test(two_commits_of_one_version_and_a_third_on_the_loser_all_come_true),
        cmocka_unit_test(a_handoff_that_resumes_late_finishes),
        cmocka_unit_test(two_of_three_owners_dead_during_a_change_are_declared),
        cmocka_unit_test(a_removed_node_that_returns_is_refused_and_resurrects_nothing),
        cmocka_unit_test(who_had_left_was_called_back_and_died_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
