/* server/json_lines: the line of a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/json_lines.h"

static const char text[] = "{ \"a\": 1,\n"                               /* 1 */
                           "  \"s\": { \"a\": 2, \"name\": \"b\\\"\",\n" /* 2 */
                           "    \"b\": [ {\"c\": 1},\n"                  /* 3 */
                           "      \"d\" ], \"deep\": { \"e\": 1,\n"      /* 4 */
                           "      \"f\": 2 },\n"                         /* 5 */
                           "    \"g\": 3 },\n"                           /* 6 */
                           "  \"t\": {\n"                                /* 7 */
                           "    \"g\": 4 }, \"list\": [\"x\",\n"         /* 8 */
                           "    \"y\"], \"last\": true }\n";             /* 9 */

static void keys_are_found_where_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        const char *name;
        uint32_t line;
    } cases[] = {
        {"", "a", 1},     {"", "s", 2},     {"s", "a", 2}, {"s", "name", 2}, {"s", "b", 3},
        {"s", "deep", 4}, {"s", "g", 6},    {"", "t", 7},  {"t", "g", 8},    {"", "list", 8},
        {"", "last", 9},  {"s", "c", 0},    {"s", "e", 0}, {"s", "d", 0},    {"", "x", 0},
        {"", "b", 0},     {"t", "last", 0}, {"u", "a", 0}, {"", "name", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(json_line_of(bytes_from_string(text), cases[i].section, cases[i].name),
                         cases[i].line);
    }
}

static void a_text_cut_anywhere_is_safe(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        (void)json_line_of(bytes_make(text, len), "s", "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_where_they_stand),
        cmocka_unit_test(a_text_cut_anywhere_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
