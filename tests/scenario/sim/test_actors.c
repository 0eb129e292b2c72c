/* Who a node is after a restart: it goes on under its actors only when its process before ended in
 * good order on these very files; otherwise its holdings begin anew, and where they may have
 * forgotten something they refill before they vote. */
#include "scenario.h"

#define KEYS 30u

/* With many keys, looking at all of them after each event takes long. */
static void options_calm(struct sim_options *options)
{
    sim_options_quiet(options);
    options->check_every = 32;
}

static void put_all(struct cluster *cluster, const char *what)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char value[64];
        snprintf(value, sizeof(value), "%s %u", what, i);
        assert_int_equal(cluster_put(cluster, i % 3, cluster_key(i), value, NULL).code, 0);
    }
}

static void read_all(struct cluster *cluster, const char *what, int32_t r)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        char value[64];
        snprintf(value, sizeof(value), "%s %u", what, i);
        struct answer answer = cluster_get_from(cluster, i % 3, cluster_key(i), r);
        assert_values(&answer, value, NULL);
    }
}

/* The dot that node 0 gives a key of its own. */
static struct dot dot_of(struct cluster *cluster, const char *value)
{
    const char *key = cluster_key_of(cluster, 0);
    assert_int_equal(cluster_put(cluster, 0, key, value, NULL).code, 0);
    return cluster_last_dot(cluster, key);
}

static void open_cluster(struct cluster *cluster, enum log_durability durability)
{
    struct sim_options options;
    options_calm(&options);
    options.store.durability = durability;
    cluster_open(cluster, &options);
    put_all(cluster, "first");
}

static uint64_t begun(struct cluster *cluster, uint32_t node)
{
    return cluster_node(cluster, node)->holdings_begun;
}

static uint64_t refilled(struct cluster *cluster, uint32_t node)
{
    return cluster_node(cluster, node)->holdings_refilling;
}

static void a_clean_stop_and_restart_goes_on_with_its_actors(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, LOG_SYNC);
    struct dot before = dot_of(&cluster, "before");
    for (uint64_t round = 1; round <= 3; round++) {
        char value[32];
        snprintf(value, sizeof(value), "round %u", (unsigned)round);
        cluster_restart(&cluster, 0, SIM_EXIT_STOP);
        assert_int_equal(begun(&cluster, 0), 0);
        struct dot after = dot_of(&cluster, value);
        assert_int_equal(after.actor, before.actor);
        assert_true(after.counter > before.counter);
        before = after;
    }
    read_all(&cluster, "first", 3);
    cluster_close(&cluster);
}

static void an_unclean_stop_begins_new_actors_and_forgets_nothing(void **state)
{
    (void)state;
    static const enum sim_exit ways[] = {SIM_EXIT_KILL, SIM_EXIT_POWER};
    for (uint32_t way = 0; way < 2; way++) {
        struct cluster cluster;
        open_cluster(&cluster, LOG_SYNC);
        struct dot before = dot_of(&cluster, "before");
        cluster_restart(&cluster, 0, ways[way]);
        assert_true(begun(&cluster, 0) > 0);
        assert_int_equal(refilled(&cluster, 0), 0);
        struct dot after = dot_of(&cluster, "after");
        assert_true(after.actor != before.actor);
        read_all(&cluster, "first", 3);
        cluster_close(&cluster);
    }
}

/* The dot was given and is nowhere on the disk; the next process may not give it to another write.
 */
static void a_dot_that_was_lost_with_its_write_is_not_given_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        options.store.wait_us_mean[OFFLOAD_WRITE] = 20 * MILLISECOND_US;
        cluster_open(&cluster, &options);
        char key[32];
        snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 0));
        assert_int_equal(cluster_put(&cluster, 0, key, "safe", NULL).code, 0);
        struct dot safe = cluster_last_dot(&cluster, key);
        struct sim_request *lost = cluster_begin_put(&cluster, 0, key, "lost");
        cluster_run(&cluster, 2 * MILLISECOND_US);
        sim_node_crash(cluster_node(&cluster, 0), SIM_EXIT_POWER);
        (void)cluster_await(&cluster, lost);
        cluster_start(&cluster, 0);
        cluster_settle(&cluster);
        assert_int_equal(cluster_put(&cluster, 0, key, "after", NULL).code, 0);
        struct dot after = cluster_last_dot(&cluster, key);
        assert_true(after.actor != safe.actor);
        cluster_close(&cluster);
    }
}

