/* api/redis/strings: values that are set, read and changed, with their options and expiry. */
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

#define SYNTAX "-ERR syntax error"
#define NOT_AN_INTEGER "-ERR value is not an integer or out of range"
#define TOO_LARGE "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* ---- SET and GET ---- */

static void what_is_set_is_got(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "GET a", "$-1");
    REDIS_SAYS(&rig, "SET a foobar", "+OK");
    REDIS_SAYS(&rig, "GET a", "$6 foobar");
    REDIS_SAYS(&rig, "SET a \"\"", "+OK");
    REDIS_SAYS(&rig, "GET a", "$0 ");
    REDIS_SAYS(&rig, "SET \\x00\\xff \\x0d\\x0a\\x00", "+OK");
    REDIS_SAYS(&rig, "STRLEN \\x00\\xff", ":3");
    REDIS_SAYS(&rig, "SET \"\" empty", "+OK");
    REDIS_SAYS(&rig, "GET \"\"", "$5 empty");
    rig.resp3 = true;
    REDIS_SAYS(&rig, "GET missing", "_");
}

static void nx_sets_only_what_is_not_there(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 nx", "+OK");
    REDIS_SAYS(&rig, "SET a 2 NX", "$-1");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "SET a 3 nx nx ex 10", "$-1");
    REDIS_SAYS(&rig, "GET a", "$1 1");
    rig.resp3 = true;
    REDIS_SAYS(&rig, "SET a 2 nx", "_");
}

static void xx_sets_only_what_is_there(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 xx", "$-1");
    REDIS_SAYS(&rig, "GET a", "$-1");
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "SET a 2 XX", "+OK");
    REDIS_SAYS(&rig, "GET a", "$1 2");
}

static void get_answers_the_old_value_with_or_without_a_condition(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 GET", "$-1");
    REDIS_SAYS(&rig, "SET a 2 GET", "$1 1");
    REDIS_SAYS(&rig, "SET a 3 GET XX", "$1 2");
    REDIS_SAYS(&rig, "SET a 4 NX GET", "$1 3");
    REDIS_SAYS(&rig, "GET a", "$1 3");
    REDIS_SAYS(&rig, "SET b 1 GET XX", "$-1");
    REDIS_SAYS(&rig, "GET b", "$-1");
    REDIS_SAYS(&rig, "SET b 1 get nx get", "$-1");
    REDIS_SAYS(&rig, "GET b", "$1 1");
}

static void options_come_in_any_order(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 GET PX 100 NX", "$-1");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
    REDIS_SAYS(&rig, "SET a 2 xx keepttl get", "$1 1");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
    REDIS_SAYS(&rig, "SET a 3 eX 10 xX", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 10000);
    REDIS_SAYS(&rig, "SET a 4 EX 10 EX 20", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 20000);
}

static void what_is_no_option_or_contradicts_another_is_a_syntax_error(void **state)
{
    (void)state;
    static const char *const options[] = {
        "nonsense",
        "nx xx",
        "xx nx",
        "ex",
        "nx px",
        "ex 10 px 10",
        "px 10 exat 10",
        "exat 1 pxat 1",
        "ex 10 keepttl",
        "keepttl px 10",
        "persist",
        "ex 10 persist",
        "get ex",
        "\"\"",
        "n",
        "nx\\x00",
        "10",
        "ex 10 10",
        "keepttl exat 5",
        "pxat",
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "SET a 1 %s", options[i]);
        REDIS_SAYS(&rig, line, SYNTAX);
        assert_int_equal(rig.changes, 0);
    }
}

