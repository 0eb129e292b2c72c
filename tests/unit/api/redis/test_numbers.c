/* api/redis/numbers: integers and floats that are kept as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/redis_rig.h"

static const struct command *const tables[] = {commands_string, commands_numbers, NULL};
static struct redis_rig rig;

static int begin(void **state)
{
    (void)state;
    redis_rig_init(&rig, tables);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_rig_deinit(&rig);
    return 0;
}

#define NOT_AN_INTEGER "-ERR value is not an integer or out of range"
#define OVERFLOW "-ERR increment or decrement would overflow"
#define NOT_A_FLOAT "-ERR value is not a valid float"

static void a_missing_key_counts_as_zero(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "INCR a", ":1");
    REDIS_SAYS(&rig, "INCR a", ":2");
    REDIS_SAYS(&rig, "GET a", "$1 2");
    REDIS_SAYS(&rig, "DECR b", ":-1");
    REDIS_SAYS(&rig, "INCRBY c 5", ":5");
    REDIS_SAYS(&rig, "DECRBY d 5", ":-5");
    REDIS_SAYS(&rig, "INCRBYFLOAT e 0.25", "$4 0.25");
}

static void integers_are_of_64_bits(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 17179869184", "+OK");
    REDIS_SAYS(&rig, "INCR a", ":17179869185");
    REDIS_SAYS(&rig, "INCRBY a 17179869184", ":34359738369");
    REDIS_SAYS(&rig, "DECRBY a 34359738370", ":-1");
    REDIS_SAYS(&rig, "SET a 9223372036854775806", "+OK");
    REDIS_SAYS(&rig, "INCR a", ":9223372036854775807");
    REDIS_SAYS(&rig, "INCR a", OVERFLOW);
    REDIS_SAYS(&rig, "GET a", "$19 9223372036854775807");
    REDIS_SAYS(&rig, "SET a -9223372036854775808", "+OK");
    REDIS_SAYS(&rig, "DECR a", OVERFLOW);
    REDIS_SAYS(&rig, "INCRBY a -1", OVERFLOW);
    REDIS_SAYS(&rig, "INCRBY a 9223372036854775807", ":-1");
}

static void what_is_no_integer_is_refused_and_stays(void **state)
{
    (void)state;
    static const char *const values[] = {"\"    11\"", "\"11    \"", "\" 11 \"", "1.5",
                                         "\"\"",       "01",         "abc",      "1\\x00"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "SET a %s", values[i]);
        REDIS_SAYS(&rig, line, "+OK");
        REDIS_SAYS(&rig, "INCR a", NOT_AN_INTEGER);
        REDIS_SAYS(&rig, "DECRBY a 3", NOT_AN_INTEGER);
        assert_int_equal(rig.changes, 0);
    }
    REDIS_SAYS(&rig, "INCRBY b abc", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "DECRBY b 1.0", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "GET b", "$-1");
}

static void the_least_integer_cannot_be_taken_away(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "DECRBY a -9223372036854775808", "-ERR decrement would overflow");
    REDIS_SAYS(&rig, "SET a word", "+OK");
    REDIS_SAYS(&rig, "DECRBY a -9223372036854775808", "-ERR decrement would overflow");
    REDIS_SAYS(&rig, "INCRBY b -9223372036854775808", ":-9223372036854775808");
}

static void the_expiry_stays(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 PX 500", "+OK");
    REDIS_SAYS(&rig, "INCR a", ":2");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 0.5", "$3 2.5");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 500);
    rig.now_ms += 500;
    REDIS_SAYS(&rig, "INCR a", ":1");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
}

static void floats_come_back_as_people_write_them(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1", "$1 1");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 0.25", "$4 1.25");
    REDIS_SAYS(&rig, "SET a 1.5", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1.5", "$1 3");
    REDIS_SAYS(&rig, "SET a 17179869184", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1.5", "$13 17179869185.5");
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a -1.1", "$4 -0.1");
    REDIS_SAYS(&rig, "SET a 3.0e3", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 200", "$4 3200");
    REDIS_SAYS(&rig, "SET a 10.5", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 0.1", "$4 10.6");
    REDIS_SAYS(&rig, "SET a 5.0e3", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 2.0e2", "$4 5200");
    REDIS_SAYS(&rig, "SET a 0x10", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1e2", "$3 116");
}

static void a_small_or_large_float_has_no_exponent(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1e-17", "$19 0.00000000000000001");
    REDIS_SAYS(&rig, "INCRBYFLOAT b 1e-18", "$1 0");
    REDIS_SAYS(&rig, "INCRBYFLOAT c 1e20", "$21 100000000000000000000");
    assert_int_equal(strlen(redis_rig_run(&rig, "INCRBYFLOAT d 1e4932")), 6 + 4933);
    assert_int_equal(redis_rig_value(&rig, "d").len, 4933);
}

static void there_is_no_negative_zero(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "INCRBYFLOAT a -0.0", "$1 0");
    REDIS_SAYS(&rig, "INCRBYFLOAT a -1e-20", "$1 0");
    (void)redis_rig_run(&rig, "INCRBYFLOAT b 0.024390243902439025");
    REDIS_SAYS(&rig, "INCRBYFLOAT b -0.024390243902439025", "$1 0");
}

static void what_is_no_float_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"\"    11\"", "\"11    \"", "\" 11 \"",    "\"\"",
                                         "abc",        "nan",        "1\\x00\\x002"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "SET a %s", values[i]);
        REDIS_SAYS(&rig, line, "+OK");
        REDIS_SAYS(&rig, "INCRBYFLOAT a 1.0", NOT_A_FLOAT);
        assert_int_equal(rig.changes, 0);
    }
    REDIS_SAYS(&rig, "INCRBYFLOAT b abc", NOT_A_FLOAT);
}

static void infinity_is_never_kept(void **state)
{
    (void)state;
    static const char wrong[] = "-ERR increment would produce NaN or Infinity";
    REDIS_SAYS(&rig, "SET a 0", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a +inf", wrong);
    REDIS_SAYS(&rig, "INCRBYFLOAT a -inf", wrong);
    REDIS_SAYS(&rig, "SET a inf", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a -inf", wrong);
    REDIS_SAYS(&rig, "SET a 1e4932", "+OK");
    REDIS_SAYS(&rig, "INCRBYFLOAT a 1e4932", wrong);
    REDIS_SAYS(&rig, "GET a", "$6 1e4932");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_key_counts_as_zero, begin, end),
        cmocka_unit_test_setup_teardown(integers_are_of_64_bits, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_integer_is_refused_and_stays, begin, end),
        cmocka_unit_test_setup_teardown(the_least_integer_cannot_be_taken_away, begin, end),
        cmocka_unit_test_setup_teardown(the_expiry_stays, begin, end),
        cmocka_unit_test_setup_teardown(floats_come_back_as_people_write_them, begin, end),
        cmocka_unit_test_setup_teardown(a_small_or_large_float_has_no_exponent, begin, end),
        cmocka_unit_test_setup_teardown(there_is_no_negative_zero, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_float_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(infinity_is_never_kept, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
