#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ring/view.h"
#include "shoal/error.h"
#include "support/ring_history.h"

static struct placement place(const struct view *view)
{
    struct placement placement;
    assert_int_equal(view_place(view, 0, &placement), 0);
    return placement;
}

/* The votes of these nodes. */
static uint64_t votes(const struct placement *placement, uint64_t a, uint64_t b)
{
    uint64_t bits = 0;
    int index = placement_index(placement, a);
    bits |= index >= 0 ? UINT64_C(1) << index : 0;
    index = placement_index(placement, b);
    return bits | (index >= 0 ? UINT64_C(1) << index : 0);
}

static void owners_stand_in_the_order_of_the_layout(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 5);
    struct placement placement = place(view);
    uint64_t owners[LIMIT_REPLICAS];
    assert_int_equal(layout_owners(view_newest(view), 0, owners), 3);
    assert_int_equal(placement.node_count, 3);
    assert_int_equal(placement.newest_count, 3);
    assert_memory_equal(placement.nodes, owners, 3 * sizeof(*owners));
    assert_int_equal(placement_index(&placement, 99), -1);
    view_unref(view);
}

static void the_newest_layouts_own_shortage_is_never_excused(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 3, 2, 2);
    struct view *view = ring_view(&facts);
    struct placement placement = place(view);
    assert_false(placement_write_met(&placement, 1, 2));
    assert_false(placement_read_met(&placement, 1, 2));
    assert_true(placement_write_met(&placement, 1, 1));
    view_unref(view);
}

static void an_older_layouts_shortage_is_excused(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 3, 2, 2);
    struct role joiner = ring_role(2, ROLE_IN);
    struct view *view = ring_view_commit(ring_view(&facts), &joiner);
    struct placement placement = place(view);
    assert_int_equal(placement.layout_count, 2);
    assert_int_equal(placement.read_layout, 0);
    assert_true(placement_read_met(&placement, votes(&placement, 1, 1), 2));
    assert_false(placement_read_met(&placement, votes(&placement, 2, 2), 2));
    assert_false(placement_write_met(&placement, votes(&placement, 1, 1), 2));
    assert_true(placement_write_met(&placement, votes(&placement, 1, 2), 2));
    view_unref(view);
}

static void a_write_needs_its_quorum_in_every_live_layout(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 2, 1, 2);
    struct view *view = ring_view_of(&facts, 2);
    struct role leaver = ring_role(2, ROLE_OUT);
    struct role joiner = ring_role(3, ROLE_IN);
    struct view *staged;
    assert_int_equal(view_with_role(view, &leaver, &staged), 0);
    view_unref(view);
    view = ring_view_commit(staged, &joiner);
    struct placement placement = place(view);
    assert_int_equal(placement.node_count, 3);
    assert_false(placement_write_met(&placement, votes(&placement, 1, 2), 2));
    assert_false(placement_write_met(&placement, votes(&placement, 1, 3), 2));
    assert_true(placement_write_met(&placement, 7, 2));
    view_unref(view);
}

static void removed_owners_do_not_vote_and_excuse_only_what_is_missing(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 3);
    struct role one = ring_role(1, ROLE_REMOVED);
    struct role two = ring_role(2, ROLE_REMOVED);
    view = ring_view_commit(view, &one);
    struct placement placement = place(view);
    /* Two owners are left in both: the number stays. */
    assert_false(placement_write_met(&placement, votes(&placement, 1, 2), 2));
    assert_true(placement_write_met(&placement, votes(&placement, 2, 3), 2));
    /* One is left: in the older layouts it is enough, in the newest there are too few members. */
    view = ring_view_commit(view, &two);
    placement = place(view);
    assert_true(placement_met(&placement, 0, votes(&placement, 3, 3), 2));
    assert_true(placement_met(&placement, 1, votes(&placement, 3, 3), 2));
    assert_false(placement_met(&placement, 2, votes(&placement, 3, 3), 2));
    assert_false(placement_met(&placement, 0, votes(&placement, 1, 2), 2));
    view_unref(view);
}

static void two_removals_joined_fall_to_those_left_in_the_newest_layout_too(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 3);
    struct role one = ring_role(1, ROLE_REMOVED);
    struct role two = ring_role(2, ROLE_REMOVED);
    struct view *a = ring_view_commit(view_ref(view), &one);
    struct view *b = ring_view_commit(view_ref(view), &two);
    struct view *joined;
    assert_int_equal(view_join(a, b, &joined), 0);
    struct placement placement = place(joined);
    assert_true(placement_write_met(&placement, votes(&placement, 3, 3), 2));
    assert_false(placement_write_met(&placement, votes(&placement, 1, 2), 2));
    view_unref(joined);
    view_unref(b);
    view_unref(a);
    view_unref(view);
}

static void nobody_left_is_met_by_nobody_in_older_layouts_only(void **state)
{
    (void)state;
    struct placement placement = {
        .node_count = 2, .layout_count = 2, .newest_count = 1, .owners = {1, 2}, .present = {0, 2}};
    placement.nodes[0] = 1;
    placement.nodes[1] = 2;
    assert_true(placement_met(&placement, 0, 0, 1));
    assert_false(placement_read_met(&placement, 2, 1));
    placement.present[1] = 0;
    assert_false(placement_met(&placement, 1, 0, 1));
}

static void too_many_targets_are_refused(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(1, 8, 1, 1);
    struct view *view = ring_view_of(&facts, 8);
    struct view *next;
    struct placement placement;
    /* Every change replaces all owners: 9 layouts of 8 are more than the bound. */
    for (uint64_t change = 1; change <= 8; change++) {
        for (uint64_t i = 1; i <= 8; i++) {
            struct role leaver = ring_role((change - 1) * 8 + i, ROLE_REMOVED);
            struct role joiner = ring_role(change * 8 + i, ROLE_IN);
            assert_int_equal(view_with_role(view, &leaver, &next), 0);
            view_unref(view);
            view = next;
            assert_int_equal(view_with_role(view, &joiner, &next), 0);
            view_unref(view);
            view = next;
        }
        assert_int_equal(view_commit(view, &next), 0);
        view_unref(view);
        view = next;
    }
    assert_int_equal(view_place(view, 0, &placement), SHOAL_EOVERLOAD);
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_stand_in_the_order_of_the_layout),
        cmocka_unit_test(the_newest_layouts_own_shortage_is_never_excused),
        cmocka_unit_test(an_older_layouts_shortage_is_excused),
        cmocka_unit_test(a_write_needs_its_quorum_in_every_live_layout),
        cmocka_unit_test(removed_owners_do_not_vote_and_excuse_only_what_is_missing),
        cmocka_unit_test(two_removals_joined_fall_to_those_left_in_the_newest_layout_too),
        cmocka_unit_test(nobody_left_is_met_by_nobody_in_older_layouts_only),
        cmocka_unit_test(too_many_targets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
