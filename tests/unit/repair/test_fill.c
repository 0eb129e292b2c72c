/* The rules of filling, case by case: when a holding may count again, when a layout is synced, and
 * whom to ask next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "growing_view.h"
#include "repair/fill.h"

/* A copy that came to its end. */
struct copy {
    uint64_t node; /* 0 ends the list */
    bool refilling;
    bool for_target;
};

#define WHOLE(node)                                                                                \
    {                                                                                              \
        (node), false, false                                                                       \
    }
#define PART(node)                                                                                 \
    {                                                                                              \
        (node), true, false                                                                        \
    }
#define WHOLE_FOR(node)                                                                            \
    {                                                                                              \
        (node), false, true                                                                        \
    }
#define PART_FOR(node)                                                                             \
    {                                                                                              \
        (node), true, true                                                                         \
    }

static void hear(struct fill *fill, const struct copy *copies)
{
    for (; copies->node != 0; copies++) {
        fill_note(fill, copies->node, true, copies->refilling, copies->for_target);
    }
}

/* ---- refilled ---- */

static void a_holding_counts_again_after_n_minus_w_plus_1_others_or_all_there_are(void **state)
{
    static const struct {
        uint32_t members, w;
        uint64_t removed;
        struct copy copies[4];
        bool expected;
    } cases[] = {
        {3, 2, 0, {{0}}, false},
        {3, 2, 0, {WHOLE(2)}, false},
        {3, 2, 0, {WHOLE(2), WHOLE(2)}, false},
        {3, 2, 0, {WHOLE(2), WHOLE(3)}, true},
        {3, 2, 0, {WHOLE(1), WHOLE(3)}, false}, /* itself is no other */
        {3, 2, 0, {WHOLE(2), WHOLE(9)}, false}, /* a stranger is no owner */
        {3, 2, 0, {PART(2)}, false},            /* incomplete itself */
        {3, 2, 0, {PART(2), PART(3)}, true},    /* nothing more is to be had */
        {3, 2, 0, {WHOLE(2), PART(3)}, true},   /* nor here */
        {3, 2, 0, {PART(2), WHOLE(2)}, false},  /* complete by now, but one of two */
        {3, 2, 0, {PART(2), WHOLE(2), WHOLE(3)}, true},
        {3, 3, 0, {WHOLE(3)}, true}, /* W of all: any one has everything */
        {3, 3, 0, {PART(3)}, false},
        {3, 1, 0, {WHOLE(2), WHOLE(3)}, true}, /* three others would be needed: all are */
        {3, 1, 0, {WHOLE(2)}, false},
        {2, 2, 0, {WHOLE(2)}, true}, /* fewer members than N */
        {1, 2, 0, {{0}}, true},      /* alone */
        {3, 2, 3, {WHOLE(2)}, true}, /* who was removed is not waited for */
        {3, 2, 3, {{0}}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cluster_facts facts = ring_facts(GROWING_PARTITIONS, 3, 2, cases[i].w);
        struct view *view = ring_view_of(&facts, cases[i].members);
        if (cases[i].removed != 0) {
            struct view *without = view_without(view, cases[i].removed);
            view_unref(view);
            view = without;
        }
        struct fill fill;
        fill_init(&fill, 0);
        hear(&fill, cases[i].copies);
        if (fill_refilled(&fill, view, 1) != cases[i].expected) {
            fail_msg("case %zu", i);
        }
        uint64_t candidates[LIMIT_REQUEST_TARGETS];
        uint32_t count = fill_candidates(&fill, view, 1, true, candidates);
        assert_true(count > 0 || cases[i].expected); /* somebody is left to ask */
        view_unref(view);
    }
}

static void a_refill_goes_by_the_layout_that_reads_go_by(void **state)
{
    struct growing growing;
    struct fill fill;
    (void)state;
    growing_init(&growing, 2);
    uint64_t self = growing.stays[0];
    fill_init(&fill, growing.moved);
    fill_note(&fill, growing.stays[1], true, false, false);
    assert_false(fill_refilled(&fill, growing.both, self));
    /* The joiner, an owner in the newer layout only, has not synced: it has nothing to go by. */
    fill_note(&fill, 4, false, false, false);
    assert_false(fill_refilled(&fill, growing.both, self));
    fill_note(&fill, growing.leaves, true, false, false);
    assert_true(fill_refilled(&fill, growing.both, self));
    growing_deinit(&growing);
}

static void what_was_heard_of_an_unsynced_owner_never_counts(void **state)
{
    struct growing growing;
    struct fill fill;
    (void)state;
    growing_init(&growing, 2);
    fill_init(&fill, growing.moved);
    fill_note(&fill, growing.stays[1], true, false, false);
    fill_note(&fill, 4, false, false, false);
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    uint32_t count = fill_candidates(&fill, growing.both, growing.stays[0], true, candidates);
    assert_int_equal(count, 1);
    assert_true(candidates[0] == growing.leaves);
    growing_deinit(&growing);
}

/* ---- synced ---- */

enum { STAYS0 = 100, STAYS1 = 101, LEAVES = 102, JOINS = 4 };

static uint64_t growing_node(const struct growing *growing, uint64_t name)
{
    return name == STAYS0   ? growing->stays[0]
           : name == STAYS1 ? growing->stays[1]
           : name == LEAVES ? growing->leaves
                            : name;
}

static void a_layout_is_synced_after_enough_owners_of_the_older_one_were_heard_for_it(void **state)
{
    static const struct {
        struct copy copies[4];
        uint64_t self;
        bool refilling;
        bool expected;
    } cases[] = {
        {{{0}}, JOINS, false, false},
        {{WHOLE_FOR(STAYS0)}, JOINS, false, false},
        {{WHOLE_FOR(STAYS0), WHOLE_FOR(STAYS1)}, JOINS, false, true},
        {{WHOLE_FOR(STAYS0), WHOLE_FOR(LEAVES)}, JOINS, false, true},
        {{WHOLE(STAYS0), WHOLE(STAYS1), WHOLE(LEAVES)}, JOINS, false, false}, /* begun too early */
        {{WHOLE_FOR(STAYS0), WHOLE(LEAVES)}, JOINS, false, false},
        {{WHOLE_FOR(STAYS0), PART_FOR(LEAVES)}, JOINS, false, false},
        {{WHOLE_FOR(STAYS0), PART_FOR(STAYS1), PART_FOR(LEAVES)}, JOINS, false, true}, /* all */
        /* A source that lost its data in between: neither copy was whole and for the target. */
        {{WHOLE_FOR(STAYS0), WHOLE(LEAVES), PART_FOR(LEAVES)}, JOINS, false, false},
        {{{0}}, STAYS0, false, false},
        {{WHOLE_FOR(STAYS1)}, STAYS0, false, true}, /* its own holding is one of two */
        {{WHOLE_FOR(STAYS1)}, STAYS0, true, false}, /* not while it is incomplete */
        {{WHOLE_FOR(STAYS1), WHOLE_FOR(LEAVES)}, STAYS0, true, true},
        {{WHOLE_FOR(JOINS)}, STAYS0, false, false}, /* no owner in the older layout */
    };
    struct growing growing;
    (void)state;
    growing_init(&growing, 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fill fill;
        uint64_t self = growing_node(&growing, cases[i].self);
        fill_init(&fill, growing.moved);
        fill_set_target(&fill, &view_newest(growing.both)->key.hash);
        for (const struct copy *copy = cases[i].copies; copy->node != 0; copy++) {
            fill_note(&fill, growing_node(&growing, copy->node), true, copy->refilling,
                      copy->for_target);
        }
        if (fill_synced(&fill, growing.seen, self, cases[i].refilling) != cases[i].expected) {
            fail_msg("case %zu", i);
        }
        assert_false(fill_synced(&fill, growing.both, self, cases[i].refilling)); /* not yet seen */
        assert_false(fill_synced(&fill, growing.before, self, false)); /* not live there */
        uint64_t candidates[LIMIT_REQUEST_TARGETS];
        uint32_t count = fill_candidates(&fill, growing.seen, self, cases[i].refilling, candidates);
        assert_true(count > 0 || cases[i].expected);
    }
    growing_deinit(&growing);
}

static void owners_that_stay_the_same_have_nothing_to_sync(void **state)
{
    struct growing growing;
    struct fill fill;
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    (void)state;
    growing_init(&growing, 2);
    fill_init(&fill, growing.kept);
    fill_set_target(&fill, &view_newest(growing.both)->key.hash);
    assert_true(fill_synced(&fill, growing.seen, 1, false));
    assert_false(fill_synced(&fill, growing.both, 1, false)); /* but all must have seen it */
    assert_int_equal(fill_candidates(&fill, growing.seen, 1, false, candidates), 0);
    growing_deinit(&growing);
}

static void another_target_voids_what_was_heard_for_the_one_before(void **state)
{
    struct growing growing;
    struct fill fill;
    const struct content_hash other = {{1}};
    (void)state;
    growing_init(&growing, 2);
    const struct content_hash *target = &view_newest(growing.both)->key.hash;
    fill_init(&fill, growing.moved);
    fill_set_target(&fill, target);
    fill_note(&fill, growing.stays[0], true, false, true);
    fill_note(&fill, growing.stays[1], true, false, true);
    assert_true(fill_synced(&fill, growing.seen, 4, false));
    fill_set_target(&fill, target); /* the same: nothing changes */
    assert_true(fill_synced(&fill, growing.seen, 4, false));
    fill_set_target(&fill, &other);
    fill_set_target(&fill, target);
    assert_false(fill_synced(&fill, growing.seen, 4, false));
    assert_true(fill_refilled(&fill, growing.before, growing.leaves)); /* what they hold is here */
    growing_deinit(&growing);
}

/* ---- whom to ask ---- */

static bool contains(const uint64_t *nodes, uint32_t count, uint64_t node)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += nodes[i] == node ? 1 : 0;
    }
    assert_true(found <= 1);
    return found == 1;
}

