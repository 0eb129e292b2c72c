/* What holdings leave behind when they end: dots that were perhaps never stored anywhere. While
 * they are open, no tombstone that knows of them goes; they are closed once every member has spoken
 * and every owner was synced from, and then all that was deleted vanishes. */
#include "scenario.h"

#include "node/core.h"

#define KEYS 24u

/* Three nodes that compare what they hold every two seconds. */
static void open_cluster(struct cluster *cluster, uint64_t seed)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.check_every = 32;
    options.seed = seed;
    cluster_open_empty(cluster, &options);
    for (uint32_t node = 0; node < options.nodes; node++) {
        cluster_node(cluster, node)->config.repair_interval_us = 2 * SECOND_US;
    }
    sim_joins_begin(&cluster->joins);
    cluster_settle(cluster);
}

/* No two are equal: the oracle tells writes apart by them. */
static const char *value_text(void)
{
    static char value[32];
    static uint32_t count;
    snprintf(value, sizeof(value), "value %u", ++count);
    return value;
}

static void put_all(struct cluster *cluster, uint32_t by)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_put(cluster, by, cluster_key(i), value_text(), NULL).code, 0);
    }
}

static void delete_all(struct cluster *cluster, uint32_t by)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_delete(cluster, by, cluster_key(i), NULL).code, 0);
    }
}

static uint32_t node_count(struct cluster *cluster)
{
    return cluster->world.options.nodes;
}

/* Tombstones and what else is held of the keys, by all nodes that are up. */
static uint32_t held(struct cluster *cluster)
{
    uint32_t count = 0;
    for (uint32_t node = 0; node < node_count(cluster); node++) {
        for (uint32_t i = 0; i < KEYS && cluster_node(cluster, node)->state == SIM_UP; i++) {
            count += cluster_held(cluster, node, cluster_key(i));
        }
    }
    return count;
}

static struct worker *worker_at(struct cluster *cluster, uint32_t node, uint32_t worker)
{
    struct sim_node *at = cluster_node(cluster, node);
    return at->state == SIM_UP && worker < at->worker_count ? at->workers[worker].core : NULL;
}

static bool is_current(struct cluster *cluster, uint32_t partition, uint64_t actor)
{
    for (uint32_t node = 0; node < node_count(cluster); node++) {
        for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
            const struct worker *worker = worker_at(cluster, node, w);
            const struct holding *holding =
                worker == NULL ? NULL : replica_holding(&worker->replica, partition);
            if (holding != NULL && holding->actor == actor) {
                return true;
            }
        }
    }
    return false;
}

/* Actors that are open at some holding and nobody's. */
static uint32_t open_ended(struct cluster *cluster)
{
    uint32_t count = 0;
    for (uint32_t node = 0; node < node_count(cluster); node++) {
        for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
            const struct worker *worker = worker_at(cluster, node, w);
            for (uint32_t p = 0; worker != NULL && p < SIM_PARTITIONS_MAX; p++) {
                const struct holding *holding = replica_holding(&worker->replica, p);
                uint64_t actors[64] = {0};
                uint32_t open =
                    holding == NULL ? 0 : partition_clock_open(&holding->clock, actors, 64);
                for (uint32_t i = 0; i < open; i++) {
                    count += is_current(cluster, p, actors[i]) ? 0 : 1;
                }
            }
        }
    }
    return count;
}

static uint64_t questions(struct cluster *cluster)
{
    uint64_t count = 0;
    for (uint32_t node = 0; node < node_count(cluster); node++) {
        for (uint32_t w = 0; w < SIM_WORKERS_MAX; w++) {
            const struct worker *worker = worker_at(cluster, node, w);
            count += worker == NULL ? 0 : worker->closing.counts.questions;
        }
    }
    return count;
}

/* A power cut while writes are under way, so that dots of the node are lost, or stored by some. */
static void cut_in_the_middle(struct cluster *cluster, uint32_t node)
{
    struct sim_request *requests[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        requests[i] = cluster_begin_put(cluster, node, cluster_key(i), value_text());
    }
    cluster_run(cluster, MILLISECOND_US);
    cluster_restart(cluster, node, SIM_EXIT_POWER);
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)cluster_await(cluster, requests[i]);
    }
}

static void what_a_cut_left_behind_is_closed_and_deleted_keys_vanish(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster cluster;
        open_cluster(&cluster, seed);
        put_all(&cluster, 0);
        cut_in_the_middle(&cluster, 1);
        assert_true(open_ended(&cluster) > 0);
        delete_all(&cluster, 2);
        assert_true(held(&cluster) > 0);
        cluster_run(&cluster, 90 * SECOND_US);
        assert_int_equal(open_ended(&cluster), 0);
        assert_int_equal(held(&cluster), 0);
        cluster_close(&cluster);
    }
}

static void once_all_is_closed_nobody_is_asked_any_more(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 7);
    put_all(&cluster, 0);
    cut_in_the_middle(&cluster, 0);
    cut_in_the_middle(&cluster, 1);
    cluster_run(&cluster, 90 * SECOND_US);
    assert_int_equal(open_ended(&cluster), 0);
    uint64_t before = questions(&cluster);
    assert_true(before > 0);
    cluster_run(&cluster, 300 * SECOND_US);
    assert_true(questions(&cluster) == before);
    cluster_close(&cluster);
}

static void a_member_that_is_away_delays_it_until_it_is_back(void **state)
{
    (void)state;
    struct cluster cluster;
    open_cluster(&cluster, 7);
    put_all(&cluster, 0);
    cluster_stop(&cluster, 2);
    struct sim_request *requests[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        requests[i] = cluster_begin_put(&cluster, 1, cluster_key(i), value_text());
    }
    cluster_run(&cluster, MILLISECOND_US);
    sim_node_crash(cluster_node(&cluster, 1), SIM_EXIT_POWER);
    cluster_start(&cluster, 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        (void)cluster_await(&cluster, requests[i]);
    }
    cluster_run(&cluster, 60 * SECOND_US);
    assert_true(open_ended(&cluster) > 0);
    cluster_start(&cluster, 2);
    cluster_settle(&cluster);
    cluster_run(&cluster, 90 * SECOND_US);
    assert_int_equal(open_ended(&cluster), 0);
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_cut_left_behind_is_closed_and_deleted_keys_vanish),
        cmocka_unit_test(once_all_is_closed_nobody_is_asked_any_more),
        cmocka_unit_test(a_member_that_is_away_delays_it_until_it_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
