/* A cluster that grows, shrinks and changes, one node at a time, each table planned from the one
 * before: how much moves, against what must move, and how far members are from their shares. */
#include "property.h"

#include <string.h>

#include "flow_reference.h"
#include "ring/planner.h"
#include "ring/shares.h"

#define MEMBERS 40u
#define PARTITIONS 256u
#define CHANGES 12u

enum change { JOIN, LEAVE, REWEIGH, REZONE, CHANGE_KINDS };

struct cluster {
    struct planner_input input;
    struct planner_member members[MEMBERS];
    uint32_t zone_of[MEMBERS]; /* names of zones, not yet dense */
    uint16_t before[PARTITIONS * LIMIT_REPLICAS];
    uint16_t owners[PARTITIONS * LIMIT_REPLICAS];
    uint32_t replicas;
    uint32_t zones; /* names there are */
    uint32_t zone_count;
    uint32_t weight_max;
    uint64_t node_next;
    bool compare; /* small enough for the reference */
};

/* What was moved over all changes of a kind, and what had to be. */
static struct {
    uint64_t changes, moved, least;
} totals[CHANGE_KINDS];

static uint32_t below(struct random *random, uint32_t bound)
{
    return (uint32_t)random_below(random, bound);
}

static uint32_t weight_random(struct random *random, const struct cluster *cluster)
{
    return 1 + below(random, cluster->weight_max);
}

/* Zones numbered as the planner wants them: densely, by name. */
static void zones_number(struct cluster *cluster)
{
    uint32_t dense[MEMBERS] = {0};
    bool used[MEMBERS] = {false};
    cluster->zone_count = 0;
    for (uint32_t i = 0; i < cluster->input.member_count; i++) {
        used[cluster->zone_of[i]] = true;
    }
    for (uint32_t zone = 0; zone < cluster->zones; zone++) {
        dense[zone] = cluster->zone_count;
        cluster->zone_count += used[zone];
    }
    for (uint32_t i = 0; i < cluster->input.member_count; i++) {
        cluster->members[i].zone = dense[cluster->zone_of[i]];
    }
}

static void member_join(struct random *random, struct cluster *cluster)
{
    uint32_t at = cluster->input.member_count++;
    cluster->node_next += 1 + below(random, 5);
    cluster->members[at] = (struct planner_member){.node = cluster->node_next,
                                                   .weight = weight_random(random, cluster)};
    cluster->zone_of[at] = below(random, cluster->zones);
}

/* Those behind it move up, in the table too. */
static void member_leave(struct cluster *cluster, uint32_t who)
{
    struct planner_input *input = &cluster->input;
    input->member_count--;
    for (uint32_t i = who; i < input->member_count; i++) {
        cluster->members[i] = cluster->members[i + 1];
        cluster->zone_of[i] = cluster->zone_of[i + 1];
    }
    for (uint32_t slot = 0; slot < input->partitions * cluster->replicas; slot++) {
        uint16_t owner = cluster->before[slot];
        cluster->before[slot] = owner == who                           ? PLANNER_NONE
                                : owner != PLANNER_NONE && owner > who ? (uint16_t)(owner - 1)
                                                                       : owner;
    }
}

static enum change change_random(struct random *random, struct cluster *cluster)
{
    struct planner_input *input = &cluster->input;
    enum change change = (enum change)below(random, CHANGE_KINDS);
    if (input->member_count == 1 || (change == LEAVE && random_chance(random, 0.4))) {
        change = JOIN; /* clusters grow more than they shrink */
    }
    if (change == JOIN && input->member_count == MEMBERS) {
        change = LEAVE;
    }
    uint32_t who = below(random, input->member_count);
    if (change == JOIN) {
        member_join(random, cluster);
    } else if (change == LEAVE) {
        member_leave(cluster, who);
    } else if (change == REWEIGH) {
        cluster->members[who].weight = weight_random(random, cluster);
    } else {
        cluster->zone_of[who] = below(random, cluster->zones);
    }
    zones_number(cluster);
    return change;
}