static void times_lie_in_the_future_of_their_kind(void **state)
{
    (void)state;
    static const char invalid[] = "-ERR invalid expire time in 'set' command";
    REDIS_SAYS(&rig, "SET a 1 EX 0", invalid);
    REDIS_SAYS(&rig, "SET a 1 EX -1", invalid);
    REDIS_SAYS(&rig, "SET a 1 PX 0", invalid);
    REDIS_SAYS(&rig, "SET a 1 EXAT 0", invalid);
    REDIS_SAYS(&rig, "SET a 1 PXAT -5", invalid);
    REDIS_SAYS(&rig, "SET a 1 EX 9223372036854775807", invalid);
    REDIS_SAYS(&rig, "SET a 1 EX 9223372036854775", invalid);
    REDIS_SAYS(&rig, "SET a 1 PX 9223372036854775807", invalid);
    REDIS_SAYS(&rig, "SET a 1 EXAT 9223372036854776", invalid);
    REDIS_SAYS(&rig, "SET a 1 EX abc", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "SET a 1 NX EX 1.5", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "SETEX a 0 1", "-ERR invalid expire time in 'setex' command");
    REDIS_SAYS(&rig, "PSETEX a -10 1", "-ERR invalid expire time in 'psetex' command");
    REDIS_SAYS(&rig, "SETEX a x 1", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "GET a", "$-1");
}

static void a_value_ends_at_its_millisecond(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETEX a 10 x", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 10000);
    REDIS_SAYS(&rig, "PSETEX a 10 x", "+OK");
    rig.now_ms += 9;
    REDIS_SAYS(&rig, "GET a", "$1 x");
    rig.now_ms += 1;
    REDIS_SAYS(&rig, "GET a", "$-1");
    REDIS_SAYS(&rig, "SETNX a y", ":1");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
    REDIS_SAYS(&rig, "SET a z PXAT 1700000009999", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 1700000009999);
    REDIS_SAYS(&rig, "SET a z EXAT 1700000009", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 1700000009000);
}

static void a_value_whose_time_is_over_already_is_not_kept(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "SET a 2 EXAT 1", "+OK");
    assert_int_equal(rig.count, 0);
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "SET a 2 GET PXAT 1700000000000", "$1 1");
    REDIS_SAYS(&rig, "GET a", "$-1");
}

static void a_plain_set_drops_the_expiry_and_keepttl_keeps_it(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 PX 100", "+OK");
    REDIS_SAYS(&rig, "SET a 2 KEEPTTL", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
    REDIS_SAYS(&rig, "SET a 3", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
    REDIS_SAYS(&rig, "SET a 4 KEEPTTL KEEPTTL", "+OK");
    REDIS_SAYS(&rig, "SET b 1 KEEPTTL", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 0);
}

static void setnx_and_getset(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETNX a 1", ":1");
    REDIS_SAYS(&rig, "SETNX a 2", ":0");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "GETSET a 3", "$1 1");
    REDIS_SAYS(&rig, "GET a", "$1 3");
    REDIS_SAYS(&rig, "GETSET b 1", "$-1");
    REDIS_SAYS(&rig, "SET b 1 EX 10", "+OK");
    REDIS_SAYS(&rig, "GETSET b 2", "$1 1");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 0);
}

/* ---- GETDEL and GETEX ---- */

static void getdel_answers_and_deletes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a bar", "+OK");
    REDIS_SAYS(&rig, "GETDEL a", "$3 bar");
    assert_int_equal(rig.changes, 1);
    REDIS_SAYS(&rig, "GETDEL a", "$-1");
    assert_int_equal(rig.changes, 0);
}

static void getex_changes_the_expiry_it_is_told(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a bar", "+OK");
    REDIS_SAYS(&rig, "GETEX a", "$3 bar");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "GETEX a PERSIST", "$3 bar");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "GETEX a EX 10", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 10000);
    REDIS_SAYS(&rig, "GETEX a px 10", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 10);
    REDIS_SAYS(&rig, "GETEX a exat 1700000001", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 1700000001000);
    REDIS_SAYS(&rig, "GETEX a PXAT 1700000002000", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 1700000002000);
    REDIS_SAYS(&rig, "GETEX a", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 1700000002000);
    REDIS_SAYS(&rig, "GETEX a PERSIST", "$3 bar");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
    REDIS_SAYS(&rig, "GET a", "$3 bar");
}

static void getex_with_a_time_that_is_over_deletes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a bar", "+OK");
    REDIS_SAYS(&rig, "GETEX a EXAT 1", "$3 bar");
    assert_int_equal(rig.count, 0);
    REDIS_SAYS(&rig, "SET a bar", "+OK");
    REDIS_SAYS(&rig, "GETEX a PXAT 1700000000000", "$3 bar");
    REDIS_SAYS(&rig, "GET a", "$-1");
}

