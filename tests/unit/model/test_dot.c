/* Dots and version vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/dot.h"
#include "shoal/error.h"

#define VECTOR(...)                                                                                \
    ((struct version_vector){.entries = (const struct dot[]){__VA_ARGS__},                         \
                             .count =                                                              \
                                 sizeof((const struct dot[]){__VA_ARGS__}) / sizeof(struct dot)})

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    arena_deinit(&arena);
    return 0;
}

static const struct version_vector empty;

static void dots_are_ordered_by_actor_then_counter(void **state)
{
    (void)state;
    struct dot low = {1, 9};
    struct dot middle = {2, 1};
    struct dot high = {2, 2};
    assert_true(dot_compare(low, middle) < 0);
    assert_true(dot_compare(middle, high) < 0);
    assert_true(dot_compare(high, low) > 0);
    assert_int_equal(dot_compare(high, high), 0);
    struct dot huge = {UINT64_MAX, 1};
    assert_true(dot_compare(low, huge) < 0);
    assert_true(dot_compare(huge, low) > 0);
}

static void an_entry_covers_every_dot_up_to_it(void **state)
{
    (void)state;
    struct version_vector vector = VECTOR({3, 5}, {8, 2});
    assert_int_equal(version_vector_get(vector, 3), 5);
    assert_int_equal(version_vector_get(vector, 8), 2);
    assert_int_equal(version_vector_get(vector, 5), 0);
    assert_int_equal(version_vector_get(empty, 3), 0);
    assert_true(version_vector_covers(vector, (struct dot){3, 1}));
    assert_true(version_vector_covers(vector, (struct dot){3, 5}));
    assert_false(version_vector_covers(vector, (struct dot){3, 6}));
    assert_false(version_vector_covers(vector, (struct dot){4, 1}));
}

static void lookup_finds_every_entry_of_a_long_vector(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 70; count++) {
        struct dot entries[70];
        for (uint32_t i = 0; i < count; i++) {
            entries[i] = (struct dot){.actor = 10 + 2 * (uint64_t)i, .counter = i + 1};
        }
        struct version_vector vector = {.entries = entries, .count = count};
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(version_vector_get(vector, entries[i].actor), i + 1);
            assert_int_equal(version_vector_get(vector, entries[i].actor + 1), 0);
        }
        assert_int_equal(version_vector_get(vector, 9), 0);
    }
}

static void descending_needs_every_entry_covered(void **state)
{
    (void)state;
    struct version_vector a = VECTOR({1, 2}, {2, 2}, {3, 3});
    assert_true(version_vector_descends(a, a));
    assert_true(version_vector_descends(a, empty));
    assert_false(version_vector_descends(empty, a));
    assert_true(version_vector_descends(a, VECTOR({1, 1}, {3, 3})));
    assert_false(version_vector_descends(a, VECTOR({1, 1}, {3, 4})));
    assert_false(version_vector_descends(a, VECTOR({4, 1})));
}

static void a_join_is_the_entrywise_maximum(void **state)
{
    (void)state;
    struct version_vector joined;
    assert_int_equal(version_vector_join(&arena, VECTOR({1, 2}, {3, 3}),
                                         VECTOR({1, 1}, {2, 7}, {3, 4}, {9, 1}), &joined),
                     0);
    assert_true(version_vector_equal(joined, VECTOR({1, 2}, {2, 7}, {3, 4}, {9, 1})));
}

static void a_join_that_is_one_of_its_inputs_takes_no_memory(void **state)
{
    (void)state;
    struct version_vector a = VECTOR({1, 2}, {3, 3});
    struct version_vector b = VECTOR({3, 2});
    struct version_vector joined;
    mem_fail_from(1);
    assert_int_equal(version_vector_join(&arena, a, b, &joined), 0);
    assert_ptr_equal(joined.entries, a.entries);
    assert_int_equal(version_vector_join(&arena, b, a, &joined), 0);
    assert_ptr_equal(joined.entries, a.entries);
}

static void joining_without_memory_leaves_the_output_alone(void **state)
{
    (void)state;
    struct version_vector joined = empty;
    mem_fail_from(1);
    assert_int_equal(version_vector_join(&arena, VECTOR({1, 1}), VECTOR({2, 1}), &joined),
                     SHOAL_ENOMEM);
    assert_null(joined.entries);
    assert_int_equal(version_vector_with(&arena, VECTOR({1, 1}), (struct dot){2, 1}, &joined),
                     SHOAL_ENOMEM);
    assert_null(joined.entries);
}

static void a_dot_is_added_at_its_place_or_raises_its_entry(void **state)
{
    (void)state;
    struct version_vector vector = VECTOR({3, 5}, {8, 2});
    struct version_vector with;
    assert_int_equal(version_vector_with(&arena, vector, (struct dot){1, 1}, &with), 0);
    assert_true(version_vector_equal(with, VECTOR({1, 1}, {3, 5}, {8, 2})));
    assert_int_equal(version_vector_with(&arena, vector, (struct dot){5, 1}, &with), 0);
    assert_true(version_vector_equal(with, VECTOR({3, 5}, {5, 1}, {8, 2})));
    assert_int_equal(version_vector_with(&arena, vector, (struct dot){9, 1}, &with), 0);
    assert_true(version_vector_equal(with, VECTOR({3, 5}, {8, 2}, {9, 1})));
    assert_int_equal(version_vector_with(&arena, vector, (struct dot){3, 6}, &with), 0);
    assert_true(version_vector_equal(with, VECTOR({3, 6}, {8, 2})));
    assert_int_equal(version_vector_with(&arena, vector, (struct dot){8, 1}, &with), 0);
    assert_true(version_vector_equal(with, vector));
    assert_int_equal(version_vector_with(&arena, empty, (struct dot){8, 1}, &with), 0);
    assert_true(version_vector_equal(with, VECTOR({8, 1})));
}

static void a_vector_over_the_limit_is_refused_as_overloaded(void **state)
{
    (void)state;
    struct dot *entries = arena_alloc_array(&arena, LIMIT_CONTEXT_ENTRIES, sizeof(*entries));
    for (uint32_t i = 0; i < LIMIT_CONTEXT_ENTRIES; i++) {
        entries[i] = (struct dot){.actor = 2 * (uint64_t)i + 2, .counter = 1};
    }
    struct version_vector full = {.entries = entries, .count = LIMIT_CONTEXT_ENTRIES};
    struct version_vector out = empty;
    assert_true(version_vector_valid(full));
    assert_int_equal(version_vector_with(&arena, full, (struct dot){7, 1}, &out), SHOAL_EOVERLOAD);
    assert_int_equal(version_vector_join(&arena, full, VECTOR({7, 1}), &out), SHOAL_EOVERLOAD);
    assert_null(out.entries);
    assert_int_equal(version_vector_with(&arena, full, (struct dot){8, 2}, &out), 0);
    assert_int_equal(out.count, LIMIT_CONTEXT_ENTRIES);
}

static void only_sorted_vectors_of_real_dots_are_valid(void **state)
{
    (void)state;
    assert_true(version_vector_valid(empty));
    assert_true(version_vector_valid(VECTOR({1, 1}, {2, 1})));
    assert_false(version_vector_valid(VECTOR({2, 1}, {1, 1})));
    assert_false(version_vector_valid(VECTOR({1, 1}, {1, 2})));
    assert_false(version_vector_valid(VECTOR({0, 1})));
    assert_false(version_vector_valid(VECTOR({1, 0})));
    struct version_vector endless = {.entries = NULL, .count = LIMIT_CONTEXT_ENTRIES + 1};
    assert_false(version_vector_valid(endless));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_are_ordered_by_actor_then_counter),
        cmocka_unit_test(an_entry_covers_every_dot_up_to_it),
        cmocka_unit_test(lookup_finds_every_entry_of_a_long_vector),
        cmocka_unit_test(descending_needs_every_entry_covered),
        cmocka_unit_test_setup_teardown(a_join_is_the_entrywise_maximum, setup, teardown),
        cmocka_unit_test_setup_teardown(a_join_that_is_one_of_its_inputs_takes_no_memory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(joining_without_memory_leaves_the_output_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_dot_is_added_at_its_place_or_raises_its_entry, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_vector_over_the_limit_is_refused_as_overloaded, setup,
                                        teardown),
        cmocka_unit_test(only_sorted_vectors_of_real_dots_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
