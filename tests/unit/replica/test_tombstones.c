/* A tombstone may go when every owner has told of its dot and of all its context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "replica/tombstones.h"
#include "shoal/error.h"

#define ACTOR 7u

struct fixture {
    struct tombstones tombstones;
    struct partition_clock own;   /* told */
    struct partition_clock other; /* what another owner has told */
};

static int setup(void **state)
{
    static struct fixture fixture;
    tombstones_init(&fixture.tombstones);
    partition_clock_init(&fixture.own);
    partition_clock_init(&fixture.other);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    tombstones_check(&fixture->tombstones);
    tombstones_deinit(&fixture->tombstones);
    partition_clock_deinit(&fixture->own);
    partition_clock_deinit(&fixture->other);
    return 0;
}

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = ACTOR, .counter = counter};
}

static void see(struct partition_clock *clock, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        partition_clock_add(clock, dot(i));
    }
}

static const uint64_t OWNERS[] = {11, 12};

static void owners(struct fixture *fixture, uint32_t count)
{
    assert_int_equal(tombstones_set_owners(&fixture->tombstones, OWNERS, count), 0);
}

static bool seen(struct fixture *fixture, uint64_t counter)
{
    return tombstones_seen(&fixture->tombstones, &fixture->own, dot(counter));
}

static void it_goes_when_every_owner_has_told_of_it(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->own, 1, 5);
    see(&fixture->other, 1, 3);
    assert_false(seen(fixture, 3)); /* the owners are not known */
    owners(fixture, 2);
    assert_false(seen(fixture, 3));
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    assert_false(seen(fixture, 3));
    tombstones_report(&fixture->tombstones, 12, 2, &fixture->other);
    assert_true(seen(fixture, 3));
    assert_false(seen(fixture, 4)); /* they lack it */
    see(&fixture->other, 4, 9);
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    tombstones_report(&fixture->tombstones, 12, 2, &fixture->other);
    assert_true(seen(fixture, 4));
    assert_false(seen(fixture, 6)); /* this holding lacks it */
}

static void alone_its_own_clock_is_enough(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->own, 1, 5);
    owners(fixture, 0);
    assert_true(seen(fixture, 5));
    assert_false(seen(fixture, 6));
}

static void a_dot_above_a_gap_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->own, 1, 9);
    see(&fixture->other, 1, 3);
    see(&fixture->other, 5, 9);
    owners(fixture, 1);
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    assert_true(partition_clock_seen(&fixture->other, dot(7)));
    assert_false(seen(fixture, 7));
}

static void its_context_must_have_been_seen_too(void **state)
{
    struct fixture *fixture = *state;
    struct dot entries[] = {{.actor = ACTOR, .counter = 2}, {.actor = 8, .counter = 4}};
    struct version_vector context = {.entries = entries, .count = 2};
    see(&fixture->own, 1, 2);
    owners(fixture, 0);
    assert_false(tombstones_covered(&fixture->tombstones, &fixture->own, context, dot(2)));
    for (uint64_t i = 1; i <= 4; i++) {
        partition_clock_add(&fixture->own, (struct dot){.actor = 8, .counter = i});
    }
    assert_true(tombstones_covered(&fixture->tombstones, &fixture->own, context, dot(2)));
}

static void an_owner_that_leaves_is_not_waited_for_and_one_that_comes_is(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->own, 1, 5);
    see(&fixture->other, 1, 5);
    owners(fixture, 2);
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    assert_false(seen(fixture, 5));
    owners(fixture, 1);
    assert_true(seen(fixture, 5)); /* what 11 told is still known */
    owners(fixture, 2);
    assert_false(seen(fixture, 5));
}

static void a_holding_that_begins_anew_replaces_what_the_one_before_told(void **state)
{
    struct fixture *fixture = *state;
    struct partition_clock none;
    partition_clock_init(&none);
    see(&fixture->own, 1, 5);
    see(&fixture->other, 1, 5);
    owners(fixture, 1);
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    assert_true(seen(fixture, 5));
    tombstones_report(&fixture->tombstones, 11, 2, &none);
    assert_false(seen(fixture, 5));
}

static void what_others_than_owners_tell_is_not_kept(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->other, 1, 5);
    owners(fixture, 1);
    fixture->tombstones.due = false;
    tombstones_report(&fixture->tombstones, 13, 1, &fixture->other);
    assert_false(fixture->tombstones.due);
}

/* ---- passes ---- */

static bool next(struct fixture *fixture, struct tombstone *out)
{
    uint32_t budget = 100;
    return tombstones_next(&fixture->tombstones, &fixture->own, &budget, out);
}

