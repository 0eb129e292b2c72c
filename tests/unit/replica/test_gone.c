/* What a holding has seen and does not hold is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "replica/gone.h"
#include "shoal/error.h"

static struct dot dot(uint64_t counter)
{
    return (struct dot){.actor = 7, .counter = counter};
}

/* Siblings with these counters, under a context of all up to the last. */
static struct object object_of(struct arena *arena, const uint64_t *counters, uint32_t count)
{
    struct sibling *siblings = arena_alloc_array(arena, count + 1, sizeof(*siblings));
    struct dot *context = arena_alloc(arena, sizeof(*context));
    for (uint32_t i = 0; i < count; i++) {
        siblings[i] = (struct sibling){.dot = dot(counters[i])};
    }
    *context = dot(9);
    return (struct object){
        .context = {.entries = context, .count = 1}, .siblings = siblings, .sibling_count = count};
}

static void what_was_seen_and_is_not_held_is_left_out(void **state)
{
    (void)state;
    struct arena arena;
    struct partition_clock clock;
    struct object out;
    const uint64_t offered[] = {1, 2, 3, 4};
    const uint64_t held[] = {2, 5};
    arena_init(&arena, 4096);
    partition_clock_init(&clock);
    for (uint64_t i = 1; i <= 3; i++) {
        partition_clock_add(&clock, dot(i));
    }
    struct object mine = object_of(&arena, held, 2);
    struct object theirs = object_of(&arena, offered, 4);
    assert_true(gone_is(&clock, &mine, dot(1)));
    assert_false(gone_is(&clock, &mine, dot(2))); /* held */
    assert_false(gone_is(&clock, &mine, dot(4))); /* never seen */
    assert_int_equal(gone_leave_out(&arena, &theirs, &clock, &mine, &out), 0);
    assert_int_equal(out.sibling_count, 2);
    assert_true(dot_equal(out.siblings[0].dot, dot(2)));
    assert_true(dot_equal(out.siblings[1].dot, dot(4)));
    assert_true(version_vector_equal(out.context, theirs.context));
    partition_clock_deinit(&clock);
    arena_deinit(&arena);
}

static void where_nothing_is_gone_the_object_is_as_it_was_and_costs_nothing(void **state)
{
    (void)state;
    struct arena arena;
    struct partition_clock clock;
    struct object out;
    const uint64_t offered[] = {1, 2};
    arena_init(&arena, 4096);
    partition_clock_init(&clock);
    struct object theirs = object_of(&arena, offered, 2);
    struct object mine = object_empty();
    mem_fail_from(1);
    int result = gone_leave_out(&arena, &theirs, &clock, &mine, &out);
    mem_fail_never();
    assert_int_equal(result, 0);
    assert_ptr_equal(out.siblings, theirs.siblings);
    partition_clock_deinit(&clock);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_seen_and_is_not_held_is_left_out),
        cmocka_unit_test(where_nothing_is_gone_the_object_is_as_it_was_and_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
