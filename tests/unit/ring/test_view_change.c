#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* The view is let go, the next one given back. */
static struct view *with_role(struct view *view, struct role role, bool staged)
{
    struct view *next;
    role.staged = staged;
    assert_int_equal(view_with_role(view, &role, &next), 0);
    assert_true(view_check(next));
    view_unref(view);
    return next;
}

static struct view *step(struct view *view, int (*change)(const struct view *, struct view **),
                         int outcome)
{
    struct view *next;
    assert_int_equal(change(view, &next), outcome);
    assert_true(view_check(next));
    view_unref(view);
    return next;
}

static struct view *joined(struct view *a, struct view *b)
{
    struct view *both;
    assert_int_equal(view_join(a, b, &both), 0);
    assert_true(view_check(both));
    view_unref(a);
    view_unref(b);
    return both;
}

static bool is_member(const struct view *view, uint64_t node)
{
    return layout_member_index(view_newest(view), node) >= 0;
}

static struct role weighed(uint64_t node, uint32_t weight)
{
    struct role role = ring_role(node, ROLE_IN);
    role.weight = weight;
    return role;
}

static void what_is_staged_is_pending_but_not_due(void **state)
{
    (void)state;
    struct view *view = three();
    assert_int_equal(view_staged(view), 0);
    assert_false(view_due(view));
    view = with_role(view, ring_role(4, ROLE_IN), true);
    assert_int_equal(view_staged(view), 1);
    assert_true(view_pending(view));
    assert_false(view_due(view));
    view = step(view, view_commit, 1);
    assert_int_equal(view->live_count, 1);
    view = step(view, view_unstage, 0);
    assert_true(view_due(view));
    assert_int_equal(view_staged(view), 0);
    view = step(view, view_commit, 0);
    assert_true(is_member(view, 4));
    assert_false(view_pending(view));
    view = step(view, view_unstage, 1);
    view_unref(view);
}

static void a_commit_leaves_others_staged_changes_alone(void **state)
{
    (void)state;
    struct view *view = three();
    view = with_role(view, ring_role(4, ROLE_IN), true);
    view = with_role(view, weighed(2, 5), true);
    view = with_role(view, ring_role(5, ROLE_IN), false);
    view = step(view, view_commit, 0);
    assert_true(is_member(view, 5));
    assert_false(is_member(view, 4));
    const struct role *two = roles_find(&view_newest(view)->roles, 2);
    assert_int_equal(two->weight, 1);
    assert_false(two->staged);
    assert_int_equal(view_staged(view), 2);
    assert_true(view_pending(view));
    assert_false(view_due(view));
    view = step(view, view_unstage, 0);
    view = step(view, view_commit, 0);
    assert_true(is_member(view, 4));
    assert_int_equal(roles_find(&view_newest(view)->roles, 2)->weight, 5);
    assert_int_equal(view->live_count, 3);
    view_unref(view);
}

static void a_cancel_puts_back_what_was(void **state)
{
    (void)state;
    struct view *view = three();
    struct view *before = view_ref(view);
    view = with_role(view, ring_role(4, ROLE_IN), true);
    view = with_role(view, ring_role(3, ROLE_REMOVED), true);
    view = with_role(view, weighed(2, 5), true);
    struct view *staged = view_ref(view);
    view = step(view, view_cancel, 0);
    assert_int_equal(view_staged(view), 0);
    assert_false(view_pending(view));
    assert_int_equal(roles_find(&view->roles, 4)->kind, ROLE_OUT);
    assert_true(role_same(roles_find(&view->roles, 2), roles_find(&before->roles, 2)));
    assert_true(role_same(roles_find(&view->roles, 3), roles_find(&before->roles, 3)));
    view = step(view, view_cancel, 1);
    view = joined(view, staged); /* who has not heard of the cancel brings nothing back */
    assert_int_equal(view_staged(view), 0);
    assert_false(view_pending(view));
    view_unref(view);
    view_unref(before);
}

static void a_commit_that_a_cancel_missed_is_undone_by_it(void **state)
{
    (void)state;
    struct view *staged = with_role(three(), ring_role(4, ROLE_IN), true);
    struct view *committed = step(view_ref(staged), view_unstage, 0);
    committed = step(committed, view_commit, 0);
    struct view *cancelled = step(staged, view_cancel, 0);
    struct view *both = joined(committed, cancelled);
    assert_true(is_member(both, 4));
    assert_true(view_due(both));
    both = step(both, view_commit, 0);
    assert_false(is_member(both, 4));
    view_unref(both);
}

