/* The live feed when nodes die, come back, lose what they kept, or can't be reached. Readers wander
 * from node to node with their cursors, now fast, now slowly; the oracle (sim_watch.h) holds every
 * step of their cursors, and in the end every acknowledged put, against what they were told. */
#include "scenario.h"

#include "sim_watch.h"

#define NODES 3u
#define READERS 3u

struct story {
    struct cluster cluster;
    struct sim_watchers watchers;
};

static struct story story;

static void run(uint32_t seconds)
{
    cluster_run(&story.cluster, seconds * SECOND_US);
}

/* So many puts at the node, each of a value of its own. */
static void write_at(uint32_t node, uint32_t count)
{
    static uint32_t number;
    char value[32];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(value, sizeof(value), "value %u", ++number);
        struct answer answer =
            cluster_put(&story.cluster, node, cluster_key(number % 8), value, NULL);
        assert_int_equal(answer.code, 0);
    }
}

static void crash(uint32_t node, enum sim_exit how)
{
    sim_node_crash(cluster_node(&story.cluster, node), how);
    run(1);
}

static void open_story(uint32_t spares)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = NODES;
    options.spares = spares;
    options.store.kind = SIM_STORE_LOG;
    cluster_open(&story.cluster, &options);
    sim_watchers_init(&story.watchers, &story.cluster.world, READERS);
    sim_watchers_begin(&story.watchers);
    run(5);
    for (uint32_t i = 0; i < READERS; i++) {
        assert_true(story.watchers.items[i].known);
    }
}

static int setup(void **state)
{
    (void)state;
    open_story(0);
    return 0;
}

static int setup_spare(void **state)
{
    (void)state;
    open_story(1);
    return 0;
}

/* All has healed: everybody gets everything, or was told. */
static void judge(void)
{
    cluster_settle(&story.cluster);
    sim_watchers_judge(&story.watchers);
    assert_true(story.watchers.judged > 0);
}

static int teardown(void **state)
{
    (void)state;
    cluster_close(&story.cluster);
    sim_watchers_deinit(&story.watchers);
    return 0;
}

/* How many readers were told of such a gap of the node. */
static uint32_t told(uint32_t node, uint32_t reason)
{
    uint64_t id = cluster_node(&story.cluster, node)->id;
    uint32_t count = 0;
    for (uint32_t i = 0; i < READERS; i++) {
        count += sim_gaps_told(&story.watchers.items[i].gaps, id, reason);
    }
    return count;
}

/* ---- scenarios ---- */

static void what_is_done_anywhere_is_told_to_readers_wherever_they_go(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        write_at(i % NODES, 6);
        run(1);
    }
    judge();
    assert_int_equal(story.watchers.excused, 0);
    for (uint32_t node = 0; node < NODES; node++) {
        assert_int_equal(told(node, FEED_GAP_LOST) + told(node, FEED_GAP_TRIMMED), 0);
        assert_int_equal(told(node, FEED_GAP_CRASHED), 0);
    }
}

static void a_dead_coordinator_is_a_gap_and_what_it_did_unseen_follows(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < READERS; i++) {
        story.watchers.items[i].room = 0; /* none of them takes it in time, ... */
    }
    write_at(1, 10);
    crash(1, SIM_EXIT_KILL);
    run(8);
    assert_true(told(1, FEED_GAP_AWAY) > 0);
    write_at(0, 10);
    cluster_start(&story.cluster, 1);
    write_at(2, 10);
    judge(); /* ... and all of them in the end */
    assert_int_equal(story.watchers.excused, 0);
    assert_int_equal(told(1, FEED_GAP_CRASHED), READERS);
    assert_int_equal(told(1, FEED_GAP_LOST) + told(1, FEED_GAP_TRIMMED), 0);
}

static void a_machine_that_loses_its_power_says_that_some_may_be_missing(void **state)
{
    (void)state;
    write_at(1, 20);
    crash(1, SIM_EXIT_POWER);
    run(5);
    cluster_start(&story.cluster, 1);
    write_at(0, 10);
    cluster_settle(&story.cluster);
    write_at(1, 10);
    judge();
    assert_int_equal(told(1, FEED_GAP_CRASHED), READERS);
}

/* All go, and nobody follows the feed any more. */
static void go_away(void)
{
    sim_watchers_away(&story.watchers, true);
    run(15);
}

static void come_back(void)
{
    sim_watchers_away(&story.watchers, false);
}

static void what_a_killed_process_has_told_nobody_outlives_the_machine(void **state)
{
    (void)state;
    go_away();
    for (uint32_t i = 0; i < 4; i++) { /* what such a loss takes along is a matter of chance */
        write_at(1, 10);
        crash(1, SIM_EXIT_KILL);
        cluster_start(&story.cluster, 1);
        run(12); /* nothing is written here: nothing but the start has had it synced */
        crash(1, SIM_EXIT_POWER);
        cluster_start(&story.cluster, 1);
        cluster_settle(&story.cluster);
    }
    come_back();
    judge();
    assert_int_equal(story.watchers.excused, 0);
    assert_int_equal(told(1, FEED_GAP_CRASHED), READERS);
    assert_int_equal(told(1, FEED_GAP_LOST) + told(1, FEED_GAP_TRIMMED), 0);
}

