/* api/redis/expiry: keys that are to go, when, and that no longer are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/redis_rig.h"

static const struct command *const tables[] = {commands_generic, commands_expiry, commands_string,
                                               NULL};
static struct redis_rig rig;

static int begin(void **state)
{
    (void)state;
    redis_rig_init(&rig, tables);
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_rig_deinit(&rig);
    return 0;
}

static uint64_t left_ms(void)
{
    return redis_rig_expiry(&rig, "a") - rig.now_ms;
}

static void each_of_the_family_takes_its_own_unit(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "EXPIRE a 10", ":1");
    assert_int_equal(left_ms(), 10000);
    REDIS_SAYS(&rig, "PEXPIRE a 10", ":1");
    assert_int_equal(left_ms(), 10);
    REDIS_SAYS(&rig, "EXPIREAT a 1700000007", ":1");
    assert_int_equal(left_ms(), 7000);
    REDIS_SAYS(&rig, "PEXPIREAT a 1700000000003", ":1");
    assert_int_equal(left_ms(), 3);
    REDIS_SAYS(&rig, "GET a", "$1 1");
    rig.now_ms += 2;
    REDIS_SAYS(&rig, "GET a", "$1 1");
    rig.now_ms += 1;
    REDIS_SAYS(&rig, "GET a", "$-1");
    REDIS_SAYS(&rig, "EXPIRE a 10", ":0");
}

static void a_time_that_is_past_deletes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "EXPIRE a 0", ":1");
    assert_null(redis_rig_value(&rig, "a").data);
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "PEXPIRE a -1", ":1");
    REDIS_SAYS(&rig, "EXISTS a", ":0");
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "PEXPIREAT a 1700000000000", ":1");
    REDIS_SAYS(&rig, "EXISTS a", ":0");
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "EXPIREAT a -9", ":1");
    REDIS_SAYS(&rig, "EXISTS a", ":0");
}

static void conditions_look_at_the_old_expiry(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "EXPIRE a 10 XX", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 10 GT", ":0");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "EXPIRE a 10 nx", ":1");
    REDIS_SAYS(&rig, "EXPIRE a 20 NX", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 10 GT", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 20 GT", ":1");
    REDIS_SAYS(&rig, "EXPIRE a 20 LT", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 5 LT XX", ":1");
    assert_int_equal(left_ms(), 5000);
    REDIS_SAYS(&rig, "PERSIST a", ":1");
    REDIS_SAYS(&rig, "EXPIRE a 5 XX LT", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 5 LT", ":1");
}

static void options_are_checked_before_anything_else(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "EXPIRE missing x SOON", "-ERR Unsupported option SOON");
    REDIS_SAYS(&rig, "EXPIRE a x NX XX",
               "-ERR NX and XX, GT or LT options at the same time are not compatible");
    REDIS_SAYS(&rig, "EXPIRE a 10 gt nx",
               "-ERR NX and XX, GT or LT options at the same time are not compatible");
    REDIS_SAYS(&rig, "EXPIRE a 10 GT LT",
               "-ERR GT and LT options at the same time are not compatible");
    REDIS_SAYS(&rig, "EXPIRE missing x", "-ERR value is not an integer or out of range");
}

static void times_that_no_64_bits_hold_are_refused(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "EXPIRE a 9223372036854775807",
               "-ERR invalid expire time in 'expire' command");
    REDIS_SAYS(&rig, "EXPIREAT a 9223372036854776",
               "-ERR invalid expire time in 'expireat' command");
    REDIS_SAYS(&rig, "EXPIRE a -9223372036854776", "-ERR invalid expire time in 'expire' command");
    REDIS_SAYS(&rig, "PEXPIRE a 9223372036854775807",
               "-ERR invalid expire time in 'pexpire' command");
    REDIS_SAYS(&rig, "PEXPIRE a 9223370336854775807", ":1");
    REDIS_SAYS(&rig, "PEXPIRETIME a", ":9223372036854775807");
    REDIS_SAYS(&rig, "PEXPIRE a -9223372036854775808", ":1");
    REDIS_SAYS(&rig, "EXISTS a", ":0");
}

static void what_is_left_is_rounded_to_the_nearest_second(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "PEXPIRE a 1499", ":1");
    REDIS_SAYS(&rig, "TTL a", ":1");
    REDIS_SAYS(&rig, "PTTL a", ":1499");
    REDIS_SAYS(&rig, "PEXPIRE a 1500", ":1");
    REDIS_SAYS(&rig, "TTL a", ":2");
    REDIS_SAYS(&rig, "EXPIRETIME a", ":1700000002");
    REDIS_SAYS(&rig, "PEXPIRETIME a", ":1700000001500");
}

static void what_stays_has_minus_one_and_what_is_not_there_minus_two(void **state)
{
    (void)state;
    static const char *const names[] = {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "%s a", names[i]);
        REDIS_SAYS(&rig, line, ":-1");
        (void)snprintf(line, sizeof(line), "%s b", names[i]);
        REDIS_SAYS(&rig, line, ":-2");
    }
}

static void persisting_takes_the_expiry_away(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "PERSIST a", ":0");
    REDIS_SAYS(&rig, "PERSIST b", ":0");
    REDIS_SAYS(&rig, "EXPIRE a 10", ":1");
    REDIS_SAYS(&rig, "PERSIST a", ":1");
    REDIS_SAYS(&rig, "TTL a", ":-1");
    REDIS_SAYS(&rig, "GET a", "$1 1");
}

static void a_condition_needs_a_linearizable_key(void **state)
{
    (void)state;
    const struct bytes argv[] = {bytes_from_string("EXPIRE"), bytes_from_string("a"),
                                 bytes_from_string("10"), bytes_from_string("nx"),
                                 bytes_from_string("what")};
    const struct command *command = command_find(argv[0]);
    assert_null(command->linear(argv, 3));
    assert_string_equal(command->linear(argv, 4), "EXPIRE with NX, XX, GT or LT");
    assert_null(command->linear(argv, 5)); /* a syntax error, here as there */
}

#define EXPIRY_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPIRY_TEST(each_of_the_family_takes_its_own_unit),
        EXPIRY_TEST(a_time_that_is_past_deletes),
        EXPIRY_TEST(conditions_look_at_the_old_expiry),
        EXPIRY_TEST(options_are_checked_before_anything_else),
        EXPIRY_TEST(times_that_no_64_bits_hold_are_refused),
        EXPIRY_TEST(what_is_left_is_rounded_to_the_nearest_second),
        EXPIRY_TEST(what_stays_has_minus_one_and_what_is_not_there_minus_two),
        EXPIRY_TEST(persisting_takes_the_expiry_away),
        EXPIRY_TEST(a_condition_needs_a_linearizable_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