static void nobody_is_asked_before_all_have_seen_the_target(void **state)
{
    struct growing growing;
    struct fill fill;
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    (void)state;
    growing_init(&growing, 2);
    fill_init(&fill, growing.moved);
    fill_set_target(&fill, &view_newest(growing.both)->key.hash);
    assert_int_equal(fill_candidates(&fill, growing.both, 4, false, candidates), 0);
    assert_int_equal(fill_candidates(&fill, growing.seen, 4, false, candidates), 3);
    assert_true(contains(candidates, 3, growing.leaves));
    growing_deinit(&growing);
}

static void asked_is_who_owns_it_and_has_not_been_heard_whole(void **state)
{
    struct cluster_facts facts = ring_facts(GROWING_PARTITIONS, 3, 2, 1);
    struct view *view = ring_view_of(&facts, 3);
    struct fill fill;
    uint64_t candidates[LIMIT_REQUEST_TARGETS];
    (void)state;
    fill_init(&fill, 3);
    assert_int_equal(fill_candidates(&fill, view, 1, false, candidates), 0); /* complete */
    assert_int_equal(fill_candidates(&fill, view, 1, true, candidates), 2);
    assert_false(contains(candidates, 2, 1));
    fill_note(&fill, 2, true, true, false);
    assert_int_equal(fill_candidates(&fill, view, 1, true, candidates), 2); /* it may be by now */
    fill_note(&fill, 2, true, false, false);
    assert_int_equal(fill_candidates(&fill, view, 1, true, candidates), 1);
    assert_true(contains(candidates, 1, 3));
    struct view *without = view_without(view, 3);
    assert_int_equal(fill_candidates(&fill, without, 1, true, candidates), 0);
    view_unref(without);
    view_unref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_holding_counts_again_after_n_minus_w_plus_1_others_or_all_there_are),
        cmocka_unit_test(a_refill_goes_by_the_layout_that_reads_go_by),
        cmocka_unit_test(what_was_heard_of_an_unsynced_owner_never_counts),
        cmocka_unit_test(a_layout_is_synced_after_enough_owners_of_the_older_one_were_heard_for_it),
        cmocka_unit_test(owners_that_stay_the_same_have_nothing_to_sync),
        cmocka_unit_test(another_target_voids_what_was_heard_for_the_one_before),
        cmocka_unit_test(nobody_is_asked_before_all_have_seen_the_target),
        cmocka_unit_test(asked_is_who_owns_it_and_has_not_been_heard_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
