/* A delete that was answered OK has deleted, whoever coordinated it and whatever that node had
 * missed; and nothing that turns up later brings the value back. */
#include "scenario.h"

#include "node/core.h"
#include "ring/partition.h"

/* A key whose owners begin with node 0, which has missed the write that the two others confirmed.
 */
static const char *put_behind_node_0(struct cluster *cluster, const char *value)
{
    static char key[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(cluster, 0));
    cluster_part(cluster, 0, 1);
    cluster_part(cluster, 0, 2);
    cluster_run(cluster, SECOND_US);
    assert_int_equal(cluster_put(cluster, 1, key, value, NULL).code, 0);
    assert_int_equal(cluster_held(cluster, 0, key), 0);
    cluster_mend(cluster);
    cluster_run(cluster, SECOND_US);
    return key;
}

static void a_delete_by_a_coordinator_that_missed_the_write_deletes_it(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    const char *key = put_behind_node_0(&cluster, "missed");
    assert_int_equal(cluster_held(&cluster, 0, key), 0);

    struct answer gone = cluster_delete(&cluster, 0, key, NULL);
    assert_int_equal(gone.code, 0);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_get(&cluster, node, key).code, SHOAL_ENOTFOUND);
    }
    cluster_run(&cluster, SECOND_US);
    assert_int_equal(cluster_get_from(&cluster, 2, key, 3).code, SHOAL_ENOTFOUND);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_held(&cluster, node, key), 1); /* the tombstone alone */
    }
    cluster_close(&cluster);
}

static void a_put_by_a_coordinator_that_missed_the_write_replaces_it(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    const char *key = put_behind_node_0(&cluster, "missed");
    assert_int_equal(cluster_put(&cluster, 0, key, "new", NULL).code, 0);
    cluster_run(&cluster, SECOND_US);
    struct answer now = cluster_get_from(&cluster, 1, key, 3);
    assert_values(&now, "new", NULL);
    cluster_close(&cluster);
}

static void a_refilling_holder_does_not_vouch_for_a_delete(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    cluster_open(&cluster, &options);
    const char *key = put_behind_node_0(&cluster, "missed");
    /* Of the two that have it one loses its disk, and what it could be filled from is out of reach;
     * the other can't be reached by the coordinator either. */
    cluster_part(&cluster, 1, 2);
    cluster_part(&cluster, 0, 2);
    sim_node_lose_disk(cluster_node(&cluster, 1));
    cluster_start(&cluster, 1);
    cluster_run(&cluster, 3 * SECOND_US);
    struct answer answer = cluster_delete(&cluster, 0, key, NULL);
    assert_true(answer.code == SHOAL_EQUORUM || answer.code == SHOAL_EUNKNOWN);

    cluster_mend(&cluster);
    cluster_settle(&cluster);
    assert_int_equal(cluster_delete(&cluster, 0, key, NULL).code, 0);
    assert_int_equal(cluster_get_from(&cluster, 1, key, 3).code, SHOAL_ENOTFOUND);
    cluster_close(&cluster);
}

static uint64_t peer_frames(const struct cluster *cluster)
{
    return cluster->world.network.frames;
}

/* The frames between nodes that one request takes, in a cluster where nothing else happens. */
static void a_delete_without_a_context_costs_the_frames_of_a_put_with_one(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.heartbeat_us = 60 * SECOND_US; /* so that nothing else is said meanwhile */
    cluster_open(&cluster, &options);
    char key[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 0));
    assert_int_equal(cluster_put(&cluster, 0, key, "one", NULL).code, 0);
    struct answer seen = cluster_get(&cluster, 0, key);
    cluster_run(&cluster, SECOND_US);

    uint64_t before = peer_frames(&cluster);
    assert_int_equal(cluster_put(&cluster, 0, key, "two", &seen).code, 0);
    cluster_run(&cluster, 100 * MILLISECOND_US);
    uint64_t of_put = peer_frames(&cluster) - before;
    before = peer_frames(&cluster);
    assert_int_equal(cluster_delete(&cluster, 0, key, NULL).code, 0);
    cluster_run(&cluster, 100 * MILLISECOND_US);
    assert_int_equal(of_put, 4);
    assert_int_equal(peer_frames(&cluster) - before, of_put);
    cluster_close(&cluster);
}