static void a_power_loss_under_os_and_interval_refills_and_a_kill_does_not(void **state)
{
    (void)state;
    static const enum log_durability durabilities[] = {LOG_INTERVAL, LOG_OS};
    for (uint32_t i = 0; i < 2; i++) {
        struct cluster cluster;
        open_cluster(&cluster, durabilities[i]);
        struct dot before = dot_of(&cluster, "before");
        cluster_restart(&cluster, 0, SIM_EXIT_KILL);
        assert_true(begun(&cluster, 0) > 0);
        assert_int_equal(refilled(&cluster, 0), 0);
        cluster_restart(&cluster, 0, SIM_EXIT_POWER);
        assert_true(refilled(&cluster, 0) > 0);
        assert_int_equal(refilled(&cluster, 0), begun(&cluster, 0));
        struct dot after = dot_of(&cluster, "after");
        assert_true(after.actor != before.actor);
        read_all(&cluster, "first", 3);
        /* A clean stop is a clean stop whatever the durability. */
        cluster_restart(&cluster, 0, SIM_EXIT_STOP);
        assert_int_equal(begun(&cluster, 0), 0);
        cluster_close(&cluster);
    }
}

/* Under os and interval kills lose nothing, however many nodes they meet at once. */
static void a_kill_of_all_nodes_at_once_loses_nothing_under_any_durability(void **state)
{
    (void)state;
    static const enum log_durability durabilities[] = {LOG_SYNC, LOG_INTERVAL, LOG_OS};
    for (uint32_t i = 0; i < 3; i++) {
        struct cluster cluster;
        open_cluster(&cluster, durabilities[i]);
        for (uint32_t node = 0; node < 3; node++) {
            sim_node_crash(cluster_node(&cluster, node), SIM_EXIT_KILL);
        }
        for (uint32_t node = 0; node < 3; node++) {
            cluster_start(&cluster, node);
        }
        cluster_settle(&cluster);
        read_all(&cluster, "first", 2);
        cluster_close(&cluster);
    }
}

static void a_power_loss_of_all_nodes_at_once_loses_nothing_under_sync(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        cluster_open(&cluster, &options);
        put_all(&cluster, "first");
        for (uint32_t node = 0; node < 3; node++) {
            sim_node_crash(cluster_node(&cluster, node), SIM_EXIT_POWER);
        }
        for (uint32_t node = 0; node < 3; node++) {
            cluster_start(&cluster, node);
        }
        cluster_settle(&cluster);
        read_all(&cluster, "first", 2);
        cluster_close(&cluster);
    }
}

/* `stopped`: the copy is made of a node that was stopped in good order, and has its proof with it.
 */
static void restore(bool stopped)
{
    struct cluster cluster;
    open_cluster(&cluster, LOG_SYNC);
    struct sim_node *node = cluster_node(&cluster, 0);
    struct dot copied = dot_of(&cluster, "copied");
    if (stopped) {
        cluster_stop(&cluster, 0);
        sim_store_copy_aside(&node->store);
        cluster_start(&cluster, 0);
        cluster_settle(&cluster);
    } else {
        sim_store_copy_aside(&node->store);
    }
    put_all(&cluster, "second");
    struct dot lost = dot_of(&cluster, "lost");
    assert_int_equal(lost.actor, copied.actor);
    assert_true(sim_node_restore(node));
    cluster_start(&cluster, 0);
    cluster_settle(&cluster);
    assert_true(refilled(&cluster, 0) > 0);
    assert_int_equal(refilled(&cluster, 0), begun(&cluster, 0));
    struct dot after = dot_of(&cluster, "after");
    assert_true(after.actor != copied.actor);
    read_all(&cluster, "second", 3);
    cluster_close(&cluster);
}

static void a_restored_copy_begins_new_actors_and_refills(void **state)
{
    (void)state;
    restore(true);
    restore(false);
}

static void another_number_of_workers_finds_everything_and_goes_on(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, LOG_SYNC);
    struct sim_node *node = cluster_node(&cluster, 0);
    static const uint32_t counts[] = {3, 2, 1, 3};
    struct dot before = dot_of(&cluster, "before");
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        char what[32];
        snprintf(what, sizeof(what), "with %u in turn %u", counts[i], i);
        cluster_stop(&cluster, 0);
        node->worker_count = counts[i];
        cluster_start(&cluster, 0);
        cluster_settle(&cluster);
        assert_int_equal(begun(&cluster, 0), 0);
        put_all(&cluster, what);
        read_all(&cluster, what, 3);
        struct dot after = dot_of(&cluster, what);
        assert_int_equal(after.actor, before.actor);
    }
    sim_node_crash(node, SIM_EXIT_POWER);
    node->worker_count = 1;
    cluster_start(&cluster, 0);
    cluster_settle(&cluster);
    read_all(&cluster, "with 3 in turn 3", 3);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_stop_and_restart_goes_on_with_its_actors),
        cmocka_unit_test(an_unclean_stop_begins_new_actors_and_forgets_nothing),
        cmocka_unit_test(a_dot_that_was_lost_with_its_write_is_not_given_again),
        cmocka_unit_test(a_power_loss_under_os_and_interval_refills_and_a_kill_does_not),
        cmocka_unit_test(a_kill_of_all_nodes_at_once_loses_nothing_under_any_durability),
        cmocka_unit_test(a_power_loss_of_all_nodes_at_once_loses_nothing_under_sync),
        cmocka_unit_test(a_restored_copy_begins_new_actors_and_refills),
        cmocka_unit_test(another_number_of_workers_finds_everything_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
