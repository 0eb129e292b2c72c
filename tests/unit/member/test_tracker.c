#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "member/tracker.h"
#include "shoal/error.h"
#include "support/ring_history.h"

/* Three members that have settled, and a fourth just committed: live[1] is the layout with it. */
static struct view *changing(void)
{
    struct cluster_facts facts = ring_facts(4, 3, 2, 2);
    struct role joiner = ring_role(4, ROLE_IN);
    return ring_view_commit(ring_view_of(&facts, 3), &joiner);
}

static struct view *step(struct view *view, uint64_t self, uint64_t seen, uint64_t synced)
{
    struct tracker_facts facts = {.self = self, .seen = seen, .synced = synced};
    struct view *next;
    int r = tracker_step(view, &facts, &next);
    assert_in_range(r, 0, 1);
    if (r == 1) {
        return view;
    }
    view_unref(view);
    return next;
}

static void nothing_to_say_changes_nothing(void **state)
{
    (void)state;
    struct view *view = changing();
    struct tracker_facts facts = {.self = 1};
    struct view *next;
    assert_int_equal(tracker_step(view, &facts, &next), 1);
    facts.seen = 1; /* of the older layout: marked already */
    assert_int_equal(tracker_step(view, &facts, &next), 1);
    view_unref(view);
}

static void a_node_that_is_not_counted_says_nothing(void **state)
{
    (void)state;
    struct view *view = changing();
    struct tracker_facts facts = {.self = 9, .seen = 3, .synced = 3};
    struct view *next;
    assert_int_equal(tracker_step(view, &facts, &next), 1);
    view_unref(view);
}

static void synced_waits_until_all_counted_have_seen(void **state)
{
    (void)state;
    struct view *view = changing();
    for (uint64_t node = 1; node <= 3; node++) {
        view = step(view, node, 2, 2);
        assert_true(view_marked(view, 1, MARK_SEEN, node));
        assert_false(view_marked(view, 1, MARK_SYNCED, node));
        assert_false(tracker_sync_ready(view, 1));
    }
    view = step(view, 4, 2, 2); /* the last to see it: now its own sync counts */
    assert_true(tracker_sync_ready(view, 1));
    assert_true(view_marked(view, 1, MARK_SYNCED, 4));
    view_unref(view);
}

static void a_layout_goes_when_all_have_said_that_all_synced(void **state)
{
    (void)state;
    struct view *view = changing();
    for (uint64_t node = 1; node <= 4; node++) {
        view = step(view, node, 2, 0);
    }
    for (uint64_t node = 1; node <= 4; node++) {
        assert_int_equal(view->read_index, 0);
        view = step(view, node, 2, 2);
    }
    assert_int_equal(view->read_index, 1);
    assert_true(view_marked(view, 1, MARK_ALL_SYNCED, 4)); /* it knew with the last mark */
    assert_int_equal(view->live_count, 2);
    for (uint64_t node = 1; node <= 3; node++) {
        view = step(view, node, 0, 0);
    }
    assert_int_equal(view->live_count, 1);
    view_unref(view);
}

static void a_node_removed_by_force_is_not_waited_for(void **state)
{
    (void)state;
    struct view *view = changing();
    struct role dead = ring_role(3, ROLE_REMOVED);
    view = ring_view_commit(view, &dead);
    assert_int_equal(view->live_count, 3);
    static const uint64_t left[] = {1, 2, 4};
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            view = step(view, left[i], 7, 7);
        }
    }
    assert_int_equal(view->live_count, 1);
    assert_int_equal(view_newest(view)->member_count, 3);
    view_unref(view);
}

/* It has nothing to sync, but may still hold what others lack, and must have stopped to serve by
 * the older layout before anybody counts on the newer. */
static void one_that_leaves_is_counted_until_it_knows_that_all_have_synced(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(4, 3, 2, 2);
    struct role leaver = ring_role(4, ROLE_OUT);
    struct view *view = ring_view_commit(ring_view_of(&facts, 4), &leaver);
    for (uint64_t node = 1; node <= 3; node++) {
        view = step(view, node, 2, 2);
    }
    assert_false(tracker_sync_ready(view, 1)); /* it may know the older one only */
    view = step(view, 4, 2, 0);
    assert_true(tracker_sync_ready(view, 1));
    for (uint64_t node = 1; node <= 3; node++) {
        view = step(view, node, 2, 2);
    }
    assert_int_equal(view->read_index, 1); /* its own share is none */
    for (uint64_t node = 1; node <= 3; node++) {
        view = step(view, node, 2, 2);
    }
    assert_int_equal(view->live_count, 2);
    view = step(view, 4, 2, 0);
    assert_int_equal(view->live_count, 1);
    struct tracker_facts after = {.self = 4, .seen = 1, .synced = 1};
    struct view *next;
    assert_int_equal(tracker_step(view, &after, &next), 1); /* now it is nobody */
    view_unref(view);
}

/* Nobody finishes a layout that another follows already: what all know to be synced is enough. */
static void a_layout_in_the_middle_goes_with_the_oldest(void **state)
{
    (void)state;
    struct view *view = changing();
    struct role heavier = ring_role(2, ROLE_IN);
    heavier.weight = 3;
    view = ring_view_commit(view, &heavier);
    assert_int_equal(view->live_count, 3);
    for (int round = 0; round < 3; round++) {
        assert_false(round > 0 && view_all_marked(view, 1, MARK_SYNCED));
        for (uint64_t node = 1; node <= 4; node++) {
            view = step(view, node, 7, 4); /* only the newest is synced */
        }
    }
    assert_int_equal(view->live_count, 1);
    assert_int_equal(view->live[0].layout->members[1].weight, 3);
    view_unref(view);
}

static void a_sync_hears_enough_owners_or_all_that_are_left(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(4, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 3);
    struct role one = ring_role(1, ROLE_REMOVED);
    struct role two = ring_role(2, ROLE_REMOVED);
    assert_int_equal(tracker_sync_number(view, 0, 0), 2); /* N - W + 1 */
    view = ring_view_commit(view, &one);
    assert_int_equal(tracker_sync_number(view, 0, 0), 2);
    view = ring_view_commit(view, &two);
    assert_int_equal(tracker_sync_number(view, 0, 0), 1);
    view_unref(view);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct view *view = changing();
    struct view *next = NULL;
    struct tracker_facts facts = {.self = 1, .seen = 2};
    int r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = tracker_step(view, &facts, &next);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    view_unref(next);
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say_changes_nothing),
        cmocka_unit_test(a_node_that_is_not_counted_says_nothing),
        cmocka_unit_test(synced_waits_until_all_counted_have_seen),
        cmocka_unit_test(a_layout_goes_when_all_have_said_that_all_synced),
        cmocka_unit_test(a_node_removed_by_force_is_not_waited_for),
        cmocka_unit_test(one_that_leaves_is_counted_until_it_knows_that_all_have_synced),
        cmocka_unit_test(a_layout_in_the_middle_goes_with_the_oldest),
        cmocka_unit_test(a_sync_hears_enough_owners_or_all_that_are_left),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
