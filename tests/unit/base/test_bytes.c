/* Borrowed bytes: equality, order, prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

static void equal_bytes_are_equal_whatever_they_hold(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0b", 3)));
    assert_false(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0c", 3)));
    assert_false(bytes_equal(bytes_make("ab", 2), bytes_make("abc", 3)));
}

static void empty_bytes_are_equal_even_without_an_address(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_make(NULL, 0), bytes_make("x", 0)));
    assert_int_equal(bytes_compare(bytes_make(NULL, 0), bytes_make(NULL, 0)), 0);
    assert_true(bytes_starts_with(bytes_make(NULL, 0), bytes_make(NULL, 0)));
}

static void order_is_by_unsigned_bytes(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_make("\x7f", 1), bytes_make("\x80", 1)) < 0);
    assert_true(bytes_compare(bytes_make("b", 1), bytes_make("ab", 2)) > 0);
    assert_int_equal(bytes_compare(bytes_make("a\0", 2), bytes_make("a\0", 2)), 0);
}

static void a_prefix_stands_before_what_it_begins(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_from_string("ab"), bytes_from_string("abc")) < 0);
    assert_true(bytes_compare(bytes_from_string("abc"), bytes_from_string("ab")) > 0);
    assert_true(bytes_compare(bytes_make(NULL, 0), bytes_from_string("a")) < 0);
}

static void starts_with_compares_no_further_than_the_prefix(void **state)
{
    (void)state;
    assert_true(bytes_starts_with(bytes_from_string("user:1"), bytes_from_string("user:")));
    assert_true(bytes_starts_with(bytes_from_string("user:"), bytes_from_string("user:")));
    assert_true(bytes_starts_with(bytes_from_string("user:"), bytes_make(NULL, 0)));
    assert_false(bytes_starts_with(bytes_from_string("user"), bytes_from_string("user:")));
    assert_false(bytes_starts_with(bytes_from_string("usex:1"), bytes_from_string("user:")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bytes_are_equal_whatever_they_hold),
        cmocka_unit_test(empty_bytes_are_equal_even_without_an_address),
        cmocka_unit_test(order_is_by_unsigned_bytes),
        cmocka_unit_test(a_prefix_stands_before_what_it_begins),
        cmocka_unit_test(starts_with_compares_no_further_than_the_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
