/* Memory that is freed all at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/arena.h"
#include "base/memory.h"

static int stop_failing(void **state)
{
    (void)state;
    mem_fail_never();
    return 0;
}

static void memory_is_aligned_and_does_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    uint8_t *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t size = i * 13 % 1000;
        pieces[i] = arena_alloc(&arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, size);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t j = 0; j < i * 13 % 1000; j++) {
            assert_int_equal(pieces[i][j], (uint8_t)i);
        }
    }
    arena_deinit(&arena);
}

/* As an event does: some small pieces and one larger than the first blocks. */
static bool use(struct arena *arena)
{
    for (size_t i = 0; i < 200; i++) {
        if (arena_alloc(arena, 500) == NULL) {
            return false;
        }
    }
    return arena_alloc(arena, 200000) != NULL;
}

static void equal_events_allocate_nothing_once_the_arena_is_warm(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_true(use(&arena));
    mem_fail_from(1);
    for (size_t i = 0; i < 10; i++) {
        arena_reset(&arena);
        assert_true(use(&arena));
    }
    mem_fail_never();
    arena_deinit(&arena);
}

static void what_a_large_event_needed_is_given_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    assert_non_null(arena_alloc(&arena, 1000));
    assert_non_null(arena_alloc(&arena, 10 << 20));
    assert_true(arena.held > 10 << 20);
    arena_reset(&arena);
    assert_true(arena.held > 0);
    assert_true(arena.held <= 100000);
    mem_fail_from(1);
    assert_non_null(arena_alloc(&arena, 1000));
    mem_fail_never();
    arena_deinit(&arena);
}

static void an_arena_that_keeps_nothing_still_works(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_true(use(&arena));
        arena_reset(&arena);
        assert_int_equal(arena.held, 0);
    }
    arena_deinit(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(arena_alloc(&arena, SIZE_MAX - 31));
    assert_null(arena_alloc_array(&arena, SIZE_MAX / 4, 8));
    assert_non_null(arena_alloc_array(&arena, 0, 8));
    assert_non_null(arena_alloc_array(&arena, 3, 8));
    arena_deinit(&arena);
}

static void a_copy_holds_the_same_bytes_elsewhere(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    char text[] = "hello";
    struct bytes copy = arena_copy(&arena, bytes_make(text, 5));
    text[0] = 'j';
    assert_true(bytes_equal(copy, bytes_from_string("hello")));
    assert_int_equal(arena_copy(&arena, bytes_make(NULL, 0)).len, 0);
    arena_deinit(&arena);
}

static void out_of_memory_gives_null_and_leaves_the_arena_usable(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    mem_fail_from(1);
    assert_null(arena_alloc(&arena, 1));
    struct bytes copy = arena_copy(&arena, bytes_from_string("x"));
    assert_null(copy.data);
    mem_fail_never();
    uint8_t *kept = arena_alloc(&arena, 1);
    assert_non_null(kept);
    *kept = 42;
    mem_fail_from(1);
    assert_null(arena_alloc(&arena, 1 << 20));
    assert_int_equal(*kept, 42);
    mem_fail_never();
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_does_not_overlap),
        cmocka_unit_test_teardown(equal_events_allocate_nothing_once_the_arena_is_warm,
                                  stop_failing),
        cmocka_unit_test_teardown(what_a_large_event_needed_is_given_back, stop_failing),
        cmocka_unit_test(an_arena_that_keeps_nothing_still_works),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(a_copy_holds_the_same_bytes_elsewhere),
        cmocka_unit_test_teardown(out_of_memory_gives_null_and_leaves_the_arena_usable,
                                  stop_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
