/* Old owners let go: of nothing that anybody lacks, of everything in the end, whoever fails in the
 * middle; and nothing that was deleted comes back with what they had. */
#include "scenario.h"

#include "node/core.h"
#include "ring/partition.h"

#define KEYS 64u
#define OLD 0u    /* the old owner that has what nobody else has */
#define JOINER 3u /* takes its place in some partitions */

struct story {
    struct cluster cluster;
    struct sim_options options;
    char keys[KEYS][16];
};

/* No two writes have the same. */
static const char *value_of(const char *key)
{
    static char value[32];
    snprintf(value, sizeof(value), "value of %s", key);
    return value;
}

static void story_open(struct story *story, uint64_t repair_us)
{
    *story = (struct story){0};
    sim_options_quiet(&story->options);
    story->options.joiners = 1;
    story->options.partitions = 16;
    story->options.repair_us = repair_us;
    cluster_open(&story->cluster, &story->options);
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(story->keys[i], sizeof(story->keys[i]), "k%u", i);
    }
}

static void story_close(struct story *story)
{
    cluster_close(&story->cluster);
}

/* Writes that reach nobody but the old owner, and are asked to. */
static void write_unseen(struct story *story)
{
    struct cluster *cluster = &story->cluster;
    cluster_part(cluster, OLD, 1);
    cluster_part(cluster, OLD, 2);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct sim_ask ask = {.node = OLD,
                              .op = REQUEST_PUT,
                              .key = bytes_from_string(story->keys[i]),
                              .value = bytes_from_string(value_of(story->keys[i]))};
        ask.options.r = 1;
        ask.options.w = 1;
        struct answer answer = cluster_await(cluster, sim_request_submit(&cluster->world, &ask));
        assert_int_equal(answer.code, 0);
    }
    sim_oracle_loss(&cluster->world.oracle); /* one owner's word is no promise */
    cluster_mend(cluster);
    cluster_run(cluster, SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_held(cluster, OLD, story->keys[i]), 1);
        assert_int_equal(cluster_held(cluster, 1, story->keys[i]), 0);
    }
}

/* The fourth node joins and is filled by the two others; it and the old owner can't talk. */
static void join_apart(struct story *story)
{
    struct cluster *cluster = &story->cluster;
    cluster_part(cluster, JOINER, OLD);
    cluster_start(cluster, JOINER);
    for (uint32_t i = 0;
         i < 60 && (cluster_members(cluster, 1) < 4 || cluster_live_layouts(cluster, OLD) > 1);
         i++) {
        cluster_run(cluster, SECOND_US);
    }
    assert_int_equal(cluster_members(cluster, OLD), 4);
    assert_int_equal(cluster_live_layouts(cluster, OLD), 1);
}

/* What the joiner now owns, only the old owner has, and it can't take it from there. */
static void open_apart(struct story *story)
{
    story_open(story, 0);
    write_unseen(story);
    join_apart(story);
}

/* The first of the keys that another node owns now. */
static const char *lost_key(struct story *story)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        if (cluster_owner_position(&story->cluster, OLD, story->keys[i]) < 0) {
            return story->keys[i];
        }
    }
    fail_msg("the old owner lost nothing");
    return NULL;
}

/* Partitions that are on the node's disk and not its own. */
static uint32_t strange_partitions(struct cluster *cluster, uint32_t index)
{
    struct sim_node *node = cluster_node(cluster, index);
    const struct snapshot *snapshot = sim_node_snapshot(node);
    uint32_t count = 0;
    assert_non_null(snapshot);
    for (uint32_t p = 0; p < cluster->world.options.partitions; p++) {
        struct worker *worker = node->workers[p % node->worker_count].core;
        struct engine_stats stats;
        worker->engine->ops->stats(worker->engine, p, &stats);
        count += !view_owns(snapshot->view, snapshot->self, p) &&
                 (stats.keys > 0 || replica_knows(&worker->replica, p));
    }
    return count;
}

