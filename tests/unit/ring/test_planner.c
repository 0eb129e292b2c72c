#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/planner.h"
#include "shoal/error.h"

#define Q 64u

static struct planner_report report;
static uint16_t owners[Q * LIMIT_REPLICAS];

static void plan(const struct planner_member *members, uint32_t count, uint32_t n,
                 const uint16_t *before, uint32_t before_replicas)
{
    struct planner_input input = {.partitions = Q,
                                  .n = n,
                                  .members = members,
                                  .member_count = count,
                                  .before = before,
                                  .before_replicas = before_replicas};
    assert_int_equal(planner_plan(&input, owners, &report), 0);
}

static uint32_t load_of(uint16_t member, uint32_t replicas)
{
    uint32_t load = 0;
    for (uint32_t i = 0; i < Q * replicas; i++) {
        load += owners[i] == member;
    }
    return load;
}

static uint32_t firsts_of(uint16_t member, uint32_t replicas)
{
    uint32_t firsts = 0;
    for (uint32_t p = 0; p < Q; p++) {
        firsts += owners[p * replicas] == member;
    }
    return firsts;
}

static void one_member_owns_everything_and_the_report_says_why(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1}};
    plan(members, 1, 3, NULL, 0);
    assert_int_equal(report.replicas, 1);
    assert_int_equal(load_of(0, 1), Q);
    assert_string_equal(report.reason, "1 member for n = 3: every member owns every partition");
}

static void three_equal_members_share_the_firsts(void **state)
{
    (void)state;
    struct planner_member members[] = {
        {.node = 1, .weight = 1}, {.node = 2, .weight = 1}, {.node = 3, .weight = 1}};
    plan(members, 3, 3, NULL, 0);
    for (uint16_t m = 0; m < 3; m++) {
        assert_int_equal(load_of(m, 3), Q);
        assert_in_range(firsts_of(m, 3), Q / 3, Q / 3 + 1);
    }
    assert_string_equal(report.reason, "");
}

static void a_joiner_takes_its_share_and_nothing_else_moves(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1},
                                       {.node = 2, .weight = 1},
                                       {.node = 3, .weight = 1},
                                       {.node = 4, .weight = 1}};
    uint16_t before[Q * 3];
    plan(members, 3, 3, NULL, 0);
    memcpy(before, owners, sizeof(before));
    plan(members, 4, 3, before, 3);
    assert_int_equal(report.moved, Q * 3 / 4);
    assert_int_equal(load_of(3, 3), Q * 3 / 4);
}

static void nothing_moves_when_nothing_has_changed(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 3},
                                       {.node = 2, .weight = 1},
                                       {.node = 3, .weight = 2},
                                       {.node = 4, .weight = 1}};
    uint16_t before[Q * 2];
    plan(members, 4, 2, NULL, 0);
    memcpy(before, owners, sizeof(before));
    plan(members, 4, 2, before, 2);
    assert_int_equal(report.moved, 0);
    assert_memory_equal(before, owners, sizeof(before));
}

static void weights_divide_the_partitions(void **state)
{
    (void)state;
    struct planner_member members[] = {
        {.node = 1, .weight = 2}, {.node = 2, .weight = 1}, {.node = 3, .weight = 1}};
    plan(members, 3, 1, NULL, 0);
    assert_int_equal(load_of(0, 1), Q / 2);
    assert_int_equal(load_of(1, 1), Q / 4);
    assert_int_equal(load_of(2, 1), Q / 4);
}

static void what_a_heavy_member_cannot_take_goes_to_the_others(void **state)
{
    (void)state;
    struct planner_member members[] = {
        {.node = 1, .weight = 1000}, {.node = 2, .weight = 1}, {.node = 3, .weight = 1}};
    plan(members, 3, 2, NULL, 0);
    assert_int_equal(load_of(0, 2), Q);
    assert_int_equal(load_of(1, 2), Q / 2);
    assert_true(report.share_excess_max < 1);
    assert_string_equal(report.reason, "");
}

static void copies_stand_in_different_zones(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1, .zone = 0},
                                       {.node = 2, .weight = 1, .zone = 0},
                                       {.node = 3, .weight = 1, .zone = 1},
                                       {.node = 4, .weight = 1, .zone = 2}};
    plan(members, 4, 3, NULL, 0);
    assert_int_equal(report.zones_used, 3);
    assert_int_equal(load_of(2, 3), Q);
    assert_int_equal(load_of(3, 3), Q);
    assert_int_equal(load_of(0, 3), Q / 2);
    assert_string_equal(report.reason,
                        "zones outweigh weights: to have copies in 3 zones, members own up to 16.0 "
                        "partitions more or less than their weight's share");
}

