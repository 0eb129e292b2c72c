/* How gossip scales: a cluster of any size under virtual time, with the program's own tables,
 * detectors, views and messages, but without workers and data. It prints how long news take, what a
 * change of layout takes, what a node sends, and how well the living are told from the dead.
 *
 *      bench-gossip [NODES [LOSS [MINUTES [SEED]]]]        100 nodes, 0.01 (1 %), 1 minute
 *
 * Negative minutes: only who lives and who is dead, for so many tenths of a minute.
 */
#include "support/gossip_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define INTERVAL_US GOSSIP_INTERVAL_US
#define STEP_US UINT64_C(50000)
#define PARTITIONS 4096u
#define HEARTBEATS UINT64_C(1209600) /* of a week */
#define NEWS 5u

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

typedef bool (*condition)(const struct gossip_cluster *cluster, uint32_t node);

/* Seconds until it holds. */
static double run_until(struct gossip_cluster *cluster, condition holds, uint32_t node)
{
    uint64_t start_us = cluster->now_us;
    while (!holds(cluster, node)) {
        if (cluster->now_us - start_us > 600 * INTERVAL_US) {
            printf("not within 600 intervals\n");
            exit(1);
        }
        gossip_cluster_run(cluster, STEP_US);
    }
    return (double)(cluster->now_us - start_us) / 1e6;
}

static bool all_know_as_told(const struct gossip_cluster *cluster, uint32_t node)
{
    const struct node_record *own = &cluster->members[node].gossip.self;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct gossip_member *at = &cluster->members[i];
        if (i != node && at->alive) {
            const struct gossip_node *seen = gossip_find(&at->gossip, own->id);
            if (seen == NULL || !node_record_same(&seen->record, own)) {
                return false;
            }
        }
    }
    return true;
}

static uint32_t count_seeing(const struct gossip_cluster *cluster, uint32_t node,
                             enum node_state least)
{
    uint64_t id = cluster->members[node].id;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct gossip_member *at = &cluster->members[i];
        if (i != node && at->alive) {
            enum node_state state = gossip_state(&at->gossip, id, cluster->now_us);
            count += least == NODE_UP ? state == NODE_UP : state >= least;
        }
    }
    return count;
}

static uint32_t count_alive(const struct gossip_cluster *cluster)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cluster->count; i++) {
        count += cluster->members[i].alive;
    }
    return count;
}

static bool all_see_up(const struct gossip_cluster *cluster, uint32_t node)
{
    return count_seeing(cluster, node, NODE_UP) == count_alive(cluster) - 1;
}

static bool all_see_all_up(const struct gossip_cluster *cluster, uint32_t node)
{
    (void)node;
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->members[i].alive && !all_see_up(cluster, i)) {
            return false;
        }
    }
    return true;
}

static bool one_sees_suspect(const struct gossip_cluster *cluster, uint32_t node)
{
    return count_seeing(cluster, node, NODE_SUSPECT) > 0;
}

static bool all_see_suspect(const struct gossip_cluster *cluster, uint32_t node)
{
    return count_seeing(cluster, node, NODE_SUSPECT) == count_alive(cluster);
}

static bool all_see_down(const struct gossip_cluster *cluster, uint32_t node)
{
    return count_seeing(cluster, node, NODE_DOWN) == count_alive(cluster);
}

/* Of those living: the newest layout that every one knows is this member's, resp. the only one. */
static bool all_have_layout(const struct gossip_cluster *cluster, uint32_t node)
{
    const struct layout *newest = view_newest(cluster->members[node].view);
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->members[i].alive &&
            layout_key_compare(&view_newest(cluster->members[i].view)->key, &newest->key) != 0) {
            return false;
        }
    }
    return true;
}

static bool all_have_one_layout(const struct gossip_cluster *cluster, uint32_t node)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (cluster->members[i].alive && cluster->members[i].view->live_count != 1) {
            return false;
        }
    }
    return all_have_layout(cluster, node);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

struct sent {
    uint64_t since_us;
    double cpu_since_s;
};

static struct sent sent_begin(struct gossip_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        struct gossip_member *member = &cluster->members[i];
        member->sent_bytes = 0;
        member->sent_messages = 0;
        member->sent_bytes_max = 0;
    }
    return (struct sent){.since_us = cluster->now_us, .cpu_since_s = cpu_s()};
}

static void sent_print(const struct gossip_cluster *cluster, struct sent sent, const char *what)
{
    double seconds = (double)(cluster->now_us - sent.since_us) / 1e6;
    double nodes = count_alive(cluster);
    uint64_t bytes = 0;
    uint64_t messages = 0;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct gossip_member *member = &cluster->members[i];
        bytes += member->sent_bytes;
        messages += member->sent_messages;
        largest = member->sent_bytes_max > largest ? member->sent_bytes_max : largest;
    }
    printf(
        "  sent %-28s %8.1f kB/s a node, %5.1f messages/s, largest %.1f kB, CPU %.2f ms/s a node\n",
        what, (double)bytes / seconds / nodes / 1e3, (double)messages / seconds / nodes,
        (double)largest / 1e3, 1e3 * (cpu_s() - sent.cpu_since_s) / seconds / nodes);
}

