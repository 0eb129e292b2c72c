/* Partition clocks: what was seen is remembered exactly, what exceeds the bounds is forgotten, and
 * nothing is ever claimed that was not seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "replica/partition_clock.h"
#include "shoal/error.h"

#define A UINT64_C(10)
#define B UINT64_C(20)
#define C UINT64_C(30)

static struct partition_clock clock;
static struct partition_clock other;

static int setup(void **state)
{
    (void)state;
    partition_clock_init(&clock);
    partition_clock_init(&other);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    partition_clock_check(&clock);
    partition_clock_check(&other);
    partition_clock_deinit(&other);
    partition_clock_deinit(&clock);
    return 0;
}

static struct dot dot(uint64_t actor, uint64_t counter)
{
    return (struct dot){.actor = actor, .counter = counter};
}

static void add(struct partition_clock *to, uint64_t actor, uint64_t first, uint64_t last)
{
    for (uint64_t counter = first; counter <= last; counter++) {
        partition_clock_add(to, dot(actor, counter));
    }
    partition_clock_check(to);
}

static bool seen(uint64_t actor, uint64_t counter)
{
    return partition_clock_seen(&clock, dot(actor, counter));
}

static bool covered(uint64_t actor, uint64_t counter)
{
    return partition_clock_base_covers(&clock, dot(actor, counter));
}

static void an_empty_clock_has_seen_nothing(void **state)
{
    (void)state;
    assert_false(seen(A, 1));
    assert_false(covered(A, 1));
    assert_true(partition_clock_base_descends(&clock, (struct version_vector){0}));
    assert_false(partition_clock_closed(&clock, A));
    assert_int_equal(partition_clock_open(&clock, NULL, 0), 0);
    assert_true(partition_clock_digest(&clock) == 0);
}

static void dots_in_sequence_raise_the_base(void **state)
{
    (void)state;
    add(&clock, A, 1, 1000);
    assert_true(seen(A, 1000) && covered(A, 1000));
    assert_false(seen(A, 1001) || covered(A, 1001) || seen(B, 1));
    assert_int_equal(clock.span_count, 0);
    assert_true(clock.version == 1000);
    add(&clock, A, 1, 1000);
    assert_true(clock.version == 1000);
}

static void a_gap_is_not_covered_until_it_is_filled(void **state)
{
    (void)state;
    add(&clock, A, 1, 2);
    add(&clock, A, 5, 6);
    assert_true(seen(A, 5) && seen(A, 6));
    assert_false(seen(A, 3) || seen(A, 4) || seen(A, 7));
    assert_true(covered(A, 2));
    assert_false(covered(A, 3) || covered(A, 5));
    add(&clock, A, 4, 4);
    assert_false(covered(A, 3) || covered(A, 4));
    add(&clock, A, 3, 3);
    assert_true(covered(A, 6));
    assert_int_equal(clock.span_count, 0);
}

static void spans_grow_at_both_ends_and_into_one(void **state)
{
    (void)state;
    add(&clock, A, 10, 10);
    add(&clock, A, 14, 14);
    assert_int_equal(clock.span_count, 2);
    add(&clock, A, 11, 11);
    add(&clock, A, 13, 13);
    assert_int_equal(clock.span_count, 2);
    add(&clock, A, 12, 12);
    assert_int_equal(clock.span_count, 1);
    assert_true(seen(A, 10) && seen(A, 14));
    assert_false(seen(A, 9) || seen(A, 15) || covered(A, 10));
}

static void a_context_is_covered_only_as_a_whole(void **state)
{
    (void)state;
    struct dot entries[] = {{A, 3}, {B, 2}};
    struct version_vector context = {.entries = entries, .count = 2};
    add(&clock, A, 1, 3);
    add(&clock, B, 1, 1);
    add(&clock, B, 3, 3);
    assert_false(partition_clock_base_descends(&clock, context));
    add(&clock, B, 2, 2);
    assert_true(partition_clock_base_descends(&clock, context));
}

static void a_closed_actor_counts_as_seen_whole(void **state)
{
    (void)state;
    uint64_t open[2] = {0};
    add(&clock, A, 3, 4);
    add(&clock, B, 1, 1);
    partition_clock_close(&clock, A);
    uint64_t version = clock.version;
    partition_clock_close(&clock, A);
    add(&clock, A, 7, 9);
    assert_true(clock.version == version);
    assert_true(partition_clock_closed(&clock, A));
    assert_false(partition_clock_closed(&clock, B));
    assert_true(seen(A, 1) && seen(A, UINT64_MAX) && covered(A, UINT64_MAX));
    assert_int_equal(clock.span_count, 0);
    assert_int_equal(partition_clock_open(&clock, open, 2), 1);
    assert_true(open[0] == B && open[1] == 0);
}

static void an_actor_never_heard_of_can_be_closed(void **state)
{
    (void)state;
    partition_clock_close(&clock, C);
    assert_true(partition_clock_closed(&clock, C));
    assert_int_equal(partition_clock_open(&clock, NULL, 0), 0);
}

static void dots_that_nobody_gives_are_not_taken(void **state)
{
    (void)state;
    partition_clock_add(&clock, dot(A, UINT64_MAX));
    partition_clock_add(&clock, dot(A, 0));
    partition_clock_add(&clock, dot(0, 1));
    partition_clock_close(&clock, 0);
    assert_int_equal(clock.count, 0);
    add(&clock, A, UINT64_MAX - 2, UINT64_MAX - 1);
    assert_true(seen(A, UINT64_MAX - 1));
    assert_false(seen(A, UINT64_MAX) || partition_clock_closed(&clock, A));
}

static void a_join_brings_all_that_the_other_has_seen(void **state)
{
    (void)state;
    add(&clock, A, 1, 3);
    add(&clock, A, 8, 8);
    add(&clock, C, 2, 2);
    add(&other, A, 4, 5);
    add(&other, A, 7, 7);
    add(&other, B, 1, 6);
    partition_clock_close(&other, C);
    partition_clock_join(&clock, &other);
    partition_clock_check(&clock);
    assert_true(covered(A, 5) && seen(A, 7) && seen(A, 8) && covered(B, 6));
    assert_false(seen(A, 6) || seen(A, 9) || seen(B, 7));
    assert_true(partition_clock_closed(&clock, C));
    assert_int_equal(clock.span_count, 1);
    assert_true(partition_clock_includes(&clock, &other));
    assert_false(partition_clock_includes(&other, &clock));
}

static void a_join_of_what_is_known_changes_nothing(void **state)
{
    (void)state;
    add(&clock, A, 1, 3);
    add(&clock, A, 8, 9);
    add(&other, A, 1, 2);
    add(&other, A, 9, 9);
    uint64_t version = clock.version;
    mem_fail_from(1);
    partition_clock_join(&clock, &other);
    partition_clock_join(&clock, &clock);
    assert_true(clock.version == version);
}

static void a_cleared_clock_is_another_one(void **state)
{
    (void)state;
    partition_clock_clear(&clock);
    assert_true(clock.version == 0);
    add(&clock, A, 1, 3);
    add(&clock, B, 5, 5);
    partition_clock_clear(&clock);
    assert_false(seen(A, 1) || seen(B, 5));
    assert_true(clock.version == 5);
}

static void a_copy_is_equal_and_stands_alone(void **state)
{
    (void)state;
    add(&clock, A, 1, 3);
    add(&clock, A, 8, 9);
    add(&other, C, 1, 1);
    assert_int_equal(partition_clock_copy(&clock, &other), 0);
    assert_true(partition_clock_equal(&clock, &other));
    assert_true(clock.version == other.version);
    assert_true(partition_clock_digest(&clock) == partition_clock_digest(&other));
    add(&other, A, 4, 4);
    assert_false(seen(A, 4) || partition_clock_equal(&clock, &other));
    assert_true(partition_clock_digest(&clock) != partition_clock_digest(&other));
    assert_int_equal(partition_clock_copy(&other, &other), 0);
}

/* ---- the bounds ---- */