static void getex_complains_of_times_only_where_a_key_is(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "GETEX a EX 0", "$-1");
    REDIS_SAYS(&rig, "GETEX a EX word", "$-1");
    REDIS_SAYS(&rig, "GETEX a nonsense", SYNTAX);
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "GETEX a EX 0", "-ERR invalid expire time in 'getex' command");
    REDIS_SAYS(&rig, "GETEX a EX word", NOT_AN_INTEGER);
    static const char *const options[] = {"ex",  "ex 10 persist", "persist px 10", "keepttl",
                                          "nx",  "get",           "ex 10 px 10",   "xx",
                                          "exat"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "GETEX a %s", options[i]);
        REDIS_SAYS(&rig, line, SYNTAX);
    }
}

/* ---- several keys ---- */

static void mget_and_mset(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a 10 b \"foo bar\" c \"\"", "+OK");
    REDIS_SAYS(&rig, "MGET a b missing c a", "*5 $2 10 $7 foo bar $-1 $0  $2 10");
    REDIS_SAYS(&rig, "MSET a 1 a 2", "+OK");
    REDIS_SAYS(&rig, "MGET a", "*1 $1 2");
    REDIS_SAYS(&rig, "SET a 1 EX 5", "+OK");
    REDIS_SAYS(&rig, "MSET a 2", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
    rig.resp3 = true;
    REDIS_SAYS(&rig, "MGET missing a", "*2 _ $1 2");
}

static void pairs_that_are_none_are_an_arity_error(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a 1 b", "-ERR wrong number of arguments for 'mset' command");
    REDIS_SAYS(&rig, "MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command");
    assert_int_equal(rig.count, 0);
}

static void msetnx_sets_all_or_none(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET x 1", "+OK");
    REDIS_SAYS(&rig, "MSETNX a 1 b 2 x 3", ":0");
    REDIS_SAYS(&rig, "MGET a b x", "*3 $-1 $-1 $1 1");
    REDIS_SAYS(&rig, "MSETNX a 1 b 2", ":1");
    REDIS_SAYS(&rig, "MSETNX c 1 c 2", ":1");
    REDIS_SAYS(&rig, "MGET a b c", "*3 $1 1 $1 2 $1 2");
    REDIS_SAYS(&rig, "MSETNX c 3 c 4", ":0");
}

static void many_keys_are_found_each(void **state)
{
    (void)state;
    char set[512] = "MSET";
    char get[512] = "MGET";
    char want[512] = "*40";
    for (int i = 0; i < 40; i++) {
        (void)snprintf(set + strlen(set), 16, " k%d %d", i, i % 10);
        (void)snprintf(get + strlen(get), 16, " k%d", i);
        (void)snprintf(want + strlen(want), 16, " $1 %d", i % 10);
    }
    REDIS_SAYS(&rig, set, "+OK");
    REDIS_SAYS(&rig, get, want);
}

/* ---- parts of a value ---- */

static void append_makes_or_lengthens(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "APPEND a foo", ":3");
    REDIS_SAYS(&rig, "APPEND a \\x00bar", ":7");
    REDIS_SAYS(&rig, "GET a", "$7 foo\\x00bar");
    REDIS_SAYS(&rig, "APPEND a \"\"", ":7");
    REDIS_SAYS(&rig, "APPEND b \"\"", ":0");
    REDIS_SAYS(&rig, "GET b", "$0 ");
    REDIS_SAYS(&rig, "SET a 1 PX 100", "+OK");
    REDIS_SAYS(&rig, "APPEND a 2", ":2");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
}

static void strlen_counts_bytes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "STRLEN a", ":0");
    REDIS_SAYS(&rig, "SET a -555", "+OK");
    REDIS_SAYS(&rig, "STRLEN a", ":4");
    REDIS_SAYS(&rig, "SET a \"foozzz0123456789 baz\"", "+OK");
    REDIS_SAYS(&rig, "STRLEN a", ":20");
}

