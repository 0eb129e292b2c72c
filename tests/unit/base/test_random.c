/* Random numbers: the same everywhere for a seed, and evenly spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/random.h"

static void a_seed_gives_the_published_sequence(void **state)
{
    (void)state;
    /* xoshiro256** started from {1, 2, 3, 4}, from its authors' code. */
    struct random random = {{1, 2, 3, 4}};
    const uint64_t expected[] = {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240),
                                 UINT64_C(1215971899390074240)};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_int_equal(random_u64(&random), expected[i]);
    }
    /* splitmix64 of 0 begins so. */
    random_init(&random, 0);
    assert_int_equal(random.state[0], UINT64_C(0xe220a8397b1dcdaf));
    assert_int_equal(random.state[1], UINT64_C(0x6e789e6aa1b965f4));
}

static void below_stays_below_and_reaches_everything(void **state)
{
    (void)state;
    struct random random;
    unsigned counts[10] = {0};
    random_init(&random, 42);
    assert_int_equal(random_below(&random, 0), 0);
    assert_int_equal(random_below(&random, 1), 0);
    for (size_t i = 0; i < 10000; i++) {
        uint64_t number = random_below(&random, 10);
        assert_true(number < 10);
        counts[number]++;
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
    for (size_t i = 0; i < 100; i++) {
        assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
    }
}

static void no_number_is_favoured_by_a_bound_that_does_not_divide_the_range(void **state)
{
    (void)state;
    /* With 3/4 of the range as bound, a remainder would prefer the lowest third of the numbers, and
     * a multiplication without drawing again the multiples of 3: half of all instead of a third. */
    struct random random;
    unsigned low = 0;
    unsigned multiples = 0;
    uint64_t bound = UINT64_C(3) << 62;
    random_init(&random, 7);
    for (size_t i = 0; i < 9000; i++) {
        uint64_t number = random_below(&random, bound);
        low += number < bound / 3 ? 1 : 0;
        multiples += number % 3 == 0 ? 1 : 0;
    }
    assert_in_range(low, 2700, 3300);
    assert_in_range(multiples, 2700, 3300);
}

static void unit_and_chance_follow_their_probability(void **state)
{
    (void)state;
    struct random random;
    unsigned hits = 0;
    random_init(&random, 1);
    for (size_t i = 0; i < 10000; i++) {
        double unit = random_unit(&random);
        assert_true(unit >= 0 && unit < 1);
        hits += random_chance(&random, 0.25) ? 1 : 0;
        assert_false(random_chance(&random, 0));
        assert_true(random_chance(&random, 1));
    }
    assert_in_range(hits, 2250, 2750);
}

static void ids_are_never_0(void **state)
{
    (void)state;
    /* A state whose next number is 0: the second of {1, 2, 3, 4}. */
    struct random random = {{1, 2, 3, 4}};
    random_u64(&random);
    assert_int_not_equal(random_id(&random), 0);
}

static void the_kernel_fills_all_that_is_asked(void **state)
{
    (void)state;
    static uint8_t a[100000];
    static uint8_t b[100000];
    assert_int_equal(random_from_kernel(a, sizeof(a)), 0);
    assert_int_equal(random_from_kernel(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + sizeof(a) - 16, b + sizeof(b) - 16, 16);
    assert_int_equal(random_from_kernel(a, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_published_sequence),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
        cmocka_unit_test(no_number_is_favoured_by_a_bound_that_does_not_divide_the_range),
        cmocka_unit_test(unit_and_chance_follow_their_probability),
        cmocka_unit_test(ids_are_never_0),
        cmocka_unit_test(the_kernel_fills_all_that_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
