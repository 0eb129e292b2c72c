/* net/address: texts to addresses and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"
#include "shoal/error.h"

static void numbers_are_read_and_written(void **state)
{
    (void)state;
    struct addresses found;
    char text[64];
    assert_int_equal(address_parse("127.0.0.1", 3001, &found), 0);
    address_text(&found.items[0], text, sizeof(text));
    assert_string_equal(text, "127.0.0.1:3001");
    assert_int_equal(address_parse("::1", 4001, &found), 0);
    address_text(&found.items[0], text, sizeof(text));
    assert_string_equal(text, "[::1]:4001");
    address_set_port(&found.items[0], 5);
    assert_int_equal(address_port(&found.items[0]), 5);
}

static void names_are_not_numbers(void **state)
{
    (void)state;
    struct addresses found;
    assert_int_equal(address_parse("localhost", 1, &found), SHOAL_EINVAL);
    assert_int_equal(address_parse("", 1, &found), SHOAL_EINVAL);
    assert_int_equal(address_parse("300.0.0.1", 1, &found), SHOAL_EINVAL);
}

static void a_name_that_does_not_exist_says_why(void **state)
{
    (void)state;
    struct addresses found;
    const char *why = NULL;
    assert_int_equal(address_look_up("no such host.invalid", 1, &found, &why), SHOAL_ECONNECT);
    assert_non_null(why);
}

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(address_is_loopback("127.0.0.1"));
    assert_true(address_is_loopback("127.9.9.9"));
    assert_true(address_is_loopback("::1"));
    assert_true(address_is_loopback("0:0:0:0:0:0:0:1"));
    assert_true(address_is_loopback("::ffff:127.0.0.1"));
    assert_true(address_is_loopback("localhost"));
    assert_false(address_is_loopback("0.0.0.0"));
    assert_false(address_is_loopback("::"));
    assert_false(address_is_loopback("::2"));
    assert_false(address_is_loopback("::ffff:10.0.0.1"));
    assert_false(address_is_loopback("fe80::1"));
    assert_false(address_is_loopback("10.0.0.1"));
    assert_false(address_is_loopback("db1.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_and_written),
        cmocka_unit_test(names_are_not_numbers),
        cmocka_unit_test(a_name_that_does_not_exist_says_why),
        cmocka_unit_test(loopback_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