static void setrange_writes_over_and_fills_with_zeros(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETRANGE a 0 foo", ":3");
    REDIS_SAYS(&rig, "SETRANGE a 1 b", ":3");
    REDIS_SAYS(&rig, "GET a", "$3 fbo");
    REDIS_SAYS(&rig, "SETRANGE a 4 bar", ":7");
    REDIS_SAYS(&rig, "GET a", "$7 fbo\\x00bar");
    REDIS_SAYS(&rig, "SETRANGE b 2 x", ":3");
    REDIS_SAYS(&rig, "GET b", "$3 \\x00\\x00x");
    REDIS_SAYS(&rig, "SET c 1234 PX 50", "+OK");
    REDIS_SAYS(&rig, "SETRANGE c 1 99x", ":4");
    REDIS_SAYS(&rig, "GET c", "$4 199x");
    assert_int_equal(redis_rig_expiry(&rig, "c"), rig.now_ms + 50);
}

static void setrange_of_nothing_changes_nothing(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETRANGE a 0 \"\"", ":0");
    REDIS_SAYS(&rig, "SETRANGE a 9223372036854775807 \"\"", ":0");
    assert_int_equal(rig.count, 0);
    REDIS_SAYS(&rig, "SET a foo", "+OK");
    REDIS_SAYS(&rig, "SETRANGE a 10 \"\"", ":3");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "SETRANGE a -1 \"\"", "-ERR offset is out of range");
}

static void setrange_refuses_offsets_that_cannot_be(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETRANGE a -1 x", "-ERR offset is out of range");
    REDIS_SAYS(&rig, "SETRANGE a x x", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "SETRANGE a 536870908 world", TOO_LARGE);
    REDIS_SAYS(&rig, "SETRANGE a 9223372036854775807 A", TOO_LARGE);
    assert_int_equal(rig.count, 0);
}

static void values_over_the_bound_are_refused_and_nothing_is_half_done(void **state)
{
    (void)state;
    rig.value_bytes_max = 4;
    REDIS_SAYS(&rig, "SET a 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "SETEX a 1 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "SETNX a 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "GETSET a 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "MSET a 1 b 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "MSETNX a 1 b 12345", TOO_LARGE);
    REDIS_SAYS(&rig, "APPEND a 12345", TOO_LARGE);
    assert_int_equal(rig.count, 0);
    REDIS_SAYS(&rig, "SET a 1234", "+OK");
    REDIS_SAYS(&rig, "APPEND a 5", TOO_LARGE);
    REDIS_SAYS(&rig, "SETRANGE a 4 5", TOO_LARGE);
    REDIS_SAYS(&rig, "SETRANGE a 3 5", ":4");
    REDIS_SAYS(&rig, "GET a", "$4 1235");
}

static void getrange_takes_ends_of_either_sign(void **state)
{
    (void)state;
    static const struct {
        const char *ends;
        const char *reply;
    } cases[] = {
        {"0 3", "$4 Hell"},      {"0 -1", "$11 Hello World"},
        {"-4 -1", "$4 orld"},    {"5 3", "$0 "},
        {"5 5000", "$6  World"}, {"-5000 10000", "$11 Hello World"},
        {"-1 -5", "$0 "},        {"-100 -50", "$1 H"},
        {"-50 -100", "$0 "},     {"11 11", "$0 "},
        {"10 10", "$1 d"},       {"0 4294967297", "$11 Hello World"},
        {"0 -12", "$1 H"},       {"-9223372036854775808 9223372036854775807", "$11 Hello World"},
        {"1 -100", "$0 "},
    };
    REDIS_SAYS(&rig, "SET a \"Hello World\"", "+OK");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[96];
        (void)snprintf(line, sizeof(line), "GETRANGE a %s", cases[i].ends);
        REDIS_SAYS(&rig, line, cases[i].reply);
        (void)snprintf(line, sizeof(line), "SUBSTR a %s", cases[i].ends);
        REDIS_SAYS(&rig, line, cases[i].reply);
    }
}

static void getrange_of_nothing_is_empty(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "GETRANGE a 0 -1", "$0 ");
    REDIS_SAYS(&rig, "GETRANGE a x -1", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "GETRANGE a 0 1.5", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "SET a \"\"", "+OK");
    REDIS_SAYS(&rig, "GETRANGE a 0 -1", "$0 ");
    REDIS_SAYS(&rig, "GETRANGE a 0 0", "$0 ");
}

/* ---- what needs a linearizable key ---- */