/* An owner has, for whatever reason, what every other knows to be deleted, tombstone and all. */
static void a_read_does_not_show_what_another_owner_knows_to_be_gone(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    sim_options_quiet(&options);
    options.repair_us = SECOND_US;
    cluster_open(&cluster, &options);
    char key[32];
    snprintf(key, sizeof(key), "%s", cluster_key_of(&cluster, 0));
    assert_int_equal(cluster_put(&cluster, 0, key, "old", NULL).code, 0);
    cluster_run(&cluster, SECOND_US);

    struct worker *worker = cluster_node(&cluster, 2)->workers[0].core;
    struct replica *replica = &worker->replica;
    uint32_t partition = partition_of_key(bytes_from_string(key), options.partitions);
    struct engine_key at = replica_key(replica, partition, bytes_from_string(key));
    struct bytes held;
    struct buffer old;
    buffer_init(&old, 0);
    assert_int_equal(replica_read_encoded(replica, &at, &held), REPLICA_DONE);
    assert_int_equal(buffer_append_bytes(&old, held), 0);

    assert_int_equal(cluster_delete(&cluster, 0, key, NULL).code, 0);
    cluster_run(&cluster, 20 * SECOND_US);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_held(&cluster, node, key), 0); /* the tombstone has been dropped */
    }
    assert_int_equal(cluster_get_from(&cluster, 0, key, 3).code, SHOAL_ENOTFOUND);

    /* A hint of long ago comes to one that has forgotten what it had seen. */
    holding_forget_clock(replica_holding(replica, partition));
    assert_true(replica_store(replica, &at, buffer_bytes(&old), 0, NULL) >= 0);
    buffer_deinit(&old);
    assert_int_equal(cluster_held(&cluster, 2, key), 1);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_get_from(&cluster, node, key, 3).code, SHOAL_ENOTFOUND);
    }
    cluster_run(&cluster, 20 * SECOND_US);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(cluster_held(&cluster, node, key), 0); /* and syncs remove it */
    }
    cluster_close(&cluster);
}

/* ---- while the layout changes ---- */

#define KEYS 64u
#define OLD_DELETES 1u /* an old owner that has seen the deletes and not what they deleted */
#define OLD_VALUES 2u  /* one that has seen the values and not the deletes */
#define NEWCOMERS (1u << 3 | 1u << 4)

static void link_again(struct cluster *cluster, uint32_t a, uint32_t b)
{
    sim_network_cut(&cluster->world.network, a, b, false);
    sim_network_cut(&cluster->world.network, b, a, false);
}

/* Nothing that it sends arrives, nor anything sent to it; no link goes, and comes back. */
static void silence(struct cluster *cluster, uint32_t node)
{
    for (uint32_t other = 0; other < 3; other++) {
        if (other != node) {
            cluster_mute(cluster, node, other);
            cluster_mute(cluster, other, node);
        }
    }
    cluster_run(cluster, 10 * SECOND_US); /* until it is taken for dead */
}

/* Every value reaches nodes 0 and 2, and its delete nodes 0 and 1. Then node 0 is alone. */
static void delete_apart(struct cluster *cluster)
{
    static struct answer seen[KEYS];
    silence(cluster, OLD_DELETES);
    for (uint32_t i = 0; i < KEYS; i++) {
        char value[16];
        snprintf(value, sizeof(value), "old %u", i);
        assert_int_equal(cluster_put(cluster, 0, cluster_key(i), value, NULL).code, 0);
        seen[i] = cluster_get(cluster, 0, cluster_key(i));
        assert_values(&seen[i], value, NULL);
    }
    silence(cluster, OLD_VALUES);
    link_again(cluster, 0, OLD_DELETES);
    for (uint32_t i = 0; i < KEYS; i++) {
        assert_int_equal(cluster_held(cluster, OLD_DELETES, cluster_key(i)), 0);
        assert_int_equal(cluster_delete(cluster, 0, cluster_key(i), &seen[i]).code, 0);
    }
    cluster_split(cluster, 1u << OLD_DELETES | 1u << OLD_VALUES, 1u << 0 | NEWCOMERS);
    cluster_part(cluster, OLD_DELETES, OLD_VALUES);
}

