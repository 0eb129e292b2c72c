/* The pool of slabs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "storage/slab_pool.h"

#define SLABS 1000u

struct pool_test {
    struct memory_budget budget;
    struct slab_pool pool;
    struct slab *taken[SLABS];
};

static int setup(void **state)
{
    static struct pool_test test;
    memset(&test, 0, sizeof(test));
    slab_pool_init(&test.pool, &test.budget);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct pool_test *test = *state;
    mem_fail_never();
    slab_pool_deinit(&test->pool);
    assert_int_equal(test->budget.held_bytes, 0);
    return 0;
}

static void slabs_are_distinct_whole_and_aligned(void **state)
{
    struct pool_test *test = *state;
    for (uint32_t i = 0; i < SLABS; i++) {
        test->taken[i] = slab_pool_take(&test->pool);
        assert_non_null(test->taken[i]);
        assert_int_equal((uintptr_t)test->taken[i]->memory % 4096, 0);
        memcpy(test->taken[i]->memory, &i, sizeof(i));
        memcpy(test->taken[i]->memory + SLAB_BYTES - sizeof(i), &i, sizeof(i));
    }
    for (uint32_t i = 0; i < SLABS; i++) {
        assert_memory_equal(test->taken[i]->memory, &i, sizeof(i));
        assert_memory_equal(test->taken[i]->memory + SLAB_BYTES - sizeof(i), &i, sizeof(i));
    }
    assert_int_equal(slab_pool_check(&test->pool), SLABS);
}

static void a_slab_given_back_is_used_again_before_a_new_one(void **state)
{
    struct pool_test *test = *state;
    for (uint32_t i = 0; i < 20; i++) {
        test->taken[i] = slab_pool_take(&test->pool);
    }
    uint64_t held = test->budget.held_bytes;
    for (uint32_t i = 0; i < 5; i++) {
        slab_pool_give(&test->pool, test->taken[i]);
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_non_null(slab_pool_take(&test->pool));
    }
    assert_int_equal(test->budget.held_bytes, held);
    assert_int_equal(slab_pool_check(&test->pool), 20);
}

static void regions_without_a_slab_in_use_are_given_back_a_little_at_a_time(void **state)
{
    struct pool_test *test = *state;
    for (uint32_t i = 0; i < SLABS; i++) {
        test->taken[i] = slab_pool_take(&test->pool);
    }
    uint64_t held = test->budget.held_bytes;
    assert_false(slab_pool_trim(&test->pool));
    for (uint32_t i = 0; i < SLABS; i++) {
        slab_pool_give(&test->pool, test->taken[i]);
        (void)slab_pool_check(&test->pool);
    }
    assert_int_equal(test->budget.held_bytes, held);
    while (slab_pool_release(&test->pool)) {
        assert_true(test->budget.held_bytes < held);
        assert_true(test->budget.held_bytes + 600 * 1024 > held);
        held = test->budget.held_bytes;
        (void)slab_pool_check(&test->pool);
    }
    assert_true(held > 0);
    assert_true(slab_pool_trim(&test->pool));
    assert_int_equal(test->budget.held_bytes, 0);
    assert_false(slab_pool_trim(&test->pool));
    assert_non_null(slab_pool_take(&test->pool));
}

static void a_retired_region_is_used_again_and_counted_once(void **state)
{
    struct pool_test *test = *state;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < SLABS; i++) {
            test->taken[i] = slab_pool_take(&test->pool);
            assert_non_null(test->taken[i]);
        }
        assert_int_equal(slab_pool_check(&test->pool), SLABS);
        assert_true(test->budget.held_bytes < (SLABS + 150) * SLAB_BYTES);
        for (uint32_t i = 0; i < SLABS; i++) {
            slab_pool_give(&test->pool, test->taken[i]);
        }
    }
    assert_int_equal(slab_pool_check(&test->pool), 0);
}

static void the_budget_is_never_exceeded(void **state)
{
    struct pool_test *test = *state;
    test->budget.bytes_max = 10 * SLAB_BYTES;
    uint32_t taken = 0;
    while ((test->taken[taken] = slab_pool_take(&test->pool)) != NULL) {
        taken++;
        assert_true(test->budget.held_bytes <= test->budget.bytes_max);
    }
    assert_true(taken >= 8 && taken < 10);
    assert_int_equal(slab_pool_check(&test->pool), taken);
    slab_pool_give(&test->pool, test->taken[0]);
    assert_non_null(slab_pool_take(&test->pool));
    assert_null(slab_pool_take(&test->pool));
}

static void without_memory_nothing_is_taken_and_nothing_counted(void **state)
{
    struct pool_test *test = *state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem_fail_from(nth);
        assert_null(slab_pool_take(&test->pool));
        assert_int_equal(test->budget.held_bytes, 0);
    }
    mem_fail_never();
    assert_non_null(slab_pool_take(&test->pool));
}

static void random_takes_and_gives_keep_the_books(void **state)
{
    struct pool_test *test = *state;
    struct random random;
    random_init(&random, 5);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        bool grow = random_chance(&random, i / 2500 % 2 == 0 ? 0.7 : 0.3);
        if (grow && count < SLABS) {
            test->taken[count] = slab_pool_take(&test->pool);
            assert_non_null(test->taken[count]);
            count++;
        } else if (!grow && count > 0) {
            uint64_t at = random_below(&random, count);
            slab_pool_give(&test->pool, test->taken[at]);
            count--;
            test->taken[at] = test->taken[count];
        }
        if (random_chance(&random, 0.01)) {
            (void)slab_pool_release(&test->pool);
        }
        if (i % 64 == 0) {
            assert_int_equal(slab_pool_check(&test->pool), count);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slabs_are_distinct_whole_and_aligned),
        TEST(a_slab_given_back_is_used_again_before_a_new_one),
        TEST(regions_without_a_slab_in_use_are_given_back_a_little_at_a_time),
        TEST(a_retired_region_is_used_again_and_counted_once),
        TEST(the_budget_is_never_exceeded),
        TEST(without_memory_nothing_is_taken_and_nothing_counted),
        TEST(random_takes_and_gives_keep_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
