/* Clusters of 50 nodes gossip under virtual time over a network that loses, delays, reorders and
 * doubles messages, each really encoded and decoded. The bounds are in heartbeat intervals;
 * SHOAL_VERBOSE=1 prints what was measured. */
#include "property.h"

#include "base/memory.h"
#include "base/timers.h"
#include "member/gossip.h"
#include "wire/frame.h"

#define NODES 50u
#define SEEDS 2u
#define MS UINT64_C(1000)
#define INTERVAL_US (500 * MS)
#define STEP_US (50 * MS) /* how often the clusters are looked at */

struct cluster;

struct node {
    struct timer beat;
    struct cluster *cluster;
    struct gossip gossip;
    struct arena arena;
    uint64_t id;
    uint64_t generation;
    bool alive;
    uint32_t side; /* of a network cut in two; messages reach only one's own */
};

struct packet {
    struct timer arrival;
    struct packet *next; /* of those in the air */
    struct packet **at;
    struct cluster *cluster;
    struct node *to;
    bool reply;
    struct buffer frame;
};

struct cluster {
    struct timers timers;
    struct random random;
    uint64_t now_us;
    double loss;
    struct node nodes[NODES];
    struct packet *in_air;
};

static bool verbose(void)
{
    return getenv("SHOAL_VERBOSE") != NULL;
}

/* ---- the network ----------------------------------------------------------------------------- */

static void packet_free(struct packet *packet)
{
    timers_stop(&packet->cluster->timers, &packet->arrival);
    *packet->at = packet->next;
    if (packet->next != NULL) {
        packet->next->at = packet->at;
    }
    buffer_deinit(&packet->frame);
    mem_free(packet);
}

static void tell(struct node *from, struct node *to, bool reply);

static void packet_arrive(struct timer *timer, uint64_t now_us)
{
    struct packet *packet = (struct packet *)(void *)timer;
    struct node *to = packet->to;
    struct node *from = NULL;
    if (to->alive) {
        struct message_gossip message;
        struct bytes payload = bytes_make(packet->frame.data + FRAME_PREFIX_BYTES,
                                          packet->frame.len - FRAME_PREFIX_BYTES);
        bool twin;
        arena_reset(&to->arena);
        CHECK(message_gossip_decode(payload, &to->arena, &message) == 0);
        CHECK(gossip_receive(&to->gossip, message.from, message.records, message.count, now_us,
                             &twin) == 0);
        CHECK(!twin);
        from = packet->reply ? NULL : &to->cluster->nodes[message.from - 1];
    }
    packet_free(packet);
    if (from != NULL) {
        tell(to, from, true);
    }
}

static void send_copy(struct node *from, struct node *to, bool reply)
{
    struct cluster *cluster = from->cluster;
    struct message_gossip message = {.from = from->id};
    struct packet *packet = mem_alloc_zeroed(1, sizeof(*packet));
    CHECK(packet != NULL);
    packet->cluster = cluster;
    packet->to = to;
    packet->reply = reply;
    packet->arrival.fire = packet_arrive;
    packet->next = cluster->in_air;
    packet->at = &cluster->in_air;
    if (packet->next != NULL) {
        packet->next->at = &packet->next;
    }
    cluster->in_air = packet;
    buffer_init(&packet->frame, 0);
    arena_reset(&from->arena);
    CHECK(gossip_records(&from->gossip, &from->arena, &message.records, &message.count) == 0);
    CHECK(message_gossip_encode(&message, &packet->frame) == 0);
    uint64_t delay_us = 500 + random_below(&cluster->random, 40 * MS);
    CHECK(timers_start(&cluster->timers, &packet->arrival, cluster->now_us + delay_us) == 0);
}

static void tell(struct node *from, struct node *to, bool reply)
{
    struct cluster *cluster = from->cluster;
    if (from->side != to->side || random_chance(&cluster->random, cluster->loss)) {
        return;
    }
    send_copy(from, to, reply);
    if (random_chance(&cluster->random, cluster->loss)) {
        send_copy(from, to, reply);
    }
}

/* ---- the nodes ------------------------------------------------------------------------------- */

static void node_beat(struct timer *timer, uint64_t now_us)
{
    struct node *node = (struct node *)(void *)timer;
    struct cluster *cluster = node->cluster;
    uint64_t targets[GOSSIP_FANOUT_MAX];
    gossip_beat(&node->gossip);
    uint32_t count = gossip_targets(&node->gossip, &cluster->random, NULL, 0, now_us, targets,
                                    GOSSIP_FANOUT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        tell(node, &cluster->nodes[targets[i] - 1], false);
    }
    CHECK(timers_start(&cluster->timers, timer, now_us + INTERVAL_US) == 0);
}