static void check_moves(const struct cluster *cluster, const struct planner_report *report)
{
    struct share shares[MEMBERS];
    bool bent = false;
    CHECK(report->moves_least <= report->moved);
    CHECK(shares_compute(&cluster->input, report->replicas, cluster->zone_count, shares, &bent) ==
          0);
    if (cluster->compare) {
        struct flow_reference_result best =
            flow_reference(&cluster->input, report->replicas, cluster->zone_count, shares);
        CHECK(report->moved == best.moved);
        CHECK(report->moves_least <= best.moved);
    }
    /* Each within one partition of its share; where zones outweigh weights, of that share. */
    uint32_t load[MEMBERS] = {0};
    for (uint32_t i = 0; i < cluster->input.partitions * report->replicas; i++) {
        load[cluster->owners[i]]++;
    }
    for (uint32_t i = 0; i < cluster->input.member_count; i++) {
        CHECK(load[i] >= shares[i].floor);
        CHECK(load[i] <= shares[i].floor + (shares[i].numerator > 0));
    }
    CHECK(bent || report->share_excess_max < 1);
    CHECK(bent == (strstr(report->reason, "zones outweigh weights") != NULL));
}

static void cluster_plan(struct cluster *cluster, struct planner_report *report)
{
    CHECK(planner_plan(&cluster->input, cluster->owners, report) == 0);
    check_moves(cluster, report);
    cluster->replicas = report->replicas;
    memcpy(cluster->before, cluster->owners, sizeof(cluster->before));
    cluster->input.before = cluster->before;
    cluster->input.before_replicas = report->replicas;
}

static void lives(struct random *random, uint32_t partitions, uint32_t zones, bool compare)
{
    struct cluster cluster = {
        .input = {.partitions = partitions, .n = 1 + below(random, 4), .members = cluster.members},
        .zones = zones,
        .weight_max = random_chance(random, 0.5) ? 1 : 1 + below(random, 20),
        .compare = compare};
    struct planner_report report;
    for (uint32_t i = 1 + below(random, compare ? 6 : MEMBERS / 2); i > 0; i--) {
        member_join(random, &cluster);
    }
    zones_number(&cluster);
    cluster_plan(&cluster, &report);
    for (uint32_t i = 0; i < CHANGES; i++) {
        uint32_t zones_before = cluster.zone_count;
        uint32_t replicas_before = cluster.replicas;
        enum change change = change_random(random, &cluster);
        cluster_plan(&cluster, &report);
        if (zones_before == cluster.zone_count && replicas_before == cluster.replicas) {
            totals[change].changes++;
            totals[change].moved += report.moved;
            totals[change].least += report.moves_least;
            if (zones == 1 && change == JOIN) {
                /* Without zones a join reaches the bound by counting, to the partition. */
                CHECK(report.moved == report.moves_least);
            }
        }
    }
}

static void small(struct random *random)
{
    lives(random, 1u << below(random, 5), 1 + below(random, 4), true);
}

static void large(struct random *random)
{
    lives(random, 1u << (4 + below(random, 5)), 1 + below(random, 5), false);
}

static void plain(struct random *random)
{
    lives(random, 1u << (4 + below(random, 5)), 1, false);
}

static void a_change_moves_exactly_as_little_as_the_reference(void **state)
{
    (void)state;
    property_run(small, 500);
}

static void without_zones_a_join_moves_what_it_gets_and_no_more(void **state)
{
    (void)state;
    property_run(plain, 1000);
}

/* With zones the bound by counting may be out of anyone's reach; all in all, joins come close. */
static void joins_move_at_most_a_twentieth_more_than_the_bound(void **state)
{
    static const char *const names[] = {"joins", "leaves", "weights", "zones"};
    (void)state;
    memset(totals, 0, sizeof(totals));
    property_run(large, 1000);
    for (uint32_t i = 0; i < CHANGE_KINDS; i++) {
        print_message("%-8s %7llu changes, moved %9llu, at least %9llu: %.4f\n", names[i],
                      (unsigned long long)totals[i].changes, (unsigned long long)totals[i].moved,
                      (unsigned long long)totals[i].least,
                      (double)totals[i].moved / (double)(totals[i].least + 1));
    }
    /* Of a single seed that is asked for there are too few to say. */
    assert_true(totals[JOIN].changes < 100 ||
                (double)totals[JOIN].moved <= 1.05 * (double)totals[JOIN].least);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_moves_exactly_as_little_as_the_reference),
        cmocka_unit_test(without_zones_a_join_moves_what_it_gets_and_no_more),
        cmocka_unit_test(joins_move_at_most_a_twentieth_more_than_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