static void what_is_asked_already_changes_nothing(void **state)
{
    (void)state;
    struct view *view = three();
    struct view *next;
    struct role same = ring_role(2, ROLE_IN);
    same.staged = true;
    assert_int_equal(view_with_role(view, &same, &next), 1);
    view_unref(next);
    struct role stranger = ring_role(9, ROLE_OUT);
    assert_int_equal(view_with_role(view, &stranger, &next), 1);
    assert_ptr_equal(next, view);
    view_unref(next);

    /* To ask outright for what is staged commits it. */
    view = with_role(view, weighed(2, 3), true);
    view = with_role(view, weighed(2, 3), false);
    assert_int_equal(view_staged(view), 0);
    assert_true(view_due(view));
    view_unref(view);
}

static void nothing_is_staged_over_a_change_that_is_due(void **state)
{
    (void)state;
    struct view *view = with_role(three(), weighed(2, 3), false);
    struct view *next;
    struct role role = weighed(2, 4);
    role.staged = true;
    assert_int_equal(view_with_role(view, &role, &next), SHOAL_EOVERLOAD);
    role.staged = false;
    assert_int_equal(view_with_role(view, &role, &next), 0);
    view_unref(next);
    view_unref(view);
}

/* On one side a node is let in, and another weight staged for it; the other side's commit wins. */
static void a_losers_change_is_due_though_another_is_staged_over_it(void **state)
{
    (void)state;
    struct view *base = three();
    struct view *sides[2];
    for (uint64_t i = 0; i < 2; i++) {
        sides[i] = with_role(view_ref(base), ring_role(4 + i, ROLE_IN), false);
        sides[i] = step(sides[i], view_commit, 0);
    }
    uint64_t loser =
        layout_key_compare(&view_newest(sides[0])->key, &view_newest(sides[1])->key) > 0;
    sides[loser] = with_role(sides[loser], weighed(4 + loser, 7), true);
    struct view *both = joined(sides[0], sides[1]);
    assert_false(is_member(both, 4 + loser));
    assert_true(view_due(both));
    assert_int_equal(view_staged(both), 1);
    struct view *cancelled = step(view_ref(both), view_cancel, 0);
    assert_int_equal(roles_find(&cancelled->roles, 4 + loser)->kind, ROLE_IN);
    assert_int_equal(roles_find(&cancelled->roles, 4 + loser)->weight, 1);
    assert_true(view_due(cancelled));
    view_unref(cancelled);
    both = step(both, view_commit, 0);
    assert_true(is_member(both, 4 + loser));
    assert_int_equal(roles_find(&view_newest(both)->roles, 4 + loser)->weight, 1);
    assert_false(view_due(both));
    assert_true(view_pending(both));
    view_unref(both);
    view_unref(base);
}

static void a_staged_removal_counts_for_nothing_yet(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(3, ROLE_REMOVED), true);
    view = with_role(view, ring_role(4, ROLE_IN), false);
    view = step(view, view_commit, 0);
    assert_false(view_removed(view, 3));
    assert_true(is_member(view, 3));
    view = step(view, view_unstage, 0);
    view = step(view, view_commit, 0);
    assert_true(view_removed(view, 3));
    assert_false(is_member(view, 3));
    view_unref(view);
}

static void the_last_member_cannot_go(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(8, 3, 2, 2);
    struct view *view = with_role(ring_view(&facts), ring_role(1, ROLE_OUT), false);
    struct view *next;
    assert_int_equal(view_commit(view, &next), SHOAL_EINVAL);
    view_unref(view);
}

static void a_layout_with_a_staged_role_is_refused(void **state)
{
    (void)state;
    struct view *view = three();
    struct layout *layout = view->live[0].layout;
    struct layout *decoded;
    struct view *out;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    layout->roles.items[1].staged = true;
    assert_int_equal(layout_encode(layout, &buffer), 0);
    assert_int_equal(layout_decode(buffer_bytes(&buffer), &decoded), SHOAL_EPROTO);
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);

    /* Nor may the view have staged what a layout of its has committed, */
    layout->roles.items[1].staged = false;
    view->roles.items[1].staged = true;
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);
    view_unref(view);

    /* or count as removed whose removal is staged. */
    view = with_role(three(), ring_role(3, ROLE_REMOVED), true);
    mem_free(view->removed);
    view->removed = mem_alloc(sizeof(*view->removed));
    view->removed[0] = 3;
    view->removed_count = 1;
    buffer_clear(&buffer);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);
    buffer_deinit(&buffer);
    view_unref(view);
}

static void staged_roles_survive_encoding(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(3, ROLE_REMOVED), true);
    struct view *again;
    struct buffer buffer;
    view = with_role(view, ring_role(4, ROLE_IN), true);
    buffer_init(&buffer, 0);
    assert_int_equal(view_encode(view, &buffer), 0);
    assert_int_equal(view_decode(buffer_bytes(&buffer), &again), 0);
    assert_int_equal(again->digest, view->digest);
    assert_int_equal(view_staged(again), 2);
    buffer_deinit(&buffer);
    view_unref(again);
    view_unref(view);
}