static const char *linear(const char *name, uint32_t argc, const char *const words[])
{
    struct bytes argv[8];
    const struct command *command = commands_string;
    while (strcmp(command->name, name) != 0) {
        command++;
    }
    argv[0] = bytes_from_string(name);
    for (uint32_t i = 0; i < argc; i++) {
        argv[i + 1] = bytes_from_string(words[i]);
    }
    assert_true(command->looks == NULL ||
                command->looks(argv, argc + 1) == (command->linear(argv, argc + 1) != NULL));
    return command->linear(argv, argc + 1);
}

#define LINEAR(name, ...)                                                                          \
    linear(name, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                      \
           (const char *const[]){__VA_ARGS__})

static void options_that_look_at_the_old_value_are_named(void **state)
{
    (void)state;
    assert_null(LINEAR("set", "k", "v"));
    assert_null(LINEAR("set", "k", "v", "EX", "10"));
    assert_null(LINEAR("set", "nx", "get", "PXAT", "10"));
    assert_string_equal(LINEAR("set", "k", "v", "nx"), "SET with NX");
    assert_string_equal(LINEAR("set", "k", "v", "ex", "10", "Xx"), "SET with XX");
    assert_string_equal(LINEAR("set", "k", "v", "GET"), "SET with GET");
    assert_string_equal(LINEAR("set", "k", "v", "KeepTtl"), "SET with KEEPTTL");
    assert_null(LINEAR("set", "k", "v", "nx", "nonsense"));
    assert_null(LINEAR("getex", "k"));
    assert_string_equal(LINEAR("getex", "k", "persist"), "GETEX with PERSIST");
    assert_string_equal(LINEAR("getex", "k", "pxat", "5"), "GETEX with PXAT");
    assert_null(LINEAR("getex", "k", "pxat"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_set_is_got, begin, end),
        cmocka_unit_test_setup_teardown(nx_sets_only_what_is_not_there, begin, end),
        cmocka_unit_test_setup_teardown(xx_sets_only_what_is_there, begin, end),
        cmocka_unit_test_setup_teardown(get_answers_the_old_value_with_or_without_a_condition,
                                        begin, end),
        cmocka_unit_test_setup_teardown(options_come_in_any_order, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_option_or_contradicts_another_is_a_syntax_error,
                                        begin, end),
        cmocka_unit_test_setup_teardown(times_lie_in_the_future_of_their_kind, begin, end),
        cmocka_unit_test_setup_teardown(a_value_ends_at_its_millisecond, begin, end),
        cmocka_unit_test_setup_teardown(a_value_whose_time_is_over_already_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_plain_set_drops_the_expiry_and_keepttl_keeps_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(setnx_and_getset, begin, end),
        cmocka_unit_test_setup_teardown(getdel_answers_and_deletes, begin, end),
        cmocka_unit_test_setup_teardown(getex_changes_the_expiry_it_is_told, begin, end),
        cmocka_unit_test_setup_teardown(getex_with_a_time_that_is_over_deletes, begin, end),
        cmocka_unit_test_setup_teardown(getex_complains_of_times_only_where_a_key_is, begin, end),
        cmocka_unit_test_setup_teardown(mget_and_mset, begin, end),
        cmocka_unit_test_setup_teardown(pairs_that_are_none_are_an_arity_error, begin, end),
        cmocka_unit_test_setup_teardown(msetnx_sets_all_or_none, begin, end),
        cmocka_unit_test_setup_teardown(many_keys_are_found_each, begin, end),
        cmocka_unit_test_setup_teardown(append_makes_or_lengthens, begin, end),
        cmocka_unit_test_setup_teardown(strlen_counts_bytes, begin, end),
        cmocka_unit_test_setup_teardown(setrange_writes_over_and_fills_with_zeros, begin, end),
        cmocka_unit_test_setup_teardown(setrange_of_nothing_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(setrange_refuses_offsets_that_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(values_over_the_bound_are_refused_and_nothing_is_half_done,
                                        begin, end),
        cmocka_unit_test_setup_teardown(getrange_takes_ends_of_either_sign, begin, end),
        cmocka_unit_test_setup_teardown(getrange_of_nothing_is_empty, begin, end),
        cmocka_unit_test(options_that_look_at_the_old_value_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
