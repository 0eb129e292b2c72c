/* Writes taken by a fallback for owners that are away: they count, they are delivered, they bring
 * nothing back, and they are not forgotten too early. */
#include "scenario.h"

#define NODES 4u

/* A key, the three who own it in order, and the one who may keep hints for it. */
struct story {
    struct cluster cluster;
    char key[32];
    uint32_t owners[3];
    uint32_t keeper;
    struct answer seen; /* what a client read while all were there */
};

static bool is_linked(struct sim_world *world)
{
    for (uint32_t i = 0; i < NODES * NODES; i++) {
        uint32_t from = i / NODES;
        uint32_t to = i % NODES;
        if (from != to && !sim_network_linked(&world->network, from, world->nodes[to].id)) {
            return false;
        }
    }
    return true;
}

static void story_open(struct story *story, struct sim_options *options)
{
    options->nodes = NODES;
    cluster_open(&story->cluster, options);
    /* A fallback is whom the coordinator has a link to. */
    assert_true(sim_world_run_until(&story->cluster.world, is_linked, 5 * SECOND_US));
    snprintf(story->key, sizeof(story->key), "%s", cluster_key_of(&story->cluster, 0));
    for (uint32_t node = 0; node < NODES; node++) {
        int position = cluster_owner_position(&story->cluster, node, story->key);
        if (position < 0) {
            story->keeper = node;
        } else {
            story->owners[position] = node;
        }
    }
    assert_int_equal(cluster_put(&story->cluster, 0, story->key, "before", NULL).code, 0);
    story->seen = cluster_get(&story->cluster, 0, story->key);
    assert_values(&story->seen, "before", NULL);
}

static uint64_t kept(struct story *story)
{
    return sim_node_hints(cluster_node(&story->cluster, story->keeper));
}

static void crash(struct story *story, uint32_t node)
{
    sim_node_crash(cluster_node(&story->cluster, node), SIM_EXIT_KILL);
    cluster_run(&story->cluster, 100 * MILLISECOND_US); /* the others see their links go */
}

static void cut_off(struct story *story, uint32_t node)
{
    for (uint32_t other = 0; other < NODES; other++) {
        if (other != node) {
            cluster_part(&story->cluster, node, other);
        }
    }
}

/* With the context of what was read before: without one, a read quorum of owners is needed to tell
 * what the write replaces, whoever takes it. */
static struct answer put(struct story *story, const char *value)
{
    return cluster_put(&story->cluster, story->owners[0], story->key, value, &story->seen);
}

static uint32_t held_by_owners(struct story *story)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < 3; i++) {
        held += cluster_held(&story->cluster, story->owners[i], story->key);
    }
    return held;
}

static void assert_held_by_owners(struct story *story, uint32_t siblings)
{
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(cluster_held(&story->cluster, story->owners[i], story->key), siblings);
    }
    assert_int_equal(cluster_held(&story->cluster, story->keeper, story->key), 0);
}

/* ---- scenarios ---- */

static void a_write_for_owners_that_are_away_reaches_them_when_they_are_back(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    crash(&story, story.owners[2]);
    struct answer written = put(&story, "kept");
    assert_int_equal(written.code, 0);
    assert_int_equal(written.owners, 1);
    assert_int_equal(written.fallbacks, 1);
    assert_int_equal(kept(&story), 1);

    /* The one owner that has it goes, and the two that have not come back: it is there all the
     * same. */
    cluster_start(&story.cluster, story.owners[1]);
    cluster_start(&story.cluster, story.owners[2]);
    cluster_run(&story.cluster, 5 * SECOND_US);
    crash(&story, story.owners[0]);
    struct answer read = cluster_get(&story.cluster, story.owners[1], story.key);
    assert_values(&read, "kept", NULL);
    cluster_start(&story.cluster, story.owners[0]);
    cluster_settle(&story.cluster);
    assert_int_equal(kept(&story), 0);
    assert_held_by_owners(&story, 1);
    cluster_close(&story.cluster);
}

static void the_coordinator_is_gone_for_good_and_its_write_is_not(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    crash(&story, story.owners[2]);
    assert_int_equal(put(&story, "kept").code, 0);
    sim_node_lose_disk(cluster_node(&story.cluster, story.owners[0]));
    for (uint32_t i = 0; i < 3; i++) {
        cluster_start(&story.cluster, story.owners[i]);
    }
    cluster_settle(&story.cluster);
    struct answer read = cluster_get_from(&story.cluster, story.owners[2], story.key, 3);
    assert_values(&read, "kept", NULL);
    assert_held_by_owners(&story, 1);
    cluster_close(&story.cluster);
}

