#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/view.h"
#include "shoal/error.h"
#include "support/ring_history.h"

static struct view *three(void)
{
    struct cluster_facts facts = ring_facts(8, 3, 2, 2);
    return ring_view_of(&facts, 3);
}

static struct view *with_mark(struct view *view, uint32_t index, enum mark_kind kind, uint64_t node)
{
    struct view *next;
    assert_true(view_with_mark(view, &view->live[index].layout->key, kind, node, &next) >= 0);
    view_unref(view);
    return next;
}

static struct view *with_role(struct view *view, struct role role)
{
    return ring_view_commit(view, &role);
}

static void a_founder_has_marked_all_and_reads_by_its_layout(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(8, 3, 2, 2);
    struct view *view = ring_view(&facts);
    assert_int_equal(view->live_count, 1);
    assert_int_equal(view->counted_count, 1);
    assert_true(view_all_marked(view, 0, MARK_ALL_SYNCED));
    assert_false(view_pending(view));
    assert_true(view_owns(view, 1, 7));
    assert_false(view_owns(view, 2, 7));
    assert_true(view_check(view));
    assert_ptr_equal(view_read_layout(view), view_newest(view));
    view_unref(view);
}

static void a_staged_role_is_pending_until_committed(void **state)
{
    (void)state;
    struct view *view = three();
    struct role joiner = ring_role(4, ROLE_IN);
    struct view *staged;
    struct view *again;
    struct view *committed;
    assert_int_equal(view_with_role(view, &joiner, &staged), 0);
    assert_true(view_pending(staged));
    assert_int_equal(view_with_role(staged, &joiner, &again), 1);
    assert_ptr_equal(staged, again);
    assert_int_equal(view_commit(staged, &committed), 0);
    assert_false(view_pending(committed));
    assert_int_equal(committed->live_count, 2);
    assert_int_equal(committed->counted_count, 4);
    assert_int_equal(committed->read_index, 0);
    view_unref(again);
    assert_int_equal(view_commit(committed, &again), 1);
    view_unref(again);
    view_unref(committed);
    view_unref(staged);
    view_unref(view);
}

static void reads_move_on_when_the_members_have_synced(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(4, ROLE_IN));
    for (uint64_t node = 1; node <= 4; node++) {
        assert_int_equal(view->read_index, 0);
        view = with_mark(view, 1, MARK_SYNCED, node);
    }
    assert_int_equal(view->read_index, 1);
    view_unref(view);
}

static void older_layouts_go_when_all_know_that_all_have_synced(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(4, ROLE_IN));
    struct view *next;
    for (uint64_t node = 1; node <= 4; node++) {
        view = with_mark(view, 1, MARK_SYNCED, node);
        assert_int_equal(view_drop_synced(view, &next), 1);
        view_unref(next);
    }
    for (uint64_t node = 1; node <= 4; node++) {
        assert_int_equal(view->live_count, 2);
        view = with_mark(view, 1, MARK_ALL_SYNCED, node);
    }
    assert_int_equal(view_drop_synced(view, &next), 0);
    assert_int_equal(next->live_count, 1);
    assert_int_equal(layout_key_compare(&next->floor, &view_newest(view)->key), 0);
    view_unref(next);
    view_unref(view);
}

static void what_has_gone_does_not_come_back(void **state)
{
    (void)state;
    struct view *old = with_role(three(), ring_role(4, ROLE_IN));
    struct view *view = view_ref(old);
    struct view *dropped;
    struct view *joined;
    for (uint64_t node = 1; node <= 4; node++) {
        view = with_mark(view, 1, MARK_SYNCED, node);
        view = with_mark(view, 1, MARK_ALL_SYNCED, node);
    }
    assert_int_equal(view_drop_synced(view, &dropped), 0);
    assert_int_equal(view_join(dropped, old, &joined), 0);
    assert_ptr_equal(joined, dropped);
    view_unref(joined);
    assert_int_equal(view_join(old, dropped, &joined), 0);
    assert_ptr_equal(joined, dropped);
    view_unref(joined);
    view_unref(dropped);
    view_unref(view);
    view_unref(old);
}

static void conflicting_commits_stay_live_and_the_losers_change_is_pending_again(void **state)
{
    (void)state;
    struct view *base = three();
    struct view *a = with_role(view_ref(base), ring_role(4, ROLE_IN));
    struct view *b = with_role(view_ref(base), ring_role(5, ROLE_IN));
    struct view *joined;
    assert_int_equal(view_join(a, b, &joined), 0);
    assert_int_equal(joined->live_count, 3);
    assert_int_equal(joined->live[1].layout->key.version, 3);
    assert_int_equal(joined->live[2].layout->key.version, 3);
    assert_true(view_pending(joined));
    view_unref(a);
    assert_int_equal(view_commit(joined, &a), 0);
    assert_int_equal(view_newest(a)->member_count, 5);
    assert_int_equal(view_newest(a)->parent_count, 3);
    assert_false(view_pending(a));
    view_unref(joined);
    view_unref(b);
    view_unref(a);
    view_unref(base);
}

static void a_removed_node_is_not_asked_and_owns_nothing(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(3, ROLE_REMOVED));
    assert_true(view_removed(view, 3));
    assert_false(view_owns(view, 3, 0));
    assert_int_equal(view->live_count, 2);
    assert_int_equal(view->counted_count, 2);
    view = with_mark(view, 1, MARK_SYNCED, 1);
    view = with_mark(view, 1, MARK_SYNCED, 2);
    assert_int_equal(view->read_index, 1);
    view_unref(view);
}

