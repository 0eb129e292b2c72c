/* Texts, exit statuses and "nothing applied" of the codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "shoal/error.h"

static const int codes[] = {
    SHOAL_OK,        SHOAL_ENOTFOUND, SHOAL_EINVAL,   SHOAL_ETOOBIG,      SHOAL_EPROTO,
    SHOAL_EVERSION,  SHOAL_ECONTEXT,  SHOAL_EPERM,    SHOAL_EUNSUPPORTED, SHOAL_ECONNECT,
    SHOAL_EQUORUM,   SHOAL_EOVERLOAD, SHOAL_ETIMEOUT, SHOAL_ENOTOWNER,    SHOAL_EREFILLING,
    SHOAL_ESHUTDOWN, SHOAL_ENOMEM,    SHOAL_ENOSPC,   SHOAL_EIO,          SHOAL_ECLUSTER,
    SHOAL_EHASDATA,  SHOAL_ECONFLICT, SHOAL_EUNKNOWN, SHOAL_EDIFFER,      SHOAL_EINTERNAL,
};
#define CODES (sizeof(codes) / sizeof(codes[0]))

static void every_code_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        const char *text = shoal_error_text(codes[i]);
        assert_true(strlen(text) > 0);
        assert_string_not_equal(text, shoal_error_text(12345));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(text, shoal_error_text(codes[j]));
        }
    }
}

static void exit_statuses_are_those_documented(void **state)
{
    (void)state;
    assert_int_equal(shoal_error_exit_status(SHOAL_OK), 0);
    assert_int_equal(shoal_error_exit_status(SHOAL_ENOTFOUND), 1);
    assert_int_equal(shoal_error_exit_status(SHOAL_EINVAL), 2);
    assert_int_equal(shoal_error_exit_status(SHOAL_EHASDATA), 2);
    assert_int_equal(shoal_error_exit_status(SHOAL_ECONNECT), 3);
    assert_int_equal(shoal_error_exit_status(SHOAL_EQUORUM), 4);
    assert_int_equal(shoal_error_exit_status(SHOAL_ETIMEOUT), 4);
    assert_int_equal(shoal_error_exit_status(SHOAL_ECONTEXT), 5);
    assert_int_equal(shoal_error_exit_status(SHOAL_EPERM), 6);
    assert_int_equal(shoal_error_exit_status(SHOAL_EUNKNOWN), 7);
    assert_int_equal(shoal_error_exit_status(SHOAL_EINTERNAL), 7);
    assert_int_equal(shoal_error_exit_status(SHOAL_EDIFFER), 8);
    for (size_t i = 1; i < CODES; i++) {
        assert_in_range(shoal_error_exit_status(codes[i]), 1, 8);
    }
}

static void an_exit_status_of_4_says_that_nothing_was_applied(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        if (shoal_error_exit_status(codes[i]) == 4) {
            assert_true(shoal_error_nothing_applied(codes[i]));
        }
        if (shoal_error_exit_status(codes[i]) == 7) {
            assert_false(shoal_error_nothing_applied(codes[i]));
        }
    }
    assert_false(shoal_error_nothing_applied(SHOAL_OK));
}

static void a_foreign_number_is_unknown(void **state)
{
    (void)state;
    assert_non_null(shoal_error_text(-12345));
    assert_int_equal(shoal_error_exit_status(-12345), 7);
    assert_false(shoal_error_nothing_applied(-12345));
    assert_false(shoal_error_nothing_applied(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_text_of_its_own),
        cmocka_unit_test(exit_statuses_are_those_documented),
        cmocka_unit_test(an_exit_status_of_4_says_that_nothing_was_applied),
        cmocka_unit_test(a_foreign_number_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
