/* Clusters of 50 nodes gossip under virtual time over a network that loses, delays, reorders and
 * doubles messages, each really encoded and decoded. The bounds are in heartbeat intervals;
 * SHOAL_VERBOSE=1 prints what was measured. Larger clusters: tests/bench/bench_gossip.c. */
#include "property.h"

#include "base/memory.h"
#include "support/gossip_cluster.h"

#define NODES 50u
#define SEEDS 2u
#define MS UINT64_C(1000)
#define INTERVAL_US GOSSIP_INTERVAL_US
#define STEP_US (50 * MS) /* how often the clusters are looked at */

static bool verbose(void)
{
    return getenv("SHOAL_VERBOSE") != NULL;
}

typedef bool (*condition)(struct gossip_cluster *cluster, uint32_t node);

/* Intervals until the condition holds for the node at every living other, at most intervals_max. */
static double run_until(struct gossip_cluster *cluster, condition holds, uint32_t node,
                        uint32_t intervals_max, const char *what)
{
    uint64_t start_us = cluster->now_us;
    while (!holds(cluster, node)) {
        if (cluster->now_us - start_us >= intervals_max * INTERVAL_US) {
            print_error("loss %.0f %%, not within %u intervals: %s\n", 100 * cluster->loss,
                        intervals_max, what);
            CHECK(!"in time");
        }
        gossip_cluster_run(cluster, STEP_US);
    }
    double took = (double)(cluster->now_us - start_us) / (double)INTERVAL_US;
    if (verbose()) {
        print_message("loss %2.0f %%: %.1f intervals: %s\n", 100 * cluster->loss, took, what);
    }
    return took;
}

static bool all_see(struct gossip_cluster *cluster, uint32_t node, enum node_state least)
{
    uint64_t id = cluster->members[node].id;
    for (uint32_t i = 0; i < NODES; i++) {
        struct gossip_member *at = &cluster->members[i];
        if (i != node && at->alive) {
            enum node_state state = gossip_state(&at->gossip, id, cluster->now_us);
            if (least == NODE_UP ? state != NODE_UP : state < least) {
                return false;
            }
        }
    }
    return true;
}

static bool is_up(struct gossip_cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_UP);
}

static bool is_suspect(struct gossip_cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_SUSPECT);
}

static bool is_down(struct gossip_cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_DOWN);
}

static bool all_up(struct gossip_cluster *cluster, uint32_t node)
{
    (void)node;
    for (uint32_t i = 0; i < NODES; i++) {
        if (cluster->members[i].alive && !is_up(cluster, i)) {
            return false;
        }
    }
    return true;
}

static bool is_known_as_told(struct gossip_cluster *cluster, uint32_t node)
{
    const struct node_record *own = &cluster->members[node].gossip.self;
    for (uint32_t i = 0; i < NODES; i++) {
        struct gossip_member *at = &cluster->members[i];
        if (i == node || !at->alive) {
            continue;
        }
        const struct gossip_node *seen = gossip_find(&at->gossip, own->id);
        if (seen == NULL || !node_record_same(&seen->record, own)) {
            return false;
        }
    }
    return true;
}

/* ---- the properties -------------------------------------------------------------------------- */

static void (*property_of_cluster)(struct gossip_cluster *cluster);

static void with_every_loss(struct random *random)
{
    const double losses[] = {0.0, 0.01, 0.10};
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        static struct gossip_cluster cluster;
        gossip_cluster_init(&cluster, NODES, random_u64(random), losses[i]);
        gossip_cluster_start(&cluster, NODES);
        run_until(&cluster, all_up, 0, 20, "all see all up, from one contact");
        gossip_cluster_run(&cluster, 10 * INTERVAL_US);
        property_of_cluster(&cluster);
        gossip_cluster_stop(&cluster);
    }
}

static void for_each_seed_and_loss(void (*property)(struct gossip_cluster *cluster))
{
    property_of_cluster = property;
    property_run(with_every_loss, SEEDS);
}

static void tell_news(struct gossip_cluster *cluster)
{
    for (uint64_t round = 1; round <= 10; round++) {
        uint32_t node = (uint32_t)random_below(&cluster->random, NODES);
        struct node_record self = cluster->members[node].gossip.self;
        self.keys += round;
        gossip_set_self(&cluster->members[node].gossip, &self);
        run_until(cluster, is_known_as_told, node, 10, "news known to all");
    }
}

static void news_reach_all_within_10_intervals(void **state)
{
    (void)state;
    for_each_seed_and_loss(tell_news);
}

static void watch_the_living(struct gossip_cluster *cluster)
{
    uint64_t looks = 0;
    uint64_t doubts = 0;
    for (int step = 0; step < 60; step++) {
        gossip_cluster_run(cluster, INTERVAL_US);
        for (uint32_t i = 0; i < NODES; i++) {
            for (uint64_t id = 1; id <= NODES; id++) {
                enum node_state seen =
                    gossip_state(&cluster->members[i].gossip, id, cluster->now_us);
                looks++;
                doubts += seen == NODE_UP ? 0 : 1;
                CHECK(seen != NODE_DOWN);
            }
        }
    }
    if (verbose()) {
        print_message("loss %2.0f %%: %llu of %llu looks found a living node suspect\n",
                      100 * cluster->loss, (unsigned long long)doubts, (unsigned long long)looks);
    }
    CHECK(doubts * 10000 <= looks);
}