/* ---- what is measured ------------------------------------------------------------------------ */

static void measure_traffic(struct gossip_cluster *cluster)
{
    gossip_cluster_run(cluster, 12 * INTERVAL_US); /* until news of the start are none */
    struct sent sent = sent_begin(cluster);
    gossip_cluster_run(cluster, 12 * INTERVAL_US);
    sent_print(cluster, sent, "when nothing changes:");
    cluster->counting = true;
    gossip_cluster_run(cluster, 20 * INTERVAL_US); /* all have told their counts once */
    sent = sent_begin(cluster);
    gossip_cluster_run(cluster, 12 * INTERVAL_US);
    sent_print(cluster, sent, "when all counts change:");
    cluster->counting = false;
    gossip_cluster_run(cluster, 12 * INTERVAL_US);
}

static void measure_news(struct gossip_cluster *cluster)
{
    double sum_s = 0;
    double most_s = 0;
    for (uint32_t i = 0; i < NEWS; i++) {
        uint32_t node = (uint32_t)random_below(&cluster->random, count_alive(cluster));
        struct node_record self = cluster->members[node].gossip.self;
        self.keys += 1;
        gossip_set_self(&cluster->members[node].gossip, &self);
        double took_s = run_until(cluster, all_know_as_told, node);
        sum_s += took_s;
        most_s = took_s > most_s ? took_s : most_s;
    }
    printf("  news of one node known to all:    %.2f s, at most %.2f s\n", sum_s / NEWS, most_s);
}

static void measure_join(struct gossip_cluster *cluster)
{
    uint32_t last = cluster->count - 1;
    gossip_member_start(&cluster->members[last], &cluster->members[0], true);
    printf("  a joining node up to all:         %.2f s\n", run_until(cluster, all_see_up, last));
    struct sent sent = sent_begin(cluster);
    gossip_member_admit(&cluster->members[0], cluster->members[last].id);
    double known_s = run_until(cluster, all_have_layout, 0);
    double done_s = known_s + run_until(cluster, all_have_one_layout, 0);
    printf("  a new layout known to all:        %.2f s; and the only one after %.2f s (syncs of up "
           "to 5 s)\n",
           known_s, done_s);
    sent_print(cluster, sent, "while the layout changed:");
}

static void measure_doubts(struct gossip_cluster *cluster, uint64_t seconds)
{
    uint64_t looks = 0;
    uint64_t suspects = 0;
    uint64_t downs = 0;
    for (uint64_t i = 0; i < seconds; i++) {
        gossip_cluster_run(cluster, 1000000);
        for (uint32_t node = 0; node < cluster->count; node++) {
            if (cluster->members[node].alive) {
                suspects += count_seeing(cluster, node, NODE_SUSPECT);
                downs += count_seeing(cluster, node, NODE_DOWN);
                looks += count_alive(cluster) - 1;
            }
        }
    }
    printf(
        "  living nodes in %llu seconds:     %llu times suspect, %llu times down, of %llu looks\n",
        (unsigned long long)seconds, (unsigned long long)suspects, (unsigned long long)downs,
        (unsigned long long)looks);
}

static void measure_death(struct gossip_cluster *cluster)
{
    uint32_t victim = cluster->count / 2;
    gossip_member_kill(&cluster->members[victim]);
    double first_s = run_until(cluster, one_sees_suspect, victim);
    double all_s = first_s + run_until(cluster, all_see_suspect, victim);
    double down_s = all_s + run_until(cluster, all_see_down, victim);
    printf("  a killed node suspect to one:     %.2f s; to all %.2f s; down to all %.2f s\n",
           first_s, all_s, down_s);
}

int main(int argc, char **argv)
{
    uint32_t nodes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100;
    double loss = argc > 2 ? strtod(argv[2], NULL) : 0.01;
    int64_t minutes = argc > 3 ? strtoll(argv[3], NULL, 10) : 1;
    uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    if (nodes < 4 || nodes > 4000) {
        fprintf(stderr, "4 to 4000 nodes\n");
        return 2;
    }
    struct gossip_cluster cluster;
    setvbuf(stdout, NULL, _IOLBF, 0);
    gossip_cluster_init(&cluster, nodes, seed, loss);
    cluster.heartbeats = HEARTBEATS;
    printf("%u nodes, %.0f %% of messages lost, seed %llu\n", nodes, 100 * loss,
           (unsigned long long)seed);
    struct sent sent = sent_begin(&cluster);
    gossip_cluster_start(&cluster, nodes - 1);
    printf("  all up to all, from one contact:  %.2f s\n", run_until(&cluster, all_see_all_up, 0));
    sent_print(&cluster, sent, "until then:");
    if (minutes >= 0) {
        gossip_cluster_lay_out(&cluster, PARTITIONS, nodes - 1);
        measure_traffic(&cluster);
        measure_news(&cluster);
        measure_join(&cluster);
    }
    measure_doubts(&cluster, (uint64_t)(minutes >= 0 ? 60 * minutes : -6 * minutes));
    measure_death(&cluster);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("  CPU %.0f s, memory %.2f MB a node\n", cpu_s(),
           (double)usage.ru_maxrss / 1024 / nodes);
    gossip_cluster_stop(&cluster);
    return 0;
}
