/* Disasters that other stores have had, each by its name: what was deleted comes back, or what was
 * written vanishes, because something that should have been forgotten was remembered, or the other
 * way round. */
#include "scenario.h"

#define OLD_KEYS 12u
#define CHURN_KEYS 6u
#define PAD_BYTES 900u

/* No two are equal: the oracle tells writes apart by them. Long ones fill segments. */
static const char *value_text(const char *what, size_t pad)
{
    static char value[PAD_BYTES + 64];
    static uint32_t count;
    int len = snprintf(value, sizeof(value), "%s %u ", what, ++count);
    memset(value + len, 'x', pad);
    value[(size_t)len + pad] = 0;
    return value;
}

static void put(struct cluster *cluster, uint32_t node, const char *key, size_t pad)
{
    struct answer answer = cluster_put(cluster, node, key, value_text(key, pad), NULL);
    if (answer.code != 0) {
        fail_msg("%s: %s", key, answer.text);
    }
}

static void put_numbered(struct cluster *cluster, const char *what, uint32_t number, size_t pad)
{
    char key[32];
    snprintf(key, sizeof(key), "%s %u", what, number);
    put(cluster, number % cluster->world.node_count, key, pad);
}

static uint32_t held_by_all(struct cluster *cluster, const char *key)
{
    uint32_t count = 0;
    for (uint32_t node = 0; node < cluster->world.node_count; node++) {
        if (cluster_node(cluster, node)->state == SIM_UP) {
            count += cluster_held(cluster, node, key);
        }
    }
    return count;
}

static void wait_until_nothing_is_held(struct cluster *cluster, const char *key)
{
    for (uint32_t i = 0; i < 120 && held_by_all(cluster, key) > 0; i++) {
        cluster_run(cluster, SECOND_US);
    }
    assert_int_equal(held_by_all(cluster, key), 0);
}

static void assert_gone(struct cluster *cluster, const char *key)
{
    for (uint32_t node = 0; node < cluster->world.node_count; node++) {
        if (cluster_node(cluster, node)->state == SIM_UP) {
            struct answer answer = cluster_get_from(cluster, node, key, QUORUM_DEFAULT);
            assert_int_equal(answer.code, SHOAL_ENOTFOUND);
        }
    }
}

/* ---- an old segment ---- */

/* Fills some segments with what is dead as soon as it is done again. */
static void churn(struct cluster *cluster)
{
    for (uint32_t i = 0; i < 3 * CHURN_KEYS; i++) {
        put_numbered(cluster, "churn", i % CHURN_KEYS, PAD_BYTES);
    }
}

/* The value lies in a segment that is nearly all alive and stays; the tombstone, and the marker of
 * its drop, lie in segments that are soon dead and compacted. When the marker has gone before the
 * value, the next start finds the value, and nothing that hides it. */
static void an_old_segment_does_not_revive_a_value_after_the_drop(void **state)
{
    (void)state;
    uint64_t compacted = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct cluster cluster;
        struct sim_options options;
        sim_options_quiet(&options);
        options.seed = seed;
        options.nodes = 1;
        options.n = 1;
        options.r = 1;
        options.w = 1;
        options.repair_us = SECOND_US;
        options.store.segment_bytes = 8192;
        options.check_every = 32;
        cluster_open(&cluster, &options);
        put(&cluster, 0, "victim", 10);
        for (uint32_t i = 0; i < OLD_KEYS; i++) {
            put_numbered(&cluster, "old", i, PAD_BYTES);
        }
        churn(&cluster);
        assert_int_equal(cluster_delete(&cluster, 0, "victim", NULL).code, 0);
        wait_until_nothing_is_held(&cluster, "victim");
        for (uint32_t round = 0; round < 12; round++) {
            churn(&cluster);
            cluster_run(&cluster, SECOND_US);
            cluster_restart(&cluster, 0, round % 2 == 0 ? SIM_EXIT_KILL : SIM_EXIT_POWER);
            assert_int_equal(cluster_held(&cluster, 0, "victim"), 0);
            assert_gone(&cluster, "victim");
        }
        cluster_close(&cluster);
        compacted += cluster.world.counts.store.compacted;
    }
    assert_true(compacted > 30);
}

/* ---- a clock ---- */

/* A holding has lost values and still says that it has seen them: whoever compares with it takes
 * them for deleted, and deletes the last copies. */