static void assert_all_let_go(struct cluster *cluster)
{
    for (uint32_t node = 0; node < cluster->world.node_count; node++) {
        assert_int_equal(strange_partitions(cluster, node), 0);
    }
}

/* In the end every owner has the key, and nobody has anything else. */
static void assert_moves(struct cluster *cluster, const char *key)
{
    cluster_settle(cluster);
    assert_all_let_go(cluster);
    for (uint32_t node = 1; node <= JOINER; node++) {
        assert_int_equal(cluster_held(cluster, node, key), 1);
    }
}

static void who_gets_nothing_new_lets_go_of_the_old(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    story_open(&story, 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(
            cluster_put(cluster, i % 3, story.keys[i], value_of(story.keys[i]), NULL).code, 0);
    }
    cluster_start(cluster, JOINER);
    cluster_settle(cluster);
    assert_all_let_go(cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(cluster, i % 4, story.keys[i], 3);
        assert_values(&now, value_of(story.keys[i]), NULL);
    }
    story_close(&story);
}

static void nothing_is_let_go_before_every_owner_has_it(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    open_apart(&story);
    cluster_run(cluster, 30 * SECOND_US);
    const char *key = lost_key(&story);
    assert_true(strange_partitions(cluster, OLD) > 0);
    assert_int_equal(cluster_held(cluster, OLD, key), 1);
    /* Two of its three owners have taken it; the joiner can't yet. */
    assert_int_equal(cluster_held(cluster, 1, key) + cluster_held(cluster, 2, key), 2);
    assert_int_equal(cluster_held(cluster, JOINER, key), 0);

    cluster_mend(cluster);
    assert_moves(cluster, key);
    struct answer now = cluster_get_from(cluster, 1, key, 3);
    assert_values(&now, value_of(key), NULL);
    story_close(&story);
}

static void an_old_owner_that_is_killed_lets_go_when_it_is_back(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    open_apart(&story);
    cluster_run(cluster, SECOND_US);
    const char *key = lost_key(&story);
    sim_node_crash(cluster_node(cluster, OLD), SIM_EXIT_KILL);
    cluster_run(cluster, 5 * SECOND_US);
    cluster_start(cluster, OLD);
    cluster_run(cluster, 10 * SECOND_US);
    assert_int_equal(cluster_held(cluster, OLD, key), 1);

    cluster_mend(cluster);
    assert_moves(cluster, key);
    story_close(&story);
}

/* It was away for as long as it took the others to have confirmed, and asks again. */
static void an_owner_that_is_killed_is_waited_for_and_asked_again(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    open_apart(&story);
    const char *key = lost_key(&story);
    sim_node_lose_disk(cluster_node(cluster, 2));
    cluster_mend(cluster);
    cluster_run(cluster, 20 * SECOND_US);
    assert_int_equal(cluster_held(cluster, OLD, key), 1);
    assert_int_equal(cluster_held(cluster, JOINER, key), 1);

    cluster_start(cluster, 2);
    assert_moves(cluster, key);
    story_close(&story);
}

/* What an old owner had is no word on what the owners have confirmed since. */
static void taking_what_is_let_go_fills_nobody(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    open_apart(&story);
    const char *key = lost_key(&story);
    uint32_t partition = partition_of_key(bytes_from_string(key), story.options.partitions);
    sim_node_lose_disk(cluster_node(cluster, 1));
    cluster_part(cluster, 1, 2);
    cluster_part(cluster, 1, JOINER);
    cluster_start(cluster, 1);
    cluster_run(cluster, 30 * SECOND_US);
    const struct worker *worker = cluster_node(cluster, 1)->workers[0].core;
    assert_int_equal(cluster_held(cluster, 1, key), 1);
    assert_true(replica_holding(&worker->replica, partition)->refilling);

    cluster_mend(cluster);
    cluster_settle(cluster);
    assert_all_let_go(cluster);
    assert_false(replica_holding(&worker->replica, partition)->refilling);
    story_close(&story);
}

