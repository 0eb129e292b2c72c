#include "property.h"

#include <math.h>
#include <string.h>

#include "flow_reference.h"
#include "ring/planner.h"
#include "ring/shares.h"

#define MEMBERS 24u
#define PARTITIONS 64u

struct problem {
    struct planner_input input;
    struct planner_member members[MEMBERS];
    uint16_t before[PARTITIONS * LIMIT_REPLICAS];
    uint32_t zone_count;
    uint32_t replicas;
};

static uint32_t below(struct random *random, uint32_t bound)
{
    return (uint32_t)random_below(random, bound);
}

static void members_random(struct random *random, struct problem *problem, uint32_t members_max)
{
    uint32_t count = 1 + below(random, members_max);
    uint32_t zones = 1 + below(random, count < 5 ? count : 5);
    uint32_t weight_max = random_chance(random, 0.5) ? 1 : 1 + below(random, 1000);
    for (uint32_t i = 0; i < count; i++) {
        problem->members[i] = (struct planner_member){
            .node = i * 10 + 5,
            .weight = 1 + below(random, weight_max),
            .zone = i < zones ? i : below(random, zones),
        };
    }
    problem->zone_count = zones;
    problem->input.members = problem->members;
    problem->input.member_count = count;
    problem->replicas = problem->input.n < count ? problem->input.n : count;
}

/* Any rows of distinct members, some of whom are members no more. */
static void before_random(struct random *random, struct problem *problem)
{
    struct planner_input *input = &problem->input;
    input->before_replicas = 1 + below(random, 4);
    for (uint32_t p = 0; p < input->partitions; p++) {
        uint16_t *row = &problem->before[p * input->before_replicas];
        for (uint32_t i = 0; i < input->before_replicas; i++) {
            row[i] = (uint16_t)below(random, input->member_count + 1);
            row[i] = row[i] == input->member_count ? PLANNER_NONE : row[i];
            for (uint32_t k = 0; k < i; k++) {
                row[i] = row[k] == row[i] ? PLANNER_NONE : row[i];
            }
        }
    }
    input->before = problem->before;
}

static void problem_random(struct random *random, struct problem *problem, uint32_t partitions_max,
                           uint32_t members_max)
{
    *problem = (struct problem){
        .input = {.partitions = 1 + below(random, partitions_max), .n = 1 + below(random, 5)}};
    members_random(random, problem, members_max);
    if (random_chance(random, 0.8)) {
        before_random(random, problem);
    }
}

/* The rows are whole, distinct, and keep to the zones' rule; the report tells the truth. */
static void check_rows(const struct problem *problem, const uint16_t *owners,
                       const struct planner_report *report)
{
    uint32_t zones_least = UINT32_MAX;
    uint32_t moved = 0;
    for (uint32_t p = 0; p < problem->input.partitions; p++) {
        const uint16_t *row = &owners[p * problem->replicas];
        bool zone_used[MEMBERS] = {false};
        uint32_t zones = 0;
        for (uint32_t i = 0; i < problem->replicas; i++) {
            CHECK(row[i] < problem->input.member_count);
            for (uint32_t k = 0; k < i; k++) {
                CHECK(row[i] != row[k]);
            }
            uint32_t zone = problem->members[row[i]].zone;
            zones += !zone_used[zone];
            zone_used[zone] = true;
            bool had = false;
            for (uint32_t k = 0; problem->input.before && k < problem->input.before_replicas; k++) {
                had = had || problem->before[p * problem->input.before_replicas + k] == row[i];
            }
            moved += !had;
        }
        zones_least = zones < zones_least ? zones : zones_least;
    }
    uint32_t zones_possible =
        problem->zone_count < problem->replicas ? problem->zone_count : problem->replicas;
    CHECK(zones_least == zones_possible);
    CHECK(report->zones_used == zones_possible);
    CHECK(report->moved == moved);
    CHECK(report->replicas == problem->replicas);
}

static void check_loads(const struct problem *problem, const uint16_t *owners,
                        const struct share *shares)
{
    uint32_t load[MEMBERS] = {0};
    uint32_t first[MEMBERS] = {0};
    for (uint32_t p = 0; p < problem->input.partitions; p++) {
        first[owners[p * problem->replicas]]++;
        for (uint32_t i = 0; i < problem->replicas; i++) {
            load[owners[p * problem->replicas + i]]++;
        }
    }
    for (uint32_t m = 0; m < problem->input.member_count; m++) {
        CHECK(load[m] >= shares[m].floor);
        CHECK(load[m] <= shares[m].floor + (shares[m].numerator > 0));
        CHECK(first[m] >= load[m] / problem->replicas);
        CHECK(first[m] <= (load[m] + problem->replicas - 1) / problem->replicas);
    }
}

