#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/view.h"
#include "shoal/error.h"
#include "support/ring_history.h"

static struct view *cluster(uint32_t members)
{
    struct cluster_facts facts = ring_facts(64, 3, 2, 2);
    return ring_view_of(&facts, members);
}

static struct view *with_role(struct view *view, struct role role, bool staged)
{
    struct view *next;
    role.staged = staged;
    assert_int_equal(view_with_role(view, &role, &next), 0);
    view_unref(view);
    return next;
}

static void there_is_no_plan_when_nothing_is_asked(void **state)
{
    (void)state;
    struct view *view = cluster(4);
    struct layout *layout;
    struct planner_report report;
    assert_int_equal(view_plan(view, &layout, &report), 1);
    view_unref(view);
}

static void the_plan_is_what_committing_all_that_is_staged_makes(void **state)
{
    (void)state;
    struct view *view = cluster(4);
    struct view *unstaged;
    struct view *committed;
    struct layout *layout;
    struct planner_report report;
    view = with_role(view, ring_role(5, ROLE_IN), true);
    view = with_role(view, ring_role(4, ROLE_REMOVED), true);
    view = with_role(view, ring_role(2, ROLE_OUT), false);
    assert_int_equal(view_plan(view, &layout, &report), 0);
    assert_int_equal(view_unstage(view, &unstaged), 0);
    assert_int_equal(view_commit(unstaged, &committed), 0);
    assert_int_equal(layout_key_compare(&layout->key, &view_newest(committed)->key), 0);
    assert_int_equal(layout->member_count, 3);
    assert_int_equal(report.moved, layout_moves(view_newest(view), layout));
    assert_true(report.moves_least > 0);
    assert_true(report.moves_least <= report.moved);
    layout_unref(layout);
    view_unref(committed);
    view_unref(unstaged);
    view_unref(view);
}

static void what_if_there_were_more_members(void **state)
{
    (void)state;
    struct view *view = cluster(3);
    struct layout *layout;
    struct planner_report report;
    struct role heavy = ring_role(2, ROLE_IN);
    heavy.weight = 4;
    (void)snprintf(heavy.zone, sizeof(heavy.zone), "b");
    view = with_role(view, heavy, true);
    assert_int_equal(view_plan_nodes(view, 6, &layout, &report), 0);
    assert_int_equal(layout->member_count, 6);
    static const char *const names[] = {"+1", "+2", "+3"};
    static const char *const zones[] = {"b", "a", "b"}; /* a has two members, b one */
    for (uint64_t i = 0; i < 3; i++) {
        const struct role *role = roles_find_member_by_name(&layout->roles, names[i]);
        assert_non_null(role);
        assert_int_equal(role->node, 4 + i); /* the first ids that nobody has */
        assert_int_equal(role->weight, 2);   /* the mean */
        assert_string_equal(role->zone, zones[i]);
    }
    assert_int_equal(roles_find(&layout->roles, 2)->weight, 4); /* as if committed */
    layout_unref(layout);
    view_unref(view);
}

static void what_if_there_were_fewer(void **state)
{
    (void)state;
    struct view *view = cluster(5);
    struct layout *layout;
    struct planner_report report;
    assert_int_equal(view_plan_nodes(view, 3, &layout, &report), 0);
    assert_int_equal(layout->member_count, 3);
    for (uint64_t node = 1; node <= 3; node++) { /* 4 and 5 came last */
        assert_true(layout_member_index(layout, node) >= 0);
    }
    assert_int_equal(report.moved, layout_moves(view_newest(view), layout));
    layout_unref(layout);
    view_unref(view);
}

static void what_if_there_were_as_many_moves_nothing(void **state)
{
    (void)state;
    struct view *view = cluster(5);
    struct layout *layout;
    struct planner_report report;
    assert_int_equal(view_plan_nodes(view, 5, &layout, &report), 0);
    assert_int_equal(report.moved, 0);
    assert_int_equal(report.moves_least, 0);
    layout_unref(layout);
    assert_int_equal(view_plan_nodes(view, 0, &layout, &report), SHOAL_EINVAL);
    assert_int_equal(view_plan_nodes(view, LIMIT_MEMBERS + 1, &layout, &report), SHOAL_EINVAL);
    view_unref(view);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct view *view = with_role(cluster(3), ring_role(4, ROLE_IN), true);
    struct planner_report report;
    for (uint32_t nodes = 0; nodes < 6; nodes++) { /* 0: what is staged */
        struct layout *layout = NULL;
        int r = SHOAL_ENOMEM;
        for (uint64_t nth = 1; r != 0; nth++) {
            mem_fail_from(nth);
            r = nodes == 0 ? view_plan(view, &layout, &report)
                           : view_plan_nodes(view, nodes, &layout, &report);
            mem_fail_never();
            assert_true(r == 0 || r == SHOAL_ENOMEM);
        }
        layout_unref(layout);
    }
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_plan_when_nothing_is_asked),
        cmocka_unit_test(the_plan_is_what_committing_all_that_is_staged_makes),
        cmocka_unit_test(what_if_there_were_more_members),
        cmocka_unit_test(what_if_there_were_fewer),
        cmocka_unit_test(what_if_there_were_as_many_moves_nothing),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