/* By the newest layout, which node 0 knows. */
static bool will_own(struct cluster *cluster, uint32_t node, const char *key)
{
    const struct view *view = sim_node_snapshot(cluster_node(cluster, 0))->view;
    uint32_t partition = partition_of_key(bytes_from_string(key), view_facts(view)->partitions);
    return layout_owns(view_newest(view), cluster_node(cluster, node)->id, partition);
}

/* Two nodes join, and node 0 is all that they can reach: some keys are theirs and node 0's now. */
static void join_apart(struct cluster *cluster)
{
    for (uint32_t node = 3; node < 5; node++) {
        cluster_start_joiner(cluster, node);
        cluster_run(cluster, 5 * SECOND_US);
        assert_int_equal(cluster_members(cluster, 0), node + 1);
    }
}

/* One of them leaves, so that some of those return to an old owner. Such a key. */
static const char *leave_apart(struct cluster *cluster, const bool *moved)
{
    assert_int_equal(cluster_leave(cluster, 4).code, 0);
    cluster_run(cluster, SECOND_US);
    for (uint32_t i = 0; i < KEYS; i++) {
        const char *key = cluster_key(i);
        if (moved[i] && will_own(cluster, 0, key) && will_own(cluster, OLD_DELETES, key)) {
            return key;
        }
    }
    fail_msg("no key has moved there and back");
    return NULL;
}

/* The keys' newest owners have all seen value and delete; owners by an older layout have not, and
 * reads still go by that one. Were the tombstone dropped, an old owner that gets the partition back
 * would let go of its own when it hears that it is gone; killed before its clock is on record, it
 * would know of nothing, and take the value from the other old owner, who had missed the delete.
 */
static void a_tombstone_is_kept_while_an_owner_by_an_older_layout_has_not_told(void **state)
{
    (void)state;
    struct cluster cluster;
    struct sim_options options;
    bool moved[KEYS];
    sim_options_quiet(&options);
    options.spares = 2;
    options.seeds = 1;
    options.partitions = 64;
    options.sloppy = false;
    options.repair_us = 15 * SECOND_US;
    options.check_every = 64;
    cluster_open(&cluster, &options);
    delete_apart(&cluster);
    join_apart(&cluster);
    for (uint32_t i = 0; i < KEYS; i++) {
        moved[i] = !will_own(&cluster, OLD_DELETES, cluster_key(i)) &&
                   !will_own(&cluster, OLD_VALUES, cluster_key(i));
    }
    cluster_run(&cluster, 60 * SECOND_US); /* the newest owners tell each other */
    const char *key = leave_apart(&cluster, moved);

    link_again(&cluster, 0, OLD_DELETES);
    for (uint32_t i = 0; i < 500 && cluster_held(&cluster, OLD_DELETES, key) > 0; i++) {
        cluster_run(&cluster, 10 * MILLISECOND_US);
    }
    sim_node_crash(cluster_node(&cluster, OLD_DELETES), SIM_EXIT_KILL);
    cluster_split(&cluster, 1u << OLD_DELETES, 1u << 0 | NEWCOMERS);
    link_again(&cluster, OLD_DELETES, OLD_VALUES);
    cluster_start(&cluster, OLD_DELETES);
    cluster_run(&cluster, 3 * SECOND_US);
    assert_int_equal(cluster_get_from(&cluster, OLD_DELETES, key, 2).code, SHOAL_ENOTFOUND);
    assert_int_equal(cluster_held(&cluster, 0, key), 1);

    cluster_mend(&cluster);
    cluster_settle(&cluster);
    for (uint32_t i = 0; i < 60 && cluster_held_keys(&cluster, 0, KEYS) > 0; i++) {
        cluster_run(&cluster, SECOND_US);
    }
    for (uint32_t node = 0; node < 5; node++) {
        assert_int_equal(cluster_held_keys(&cluster, node, KEYS), 0); /* now all have told */
    }
    cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delete_by_a_coordinator_that_missed_the_write_deletes_it),
        cmocka_unit_test(a_put_by_a_coordinator_that_missed_the_write_replaces_it),
        cmocka_unit_test(a_refilling_holder_does_not_vouch_for_a_delete),
        cmocka_unit_test(a_delete_without_a_context_costs_the_frames_of_a_put_with_one),
        cmocka_unit_test(a_read_does_not_show_what_another_owner_knows_to_be_gone),
        cmocka_unit_test(a_tombstone_is_kept_while_an_owner_by_an_older_layout_has_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
