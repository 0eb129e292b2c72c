/* The allocator that tests can make fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

static int stop_failing(void **state)
{
    (void)state;
    mem_fail_never();
    return 0;
}

static void a_size_of_zero_gives_memory(void **state)
{
    (void)state;
    void *a = mem_alloc(0);
    void *b = mem_alloc_zeroed(0, 8);
    void *c = mem_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(NULL);
}

static void zeroed_memory_is_zero_and_refuses_an_overflow(void **state)
{
    (void)state;
    uint8_t *memory = mem_alloc_zeroed(10, 10);
    assert_non_null(memory);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(memory[i], 0);
    }
    mem_free(memory);
    volatile size_t half = SIZE_MAX / 2;
    assert_null(mem_alloc_zeroed(half, 4));
}

static void copied_text_ends_in_a_nul(void **state)
{
    (void)state;
    char *copy = mem_copy_string("shoal-server", 5);
    assert_string_equal(copy, "shoal");
    mem_free(copy);
    copy = mem_copy_string(NULL, 0);
    assert_string_equal(copy, "");
    mem_free(copy);
    assert_null(mem_copy_string("x", SIZE_MAX));
}

static void the_nth_allocation_and_every_later_one_fails(void **state)
{
    (void)state;
    mem_fail_from(3);
    void *first = mem_alloc(1);
    void *second = mem_alloc_zeroed(1, 1);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(mem_realloc(first, 100));
    assert_null(mem_alloc(1));
    assert_null(mem_alloc_zeroed(1, 1));
    assert_null(mem_copy_string("x", 1));
    mem_fail_never();
    void *third = mem_realloc(first, 100);
    assert_non_null(third);
    mem_free(third);
    mem_free(second);
}

static void *allocate(void *got)
{
    void *memory = mem_alloc(1);
    *(bool *)got = memory != NULL;
    mem_free(memory);
    return NULL;
}

static void failing_is_this_threads_business_only(void **state)
{
    (void)state;
    pthread_t thread;
    bool got = false;
    mem_fail_from(1);
    assert_int_equal(pthread_create(&thread, NULL, allocate, &got), 0);
    pthread_join(thread, NULL);
    assert_true(got);
    assert_null(mem_alloc(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_of_zero_gives_memory),
        cmocka_unit_test(zeroed_memory_is_zero_and_refuses_an_overflow),
        cmocka_unit_test(copied_text_ends_in_a_nul),
        cmocka_unit_test_teardown(the_nth_allocation_and_every_later_one_fails, stop_failing),
        cmocka_unit_test_teardown(failing_is_this_threads_business_only, stop_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