static void two_zones_for_three_copies_are_both_used(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1, .zone = 0},
                                       {.node = 2, .weight = 1, .zone = 0},
                                       {.node = 3, .weight = 1, .zone = 0},
                                       {.node = 4, .weight = 1, .zone = 1},
                                       {.node = 5, .weight = 1, .zone = 1}};
    plan(members, 5, 3, NULL, 0);
    assert_int_equal(report.zones_used, 2);
    assert_true(report.share_excess_max < 1);
    assert_string_equal(report.reason,
                        "2 zones for 3 copies: some zones hold several copies of a partition");
}

static void a_leaver_is_replaced_where_it_stood_only(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1},
                                       {.node = 2, .weight = 1},
                                       {.node = 3, .weight = 1},
                                       {.node = 4, .weight = 1}};
    uint16_t before[Q * 2];
    plan(members, 4, 2, NULL, 0);
    memcpy(before, owners, sizeof(before));
    uint32_t lost = load_of(3, 2);
    for (uint32_t i = 0; i < Q * 2; i++) {
        before[i] = before[i] == 3 ? PLANNER_NONE : before[i];
    }
    plan(members, 3, 2, before, 2);
    assert_int_equal(report.moved, lost);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    struct planner_member members[] = {{.node = 1, .weight = 1, .zone = 0},
                                       {.node = 2, .weight = 1, .zone = 0}};
    struct planner_input good = {.partitions = Q, .n = 2, .members = members, .member_count = 2};
    struct planner_input bad = good;
    uint16_t before[Q * 2] = {0};

    bad.member_count = 0;
    assert_int_equal(planner_plan(&bad, owners, &report), SHOAL_EINVAL);
    bad = good;
    bad.partitions = 0;
    assert_int_equal(planner_plan(&bad, owners, &report), SHOAL_EINVAL);
    bad.partitions = LIMIT_PARTITIONS_MAX + 1;
    assert_int_equal(planner_plan(&bad, owners, &report), SHOAL_EINVAL);
    bad = good;
    bad.n = LIMIT_REPLICAS + 1;
    assert_int_equal(planner_plan(&bad, owners, &report), SHOAL_EINVAL);
    bad = good;
    bad.before = before; /* the same owner twice in a row */
    bad.before_replicas = 2;
    assert_int_equal(planner_plan(&bad, owners, &report), SHOAL_EINVAL);
    members[1].zone = 1; /* fine: zones 0 and 1 */
    assert_int_equal(planner_plan(&good, owners, &report), 0);
    members[0].zone = 1; /* zone 0 has no member */
    assert_int_equal(planner_plan(&good, owners, &report), SHOAL_EINVAL);
    members[0].zone = 0;
    members[1].weight = 0;
    assert_int_equal(planner_plan(&good, owners, &report), SHOAL_EINVAL);
    members[1] = members[0]; /* not sorted */
    assert_int_equal(planner_plan(&good, owners, &report), SHOAL_EINVAL);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct planner_member members[] = {
        {.node = 1, .weight = 1}, {.node = 2, .weight = 1}, {.node = 3, .weight = 1}};
    struct planner_input input = {.partitions = Q, .n = 2, .members = members, .member_count = 3};
    int r = SHOAL_ENOMEM;
    uint64_t nth = 1;
    for (; r != 0; nth++) {
        mem_fail_from(nth);
        r = planner_plan(&input, owners, &report);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    assert_true(nth > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_member_owns_everything_and_the_report_says_why),
        cmocka_unit_test(three_equal_members_share_the_firsts),
        cmocka_unit_test(a_joiner_takes_its_share_and_nothing_else_moves),
        cmocka_unit_test(nothing_moves_when_nothing_has_changed),
        cmocka_unit_test(weights_divide_the_partitions),
        cmocka_unit_test(what_a_heavy_member_cannot_take_goes_to_the_others),
        cmocka_unit_test(copies_stand_in_different_zones),
        cmocka_unit_test(two_zones_for_three_copies_are_both_used),
        cmocka_unit_test(a_leaver_is_replaced_where_it_stood_only),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
