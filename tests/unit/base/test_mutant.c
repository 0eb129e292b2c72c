#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mutant.h"
#include "shoal/error.h"

#ifdef SHOAL_MUTANTS

static void no_rule_is_broken_unless_asked_for(void **state)
{
    (void)state;
    assert_int_equal(mutant_select(NULL), 0);
    assert_false(MUTANT(keep_actor));
}

static void one_is_on_at_a_time_and_hyphens_are_underscores(void **state)
{
    (void)state;
    assert_int_equal(mutant_select("keep-actor"), 0);
    assert_true(MUTANT(keep_actor));
    assert_int_equal(mutant_select("context_clock"), 0);
    assert_true(MUTANT(context_clock));
    assert_false(MUTANT(keep_actor));
    assert_int_equal(mutant_select(NULL), 0);
    assert_false(MUTANT(context_clock));
}

static void an_unknown_name_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(mutant_select("keep-actor"), 0);
    assert_int_equal(mutant_select("keep-actors"), SHOAL_EINVAL);
    assert_int_equal(mutant_select("keep"), SHOAL_EINVAL);
    assert_int_equal(mutant_select(""), SHOAL_EINVAL);
    assert_true(MUTANT(keep_actor));
    assert_int_equal(mutant_select(NULL), 0);
}

static void every_mutant_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < MUTANT_COUNT; i++) {
        assert_null(strchr(mutant_name((enum mutant)i), '_'));
        assert_true(strlen(mutant_text((enum mutant)i)) > 0);
        assert_int_equal(mutant_select(mutant_name((enum mutant)i)), 0);
        assert_int_equal(mutant_selected, i);
    }
    assert_int_equal(mutant_select(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_is_broken_unless_asked_for),
        cmocka_unit_test(one_is_on_at_a_time_and_hyphens_are_underscores),
        cmocka_unit_test(an_unknown_name_is_refused_and_changes_nothing),
        cmocka_unit_test(every_mutant_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void without_the_option_nothing_can_be_broken(void **state)
{
    (void)state;
    assert_false(MUTANT(keep_actor));
    assert_true(__builtin_constant_p(MUTANT(keep_actor)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_option_nothing_can_be_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
