/* Disks in trouble: full, failing, rotten, lying; and what the node and the cluster make of it. */
#include "scenario.h"

#define KEYS 60u
#define LARGE_BYTES 2000u

/* With many keys, looking at all of them after each event takes long. */
static void options_calm(struct sim_options *options)
{
    sim_options_quiet(options);
    options->check_every = 32;
}

static const char *value_text(const char *what, uint32_t i)
{
    static char value[64];
    snprintf(value, sizeof(value), "%s %u", what, i);
    return value;
}

static void put_all(struct cluster *cluster, const char *what)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_put(cluster, i % cluster->world.node_count, cluster_key(i),
                                     value_text(what, i), NULL)
                             .code,
                         0);
    }
}

static void read_all(struct cluster *cluster, const char *what, int32_t r)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer answer =
            cluster_get_from(cluster, i % cluster->world.node_count, cluster_key(i), r);
        assert_values(&answer, value_text(what, i), NULL);
    }
}

static void put_round(struct cluster *cluster, uint32_t round)
{
    char what[32];
    snprintf(what, sizeof(what), "round %u", round);
    put_all(cluster, what);
}

static void open_alone(struct cluster *cluster, struct sim_options *options)
{
    options_calm(options);
    options->nodes = 1;
    options->n = 1;
    options->r = 1;
    options->w = 1;
    cluster_open(cluster, options);
}

/* ---- full ---- */

static void a_full_disk_refuses_writes_serves_reads_and_resumes_by_itself(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    open_alone(&cluster, &options);
    put_all(&cluster, "first");
    struct sim_node *node = cluster_node(&cluster, 0);
    sim_store_fill(&node->store, &cluster.world.random);

    /* What is reserved already may still be used. Nothing is written over, so compaction finds no
     * room to win back. */
    struct answer answer = {0};
    for (uint32_t i = 0; i < 100 && answer.code == 0; i++) {
        char key[32];
        char large[LARGE_BYTES];
        snprintf(key, sizeof(key), "more %u", i);
        snprintf(large, sizeof(large), "more %0*u", (int)sizeof(large) - 6, i);
        answer = cluster_put(&cluster, 0, key, large, NULL);
    }
    assert_int_equal(answer.code, SHOAL_ENOSPC);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(cluster_put(&cluster, 0, "refused", value_text("no", i), NULL).code,
                         SHOAL_ENOSPC);
        cluster_run(&cluster, SECOND_US);
    }
    read_all(&cluster, "first", 1);
    const struct engine *engine = node->workers[0].engine;
    assert_int_equal(engine->ops->health(engine), ENGINE_FULL);

    sim_store_mend(&node->store);
    cluster_run(&cluster, 3 * SECOND_US);
    assert_int_equal(engine->ops->health(engine), ENGINE_HEALTHY);
    put_all(&cluster, "second");
    read_all(&cluster, "second", 1);
    cluster_restart(&cluster, 0, SIM_EXIT_POWER);
    read_all(&cluster, "second", 1);
    cluster_close(&cluster);
}

static void the_cluster_writes_on_while_one_disk_is_full(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    options_calm(&options);
    options.store.segment_bytes = 8192;
    cluster_open(&cluster, &options);
    put_all(&cluster, "first");
    struct sim_node *node = cluster_node(&cluster, 0);
    model_disk_options(node->store.disk)->capacity_bytes = 1;
    for (uint32_t round = 0; round < 20; round++) {
        put_round(&cluster, round);
    }
    read_all(&cluster, "round 19", 2);
    const struct engine *engine = node->workers[0].engine;
    assert_int_equal(engine->ops->health(engine), ENGINE_FULL);
    sim_store_mend(&node->store);
    cluster_run(&cluster, 3 * SECOND_US);
    assert_int_equal(engine->ops->health(engine), ENGINE_HEALTHY);
    put_all(&cluster, "last");
    read_all(&cluster, "last", 3);
    cluster_close(&cluster);
}

/* ---- failing ---- */

static void a_failed_fsync_stops_confirmations_there_and_the_cluster_goes_on(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    options_calm(&options);
    cluster_open(&cluster, &options);
    put_all(&cluster, "first");
    struct sim_node *node = cluster_node(&cluster, 0);
    struct model_fault fault = {.calls = MODEL_SYNC, .nth = 1, .code = SHOAL_EIO};
    model_disk_fault(node->store.disk, &fault);

    put_all(&cluster, "second");
    const struct engine *engine = node->workers[0].engine;
    assert_int_equal(engine->ops->health(engine), ENGINE_FAILED);
    /* It confirms nothing, and a sync that would work again changes nothing about it. */
    for (uint32_t i = 0; i < KEYS; i++) {
        struct sim_ask ask = {.node = 1,
                              .op = REQUEST_PUT,
                              .key = bytes_from_string(cluster_key(i)),
                              .value = bytes_from_string(value_text("all", i)),
                              .options = {.w = 3}};
        struct answer answer = cluster_await(&cluster, sim_request_submit(&cluster.world, &ask));
        assert_true(answer.code < 0);
    }
    put_all(&cluster, "third");
    read_all(&cluster, "third", 2);

    cluster_restart(&cluster, 0, SIM_EXIT_KILL);
    put_all(&cluster, "fourth");
    read_all(&cluster, "fourth", 3);
    cluster_close(&cluster);
}

/* What a failed sync lost can still be read, until the power goes: it may not be taken for durable
 * by the next process either. */
