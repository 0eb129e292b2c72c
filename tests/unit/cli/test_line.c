/* Lines of a file under a bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/line.h"
#include "shoal/error.h"

#define BYTES_MAX 4u

/* What the first, second, ... reading of this text comes to, up to the end or a failure. */
static void expect_lines(const char *text, size_t len, const char *const *lines, int last)
{
    FILE *file = fmemopen((void *)text, len, "r");
    struct buffer line;
    buffer_init(&line, BYTES_MAX);
    assert_non_null(file);
    for (; *lines != NULL; lines++) {
        assert_int_equal(line_read(file, &line), 0);
        assert_int_equal(line.len, strlen(*lines));
        assert_memory_equal(line.data, *lines, line.len);
    }
    assert_int_equal(line_read(file, &line), last);
    buffer_deinit(&line);
    (void)fclose(file);
}

static void lines_come_one_by_one_with_or_without_a_newline_at_the_end(void **state)
{
    (void)state;
    const char *const lines[] = {"a", "\r", "abcd", NULL};
    expect_lines("a\n\r\nabcd\n", 9, lines, LINE_END);
    expect_lines("a\n\r\nabcd", 8, lines, LINE_END);
}

static void a_line_over_the_bound_is_refused(void **state)
{
    (void)state;
    const char *const lines[] = {"a", NULL};
    expect_lines("a\nabcde\n", 8, lines, SHOAL_ETOOBIG);
}

static void a_file_that_cannot_be_read_is_no_end(void **state)
{
    (void)state;
    FILE *folder = fopen("/", "re");
    struct buffer line;
    buffer_init(&line, BYTES_MAX);
    assert_non_null(folder);
    assert_int_equal(line_read(folder, &line), SHOAL_EIO);
    buffer_deinit(&line);
    (void)fclose(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_one_by_one_with_or_without_a_newline_at_the_end),
        cmocka_unit_test(a_line_over_the_bound_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