static void what_was_deleted_does_not_come_back_with_what_is_let_go(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    story_open(&story, 10 * SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(
            cluster_put(cluster, OLD, story.keys[i], value_of(story.keys[i]), NULL).code, 0);
    }
    cluster_run(cluster, 15 * SECOND_US);
    /* The old owner misses the deletes, and what follows of them. */
    cluster_part(cluster, OLD, 1);
    cluster_part(cluster, OLD, 2);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_delete(cluster, 1, story.keys[i], NULL).code, 0);
    }
    cluster_start(cluster, JOINER);
    cluster_run(cluster, 5 * SECOND_US);
    cluster_part(cluster, JOINER, OLD);
    sim_network_cut(&cluster->world.network, OLD, 1, false);
    sim_network_cut(&cluster->world.network, 1, OLD, false);
    for (uint32_t i = 0; i < 60 && cluster_live_layouts(cluster, OLD) > 1; i++) {
        cluster_run(cluster, SECOND_US);
    }
    assert_int_equal(cluster_live_layouts(cluster, OLD), 1);
    const char *key = lost_key(&story);
    cluster_run(cluster, 60 * SECOND_US); /* tombstones go */
    assert_int_equal(cluster_held(cluster, OLD, key), 1);

    cluster_mend(cluster);
    cluster_settle(cluster);
    cluster_run(cluster, 60 * SECOND_US);
    assert_all_let_go(cluster);
    for (uint32_t node = 0; node <= JOINER; node++) {
        assert_int_equal(cluster_get_from(cluster, node, key, 3).code, SHOAL_ENOTFOUND);
        assert_int_equal(cluster_held(cluster, node, key), 0);
    }
    story_close(&story);
}

/* The cluster has four nodes, of which the last leaves. */
static void four_open(struct story *story)
{
    *story = (struct story){0};
    sim_options_quiet(&story->options);
    story->options.nodes = 4;
    story->options.seeds = 1;
    story->options.partitions = 16;
    story->options.repair_us = SECOND_US;
    cluster_open(&story->cluster, &story->options);
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(story->keys[i], sizeof(story->keys[i]), "k%u", i);
        assert_int_equal(
            cluster_put(&story->cluster, i % 3, story->keys[i], value_of(story->keys[i]), NULL)
                .code,
            0);
    }
}

static uint64_t keys_at(struct cluster *cluster, uint32_t index)
{
    struct sim_node *node = cluster_node(cluster, index);
    uint64_t keys = 0;
    for (uint32_t i = 0; i < node->worker_count; i++) {
        struct engine_stats stats;
        replica_stats(&node->workers[i].core->replica, &stats);
        keys += stats.keys;
    }
    return keys;
}

static void who_leaves_is_empty_in_the_end_and_goes_on_passing_requests_on(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    four_open(&story);
    assert_true(keys_at(cluster, 3) > 0);
    assert_int_equal(cluster_leave(cluster, 3).code, 0);
    cluster_settle(cluster);
    assert_int_equal(cluster_members(cluster, 0), 3);
    assert_all_let_go(cluster);
    assert_int_equal(keys_at(cluster, 3), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer now = cluster_get_from(cluster, 3, story.keys[i], 3);
        assert_values(&now, value_of(story.keys[i]), NULL);
    }
    story_close(&story);
}

static void a_leaver_that_is_killed_and_started_again_finishes(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    four_open(&story);
    assert_int_equal(cluster_leave(cluster, 3).code, 0);
    cluster_run(cluster, SECOND_US / 4);
    sim_node_crash(cluster_node(cluster, 3), SIM_EXIT_KILL);
    cluster_run(cluster, 5 * SECOND_US);
    cluster_start(cluster, 3);
    cluster_settle(cluster);
    assert_int_equal(cluster_members(cluster, 0), 3);
    assert_all_let_go(cluster);
    assert_int_equal(keys_at(cluster, 3), 0);
    story_close(&story);
}

