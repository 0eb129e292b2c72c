/* What is said, plainly and in JSON, and the exit status for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "report/bytes_json.h"

struct heard {
    struct terminal terminal;
    char *out;
    size_t out_size;
    char *err;
    size_t err_size;
};

static void listen_begin(struct heard *heard, bool json)
{
    *heard = (struct heard){.terminal = {.json = json}};
    heard->terminal.out = open_memstream(&heard->out, &heard->out_size);
    heard->terminal.err = open_memstream(&heard->err, &heard->err_size);
}

static void listen_expect(struct heard *heard, const char *out, const char *err)
{
    (void)fclose(heard->terminal.out);
    (void)fclose(heard->terminal.err);
    assert_string_equal(heard->out, out);
    assert_string_equal(heard->err, err);
    free(heard->out);
    free(heard->err);
}

static void errors_in_json_tell_whether_anything_was_applied(void **state)
{
    (void)state;
    struct heard heard;
    listen_begin(&heard, true);
    assert_int_equal(terminal_fail(&heard.terminal, SHOAL_EUNKNOWN, "the \"text\""), 7);
    listen_expect(&heard, "", "{\"error\":\"the \\\"text\\\"\",\"outcome\":\"unknown\"}\n");
    listen_begin(&heard, true);
    assert_int_equal(terminal_fail(&heard.terminal, SHOAL_EQUORUM, "few"), 4);
    listen_expect(&heard, "", "{\"error\":\"few\",\"outcome\":\"none\"}\n");
}

static void an_error_is_one_line_that_no_terminal_obeys(void **state)
{
    (void)state;
    struct heard heard;
    listen_begin(&heard, false);
    assert_int_equal(terminal_fail(&heard.terminal, SHOAL_ENOTFOUND,
                                   "no \x1b[2J\n k\xc3\xa4se\x7f \xc2\x9b\x32J \x9b\x32J"),
                     1);
    listen_expect(&heard, "", "shoal: no \\x1b[2J\\x0a k\xc3\xa4se\\x7f \\xc2\\x9b2J \\x9b2J\n");
}

static void a_failure_after_something_was_done_is_not_none(void **state)
{
    (void)state;
    struct heard heard;
    listen_begin(&heard, true);
    assert_int_equal(terminal_print_ok(&heard.terminal, (struct shoal_bytes){0}), 0);
    (void)terminal_fail(&heard.terminal, SHOAL_EQUORUM, "few");
    listen_expect(&heard, "{\"message\":\"Ok\"}\n",
                  "{\"error\":\"few\",\"outcome\":\"unknown\"}\n");
}

static void every_code_has_its_exit_status(void **state)
{
    (void)state;
    static const struct {
        int code;
        int status;
    } cases[] = {
        {SHOAL_ENOTFOUND, 1}, {SHOAL_EINVAL, 2},    {SHOAL_ETOOBIG, 2},  {SHOAL_ECONNECT, 3},
        {SHOAL_EQUORUM, 4},   {SHOAL_EOVERLOAD, 4}, {SHOAL_ECONTEXT, 5}, {SHOAL_EPERM, 6},
        {SHOAL_EUNKNOWN, 7},  {SHOAL_EDIFFER, 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct heard heard;
        listen_begin(&heard, false);
        assert_int_equal(terminal_fail(&heard.terminal, cases[i].code, "why"), cases[i].status);
        listen_expect(&heard, "", "shoal: why\n");
    }
}

static void ok_comes_with_the_context_in_json(void **state)
{
    (void)state;
    struct heard heard;
    listen_begin(&heard, false);
    assert_int_equal(terminal_print_ok(&heard.terminal, shoal_bytes("\xff\xef", 2)), 0);
    listen_expect(&heard, "OK\n", "");
    listen_begin(&heard, true);
    assert_int_equal(terminal_print_ok(&heard.terminal, shoal_bytes("\xff\xef", 2)), 0);
    listen_expect(&heard, "{\"message\":\"Ok\",\"context\":\"_-8\"}\n", "");
    listen_begin(&heard, true);
    assert_int_equal(terminal_print_ok(&heard.terminal, (struct shoal_bytes){0}), 0);
    listen_expect(&heard, "{\"message\":\"Ok\"}\n", "");
}

static void expect_bytes(struct shoal_bytes bytes, const char *json)
{
    json_t *object = json_object();
    assert_true(json_set_bytes(object, "value", bytes));
    char *text = json_dumps(object, JSON_COMPACT);
    assert_string_equal(text, json);
    free(text);
    json_decref(object);
}

static void bytes_are_a_string_or_base64(void **state)
{
    (void)state;
    expect_bytes(shoal_text("bar"), "{\"value\":\"bar\"}");
    expect_bytes(shoal_text(""), "{\"value\":\"\"}");
    expect_bytes(shoal_text("k\xc3\xa4se"), "{\"value\":\"k\xc3\xa4se\"}");
    expect_bytes(shoal_bytes("a\0b", 3), "{\"value\":\"a\\u0000b\"}");
    expect_bytes(shoal_bytes("\xff\xfe", 2), "{\"value_base64\":\"//4=\"}");
    expect_bytes(shoal_bytes("\xed\xa0\x80", 3), "{\"value_base64\":\"7aCA\"}");
    expect_bytes((struct shoal_bytes){0}, "{\"value\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_in_json_tell_whether_anything_was_applied),
        cmocka_unit_test(an_error_is_one_line_that_no_terminal_obeys),
        cmocka_unit_test(a_failure_after_something_was_done_is_not_none),
        cmocka_unit_test(every_code_has_its_exit_status),
        cmocka_unit_test(ok_comes_with_the_context_in_json),
        cmocka_unit_test(bytes_are_a_string_or_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
