/* Tables for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "cli/table.h"

static void columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct table_text table;
    static const char *const heads[] = {"NAME", "KEYS", "STATE"};
    table_begin(&table, out);
    table_head(&table, heads, 3);
    table_cell(&table, "%s", "a-long-name");
    table_cell(&table, "%d", 1234567);
    table_cell(&table, "%s", "up");
    table_cell(&table, "%s", "b");
    table_cell(&table, "%d", 2);
    table_cell(&table, "%s", "down");
    table_end(&table);
    (void)fclose(out);
    assert_string_equal(text, "NAME            KEYS  STATE\n"
                              "a-long-name  1234567  up\n"
                              "b                  2  down\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
