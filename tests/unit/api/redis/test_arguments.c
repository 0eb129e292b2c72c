/* api/redis/arguments: what is taken as a number, a time, a word, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/redis/call.h"

static bool integer(const char *text, int64_t *out)
{
    return redis_integer(bytes_from_string(text), out);
}

static void integers_are_taken_in_their_one_canonical_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"7", 7},
        {"-1", -1},
        {"-99", -99},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 42;
        assert_true(integer(cases[i].text, &value));
        assert_true(value == cases[i].value);
    }
}

static void anything_else_is_no_integer_and_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "00",
        "-",
        "--1",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "1-",
        "9223372036854775808",
        "\t1",
        "1\n",
        "1,0",
        "- 1",
        "inf",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t value = 42;
        assert_false(integer(texts[i], &value));
        assert_int_equal(value, 42);
    }
    int64_t value = 42;
    assert_false(redis_integer(bytes_make("1\0", 2), &value));
    assert_false(redis_integer(bytes_make(NULL, 0), &value));
}

static bool is_float(const char *text)
{
    long double value = 0;
    return redis_double(bytes_from_string(text), &value);
}

static void floats_are_what_strtold_takes_whole(void **state)
{
    (void)state;
    static const char *const good[] = {"0",        "-0",    "1",    "+1",      "1.5",  ".5",
                                       "5.",       "1e10",  "1E-3", "inf",     "-inf", "+INF",
                                       "infinity", "0x1p3", "0x10", "3.0e4000"};
    static const char *const bad[] = {"",      " 1",     "1 ",      "\t1",     "\n1", "\v1", "nan",
                                      "NaN",   "-",      "a",       "1a",      "1,5", "1e",  "--1",
                                      "1.5.5", "1e5000", "-1e5000", "1e-5000", ".",   "e5"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(is_float(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(is_float(bad[i]));
    }
}

static void a_float_has_no_nul_and_a_bounded_length(void **state)
{
    (void)state;
    long double value = 0;
    char zeros[6000];
    memset(zeros, '0', sizeof(zeros));
    assert_false(redis_double(bytes_make("1\0", 2), &value));
    assert_false(redis_double(bytes_make("1\0002", 3), &value));
    assert_true(redis_double(bytes_make(zeros, 5119), &value));
    assert_false(redis_double(bytes_make(zeros, 5120), &value));
}

static void words_are_of_any_case_and_whole(void **state)
{
    (void)state;
    assert_true(redis_is(bytes_from_string("KeepTTL"), "keepttl"));
    assert_true(redis_is(bytes_from_string("EX"), "ex"));
    assert_false(redis_is(bytes_from_string("EXA"), "ex"));
    assert_false(redis_is(bytes_from_string("E"), "ex"));
    assert_false(redis_is(bytes_make("ex\0", 3), "ex"));
    assert_false(redis_is(bytes_make(NULL, 0), "ex"));
}

/* A call of SET at a time, what it replies, and the one who asks for the expiry. */
struct asked {
    struct buffer out;
    struct reply reply;
    struct redis_call call;
    struct bytes argv[1];
};

static void ask(struct asked *asked, const char *name)
{
    buffer_init(&asked->out, 0);
    asked->argv[0] = bytes_from_string(name);
    asked->reply = (struct reply){.out = &asked->out};
    const struct command *command = commands_string;
    while (!redis_is(asked->argv[0], command->name)) {
        command++;
    }
    asked->call = (struct redis_call){.command = command,
                                      .argv = asked->argv,
                                      .argc = 1,
                                      .reply = &asked->reply,
                                      .now_ms = 1000000};
}

static bool replied(const struct asked *asked, const char *text)
{
    return bytes_equal(buffer_bytes(&asked->out), bytes_from_string(text));
}

static void times_come_in_seconds_or_milliseconds_relative_or_not(void **state)
{
    (void)state;
    struct asked asked;
    int64_t when = 0;
    ask(&asked, "set");
    assert_true(redis_take_expiry(&asked.call, bytes_from_string("10"), true, true, &when));
    assert_int_equal(when, 1010000);
    assert_true(redis_take_expiry(&asked.call, bytes_from_string("10"), false, true, &when));
    assert_int_equal(when, 1000010);
    assert_true(redis_take_expiry(&asked.call, bytes_from_string("10"), true, false, &when));
    assert_int_equal(when, 10000);
    assert_true(redis_take_expiry(&asked.call, bytes_from_string("10"), false, false, &when));
    assert_int_equal(when, 10);
    assert_true(redis_take_expiry(&asked.call, bytes_from_string("-10"), true, true, &when));
    assert_int_equal(when, 990000);
    assert_int_equal(asked.out.len, 0);
    buffer_deinit(&asked.out);
}

static void times_that_overflow_are_refused_by_the_command_s_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool seconds, relative;
    } cases[] = {
        {"9223372036854775807", true, false}, {"-9223372036854775808", true, false},
        {"9223372036854775807", false, true}, {"9223372036854775", true, true},
        {"9223372036854775", true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct asked asked;
        int64_t when = 42;
        ask(&asked, "getex");
        assert_false(redis_take_expiry(&asked.call, bytes_from_string(cases[i].text),
                                       cases[i].seconds, cases[i].relative, &when));
        assert_int_equal(when, 42);
        assert_true(replied(&asked, "-ERR invalid expire time in 'getex' command\r\n"));
        buffer_deinit(&asked.out);
    }
}

static void a_size_is_bounded_by_the_call_or_as_in_redis(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "append");
    assert_true(redis_take_size(&asked.call, 512u << 20));
    asked.call.value_bytes_max = 100;
    assert_true(redis_take_size(&asked.call, 100));
    assert_int_equal(asked.out.len, 0);
    assert_false(redis_take_size(&asked.call, 101));
    assert_true(
        replied(&asked, "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"));
    asked.call.value_bytes_max = 0;
    assert_false(redis_take_size(&asked.call, (512ull << 20) + 1));
    assert_false(redis_take_size(&asked.call, UINT64_MAX));
    buffer_deinit(&asked.out);
}

static void a_wrong_number_of_arguments_names_the_command(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "MSET");
    redis_reply_arity(&asked.call);
    assert_true(replied(&asked, "-ERR wrong number of arguments for 'mset' command\r\n"));
    buffer_deinit(&asked.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_taken_in_their_one_canonical_spelling),
        cmocka_unit_test(anything_else_is_no_integer_and_leaves_the_output_alone),
        cmocka_unit_test(floats_are_what_strtold_takes_whole),
        cmocka_unit_test(a_float_has_no_nul_and_a_bounded_length),
        cmocka_unit_test(words_are_of_any_case_and_whole),
        cmocka_unit_test(times_come_in_seconds_or_milliseconds_relative_or_not),
        cmocka_unit_test(times_that_overflow_are_refused_by_the_command_s_name),
        cmocka_unit_test(a_size_is_bounded_by_the_call_or_as_in_redis),
        cmocka_unit_test(a_wrong_number_of_arguments_names_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
