/* Counters while the layout changes and a disk is lost: every addition that was confirmed counts
 * once, whoever holds which part of the sum. */
#include "scenario.h"

#include "sim_counters.h"

#define COUNTERS 24u
#define JOINER 3u

struct story {
    struct cluster cluster;
    int64_t sums[COUNTERS]; /* of what was confirmed */
    uint32_t added;
    uint32_t refused; /* nothing was applied */
};

static const char *counter_name(uint32_t i)
{
    static char name[32];
    snprintf(name, sizeof(name), "%s %u", SIM_COUNTER_NAME, i);
    return name;
}

/* Adds to each of them, at the nodes in turn, another number each time. */
static void add_all(struct story *story, const uint32_t *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < COUNTERS; i++) {
        int64_t delta = 1 + story->added++;
        struct sim_ask ask = {.node = nodes[i % count],
                              .op = REQUEST_ADD,
                              .key = bytes_from_string(counter_name(i)),
                              .delta = delta};
        struct answer answer =
            cluster_await(&story->cluster, sim_request_submit(&story->cluster.world, &ask));
        if (answer.code != 0 && answer.code != SHOAL_EQUORUM) {
            fail_msg("%s: %s", shoal_error_text(answer.code), answer.text);
        }
        story->sums[i] += answer.code == 0 ? delta : 0;
        story->refused += answer.code == 0 ? 0 : 1;
    }
}

static void assert_sums(struct story *story, uint32_t node, int32_t r)
{
    for (uint32_t i = 0; i < COUNTERS; i++) {
        char sum[32];
        snprintf(sum, sizeof(sum), "%lld", (long long)story->sums[i]);
        struct answer now = cluster_get_from(&story->cluster, node, counter_name(i), r);
        assert_values(&now, sum, NULL);
    }
}

/* All three old nodes have given parts of each sum. The joiner hears only one of them, so that
 * both layouts stay; then another loses its disk, with the parts that it has given, and begins
 * anew.
 */
static void additions_count_once_through_a_layout_change_and_the_loss_of_a_disk(void **state)
{
    (void)state;
    static const uint32_t old[] = {0, 1, 2};
    static const uint32_t without_1[] = {0, 2, JOINER};
    static const uint32_t all[] = {1, JOINER, 0, 2};
    struct story story = {.added = 0};
    struct cluster *cluster = &story.cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.spares = 1;
    options.seeds = 1;
    options.partitions = 16;
    options.repair_us = SECOND_US;
    options.check_every = 32;
    cluster_open(cluster, &options);
    for (uint32_t round = 0; round < 3; round++) {
        add_all(&story, old, 3);
        cluster_run(cluster, 100 * MILLISECOND_US);
    }
    cluster_split(cluster, 1u << JOINER, 1u << 1 | 1u << 2);
    cluster_start_joiner(cluster, JOINER);
    cluster_run(cluster, 5 * SECOND_US);
    assert_int_equal(cluster_members(cluster, 0), 4);
    assert_int_equal(cluster_live_layouts(cluster, 0), 2);
    add_all(&story, without_1, 3);
    add_all(&story, all, 4);

    sim_node_lose_disk(cluster_node(cluster, 1));
    cluster_mend(cluster);
    cluster_run(cluster, SECOND_US);
    add_all(&story, without_1, 3);
    cluster_start(cluster, 1);
    cluster_run(cluster, SECOND_US);
    add_all(&story, all, 4);
    cluster_settle(cluster);
    assert_int_equal(cluster_live_layouts(cluster, 0), 1);
    add_all(&story, all, 4);
    assert_sums(&story, 1, 2);
    cluster_run(cluster, 10 * SECOND_US);
    assert_sums(&story, JOINER, 3);
    assert_true(story.refused * 5 < story.added); /* one owner is down for a while */
    cluster_close(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additions_count_once_through_a_layout_change_and_the_loss_of_a_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