static void the_living_are_never_down_and_hardly_ever_suspect(void **state)
{
    (void)state;
    for_each_seed_and_loss(watch_the_living);
}

static void kill_and_restart(struct gossip_cluster *cluster)
{
    uint32_t victim = 1 + (uint32_t)random_below(&cluster->random, NODES - 1);
    gossip_member_kill(&cluster->members[victim]);
    run_until(cluster, is_suspect, victim, 20, "a killed node is suspect to all");
    run_until(cluster, is_down, victim, 20, "and down to all");
    for (int step = 0; step < 60; step++) {
        gossip_cluster_run(cluster, INTERVAL_US);
        CHECK(is_down(cluster, victim)); /* old news go round for ever, and revive nobody */
    }
    gossip_member_start(&cluster->members[victim], &cluster->members[0], false);
    run_until(cluster, is_up, victim, 10, "a restarted node is up to all");
    run_until(cluster, all_up, 0, 10, "and all are up to it");
}

static void the_killed_are_found_out_and_stay_down_until_they_live_again(void **state)
{
    (void)state;
    for_each_seed_and_loss(kill_and_restart);
}

static void cut_and_heal(struct gossip_cluster *cluster)
{
    /* Not fewer: two nodes alone among 48 dead would take long to find each other. */
    uint32_t apart = NODES / 4 + (uint32_t)random_below(&cluster->random, NODES / 4);
    for (uint32_t i = 0; i < apart; i++) {
        cluster->members[i].side = 1;
    }
    gossip_cluster_run(cluster, 60 * INTERVAL_US);
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t k = 0; k < NODES; k++) {
            bool together = cluster->members[i].side == cluster->members[k].side;
            enum node_state seen =
                gossip_state(&cluster->members[i].gossip, cluster->members[k].id, cluster->now_us);
            CHECK((seen == NODE_DOWN) == !together);
        }
    }
    for (uint32_t i = 0; i < apart; i++) {
        cluster->members[i].side = 0;
    }
    run_until(cluster, all_up, 0, 20, "a healed cut is forgotten");
}

static void two_sides_of_a_cut_find_each_other_again(void **state)
{
    (void)state;
    for_each_seed_and_loss(cut_and_heal);
}

/* A layout comes into force, and the one before goes when all have synced it: with every mark of
 * every node heard by all. */
static bool one_layout(struct gossip_cluster *cluster, uint32_t node)
{
    const struct view *first = cluster->members[node].view;
    for (uint32_t i = 0; i < NODES; i++) {
        const struct view *view = cluster->members[i].view;
        if (view->live_count != 1 || view->digest != first->digest ||
            view_newest(view)->key.version < 3) {
            return false;
        }
    }
    return true;
}

static void change_the_layout(struct gossip_cluster *cluster)
{
    gossip_cluster_lay_out(cluster, 64, NODES - 1);
    cluster->sync_us_max = 10 * INTERVAL_US;
    gossip_member_admit(&cluster->members[7], NODES);
    run_until(cluster, one_layout, 0, 40, "a layout has replaced the one before");
    gossip_cluster_run(cluster, INTERVAL_US); /* what was last told arrives */
    for (uint32_t i = 0; i < NODES; i++) {
        cluster->members[i].sent_bytes = 0;
    }
    gossip_cluster_run(cluster, 10 * INTERVAL_US);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        bytes += cluster->members[i].sent_bytes;
    }
    bytes /= NODES * 10;
    CHECK(bytes < 1000); /* whole tables would be 5 kB, four times an interval */
    if (verbose()) {
        print_message("loss %2.0f %%: %llu bytes a node and interval\n", 100 * cluster->loss,
                      (unsigned long long)bytes);
    }
}

static void a_layout_replaces_another_and_then_little_is_said(void **state)
{
    (void)state;
    for_each_seed_and_loss(change_the_layout);
}

static uint64_t trace_of(uint64_t seed)
{
    static struct gossip_cluster cluster;
    uint64_t trace = 0;
    gossip_cluster_init(&cluster, NODES, seed, 0.1);
    gossip_cluster_start(&cluster, NODES);
    for (int step = 0; step < 20; step++) {
        gossip_cluster_run(&cluster, INTERVAL_US);
        for (uint32_t i = 0; i < NODES; i++) {
            for (uint64_t id = 1; id <= NODES; id++) {
                const struct gossip_node *node = gossip_find(&cluster.members[i].gossip, id);
                uint64_t heartbeat = node == NULL ? 0 : node->record.heartbeat;
                trace = trace * 31 + heartbeat;
            }
        }
    }
    gossip_cluster_stop(&cluster);
    return trace;
}

static void the_same_seed_gives_the_same_history(void **state)
{
    (void)state;
    CHECK(trace_of(1) == trace_of(1));
    CHECK(trace_of(1) != trace_of(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_reach_all_within_10_intervals),
        cmocka_unit_test(the_living_are_never_down_and_hardly_ever_suspect),
        cmocka_unit_test(the_killed_are_found_out_and_stay_down_until_they_live_again),
        cmocka_unit_test(two_sides_of_a_cut_find_each_other_again),
        cmocka_unit_test(a_layout_replaces_another_and_then_little_is_said),
        cmocka_unit_test(the_same_seed_gives_the_same_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