/* It is in no layout any more, and still keeps what an owner missed. */
static void who_has_left_delivers_its_hints(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    four_open(&story);
    uint32_t missed = 0;
    while (missed < KEYS && (cluster_owner_position(cluster, 3, story.keys[missed]) >= 0 ||
                             cluster_owner_position(cluster, 0, story.keys[missed]) < 0)) {
        missed++;
    }
    assert_true(missed < KEYS);
    const char *key = story.keys[missed];
    for (uint32_t node = 1; node <= 3; node++) {
        cluster_part(cluster, 0, node);
    }
    assert_int_equal(cluster_put(cluster, 1, key, "missed", NULL).code, 0);
    cluster_run(cluster, SECOND_US);
    assert_true(sim_node_hints(cluster_node(cluster, 3)) > 0);
    for (uint32_t node = 1; node <= 2; node++) {
        sim_network_cut(&cluster->world.network, 0, node, false);
        sim_network_cut(&cluster->world.network, node, 0, false);
    }
    assert_int_equal(cluster_leave(cluster, 3).code, 0);
    for (uint32_t i = 0;
         i < 60 && (cluster_members(cluster, 0) > 3 || cluster_live_layouts(cluster, 3) > 1); i++) {
        cluster_run(cluster, SECOND_US);
    }
    assert_int_equal(cluster_live_layouts(cluster, 3), 1);
    assert_int_equal(cluster_members(cluster, 3), 3);
    assert_true(sim_node_hints(cluster_node(cluster, 3)) > 0);

    cluster_mend(cluster);
    cluster_settle(cluster);
    assert_int_equal(sim_node_hints(cluster_node(cluster, 3)), 0);
    assert_all_let_go(cluster);
    struct answer now = cluster_get_from(cluster, 0, key, 3);
    assert_values(&now, "missed", NULL);
    story_close(&story);
}

static void a_partition_that_comes_back_is_not_let_go(void **state)
{
    (void)state;
    struct story story;
    struct cluster *cluster = &story.cluster;
    open_apart(&story);
    cluster_run(cluster, 2 * SECOND_US);
    const char *key = lost_key(&story);
    uint32_t partition = partition_of_key(bytes_from_string(key), story.options.partitions);
    const struct worker *worker = cluster_node(cluster, OLD)->workers[0].core;
    uint64_t actor = replica_holding(&worker->replica, partition)->actor;
    assert_int_equal(cluster_leave(cluster, JOINER).code, 0);
    cluster_run(cluster, 5 * SECOND_US);
    cluster_mend(cluster);
    cluster_settle(cluster);
    assert_int_equal(cluster_members(cluster, OLD), 3);
    assert_all_let_go(cluster);
    assert_true(replica_holding(&worker->replica, partition)->actor == actor);
    struct answer now = cluster_get_from(cluster, 1, key, 3);
    assert_values(&now, value_of(key), NULL);
    story_close(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_gets_nothing_new_lets_go_of_the_old),
        cmocka_unit_test(nothing_is_let_go_before_every_owner_has_it),
        cmocka_unit_test(an_old_owner_that_is_killed_lets_go_when_it_is_back),
        cmocka_unit_test(an_owner_that_is_killed_is_waited_for_and_asked_again),
        cmocka_unit_test(taking_what_is_let_go_fills_nobody),
        cmocka_unit_test(what_was_deleted_does_not_come_back_with_what_is_let_go),
        cmocka_unit_test(who_leaves_is_empty_in_the_end_and_goes_on_passing_requests_on),
        cmocka_unit_test(a_leaver_that_is_killed_and_started_again_finishes),
        cmocka_unit_test(who_has_left_delivers_its_hints),
        cmocka_unit_test(a_partition_that_comes_back_is_not_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