static void a_pass_gives_each_candidate_that_all_have_seen_once(void **state)
{
    struct fixture *fixture = *state;
    struct tombstone tombstone;
    uint32_t given = 0;
    see(&fixture->own, 1, 5);
    owners(fixture, 0);
    for (uint64_t i = 1; i <= 10; i++) {
        tombstones_add(&fixture->tombstones, 100 + i, dot(i));
    }
    for (; next(fixture, &tombstone); given++) {
        assert_true(tombstone.position == 100 + tombstone.dot.counter);
        if (tombstone.dot.counter % 2 == 0) {
            tombstones_remove_last(&fixture->tombstones);
        }
        tombstones_check(&fixture->tombstones);
    }
    assert_int_equal(given, 5);
    assert_int_equal(fixture->tombstones.count, 8);
    assert_false(next(fixture, &tombstone)); /* nothing was told since */
    see(&fixture->own, 6, 10);
    tombstones_told(&fixture->tombstones);
    for (given = 0; next(fixture, &tombstone); given++) {
        tombstones_remove_last(&fixture->tombstones);
    }
    assert_int_equal(given, 8);
    assert_int_equal(fixture->tombstones.count, 0);
}

static void one_that_could_not_be_looked_at_is_given_again(void **state)
{
    struct fixture *fixture = *state;
    struct tombstone tombstone;
    see(&fixture->own, 1, 5);
    owners(fixture, 0);
    tombstones_add(&fixture->tombstones, 1, dot(1));
    assert_true(next(fixture, &tombstone));
    tombstones_again(&fixture->tombstones);
    tombstones_add(&fixture->tombstones, 2, dot(2)); /* meanwhile */
    assert_true(next(fixture, &tombstone));
    assert_true(tombstone.position == 1);
    tombstones_remove_last(&fixture->tombstones);
    assert_false(next(fixture, &tombstone));
    assert_int_equal(fixture->tombstones.count, 1);
}

static void a_step_looks_at_no_more_than_its_budget(void **state)
{
    struct fixture *fixture = *state;
    struct tombstone tombstone;
    owners(fixture, 0);
    for (uint64_t i = 1; i <= 10; i++) {
        tombstones_add(&fixture->tombstones, i, dot(i));
    }
    uint32_t budget = 4;
    assert_false(tombstones_next(&fixture->tombstones, &fixture->own, &budget, &tombstone));
    assert_int_equal(budget, 0);
    assert_int_equal(fixture->tombstones.left, 6);
}

static void what_does_not_fit_is_known_to_be_missed(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 1; i <= TOMBSTONES_MAX; i++) {
        tombstones_add(&fixture->tombstones, i, dot(i));
    }
    assert_false(fixture->tombstones.missed);
    tombstones_add(&fixture->tombstones, 1, dot(1));
    assert_true(fixture->tombstones.missed);
    tombstones_forget(&fixture->tombstones);
    assert_true(!fixture->tombstones.missed && fixture->tombstones.count == 0);
}

static void without_memory_candidates_are_missed_and_owners_unknown(void **state)
{
    struct fixture *fixture = *state;
    see(&fixture->own, 1, 5);
    see(&fixture->other, 1, 5);
    owners(fixture, 0);
    mem_fail_from(1);
    tombstones_add(&fixture->tombstones, 1, dot(1));
    int result = tombstones_set_owners(&fixture->tombstones, OWNERS, 1);
    mem_fail_never();
    assert_int_equal(result, SHOAL_ENOMEM);
    assert_true(fixture->tombstones.missed);
    assert_false(seen(fixture, 1));
    owners(fixture, 1);
    mem_fail_from(1);
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    mem_fail_never();
    assert_false(seen(fixture, 1)); /* it was not heard */
    tombstones_report(&fixture->tombstones, 11, 1, &fixture->other);
    assert_true(seen(fixture, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_goes_when_every_owner_has_told_of_it),
        TEST(alone_its_own_clock_is_enough),
        TEST(a_dot_above_a_gap_does_not_count),
        TEST(its_context_must_have_been_seen_too),
        TEST(an_owner_that_leaves_is_not_waited_for_and_one_that_comes_is),
        TEST(a_holding_that_begins_anew_replaces_what_the_one_before_told),
        TEST(what_others_than_owners_tell_is_not_kept),
        TEST(a_pass_gives_each_candidate_that_all_have_seen_once),
        TEST(one_that_could_not_be_looked_at_is_given_again),
        TEST(a_step_looks_at_no_more_than_its_budget),
        TEST(what_does_not_fit_is_known_to_be_missed),
        TEST(without_memory_candidates_are_missed_and_owners_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
