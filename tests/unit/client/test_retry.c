/* When a request is tried again, and what its outcome is if not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/retry.h"
#include "shoal/error.h"

static void a_write_that_may_have_left_is_never_sent_again(void **state)
{
    (void)state;
    struct verdict lost = retry_decide(true, ATTEMPT_LOST, SHOAL_ECONNECT);
    assert_false(lost.again);
    assert_int_equal(lost.code, SHOAL_EUNKNOWN);
    struct verdict late = retry_decide(true, ATTEMPT_TIMED_OUT, SHOAL_ETIMEOUT);
    assert_false(late.again);
    assert_int_equal(late.code, SHOAL_EUNKNOWN);
}

static void a_write_that_never_left_is_sent_elsewhere(void **state)
{
    (void)state;
    struct verdict verdict = retry_decide(true, ATTEMPT_UNSENT, SHOAL_ECONNECT);
    assert_true(verdict.again);
    assert_int_equal(verdict.code, SHOAL_ECONNECT);
}

static void a_read_is_tried_again_whatever_became_of_it(void **state)
{
    (void)state;
    struct verdict verdict = retry_decide(false, ATTEMPT_LOST, SHOAL_ECONNECT);
    assert_true(verdict.again);
    assert_int_equal(verdict.code, SHOAL_ECONNECT);
}

static void refusals_that_another_node_may_better_go_to_another(void **state)
{
    (void)state;
    static const int codes[] = {SHOAL_ESHUTDOWN, SHOAL_ENOTOWNER, SHOAL_EREFILLING};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_true(retry_decide(true, ATTEMPT_ANSWERED, codes[i]).again);
        assert_true(retry_decide(false, ATTEMPT_ANSWERED, codes[i]).again);
    }
}

static void other_answers_are_final(void **state)
{
    (void)state;
    static const int codes[] = {0,
                                SHOAL_ENOTFOUND,
                                SHOAL_EQUORUM,
                                SHOAL_EOVERLOAD,
                                SHOAL_EUNKNOWN,
                                SHOAL_ECONTEXT,
                                SHOAL_ETIMEOUT};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct verdict verdict = retry_decide(false, ATTEMPT_ANSWERED, codes[i]);
        assert_false(verdict.again);
        assert_int_equal(verdict.code, codes[i]);
    }
}

static void a_read_out_of_time_has_timed_out(void **state)
{
    (void)state;
    assert_int_equal(retry_decide(false, ATTEMPT_TIMED_OUT, SHOAL_ETIMEOUT).code, SHOAL_ETIMEOUT);
}

static void a_write_that_never_left_in_its_time_was_not_applied(void **state)
{
    (void)state;
    assert_int_equal(retry_decide(true, ATTEMPT_EXPIRED, SHOAL_ECONNECT).code, SHOAL_ECONNECT);
    assert_int_equal(retry_decide(true, ATTEMPT_EXPIRED, SHOAL_ETIMEOUT).code, SHOAL_ETIMEOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_that_may_have_left_is_never_sent_again),
        cmocka_unit_test(a_write_that_never_left_is_sent_elsewhere),
        cmocka_unit_test(a_read_is_tried_again_whatever_became_of_it),
        cmocka_unit_test(refusals_that_another_node_may_better_go_to_another),
        cmocka_unit_test(other_answers_are_final),
        cmocka_unit_test(a_read_out_of_time_has_timed_out),
        cmocka_unit_test(a_write_that_never_left_in_its_time_was_not_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