static void over_the_bound_the_highest_spans_are_forgotten(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= CLOCK_SPANS_MAX + 100; i++) {
        add(&clock, A, 2 * i, 2 * i);
    }
    assert_int_equal(clock.span_count, CLOCK_SPANS_MAX);
    assert_true(seen(A, 2) && seen(A, UINT64_C(2) * CLOCK_SPANS_MAX));
    assert_false(seen(A, UINT64_C(2) * CLOCK_SPANS_MAX + 2));
    assert_false(covered(A, 1)); /* and the base is where it was */
    add(&clock, A, 1, 1);
    assert_true(covered(A, 2));
    assert_false(covered(A, 3));
}

static void an_actor_with_many_spans_leaves_room_for_others(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= CLOCK_SPANS_MAX; i++) {
        add(&clock, A, 2 * i, 2 * i);
    }
    add(&clock, B, 2, 2);
    add(&clock, B, 4, 4);
    assert_true(seen(B, 2) && seen(B, 4));
    assert_int_equal(clock.span_count, CLOCK_SPANS_MAX);
    assert_false(seen(A, UINT64_C(2) * CLOCK_SPANS_MAX));
    assert_true(seen(A, UINT64_C(2) * CLOCK_SPANS_MAX - 4));
}

static void a_join_over_the_bounds_keeps_to_them(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= CLOCK_SPANS_MAX; i++) {
        add(&clock, i % 2 == 0 ? A : C, 4 * i, 4 * i);
        add(&other, i % 2 == 0 ? A : B, 4 * i + 2, 4 * i + 2);
    }
    partition_clock_join(&clock, &other);
    partition_clock_check(&clock);
    assert_int_equal(clock.span_count, CLOCK_SPANS_MAX);
    assert_true(seen(A, 8) && seen(A, 10) && seen(B, 6) && seen(C, 4));
    assert_false(covered(A, 1) || covered(B, 1) || covered(C, 1));
}

