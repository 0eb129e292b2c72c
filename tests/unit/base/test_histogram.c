/* The log-linear histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/histogram.h"

static struct histogram histogram;

static int setup(void **state)
{
    (void)state;
    histogram_init(&histogram);
    return 0;
}

static void an_empty_one_has_quantile_0(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile(&histogram, 1), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 10; i++) {
        histogram_record(&histogram, i);
    }
    assert_int_equal(histogram_quantile(&histogram, 0), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.1), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.11), 2);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 5);
    assert_int_equal(histogram_quantile(&histogram, 0.9), 9);
    assert_int_equal(histogram_quantile(&histogram, 1), 10);
    assert_int_equal(histogram.count, 10);
    assert_int_equal(histogram.sum, 55);
    assert_int_equal(histogram.max, 10);
}

static void every_value_lies_in_its_bucket_and_buckets_join(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket(0), 0);
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    assert_int_equal(histogram_bucket_end(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
    for (uint32_t bucket = 0; bucket + 1 < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t end = histogram_bucket_end(bucket);
        assert_int_equal(histogram_bucket(end), bucket);
        assert_int_equal(histogram_bucket(end + 1), bucket + 1);
    }
}

static void a_value_is_known_to_a_sixteenth(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 / 2 + 1) {
        histogram_init(&histogram);
        histogram_record(&histogram, value);
        histogram_record(&histogram, UINT64_MAX);
        uint64_t found = histogram_quantile(&histogram, 0.5);
        assert_true(found >= value);
        assert_true(found - value <= value / 16);
    }
}

static void a_quantile_is_never_above_the_largest_value(void **state)
{
    (void)state;
    histogram_record(&histogram, 1000);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 1000);
    assert_int_equal(histogram_quantile(&histogram, 5), 1000);
    assert_int_equal(histogram_quantile(&histogram, -1), 1000);
    assert_int_equal(histogram_quantile(&histogram, __builtin_nan("")), 1000);
}

static void adding_two_is_as_recording_into_one(void **state)
{
    (void)state;
    static struct histogram a;
    static struct histogram b;
    histogram_init(&a);
    histogram_init(&b);
    for (uint64_t i = 0; i < 1000; i++) {
        histogram_record(&histogram, i * i);
        histogram_record(i % 3 == 0 ? &a : &b, i * i);
    }
    histogram_add(&a, &b);
    assert_memory_equal(&a, &histogram, sizeof(a));
}

static void a_sum_beyond_64_bits_stays_at_the_largest(void **state)
{
    (void)state;
    histogram_record(&histogram, UINT64_MAX);
    histogram_record(&histogram, UINT64_MAX);
    assert_int_equal(histogram.sum, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_has_quantile_0, setup),
        cmocka_unit_test_setup(small_values_are_exact, setup),
        cmocka_unit_test_setup(every_value_lies_in_its_bucket_and_buckets_join, setup),
        cmocka_unit_test_setup(a_value_is_known_to_a_sixteenth, setup),
        cmocka_unit_test_setup(a_quantile_is_never_above_the_largest_value, setup),
        cmocka_unit_test_setup(adding_two_is_as_recording_into_one, setup),
        cmocka_unit_test_setup(a_sum_beyond_64_bits_stays_at_the_largest, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