static void a_clock_does_not_outlive_its_data(void **state)
{
    (void)state;
    uint32_t found = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct cluster cluster;
        struct sim_options options;
        sim_options_quiet(&options);
        options.seed = seed;
        options.repair_us = SECOND_US;
        options.store.segment_bytes = 8192;
        options.check_every = 32;
        cluster_open(&cluster, &options);
        for (uint32_t i = 0; i < 4 * OLD_KEYS; i++) {
            put_numbered(&cluster, "key", i % OLD_KEYS, PAD_BYTES);
        }
        cluster_restart(&cluster, 0, SIM_EXIT_STOP);
        struct sim_node *node = cluster_node(&cluster, 0);
        for (uint32_t i = 0; i < 40; i++) {
            (void)sim_store_rot(&node->store, &cluster.world.random);
        }
        sim_oracle_forget(&cluster.world.oracle, 0);
        for (uint32_t round = 0; round < 3; round++) { /* reads find it, and comparisons follow */
            for (uint32_t i = 0; i < OLD_KEYS; i++) {
                char key[32];
                snprintf(key, sizeof(key), "key %u", i);
                assert_int_equal(cluster_get(&cluster, 0, key).value_count, 1);
            }
            cluster_run(&cluster, 10 * SECOND_US);
        }
        found += node->holdings_refilling > 0;
        for (uint32_t i = 0; i < OLD_KEYS; i++) {
            char key[32];
            snprintf(key, sizeof(key), "key %u", i);
            assert_int_equal(held_by_all(&cluster, key), 3);
        }
        cluster_close(&cluster);
    }
    assert_true(found > 2);
}

/* ---- one key, its owners, and one that is none ---- */

#define NODES 4u

struct story {
    struct cluster cluster;
    char key[32];
    uint32_t owners[3]; /* in order */
    uint32_t other;
};

static void story_open(struct story *story)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = NODES;
    options.repair_us = SECOND_US;
    options.check_every = 32;
    cluster_open(&story->cluster, &options);
    snprintf(story->key, sizeof(story->key), "%s", cluster_key_of(&story->cluster, 0));
    for (uint32_t node = 0; node < NODES; node++) {
        int position = cluster_owner_position(&story->cluster, node, story->key);
        if (position < 0) {
            story->other = node;
        } else {
            story->owners[position] = node;
        }
    }
}

static uint32_t held(struct story *story, uint32_t position)
{
    return cluster_held(&story->cluster, story->owners[position], story->key);
}

static struct answer put_for_all(struct story *story, uint32_t position)
{
    struct sim_ask ask = {.node = story->owners[position],
                          .op = REQUEST_PUT,
                          .key = bytes_from_string(story->key),
                          .value = bytes_from_string(value_text("for all", 0)),
                          .options = {.w = 3}};
    return cluster_await(&story->cluster, sim_request_submit(&story->cluster.world, &ask));
}

static void crash(struct story *story, uint32_t node)
{
    sim_node_crash(cluster_node(&story->cluster, node), SIM_EXIT_KILL);
    cluster_run(&story->cluster, 100 * MILLISECOND_US);
}

/* Leaves a hint of a value with the node that is no owner: only the first owner has it beside. */
static void leave_hint(struct story *story)
{
    struct cluster *cluster = &story->cluster;
    put(cluster, story->owners[0], story->key, 0);
    struct answer seen = cluster_get(cluster, story->owners[0], story->key);
    crash(story, story->owners[1]);
    crash(story, story->owners[2]);
    struct answer written =
        cluster_put(cluster, story->owners[0], story->key, value_text("hinted", 0), &seen);
    assert_int_equal(written.code, 0);
    assert_int_equal(written.fallbacks, 1);
    assert_int_equal(sim_node_hints(cluster_node(cluster, story->other)), 1);
}

static void start_owners(struct story *story)
{
    cluster_start(&story->cluster, story->owners[1]);
    cluster_start(&story->cluster, story->owners[2]);
    cluster_run(&story->cluster, 5 * SECOND_US);
}

/* ---- a third party ---- */

/* Two owners can't reach the third, and the one who is no owner tells them that it lives. What
 * counts is whom one reaches: writes don't wait for it, and nobody's word stands in for its own
 * report of what it has seen. */