static struct node_record record_of(const struct node *node)
{
    struct node_record record = {
        .id = node->id,
        .generation = node->generation,
        .version = 1,
        .zone = "a",
        .host = "127.0.0.1",
        .state = NODE_UP,
    };
    snprintf(record.name, sizeof(record.name), "node%u", (unsigned)node->id);
    return record;
}

/* A new life that knows nothing but the record of one other node. */
static void node_start(struct node *node, struct node *contact)
{
    const struct gossip_options options = {
        .interval_us = INTERVAL_US, .fanout = 2, .phi_threshold = 8.0};
    struct cluster *cluster = node->cluster;
    node->generation++;
    node->alive = true;
    struct node_record self = record_of(node);
    CHECK(gossip_init(&node->gossip, &options, &self) == 0);
    if (contact != node) {
        struct node_record known = record_of(contact);
        struct wire_record wire;
        bool twin;
        node_record_to_wire(&known, &wire);
        CHECK(gossip_receive(&node->gossip, 0, &wire, 1, cluster->now_us, &twin) == 0);
    }
    uint64_t phase_us = random_below(&cluster->random, INTERVAL_US);
    CHECK(timers_start(&cluster->timers, &node->beat, cluster->now_us + phase_us) == 0);
}

static void node_kill(struct node *node)
{
    timers_stop(&node->cluster->timers, &node->beat);
    gossip_deinit(&node->gossip);
    node->alive = false;
}

static void cluster_start(struct cluster *cluster, uint64_t seed, double loss)
{
    *cluster = (struct cluster){.loss = loss, .now_us = 1000 * MS};
    random_init(&cluster->random, seed);
    timers_init(&cluster->timers);
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *node = &cluster->nodes[i];
        node->beat.fire = node_beat;
        node->cluster = cluster;
        node->id = i + 1;
        arena_init(&node->arena, 1 << 20);
        node_start(node, &cluster->nodes[0]);
    }
}

static void cluster_stop(struct cluster *cluster)
{
    while (cluster->in_air != NULL) {
        packet_free(cluster->in_air);
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (cluster->nodes[i].alive) {
            node_kill(&cluster->nodes[i]);
        }
        arena_deinit(&cluster->nodes[i].arena);
    }
    timers_deinit(&cluster->timers);
}

static void cluster_run(struct cluster *cluster, uint64_t duration_us)
{
    uint64_t end_us = cluster->now_us + duration_us;
    for (;;) {
        uint64_t next_us = timers_next_us(&cluster->timers);
        if (next_us > end_us) {
            break;
        }
        cluster->now_us = next_us;
        timers_fire(&cluster->timers, next_us);
    }
    cluster->now_us = end_us;
}

typedef bool (*condition)(struct cluster *cluster, uint32_t node);

/* Intervals until the condition holds for the node at every living other, at most intervals_max. */
static double run_until(struct cluster *cluster, condition holds, uint32_t node,
                        uint32_t intervals_max, const char *what)
{
    uint64_t start_us = cluster->now_us;
    while (!holds(cluster, node)) {
        if (cluster->now_us - start_us >= intervals_max * INTERVAL_US) {
            print_error("loss %.0f %%, not within %u intervals: %s\n", 100 * cluster->loss,
                        intervals_max, what);
            CHECK(!"in time");
        }
        cluster_run(cluster, STEP_US);
    }
    double took = (double)(cluster->now_us - start_us) / (double)INTERVAL_US;
    if (verbose()) {
        print_message("loss %2.0f %%: %.1f intervals: %s\n", 100 * cluster->loss, took, what);
    }
    return took;
}

static bool all_see(struct cluster *cluster, uint32_t node, enum node_state least)
{
    uint64_t id = cluster->nodes[node].id;
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *at = &cluster->nodes[i];
        if (i != node && at->alive) {
            enum node_state state = gossip_state(&at->gossip, id, cluster->now_us);
            if (least == NODE_UP ? state != NODE_UP : state < least) {
                return false;
            }
        }
    }
    return true;
}

static bool is_up(struct cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_UP);
}

static bool is_suspect(struct cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_SUSPECT);
}

static bool is_down(struct cluster *cluster, uint32_t node)
{
    return all_see(cluster, node, NODE_DOWN);
}

static bool all_up(struct cluster *cluster, uint32_t node)
{
    (void)node;
    for (uint32_t i = 0; i < NODES; i++) {
        if (cluster->nodes[i].alive && !is_up(cluster, i)) {
            return false;
        }
    }
    return true;
}