/* Each member's share by weight, what can't be taken shared by the others: by bisection. */
static double share_expected(const struct problem *problem, uint32_t member)
{
    double q = problem->input.partitions;
    double low = 0;
    double high = q * problem->replicas;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        double sum = 0;
        for (uint32_t m = 0; m < problem->input.member_count; m++) {
            sum += fmin(q, middle * problem->members[m].weight);
        }
        *(sum < q * problem->replicas ? &low : &high) = middle;
    }
    return fmin(q, high * problem->members[member].weight);
}

static void check_shares(const struct problem *problem, const struct share *shares, bool bent)
{
    double sum = 0;
    double zone_sum[MEMBERS] = {0};
    for (uint32_t m = 0; m < problem->input.member_count; m++) {
        double share = share_value(&shares[m]);
        sum += share;
        zone_sum[problem->members[m].zone] += share;
        CHECK(share <= problem->input.partitions);
        CHECK(bent || fabs(share - share_expected(problem, m)) < 1e-6);
    }
    CHECK(fabs(sum - problem->input.partitions * problem->replicas) < 1e-6);
    for (uint32_t zone = 0; problem->zone_count > 1 && zone < problem->zone_count; zone++) {
        if (problem->zone_count >= problem->replicas) {
            CHECK(zone_sum[zone] < problem->input.partitions + 1e-6);
        } else {
            CHECK(zone_sum[zone] > problem->input.partitions - 1e-6);
        }
    }
}

static void plan_is_exact(struct random *random, struct problem *problem, bool compare)
{
    struct share shares[MEMBERS];
    struct planner_report report;
    struct planner_report report_again;
    uint16_t owners[PARTITIONS * LIMIT_REPLICAS];
    uint16_t again[PARTITIONS * LIMIT_REPLICAS];
    bool bent = false;
    (void)random;
    CHECK(shares_compute(&problem->input, problem->replicas, problem->zone_count, shares, &bent) ==
          0);
    check_shares(problem, shares, bent);
    CHECK(planner_plan(&problem->input, owners, &report) == 0);
    check_rows(problem, owners, &report);
    check_loads(problem, owners, shares);
    CHECK(bent || report.share_excess_max < 1);
    CHECK(planner_plan(&problem->input, again, &report_again) == 0);
    CHECK(memcmp(owners, again, problem->input.partitions * problem->replicas * sizeof(*owners)) ==
          0);
    if (compare) {
        struct flow_reference_result best =
            flow_reference(&problem->input, problem->replicas, problem->zone_count, shares);
        CHECK(best.placed == problem->input.partitions * problem->replicas);
        CHECK(report.moved == best.moved);
    }
}

static void small_plan(struct random *random)
{
    struct problem problem;
    problem_random(random, &problem, 8, 8);
    plan_is_exact(random, &problem, true);
}

static void a_small_plan_moves_as_little_as_the_reference(void **state)
{
    (void)state;
    property_run(small_plan, 3000);
}

static void large_plan(struct random *random)
{
    struct problem problem;
    problem_random(random, &problem, PARTITIONS, MEMBERS);
    plan_is_exact(random, &problem, random_chance(random, 0.05));
}

static void a_plan_meets_shares_zones_and_firsts(void **state)
{
    (void)state;
    property_run(large_plan, 1500);
}

/* A cluster that lives: members come, go and change, each plan from the one before. */
static void living_cluster(struct random *random)
{
    struct problem problem = {
        .input = {.partitions = 1u << below(random, 7), .n = 1 + below(random, 4)}};
    uint64_t nodes_before[MEMBERS];
    uint32_t count_before = 0;
    uint32_t replicas_before = 0;
    uint16_t before[PARTITIONS * LIMIT_REPLICAS];
    for (int change = 0; change < 8; change++) {
        members_random(random, &problem, MEMBERS);
        uint64_t node = 0;
        for (uint32_t m = 0; m < problem.input.member_count; m++) {
            node += 1 + below(random, 3);
            problem.members[m].node = node;
        }
        problem.input.before = NULL;
        if (count_before > 0) {
            for (uint32_t i = 0; i < problem.input.partitions * replicas_before; i++) {
                problem.before[i] = PLANNER_NONE;
                for (uint32_t m = 0; m < problem.input.member_count; m++) {
                    if (problem.members[m].node == nodes_before[before[i]]) {
                        problem.before[i] = (uint16_t)m;
                    }
                }
            }
            problem.input.before = problem.before;
            problem.input.before_replicas = replicas_before;
        }
        plan_is_exact(random, &problem, change < 3 && problem.input.partitions <= 16);
        struct planner_report report;
        CHECK(planner_plan(&problem.input, before, &report) == 0);
        replicas_before = report.replicas;
        count_before = problem.input.member_count;
        for (uint32_t m = 0; m < count_before; m++) {
            nodes_before[m] = problem.members[m].node;
        }
    }
}

static void plans_stay_exact_through_changes(void **state)
{
    (void)state;
    property_run(living_cluster, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_plan_moves_as_little_as_the_reference),
        cmocka_unit_test(a_plan_meets_shares_zones_and_firsts),
        cmocka_unit_test(plans_stay_exact_through_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