static void a_third_party_does_not_vouch_for_a_peer_that_can_not_be_reached(void **state)
{
    (void)state;
    struct story story;
    story_open(&story);
    struct cluster *cluster = &story.cluster;
    put(cluster, story.owners[0], story.key, 0);
    cluster_run(cluster, 5 * SECOND_US);
    cluster_part(cluster, story.owners[0], story.owners[2]);
    cluster_part(cluster, story.owners[1], story.owners[2]);
    cluster_run(cluster, 30 * SECOND_US); /* its heartbeats arrive, by way of the other */

    struct answer written = put_for_all(&story, 0);
    assert_int_equal(written.code, 0);
    assert_int_equal(written.owners, 2);
    assert_int_equal(written.fallbacks, 1);
    assert_true(written.took_us < 100 * MILLISECOND_US);
    cluster_run(cluster, 5 * SECOND_US); /* and by way of the other this arrives, too */
    assert_int_equal(held(&story, 2), 1);
    struct answer seen = cluster_get(cluster, story.owners[1], story.key);
    assert_int_equal(cluster_delete(cluster, story.owners[1], story.key, &seen).code, 0);
    for (uint32_t i = 0; i < 12; i++) {
        cluster_run(cluster, 10 * SECOND_US);
        assert_int_equal(held_by_all(cluster, story.key), 3); /* the tombstone */
        assert_int_equal(cluster_get(cluster, story.owners[1], story.key).code, SHOAL_ENOTFOUND);
    }
    assert_int_equal(sim_node_hints(cluster_node(cluster, story.other)), 0);
    cluster_mend(cluster);
    cluster_settle(cluster);
    wait_until_nothing_is_held(cluster, story.key);
    cluster_close(cluster);
}

/* ---- a pause ---- */

/* Longer than any timeout, period, or patience: stopped by a debugger, a hypervisor, a swap. */
#define PAUSE_US (3600 * SECOND_US)

static void an_owner_paused_longer_than_every_window_resurrects_nothing(void **state)
{
    (void)state;
    struct story story;
    story_open(&story);
    struct cluster *cluster = &story.cluster;
    struct sim_node *paused = cluster_node(cluster, story.owners[2]);
    put(cluster, story.owners[0], story.key, 0);
    cluster_run(cluster, 5 * SECOND_US);

    /* A write of its own is under way, and another one for it, when it stops. */
    struct sim_request *own =
        cluster_begin_put(cluster, story.owners[2], story.key, value_text("of the paused", 0));
    struct sim_request *to_it =
        cluster_begin_put(cluster, story.owners[0], story.key, value_text("to the paused", 0));
    cluster_run(cluster, MILLISECOND_US / 5);
    sim_node_pause(paused);
    assert_int_equal(cluster_await(cluster, to_it).code, 0);
    cluster_run(cluster, 10 * SECOND_US);
    struct answer seen = cluster_get(cluster, story.owners[0], story.key);
    assert_int_equal(cluster_delete(cluster, story.owners[0], story.key, &seen).code, 0);
    for (uint32_t i = 0; i < 10; i++) {
        cluster_run(cluster, PAUSE_US / 10);
        assert_int_equal(held(&story, 0), 1); /* no time makes them drop the tombstone */
        assert_int_equal(held(&story, 1), 1);
    }

    sim_node_resume(paused);
    (void)cluster_await(cluster, own);
    cluster_settle(cluster);
    cluster_run(cluster, 10 * SECOND_US);
    /* What it had under way may be there, for it was never deleted; what was deleted is not. */
    struct answer now = cluster_get_from(cluster, story.owners[1], story.key, 3);
    for (uint32_t i = 0; i < now.value_count; i++) {
        assert_true(strstr(now.values[i], "of the paused") != NULL);
    }
    assert_int_equal(cluster_delete(cluster, story.owners[2], story.key, NULL).code, 0);
    wait_until_nothing_is_held(cluster, story.key);
    cluster_close(cluster);
}

static void a_fallback_paused_longer_than_every_window_resurrects_nothing(void **state)
{
    (void)state;
    struct story story;
    story_open(&story);
    struct cluster *cluster = &story.cluster;
    leave_hint(&story);
    sim_node_pause(cluster_node(cluster, story.other));
    start_owners(&story);
    struct answer seen = cluster_get(cluster, story.owners[0], story.key);
    assert_int_equal(seen.value_count, 1);
    assert_int_equal(cluster_delete(cluster, story.owners[0], story.key, &seen).code, 0);
    wait_until_nothing_is_held(cluster, story.key); /* for it is no owner */
    cluster_run(cluster, PAUSE_US);

    sim_node_resume(cluster_node(cluster, story.other));
    for (uint32_t i = 0; i < 60; i++) {
        cluster_run(cluster, SECOND_US / 2);
        assert_int_equal(held_by_all(cluster, story.key), 0);
    }
    cluster_settle(cluster);
    assert_int_equal(sim_node_hints(cluster_node(cluster, story.other)), 0);
    assert_gone(cluster, story.key);
    cluster_close(cluster);
}