static void what_is_kept_outlives_its_keeper(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    crash(&story, story.owners[2]);
    assert_int_equal(put(&story, "kept").code, 0);
    sim_node_crash(cluster_node(&story.cluster, story.keeper), SIM_EXIT_POWER);
    cluster_start(&story.cluster, story.keeper);
    cluster_run(&story.cluster, 3 * SECOND_US);
    assert_int_equal(kept(&story), 1);
    cluster_start(&story.cluster, story.owners[1]);
    cluster_start(&story.cluster, story.owners[2]);
    cluster_settle(&story.cluster);
    assert_held_by_owners(&story, 1);
    cluster_close(&story.cluster);
}

static void a_hint_that_comes_after_the_tombstone_is_gone_brings_nothing_back(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    options.repair_us = SECOND_US;
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    crash(&story, story.owners[2]);
    assert_int_equal(put(&story, "deleted later").code, 0);
    assert_int_equal(kept(&story), 1);
    cut_off(&story, story.keeper);
    cluster_start(&story.cluster, story.owners[1]);
    cluster_start(&story.cluster, story.owners[2]);
    cluster_run(&story.cluster, 5 * SECOND_US);

    struct answer seen = cluster_get(&story.cluster, story.owners[0], story.key);
    assert_values(&seen, "deleted later", NULL);
    assert_int_equal(cluster_delete(&story.cluster, story.owners[0], story.key, &seen).code, 0);
    for (uint32_t i = 0; i < 60 && held_by_owners(&story) > 0; i++) {
        cluster_run(&story.cluster, SECOND_US);
    }
    assert_held_by_owners(&story, 0); /* the tombstone, too: each drops it in its own time */
    assert_int_equal(kept(&story), 1);

    cluster_mend(&story.cluster);
    cluster_settle(&story.cluster); /* it is refused, and that confirms it */
    assert_int_equal(kept(&story), 0);
    assert_held_by_owners(&story, 0);
    struct answer now = cluster_get_from(&story.cluster, story.owners[1], story.key, 3);
    assert_int_equal(now.value_count, 0);
    cluster_close(&story.cluster);
}

static void where_there_is_no_room_for_hints_the_write_fails(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    options.hints_bytes_max = 0;
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    struct answer enough = put(&story, "two owners are enough");
    assert_int_equal(enough.code, 0);
    assert_int_equal(enough.owners, 2);
    crash(&story, story.owners[2]);
    struct answer refused = put(&story, "one is not"); /* siblings of what it has not seen */
    assert_int_not_equal(refused.code, 0);
    assert_true(strstr(refused.text, "limits.hints_mb") != NULL);
    cluster_start(&story.cluster, story.owners[1]);
    cluster_start(&story.cluster, story.owners[2]);
    cluster_settle(&story.cluster);
    cluster_close(&story.cluster);
}

static void an_owner_that_lost_its_disk_after_confirming_gets_the_value_again(void **state)
{
    (void)state;
    struct story story;
    struct sim_options options;
    sim_options_quiet(&options);
    story_open(&story, &options);
    crash(&story, story.owners[1]);
    crash(&story, story.owners[2]);
    assert_int_equal(put(&story, "kept").code, 0);
    cut_off(&story, story.owners[0]); /* who has it, and says it to nobody for now */

    /* The next one gets it from the keeper, confirms, and loses its disk. */
    cluster_start(&story.cluster, story.owners[1]);
    cluster_run(&story.cluster, 5 * SECOND_US);
    assert_int_equal(cluster_held(&story.cluster, story.owners[1], story.key), 1);
    assert_int_equal(kept(&story), 1); /* two owners have not confirmed */
    sim_node_lose_disk(cluster_node(&story.cluster, story.owners[1]));
    cluster_start(&story.cluster, story.owners[1]);
    cluster_start(&story.cluster, story.owners[2]);
    cluster_run(&story.cluster, 5 * SECOND_US);
    assert_int_equal(cluster_held(&story.cluster, story.owners[1], story.key), 1);
    assert_int_equal(cluster_held(&story.cluster, story.owners[2], story.key), 1);
    assert_int_equal(kept(&story), 1);

    cluster_mend(&story.cluster);
    cluster_settle(&story.cluster);
    assert_int_equal(kept(&story), 0);

    /* And once it is delivered to all, a lost disk is filled by the other owners. */
    sim_node_lose_disk(cluster_node(&story.cluster, story.owners[2]));
    cluster_start(&story.cluster, story.owners[2]);
    cluster_settle(&story.cluster);
    assert_held_by_owners(&story, 1);
    struct answer read = cluster_get(&story.cluster, story.owners[2], story.key);
    assert_values(&read, "kept", NULL);
    cluster_close(&story.cluster);
}

