/* Command lines taken apart: flags before, between and behind arguments, and mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "shoal/client.h"

#define ARGUMENTS_MAX 16

static char why[INVOCATION_WHY_BYTES];

/* Words ended by NULL, the program's name left out. */
static int parse(struct invocation *invocation, const char *const *words)
{
    /* getopt reorders the array and keeps pointers into it. */
    static char *argv[ARGUMENTS_MAX + 1];
    static char name[] = "shoal";
    int argc = 0;
    argv[argc++] = name;
    for (; words[argc - 1] != NULL; argc++) {
        assert_in_range(argc, 1, ARGUMENTS_MAX - 1);
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    }
    argv[argc] = NULL;
    return invocation_parse(argc, argv, invocation, why);
}

#define PARSE(invocation, ...) parse(invocation, (const char *const[]){__VA_ARGS__, NULL})

static void flags_may_stand_anywhere(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "--json", "put", "foo", "-p", "3002", "bar", "--ttl", "2m"), 0);
    assert_string_equal(made.command->name, "put");
    assert_true(made.json);
    assert_int_equal(made.port, 3002);
    assert_int_equal(made.ttl_us, 120000000);
    assert_int_equal(made.argument_count, 2);
    assert_string_equal(made.arguments[0], "foo");
    assert_string_equal(made.arguments[1], "bar");
}

static void short_and_long_flags_and_equals_signs(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "put", "-kfoo", "--value=bar", "-c", "AbC", "-Ha:1,b"), 0);
    assert_string_equal(made.key, "foo");
    assert_string_equal(made.value, "bar");
    assert_string_equal(made.context, "AbC");
    assert_string_equal(made.hosts, "a:1,b");
}

static void what_begins_with_a_dash_stands_behind_two(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "put", "--", "-key", "--value"), 0);
    assert_string_equal(made.arguments[0], "-key");
    assert_string_equal(made.arguments[1], "--value");
    assert_int_equal(PARSE(&made, "put", "k", "-"), 0);
    assert_string_equal(made.arguments[1], "-");
    assert_int_equal(PARSE(&made, "put", "k", "-v", "-"), 0);
    assert_string_equal(made.value, "-");
}

static void quorums_are_numbers_or_names(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(
        PARSE(&made, "put", "k", "v", "--n", "5", "--w", "quorum", "--pw", "one", "--dw", "all"),
        0);
    assert_int_equal(made.n, 5);
    assert_int_equal(made.w, SHOAL_QUORUM);
    assert_int_equal(made.pw, SHOAL_ONE);
    assert_int_equal(made.dw, SHOAL_ALL);
    assert_int_equal(made.r, 0);
    assert_int_equal(PARSE(&made, "get", "k", "--r", "0"), SHOAL_EINVAL);
    assert_int_equal(PARSE(&made, "get", "k", "--r", "-1"), SHOAL_EINVAL);
    assert_int_equal(PARSE(&made, "get", "k", "--r", "most"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "quorum"));
}

static void durations_have_units_or_that_of_their_name(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "ping", "--timeout", "250"), 0);
    assert_int_equal(made.timeout_us, 250000);
    assert_int_equal(PARSE(&made, "put", "k", "v", "--ttl", "60"), 0);
    assert_int_equal(made.ttl_us, 60000000);
    assert_int_equal(PARSE(&made, "ping", "--timeout", "0s"), SHOAL_EINVAL);
    assert_int_equal(PARSE(&made, "ping", "--timeout", "soon"), SHOAL_EINVAL);
}

static void an_unknown_command_names_the_nearest(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "statsu"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "status"));
    assert_int_equal(PARSE(&made, "frobnicate"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "--help"));
    assert_int_equal(PARSE(&made, "--json"), SHOAL_EINVAL);
}

static void an_unknown_flag_names_the_nearest(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "put", "k", "v", "--contxt", "x"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "--contxt"));
    assert_non_null(strstr(why, "--context"));
    assert_int_equal(PARSE(&made, "put", "k", "v", "--tttl=5s"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "--ttl"));
    assert_int_equal(PARSE(&made, "get", "k", "-z"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "-z"));
    /* Another command's flag is unknown here. */
    assert_int_equal(PARSE(&made, "get", "k", "--ttl", "5s"), SHOAL_EINVAL);
}

static void missing_values_and_surplus_arguments_are_errors(void **state)
{
    (void)state;
    struct invocation made;
    assert_int_equal(PARSE(&made, "put", "k", "v", "--ttl"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "--ttl needs a value"));
    assert_int_equal(PARSE(&made, "get", "a", "b"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "too many"));
    assert_int_equal(PARSE(&made, "mget"), SHOAL_EINVAL);
    assert_non_null(strstr(why, "too few"));
    assert_int_equal(PARSE(&made, "ping", "-p", "0"), SHOAL_EINVAL);
    assert_int_equal(PARSE(&made, "ping", "-p", "65536"), SHOAL_EINVAL);
}

static void every_command_has_help_that_names_its_flags(void **state)
{
    (void)state;
    for (const struct command *command = commands; command->name != NULL; command++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        invocation_print_help(command, out);
        (void)fclose(out);
        assert_non_null(strstr(text, command->name));
        assert_non_null(strstr(text, "--timeout"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere),
        cmocka_unit_test(short_and_long_flags_and_equals_signs),
        cmocka_unit_test(what_begins_with_a_dash_stands_behind_two),
        cmocka_unit_test(quorums_are_numbers_or_names),
        cmocka_unit_test(durations_have_units_or_that_of_their_name),
        cmocka_unit_test(an_unknown_command_names_the_nearest),
        cmocka_unit_test(an_unknown_flag_names_the_nearest),
        cmocka_unit_test(missing_values_and_surplus_arguments_are_errors),
        cmocka_unit_test(every_command_has_help_that_names_its_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
