/* Repair under way while other things happen: what it learns of one key must not touch another, and
 * nothing is lost or brought back by a race between a sync, a write and a delete. */
#include "scenario.h"

#include "base/random.h"
#include "ring/partition.h"
#include "sim_converge.h"

#define NODES 3u
#define KEYS 12u
#define ROUNDS 300u

/* Has every node compare what it holds with every other, now. */
static void repair_now(struct cluster *cluster)
{
    struct sim_ask ask = {.node = 0, .op = REQUEST_REPAIR};
    struct answer answer = cluster_await(cluster, sim_request_submit(&cluster->world, &ask));
    assert_int_equal(answer.code, 0);
}

/* Another key of the same partition. */
static void neighbour_of(struct cluster *cluster, const char *key, char out[32])
{
    uint32_t partitions = cluster->world.options.partitions;
    uint32_t partition = partition_of_key(bytes_from_string(key), partitions);
    uint32_t number = 0;
    do {
        snprintf(out, 32, "neighbour%u", number++);
    } while (partition_of_key(bytes_from_string(out), partitions) != partition);
}

/* An owner that was away gets a key whose context covers, as a range, the writer's earlier dots;
 * among them is another key's. It has not seen that one, and must not say so. */
static void what_a_context_covers_is_not_taken_for_seen(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    char key[32];
    char other[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 0));
    neighbour_of(&cluster, key, other);

    cluster_part(&cluster, 2, 0);
    cluster_part(&cluster, 2, 1);
    cluster_run(&cluster, SECOND_US);
    assert_int_equal(cluster_put(&cluster, 0, other, "kept", NULL).code, 0);
    assert_int_equal(cluster_put(&cluster, 0, key, "first", NULL).code, 0);
    assert_int_equal(cluster_put(&cluster, 0, key, "second", NULL).code, 0);
    cluster_mend(&cluster);
    cluster_run(&cluster, SECOND_US);

    struct answer read = cluster_get_from(&cluster, 0, key, NODES);
    assert_values(&read, "second", NULL);
    cluster_run(&cluster, SECOND_US);
    assert_int_equal(cluster_held(&cluster, 2, key), 1); /* by the read's repair */
    assert_int_equal(cluster_held(&cluster, 2, other), 0);

    repair_now(&cluster);
    cluster_run(&cluster, 3 * SECOND_US);
    for (uint32_t node = 0; node < NODES; node++) {
        assert_int_equal(cluster_held(&cluster, node, other), 1);
    }
    struct answer kept = cluster_get(&cluster, 2, other);
    assert_values(&kept, "kept", NULL);
    cluster_close(&cluster);
}

/* One node after the other is cut off for a moment, syncs begin all the time and are overtaken by
 * what they are about. */
static void race(struct cluster *cluster, struct random *random)
{
    char key[32];
    char value[32];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t node = (uint32_t)random_below(random, NODES);
        snprintf(key, sizeof(key), "key%u", (unsigned)random_below(random, KEYS));
        snprintf(value, sizeof(value), "value%u", round);
        switch (random_below(random, 8)) {
        case 0:
            cluster_part(cluster, node, (node + 1) % NODES);
            cluster_part(cluster, node, (node + 2) % NODES);
            break;
        case 1:
            cluster_mend(cluster);
            break;
        case 2:
        case 3:
            (void)cluster_delete(cluster, node, key, NULL);
            break;
        case 4:
            (void)cluster_get(cluster, node, key);
            break;
        default:
            (void)cluster_put(cluster, node, key, value, NULL);
        }
        cluster_run(cluster, random_below(random, 60) * MILLISECOND_US);
    }
}

static void repair_may_race_with_writes_and_deletes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster cluster;
        struct sim_options options;
        struct random random;
        sim_options_quiet(&options);
        options.seed = seed;
        options.repair_us = 40 * MILLISECOND_US;
        options.request_timeout_us = SECOND_US / 5;
        options.network.delay_us_mean = 5 * MILLISECOND_US;
        random_init(&random, seed);
        cluster_open(&cluster, &options);
        race(&cluster, &random);
        cluster_mend(&cluster);
        cluster_settle(&cluster);
        sim_converge(&cluster.world);
        cluster_close(&cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_context_covers_is_not_taken_for_seen),
        cmocka_unit_test(repair_may_race_with_writes_and_deletes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