static struct view *removed(struct view *view, uint64_t node)
{
    return step(with_role(view, ring_role(node, ROLE_REMOVED), false), view_commit, 0);
}

/* N = 3, W = 2: one removal leaves a copy of everything. */
static void writes_may_be_lost_where_w_owners_were_removed(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(64, 3, 2, 2);
    struct view *view = ring_view_of(&facts, 6);
    uint32_t partitions[64];
    struct layout *before = layout_ref(view_newest(view));
    assert_int_equal(view_may_lose(view, NULL, 0), 0);
    view = removed(view, 1);
    assert_int_equal(view_may_lose(view, partitions, 64), 0);
    view = removed(view, 2);
    uint32_t count = view_may_lose(view, partitions, 64);
    uint32_t expected = 0;
    for (uint32_t p = 0; p < 64; p++) {
        if (layout_owns(before, 1, p) && layout_owns(before, 2, p)) {
            assert_true(expected < count);
            assert_int_equal(partitions[expected], p);
            expected++;
        }
    }
    assert_int_equal(count, expected);
    assert_true(count > 1);
    uint32_t first[2] = {99, 99};
    assert_int_equal(view_may_lose(view, first, 1), count);
    assert_int_equal(first[0], partitions[0]);
    assert_int_equal(first[1], 99);
    layout_unref(before);
    view_unref(view);
}

/* Two sides remove one node each, which loses nothing; joined they have removed two. */
static void joining_two_removals_shows_what_may_be_lost(void **state)
{
    (void)state;
    struct view *base = three();
    struct view *a = removed(view_ref(base), 1);
    struct view *b = removed(view_ref(base), 2);
    assert_int_equal(view_may_lose(a, NULL, 0), 0);
    assert_int_equal(view_may_lose(b, NULL, 0), 0);
    struct view *both = joined(a, b);
    assert_int_equal(view_may_lose(both, NULL, 0), 8);
    view_unref(both);
    view_unref(base);
}

static void with_fewer_owners_than_w_all_of_them_must_be_gone(void **state)
{
    (void)state;
    struct cluster_facts facts = ring_facts(8, 3, 2, 3);
    struct view *view = removed(ring_view_of(&facts, 2), 1);
    assert_int_equal(view_may_lose(view, NULL, 0), 0);
    view = with_role(view, ring_role(3, ROLE_IN), false);
    view = step(view, view_commit, 0);
    view = removed(view, 2);
    assert_int_equal(view_may_lose(view, NULL, 0), 8);
    view_unref(view);
}

static void a_lack_of_memory_at_any_point_is_an_error(void **state)
{
    (void)state;
    struct view *view = with_role(three(), ring_role(4, ROLE_IN), true);
    struct role role = weighed(2, 9);
    struct view *out = NULL;
    int (*const changes[])(const struct view *, struct view **) = {view_unstage, view_cancel};
    for (uint32_t i = 0; i < 3; i++) {
        int r = SHOAL_ENOMEM;
        for (uint64_t nth = 1; r != 0; nth++) {
            mem_fail_from(nth);
            r = i < 2 ? changes[i](view, &out) : view_with_role(view, &role, &out);
            mem_fail_never();
            assert_true(r == 0 || r == SHOAL_ENOMEM);
        }
        view_unref(out);
    }
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_staged_is_pending_but_not_due),
        cmocka_unit_test(a_commit_leaves_others_staged_changes_alone),
        cmocka_unit_test(a_cancel_puts_back_what_was),
        cmocka_unit_test(a_commit_that_a_cancel_missed_is_undone_by_it),
        cmocka_unit_test(what_is_asked_already_changes_nothing),
        cmocka_unit_test(nothing_is_staged_over_a_change_that_is_due),
        cmocka_unit_test(a_losers_change_is_due_though_another_is_staged_over_it),
        cmocka_unit_test(a_staged_removal_counts_for_nothing_yet),
        cmocka_unit_test(the_last_member_cannot_go),
        cmocka_unit_test(a_layout_with_a_staged_role_is_refused),
        cmocka_unit_test(staged_roles_survive_encoding),
        cmocka_unit_test(writes_may_be_lost_where_w_owners_were_removed),
        cmocka_unit_test(joining_two_removals_shows_what_may_be_lost),
        cmocka_unit_test(with_fewer_owners_than_w_all_of_them_must_be_gone),
        cmocka_unit_test(a_lack_of_memory_at_any_point_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
