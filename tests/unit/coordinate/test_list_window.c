/* A list walks as many partitions at once as its page still needs: few for a short page, many where
 * there is little to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinate/list_window.h"

#define PLENTY UINT64_C(1000000)

static const struct list_amount plenty = {PLENTY, PLENTY};

static struct list_amount keys(uint64_t count)
{
    return (struct list_amount){.keys = count, .bytes = 1};
}

static void a_window_widens_by_one_for_every_answer_that_is_short(void **state)
{
    (void)state;
    uint32_t window = LIST_WINDOW_MIN;
    for (uint32_t i = LIST_WINDOW_MIN + 1; i <= LIST_WINDOW_MAX; i++) {
        window = list_window_after(window, keys(1), plenty);
        assert_int_equal(window, i);
    }
    assert_int_equal(list_window_after(window, keys(1), plenty), LIST_WINDOW_MAX);
}

static void empty_answers_widen_it_whatever_is_left(void **state)
{
    (void)state;
    uint32_t window = LIST_WINDOW_MIN;
    for (uint32_t i = 0; i < LIST_WINDOW_MAX; i++) {
        window = list_window_after(window, (struct list_amount){0}, keys(1));
    }
    assert_int_equal(window, LIST_WINDOW_MAX);
}

static void no_more_are_walked_than_fill_the_page(void **state)
{
    (void)state;
    struct list_amount left = {.keys = 10, .bytes = PLENTY};
    assert_int_equal(list_window_after(8, keys(5), left), 2);
    assert_int_equal(list_window_after(8, keys(4), left), 3);
    assert_int_equal(list_window_after(8, keys(100), left), 1);
}

static void an_answer_is_full_of_bytes_too(void **state)
{
    (void)state;
    struct list_amount given = {.keys = 1, .bytes = 300};
    struct list_amount left = {.keys = PLENTY, .bytes = 1000};
    assert_int_equal(list_window_after(8, given, left), 4);
}

static void there_is_always_a_window(void **state)
{
    (void)state;
    struct list_amount none = {0};
    assert_int_equal(list_window_after(LIST_WINDOW_MIN, keys(1), none), LIST_WINDOW_MIN);
    assert_int_equal(list_window_after(LIST_WINDOW_MAX, none, none), LIST_WINDOW_MAX);
    assert_int_equal(list_window_after(1, keys(1), (struct list_amount){UINT64_MAX, UINT64_MAX}),
                     2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_widens_by_one_for_every_answer_that_is_short),
        cmocka_unit_test(empty_answers_widen_it_whatever_is_left),
        cmocka_unit_test(no_more_are_walked_than_fill_the_page),
        cmocka_unit_test(an_answer_is_full_of_bytes_too),
        cmocka_unit_test(there_is_always_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
