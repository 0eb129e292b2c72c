/* Lines cut to a window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/screen.h"

static void lines_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(screen_fit("abcdef", 6, 3), 3);
    assert_int_equal(screen_fit("abc", 3, 80), 3);
    assert_int_equal(screen_fit("abc", 3, 0), 3);
    assert_int_equal(screen_fit("k\xc3\xa4se", 5, 2), 3);
    assert_int_equal(screen_fit("\xff\xfe", 2, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