/* ---- while the layout changes ---- */

#define KEYS 40u
#define JOINER NODES

static const char *value_of(uint32_t i)
{
    static char value[32];
    snprintf(value, sizeof(value), "kept %u", i);
    return value;
}

/* Of each key as many as it takes confirm, owners or not, while nodes 1 and 2 are away. */
static void put_all_without_two(struct cluster *cluster)
{
    static struct answer seen[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        char before[32];
        snprintf(before, sizeof(before), "before %u", i);
        assert_int_equal(cluster_put(cluster, 0, cluster_key(i), before, NULL).code, 0);
        seen[i] = cluster_get(cluster, 0, cluster_key(i));
    }
    sim_node_crash(cluster_node(cluster, 1), SIM_EXIT_KILL);
    sim_node_crash(cluster_node(cluster, 2), SIM_EXIT_KILL);
    cluster_run(cluster, SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct answer kept = cluster_put(cluster, 0, cluster_key(i), value_of(i), &seen[i]);
        assert_int_equal(kept.code, 0);
    }
}

/* Nodes 0 and 3 have each other's hints for the two that are away, and a fifth joins, to be owed
 * some of them from then on. Then one of the two loses its disk: of some keys the last owner that
 * had the write, and all that is left is a hint; of others the hint, and an owner is left. */
static void what_is_owed_outlives_a_layout_change_and_the_loss_of_a_fallback(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.nodes = NODES;
    options.spares = 1;
    options.seeds = 1;
    options.partitions = 16;
    options.check_every = 32;
    cluster_open(&cluster, &options);
    assert_true(sim_world_run_until(&cluster.world, is_linked, 5 * SECOND_US));
    put_all_without_two(&cluster);
    assert_true(sim_node_hints(cluster_node(&cluster, 0)) > 0);
    assert_true(sim_node_hints(cluster_node(&cluster, 3)) > 0);

    cluster_start_joiner(&cluster, JOINER);
    cluster_run(&cluster, 5 * SECOND_US);
    assert_int_equal(cluster_members(&cluster, 0), NODES + 1);
    assert_true(cluster_live_layouts(&cluster, 0) > 1);
    sim_node_lose_disk(cluster_node(&cluster, 3));
    for (uint32_t node = 1; node < NODES; node++) {
        cluster_start(&cluster, node);
    }
    cluster_settle(&cluster);
    assert_int_equal(cluster_live_layouts(&cluster, 0), 1);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t held = 0;
        for (uint32_t node = 0; node <= JOINER; node++) {
            held += cluster_held(&cluster, node, cluster_key(i));
        }
        assert_int_equal(held, 3); /* by each owner, before any read repairs it */
        struct answer read = cluster_get_from(&cluster, i % NODES, cluster_key(i), 3);
        assert_values(&read, value_of(i), NULL);
    }
    for (uint32_t node = 0; node <= JOINER; node++) {
        assert_int_equal(sim_node_hints(cluster_node(&cluster, node)), 0);
    }
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_for_owners_that_are_away_reaches_them_when_they_are_back),
        cmocka_unit_test(the_coordinator_is_gone_for_good_and_its_write_is_not),
        cmocka_unit_test(what_is_kept_outlives_its_keeper),
        cmocka_unit_test(a_hint_that_comes_after_the_tombstone_is_gone_brings_nothing_back),
        cmocka_unit_test(where_there_is_no_room_for_hints_the_write_fails),
        cmocka_unit_test(an_owner_that_lost_its_disk_after_confirming_gets_the_value_again),
        cmocka_unit_test(what_is_owed_outlives_a_layout_change_and_the_loss_of_a_fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