static void changes_wait_beyond_the_bound_but_removals_do_not(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(2, 2, 1, 2);
    struct view *view = ring_view_of(&facts, 20);
    struct view *staged;
    struct view *next;
    struct role role = ring_role(1, ROLE_IN);
    while (view->live_count < LIMIT_LIVE_LAYOUTS) {
        role.weight++;
        view = with_role(view, role);
    }
    role.weight++;
    assert_int_equal(view_with_role(view, &role, &staged), 0);
    assert_int_equal(view_commit(staged, &next), SHOAL_EOVERLOAD);
    view_unref(view);
    view = staged;

    for (uint64_t node = 2; node <= 12; node++) {
        view = with_role(view, ring_role(node, ROLE_REMOVED));
        assert_true(view_removed(view, node));
        assert_true(view_check(view));
    }
    assert_int_equal(view->live_count, LIMIT_LIVE_LAYOUTS_FORCED);
    assert_true(view_pending(view)); /* the last removals count; their layout waits */
    assert_int_equal(view_commit(view, &next), SHOAL_EOVERLOAD);
    view_unref(view);
}

static void a_mark_for_a_layout_that_has_gone_changes_nothing(void **state)
{
    (void)state;
    struct view *view = three();
    struct view *next;
    struct layout_key gone = {.version = 1};
    assert_int_equal(view_with_mark(view, &gone, MARK_SEEN, 1, &next), 1);
    assert_ptr_equal(view, next);
    view_unref(next);
    assert_int_equal(view_with_mark(view, &view_newest(view)->key, MARK_SEEN, 99, &next),
                     SHOAL_EINVAL);
    view_unref(view);
}

static void views_of_other_clusters_do_not_join(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(8, 3, 2, 2);
    struct view *a = ring_view(&facts);
    facts.id++;
    struct view *b = ring_view(&facts);
    struct view *joined;
    assert_int_equal(view_join(a, b, &joined), SHOAL_ECLUSTER);
    view_unref(b);
    view_unref(a);
}

static void the_plan_shown_is_the_one_committed(void **state)
{
    (void)state;
    struct view *view = three();
    struct role joiner = ring_role(4, ROLE_IN);
    struct view *staged;
    struct view *committed;
    struct layout *planned;
    struct planner_report report;
    assert_int_equal(view_plan(view, &planned, &report), 1);
    assert_int_equal(view_with_role(view, &joiner, &staged), 0);
    assert_int_equal(view_plan(staged, &planned, &report), 0);
    assert_int_equal(view_commit(staged, &committed), 0);
    assert_int_equal(layout_key_compare(&planned->key, &view_newest(committed)->key), 0);
    assert_int_equal(report.moved, layout_moves(view_newest(view), planned));
    layout_unref(planned);
    view_unref(committed);
    view_unref(staged);
    view_unref(view);
}

/* A view that says more than its parts support is refused. */
static void a_decoded_view_must_be_consistent(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(3, ROLE_REMOVED));
    struct view *out;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    view->removed_count = 0; /* a layout knows node 3 as removed, the view doesn't */
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);

    view->removed_count = 1;
    view->removed[0] = 2; /* who has no such role */
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);

    view->removed[0] = 3;
    view->live[0].marks[0].node = 99; /* a mark by nobody */
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);

    view->live[0].marks[0].node = 1;
    view->roles.items[2].stamp = 0; /* older than what the layout was planned from */
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);
    buffer_deinit(&buffer);
    view_unref(view);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct view *base = three();
    struct view *a = with_role(view_ref(base), ring_role(4, ROLE_IN));
    struct view *b = with_role(view_ref(base), ring_role(5, ROLE_IN));
    struct view *out = NULL;
    struct buffer buffer;
    int r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = view_join(a, b, &out);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    view_unref(base);
    r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = view_commit(out, &base);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    buffer_init(&buffer, 0);
    assert_int_equal(view_encode(base, &buffer), 0);
    view_unref(out);
    r = SHOAL_ENOMEM;
    for (uint64_t nth = 1; r != 0; nth++) {
        mem_fail_from(nth);
        r = view_decode(buffer_bytes(&buffer), &out);
        mem_fail_never();
        assert_true(r == 0 || r == SHOAL_ENOMEM);
    }
    buffer_deinit(&buffer);
    view_unref(out);
    view_unref(base);
    view_unref(b);
    view_unref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_founder_has_marked_all_and_reads_by_its_layout),
        cmocka_unit_test(a_staged_role_is_pending_until_committed),
        cmocka_unit_test(reads_move_on_when_the_members_have_synced),
        cmocka_unit_test(older_layouts_go_when_all_know_that_all_have_synced),
        cmocka_unit_test(what_has_gone_does_not_come_back),
        cmocka_unit_test(conflicting_commits_stay_live_and_the_losers_change_is_pending_again),
        cmocka_unit_test(a_removed_node_is_not_asked_and_owns_nothing),
        cmocka_unit_test(changes_wait_beyond_the_bound_but_removals_do_not),
        cmocka_unit_test(a_mark_for_a_layout_that_has_gone_changes_nothing),
        cmocka_unit_test(views_of_other_clusters_do_not_join),
        cmocka_unit_test(the_plan_shown_is_the_one_committed),
        cmocka_unit_test(a_decoded_view_must_be_consistent),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