static bool is_known_as_told(struct cluster *cluster, uint32_t node)
{
    const struct node_record *own = &cluster->nodes[node].gossip.self;
    for (uint32_t i = 0; i < NODES; i++) {
        struct node *at = &cluster->nodes[i];
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

static void (*property_of_cluster)(struct cluster *cluster);

static void with_every_loss(struct random *random)
{
    const double losses[] = {0.0, 0.01, 0.10};
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        static struct cluster cluster;
        cluster_start(&cluster, random_u64(random), losses[i]);
        run_until(&cluster, all_up, 0, 20, "all see all up, from one contact");
        cluster_run(&cluster, 10 * INTERVAL_US);
        property_of_cluster(&cluster);
        cluster_stop(&cluster);
    }
}

static void for_each_seed_and_loss(void (*property)(struct cluster *cluster))
{
    property_of_cluster = property;
    property_run(with_every_loss, SEEDS);
}

static void tell_news(struct cluster *cluster)
{
    for (uint64_t round = 1; round <= 10; round++) {
        uint32_t node = (uint32_t)random_below(&cluster->random, NODES);
        struct node_record self = cluster->nodes[node].gossip.self;
        self.keys += round;
        gossip_set_self(&cluster->nodes[node].gossip, &self);
        run_until(cluster, is_known_as_told, node, 10, "news known to all");
    }
}

static void news_reach_all_within_10_intervals(void **state)
{
    (void)state;
    for_each_seed_and_loss(tell_news);
}

static void watch_the_living(struct cluster *cluster)
{
    uint64_t looks = 0;
    uint64_t doubts = 0;
    for (int step = 0; step < 60; step++) {
        cluster_run(cluster, INTERVAL_US);
        for (uint32_t i = 0; i < NODES; i++) {
            for (uint64_t id = 1; id <= NODES; id++) {
                enum node_state seen = gossip_state(&cluster->nodes[i].gossip, id, cluster->now_us);
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

static void kill_and_restart(struct cluster *cluster)
{
    uint32_t victim = 1 + (uint32_t)random_below(&cluster->random, NODES - 1);
    node_kill(&cluster->nodes[victim]);
    run_until(cluster, is_suspect, victim, 20, "a killed node is suspect to all");
    run_until(cluster, is_down, victim, 20, "and down to all");
    for (int step = 0; step < 60; step++) {
        cluster_run(cluster, INTERVAL_US);
        CHECK(is_down(cluster, victim)); /* old news go round for ever, and revive nobody */
    }
    node_start(&cluster->nodes[victim], &cluster->nodes[0]);
    run_until(cluster, is_up, victim, 10, "a restarted node is up to all");
    run_until(cluster, all_up, 0, 10, "and all are up to it");
}

static void the_killed_are_found_out_and_stay_down_until_they_live_again(void **state)
{
    (void)state;
    for_each_seed_and_loss(kill_and_restart);
}

static void cut_and_heal(struct cluster *cluster)
{
    /* Not fewer: two nodes alone among 48 dead would take long to find each other. */
    uint32_t apart = NODES / 4 + (uint32_t)random_below(&cluster->random, NODES / 4);
    for (uint32_t i = 0; i < apart; i++) {
        cluster->nodes[i].side = 1;
    }
    cluster_run(cluster, 60 * INTERVAL_US);
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t k = 0; k < NODES; k++) {
            bool together = cluster->nodes[i].side == cluster->nodes[k].side;
            enum node_state seen =
                gossip_state(&cluster->nodes[i].gossip, cluster->nodes[k].id, cluster->now_us);
            CHECK((seen == NODE_DOWN) == !together);
        }
    }
    for (uint32_t i = 0; i < apart; i++) {
        cluster->nodes[i].side = 0;
    }
    run_until(cluster, all_up, 0, 20, "a healed cut is forgotten");
}

static void two_sides_of_a_cut_find_each_other_again(void **state)
{
    (void)state;
    for_each_seed_and_loss(cut_and_heal);
}

static uint64_t trace_of(uint64_t seed)
{
    static struct cluster cluster;
    uint64_t trace = 0;
    cluster_start(&cluster, seed, 0.1);
    for (int step = 0; step < 20; step++) {
        cluster_run(&cluster, INTERVAL_US);
        for (uint32_t i = 0; i < NODES; i++) {
            for (uint64_t id = 1; id <= NODES; id++) {
                const struct gossip_node *node = gossip_find(&cluster.nodes[i].gossip, id);
                uint64_t heartbeat = node == NULL ? 0 : node->record.heartbeat;
                trace = trace * 31 + heartbeat;
            }
        }
    }
    cluster_stop(&cluster);
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
        cmocka_unit_test(the_same_seed_gives_the_same_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