static void of_too_many_actors_those_with_only_spans_go_first_then_closed_ones(void **state)
{
    (void)state;
    for (uint64_t actor = 1; actor <= CLOCK_ACTORS_MAX - 1; actor++) {
        if (actor == 7 || actor == 5) {
            partition_clock_close(&clock, actor);
        } else {
            add(&clock, actor, 1, 1);
        }
    }
    add(&clock, 100000, 2, 2);
    add(&clock, 100001, 1, 1);
    assert_int_equal(clock.count, CLOCK_ACTORS_MAX);
    assert_false(seen(100000, 2));
    add(&clock, 100002, 1, 1);
    assert_false(partition_clock_closed(&clock, 5));
    assert_true(partition_clock_closed(&clock, 7));
    add(&clock, 100003, 1, 1);
    add(&clock, 100004, 1, 1);
    assert_true(seen(100001, 1) && seen(100004, 1));
    assert_false(partition_clock_closed(&clock, 7) || seen(1, 1));
    assert_int_equal(clock.count, CLOCK_ACTORS_MAX);
}

/* ---- no memory ---- */

static void without_memory_dots_are_forgotten_and_nothing_else(void **state)
{
    (void)state;
    mem_fail_from(1);
    add(&clock, A, 1, 1);
    partition_clock_close(&clock, B);
    assert_false(seen(A, 1) || partition_clock_closed(&clock, B));
    mem_fail_never();
    add(&clock, A, 1, 1);
    mem_fail_from(1);
    add(&clock, A, 3, 3); /* needs a span */
    add(&clock, A, 2, 2); /* needs nothing */
    assert_true(covered(A, 2));
    assert_false(seen(A, 3));
    add(&clock, B, 3, 3); /* there is room for an entry, but not for its span */
    assert_false(seen(B, 3));
}

static void a_join_that_runs_out_of_memory_claims_nothing(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 8; nth++) {
        partition_clock_clear(&clock);
        partition_clock_clear(&other);
        mem_fail_never();
        add(&clock, A, 1, 2);
        add(&clock, A, 6, 6);
        add(&other, A, 1, 4);
        add(&other, A, 8, 8);
        for (uint64_t actor = 100; actor < 110; actor++) {
            add(&other, actor, 2, 2);
        }
        mem_fail_from(nth);
        partition_clock_join(&clock, &other);
        mem_fail_never();
        partition_clock_check(&clock);
        assert_true(covered(A, 4) && seen(A, 6)); /* takes no memory */
        assert_false(seen(A, 5) || seen(A, 7) || seen(A, 9) || covered(100, 1));
    }
    partition_clock_join(&clock, &other);
    assert_true(partition_clock_includes(&clock, &other));
}

static void a_copy_that_runs_out_of_memory_changes_nothing(void **state)
{
    (void)state;
    add(&clock, A, 1, 2);
    add(&clock, A, 6, 6);
    add(&clock, B, 6, 6);
    add(&other, C, 1, 1);
    uint64_t nth = 1;
    int result = SHOAL_ENOMEM;
    for (; result == SHOAL_ENOMEM; nth++) {
        assert_true(partition_clock_seen(&other, dot(C, 1)));
        mem_fail_from(nth);
        result = partition_clock_copy(&clock, &other);
        mem_fail_never();
        assert_true(result == 0 || result == SHOAL_ENOMEM);
    }
    assert_true(nth > 3);
    assert_true(partition_clock_equal(&clock, &other));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_clock_has_seen_nothing),
        TEST(dots_in_sequence_raise_the_base),
        TEST(a_gap_is_not_covered_until_it_is_filled),
        TEST(spans_grow_at_both_ends_and_into_one),
        TEST(a_context_is_covered_only_as_a_whole),
        TEST(a_closed_actor_counts_as_seen_whole),
        TEST(an_actor_never_heard_of_can_be_closed),
        TEST(dots_that_nobody_gives_are_not_taken),
        TEST(a_join_brings_all_that_the_other_has_seen),
        TEST(a_join_of_what_is_known_changes_nothing),
        TEST(a_cleared_clock_is_another_one),
        TEST(a_copy_is_equal_and_stands_alone),
        TEST(over_the_bound_the_highest_spans_are_forgotten),
        TEST(an_actor_with_many_spans_leaves_room_for_others),
        TEST(a_join_over_the_bounds_keeps_to_them),
        TEST(of_too_many_actors_those_with_only_spans_go_first_then_closed_ones),
        TEST(without_memory_dots_are_forgotten_and_nothing_else),
        TEST(a_join_that_runs_out_of_memory_claims_nothing),
        TEST(a_copy_that_runs_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