static void what_is_damaged_before_a_crash_is_told_as_gone(void **state)
{
    (void)state;
    struct sim_feed *feed = &cluster_node(&story.cluster, 1)->feed;
    write_at(1, 2);
    go_away();
    write_at(1, 10);
    crash(1, SIM_EXIT_KILL);
    assert_true(model_disk_flip(feed->disk, "000-0000000000000001.tail", 96 + 300, 0));
    cluster_start(&story.cluster, 1);
    cluster_settle(&story.cluster);
    write_at(1, 2);
    come_back();
    judge();
    assert_int_equal(told(1, FEED_GAP_CRASHED), READERS);
    assert_int_equal(told(1, FEED_GAP_TRIMMED), READERS);
}

static void a_machine_that_loses_its_power_while_it_starts_has_crashed(void **state)
{
    (void)state;
    struct sim_node *node = cluster_node(&story.cluster, 1);
    write_at(1, 20);
    crash(1, SIM_EXIT_KILL);
    uint32_t tries = 0;
    do { /* at some call that changes its disk, if the start makes as many */
        assert_true(tries++ < 50);
        if (node->state == SIM_UP) {
            sim_node_spare(node);
            sim_node_crash(node, SIM_EXIT_KILL);
        }
        sim_store_doom(&node->store, SIM_EXIT_POWER);
    } while (sim_node_start(node) == 0);
    cluster_start(&story.cluster, 1);
    cluster_settle(&story.cluster);
    write_at(0, 10);
    judge();
    assert_int_equal(told(1, FEED_GAP_CRASHED), READERS);
}

static void who_was_cut_off_is_told_of_and_tells_all_later(void **state)
{
    (void)state;
    cluster_part(&story.cluster, 2, 0);
    cluster_part(&story.cluster, 2, 1);
    run(5);
    write_at(0, 10);
    write_at(1, 10);
    run(5);
    cluster_mend(&story.cluster);
    judge();
    assert_true(told(0, FEED_GAP_AWAY) + told(1, FEED_GAP_AWAY) + told(2, FEED_GAP_AWAY) > 0);
    for (uint32_t node = 0; node < NODES; node++) {
        assert_int_equal(told(node, FEED_GAP_LOST) + told(node, FEED_GAP_TRIMMED), 0);
    }
}

static void a_feed_that_is_lost_is_told_as_lost(void **state)
{
    (void)state;
    write_at(1, 10);
    cluster_stop(&story.cluster, 1);
    sim_feed_wipe(&cluster_node(&story.cluster, 1)->feed);
    write_at(0, 5);
    cluster_start(&story.cluster, 1);
    cluster_settle(&story.cluster);
    write_at(1, 10);
    judge();
    assert_int_equal(told(1, FEED_GAP_LOST), READERS);
    assert_int_equal(told(0, FEED_GAP_LOST) + told(2, FEED_GAP_LOST), 0);
}

static bool anybody_reads_at(uint32_t node)
{
    bool reads = false;
    for (uint32_t i = 0; i < READERS; i++) {
        reads = reads || (story.watchers.items[i].open && story.watchers.items[i].node == node);
    }
    return reads;
}

/* It is let into nothing any more: of who joins later it doesn't even hear that he is there. */
static void who_reads_at_a_removed_node_goes_on_elsewhere(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 600 && !anybody_reads_at(2); i++) {
        run(1);
    }
    assert_true(anybody_reads_at(2));
    story.watchers.calm = true; /* nobody goes elsewhere unless he must */
    cluster_split(&story.cluster, 1u << 2, 1u << 0 | 1u << 1);
    run(30);
    assert_true(anybody_reads_at(2));
    cluster_node(&story.cluster, 2)->condemned = true;
    assert_int_equal(cluster_remove(&story.cluster, 0, 2, true).code, 0);
    cluster_mend(&story.cluster);
    cluster_start_joiner(&story.cluster, 3);
    cluster_settle(&story.cluster);
    assert_false(anybody_reads_at(2));
    write_at(3, 10);
    judge();
    assert_int_equal(told(2, FEED_GAP_REMOVED), READERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_done_anywhere_is_told_to_readers_wherever_they_go,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_coordinator_is_a_gap_and_what_it_did_unseen_follows,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_machine_that_loses_its_power_says_that_some_may_be_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_killed_process_has_told_nobody_outlives_the_machine,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_before_a_crash_is_told_as_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_machine_that_loses_its_power_while_it_starts_has_crashed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(who_was_cut_off_is_told_of_and_tells_all_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_feed_that_is_lost_is_told_as_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(who_reads_at_a_removed_node_goes_on_elsewhere, setup_spare,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