/* ---- a year ---- */

#define MINUTE_US (60 * SECOND_US)
#define WEEK_US (UINT64_C(7) * 24 * 60 * MINUTE_US)
#define YEAR_WEEKS 52u

/* All clocks go on by a week; of that the processes are awake for a minute, as machines are that
 * sleep when nobody needs them. All that is due by time is due then. */
static void sleep_a_week(struct cluster *cluster)
{
    cluster->world.now_us += WEEK_US - MINUTE_US;
    cluster_run(cluster, MINUTE_US);
}

static void key_owned_by(struct cluster *cluster, uint32_t node, const char *prefix, char key[32])
{
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(key, 32, "%s%u", prefix, i);
        if (cluster_owner_position(cluster, node, key) >= 0) {
            return;
        }
    }
    fail_msg("node%u owns nothing", node);
}

/* A backup is made of a node that keeps a hint and holds values. Then everything is deleted: the
 * hint's value and one of the node's own are forgotten without a trace, tombstones included, before
 * the backup is restored; another is deleted while the node is away. After a year it is back, and
 * brings what it has. */
static void
a_node_away_for_a_year_with_a_stale_hint_and_an_old_backup_resurrects_nothing(void **state)
{
    (void)state;
    struct story story;
    story_open(&story);
    struct cluster *cluster = &story.cluster;
    uint32_t away = story.other;
    char forgotten[32];
    char deleted[32];
    char kept[32];
    key_owned_by(cluster, away, "forgotten", forgotten);
    key_owned_by(cluster, away, "deleted", deleted);
    key_owned_by(cluster, away, "kept", kept);
    put(cluster, 0, forgotten, 0);
    put(cluster, 1, deleted, 0);
    put(cluster, 2, kept, 0);
    cluster_run(cluster, 5 * SECOND_US);
    leave_hint(&story);
    sim_store_copy_aside(&cluster_node(cluster, away)->store);
    start_owners(&story);
    cluster_settle(cluster);

    assert_int_equal(cluster_delete(cluster, story.owners[1], story.key, NULL).code, 0);
    assert_int_equal(cluster_delete(cluster, story.owners[1], forgotten, NULL).code, 0);
    wait_until_nothing_is_held(cluster, story.key);
    wait_until_nothing_is_held(cluster, forgotten);
    assert_true(sim_node_restore(cluster_node(cluster, away)));
    cluster_run(cluster, 5 * SECOND_US);
    assert_int_equal(cluster_delete(cluster, story.owners[1], deleted, NULL).code, 0);

    for (uint32_t week = 0; week < YEAR_WEEKS; week++) {
        sleep_a_week(cluster);
        assert_int_equal(held_by_all(cluster, deleted), 2); /* its tombstone is still needed */
    }

    cluster_start(cluster, away);
    for (uint32_t i = 0; i < 40; i++) {
        cluster_run(cluster, SECOND_US / 2);
        assert_gone(cluster, story.key);
        assert_gone(cluster, forgotten);
        assert_gone(cluster, deleted);
        assert_int_equal(cluster_get(cluster, away, kept).value_count, 1);
    }
    cluster_settle(cluster);
    assert_int_equal(sim_node_hints(cluster_node(cluster, away)), 0);
    wait_until_nothing_is_held(cluster, story.key);
    wait_until_nothing_is_held(cluster, forgotten);
    wait_until_nothing_is_held(cluster, deleted);
    assert_int_equal(held_by_all(cluster, kept), 3);
    cluster_close(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_segment_does_not_revive_a_value_after_the_drop),
        cmocka_unit_test(a_clock_does_not_outlive_its_data),
        cmocka_unit_test(a_third_party_does_not_vouch_for_a_peer_that_can_not_be_reached),
        cmocka_unit_test(an_owner_paused_longer_than_every_window_resurrects_nothing),
        cmocka_unit_test(a_fallback_paused_longer_than_every_window_resurrects_nothing),
        cmocka_unit_test(
            a_node_away_for_a_year_with_a_stale_hint_and_an_old_backup_resurrects_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