static void what_a_failed_fsync_lost_is_not_confirmed_by_the_next_process(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        options.nodes = 1;
        options.n = 1;
        options.r = 1;
        options.w = 1;
        cluster_open(&cluster, &options);
        struct sim_node *node = cluster_node(&cluster, 0);
        assert_int_equal(cluster_put(&cluster, 0, "key", "first", NULL).code, 0);
        struct model_fault fault = {.calls = MODEL_SYNC, .nth = 1, .code = SHOAL_EIO};
        model_disk_fault(node->store.disk, &fault);
        struct answer lost = cluster_put(&cluster, 0, "key", "second", NULL);
        assert_true(lost.code < 0);
        cluster_restart(&cluster, 0, SIM_EXIT_KILL);
        struct answer seen = cluster_get(&cluster, 0, "key");
        assert_int_equal(seen.value_count, 1);
        struct answer again = cluster_put(&cluster, 0, "other", "third", NULL);
        assert_int_equal(again.code, 0);
        /* A read that was answered need not be repeatable after a crash where W is 1, but what
         * stands in the log before a confirmed write must. */
        cluster_restart(&cluster, 0, SIM_EXIT_POWER);
        struct answer after = cluster_get(&cluster, 0, "key");
        assert_int_equal(after.value_count, 1);
        assert_string_equal(after.values[0], seen.values[0]);
        cluster_close(&cluster);
    }
}

/* ---- rotten ---- */

static bool is_damaged(const struct sim_node *node)
{
    return node->holdings_refilling > 0;
}

/* A read that finds rot makes the holding refill, and that one does not vote until it has; so all
 * three owners vote only after some tries. */
static void read_when_restored(struct cluster *cluster, const char *what)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer answer = cluster_get_from(cluster, 1, cluster_key(i), 3);
        for (uint32_t tries = 0; tries < 20 && answer.code == SHOAL_EQUORUM; tries++) {
            cluster_run(cluster, SECOND_US);
            answer = cluster_get_from(cluster, 1, cluster_key(i), 3);
        }
        assert_values(&answer, value_text(what, i), NULL);
        assert_int_equal(cluster_held(cluster, 0, cluster_key(i)), 1);
    }
}

static void rot_in_a_closed_segment_is_never_served_and_is_refilled(void **state)
{
    (void)state;
    uint32_t found = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        options.store.segment_bytes = 8192;
        cluster_open(&cluster, &options);
        for (uint32_t round = 0; round < 4; round++) {
            put_round(&cluster, round);
        }
        cluster_restart(&cluster, 0, SIM_EXIT_STOP);
        struct sim_node *node = cluster_node(&cluster, 0);
        for (uint32_t i = 0; i < 20; i++) {
            (void)sim_store_rot(&node->store, &cluster.world.random);
        }
        sim_oracle_forget(&cluster.world.oracle, 0);
        for (uint32_t i = 0; i < KEYS; i++) {
            struct answer answer = cluster_get(&cluster, 0, cluster_key(i));
            assert_values(&answer, value_text("round 3", i), NULL);
        }
        found += is_damaged(node);
        read_when_restored(&cluster, "round 3");
        cluster_close(&cluster);
    }
    assert_true(found > 5);
}

static void rot_found_at_a_start_is_refilled(void **state)
{
    (void)state;
    static const enum sim_exit ways[] = {SIM_EXIT_STOP, SIM_EXIT_KILL, SIM_EXIT_POWER};
    for (uint64_t seed = 1; seed <= 9; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        options.store.segment_bytes = 8192;
        cluster_open(&cluster, &options);
        for (uint32_t round = 0; round < 4; round++) {
            put_round(&cluster, round);
        }
        struct sim_node *node = cluster_node(&cluster, 0);
        if (ways[seed % 3] == SIM_EXIT_STOP) {
            cluster_stop(&cluster, 0);
        } else {
            sim_node_crash(node, ways[seed % 3]);
        }
        for (uint32_t i = 0; i < 20; i++) {
            (void)sim_store_rot(&node->store, &cluster.world.random);
        }
        sim_oracle_forget(&cluster.world.oracle, 0);
        cluster_start(&cluster, 0);
        cluster_settle(&cluster);
        read_all(&cluster, "round 3", 2);
        read_when_restored(&cluster, "round 3");
        cluster_close(&cluster);
    }
}

/* ---- lying ---- */

/* A disk that says "synced" and has not is beyond what a node can know. What it loses at a power
 * loss the W-1 honest disks still have: a read of all owners finds and restores it. */
static void a_lying_disk_loses_what_the_honest_ones_still_have(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster cluster;
        struct sim_options options;
        options_calm(&options);
        options.seed = seed;
        cluster_open(&cluster, &options);
        put_all(&cluster, "first");
        struct sim_node *node = cluster_node(&cluster, 0);
        model_disk_options(node->store.disk)->lying_rate = 1;
        put_all(&cluster, "second");
        sim_node_crash(node, SIM_EXIT_POWER);
        sim_oracle_forget(&cluster.world.oracle, 0);
        model_disk_options(node->store.disk)->lying_rate = 0;
        cluster_start(&cluster, 0);
        cluster_settle(&cluster);
        read_all(&cluster, "second", 3);
        cluster_run(&cluster, SECOND_US);
        read_all(&cluster, "second", 1);
        cluster_close(&cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_refuses_writes_serves_reads_and_resumes_by_itself),
        cmocka_unit_test(the_cluster_writes_on_while_one_disk_is_full),
        cmocka_unit_test(a_failed_fsync_stops_confirmations_there_and_the_cluster_goes_on),
        cmocka_unit_test(what_a_failed_fsync_lost_is_not_confirmed_by_the_next_process),
        cmocka_unit_test(rot_in_a_closed_segment_is_never_served_and_is_refilled),
        cmocka_unit_test(rot_found_at_a_start_is_refilled),
        cmocka_unit_test(a_lying_disk_loses_what_the_honest_ones_still_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
