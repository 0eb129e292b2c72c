/* From a request's options and the cluster's defaults to plain numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinate/quorum.h"
#include "shoal/error.h"

static const struct cluster_facts facts = {.n = 5, .r = 3, .w = 2};

static void numbers_come_from_the_request_or_else_the_cluster(void **state)
{
    static const struct {
        struct request_options asked;
        struct quorum expected;
    } cases[] = {
        {{0}, {5, 3, 2, 0, 0}},
        {{.r = 1, .w = 5}, {5, 1, 5, 0, 0}},
        {{.r = QUORUM_MAJORITY, .w = QUORUM_ALL}, {5, 3, 5, 0, 0}},
        {{.n = 3, .r = QUORUM_ALL, .w = QUORUM_MAJORITY}, {3, 3, 2, 0, 0}},
        {{.n = 1}, {1, 1, 1, 0, 0}}, /* the defaults fall with n */
        {{.n = QUORUM_ALL}, {5, 3, 2, 0, 0}},
        {{.pr = 4, .pw = 3}, {5, 4, 3, 3, 0}}, /* every answer is an owner's */
        {{.r = 5, .pr = 1, .w = 4, .pw = 2}, {5, 5, 4, 2, 0}},
        {{.dw = 4}, {5, 3, 4, 4, 4}}, /* durable confirmations are confirmations */
        {{.dw = QUORUM_MAJORITY}, {5, 3, 3, 3, 3}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quorum quorum;
        char why[128];
        assert_int_equal(quorum_resolve(&facts, &cases[i].asked, &quorum, why), 0);
        assert_int_equal(quorum.n, cases[i].expected.n);
        assert_int_equal(quorum.r, cases[i].expected.r);
        assert_int_equal(quorum.w, cases[i].expected.w);
        assert_int_equal(quorum.pw, cases[i].expected.pw);
        assert_int_equal(quorum.dw, cases[i].expected.dw);
    }
}

static void what_can_never_be_met_is_refused_by_name(void **state)
{
    static const struct {
        struct request_options asked;
        const char *why;
    } cases[] = {
        {{.r = 6}, "r=6 is larger than n=5"},
        {{.w = 6}, "w=6 is larger than n=5"},
        {{.n = 6}, "n=6 is larger than n=5"},
        {{.n = 2, .r = 3}, "r=3 is larger than n=2"},
        {{.pw = 9}, "pw=9 is larger than n=5"},
        {{.dw = 6}, "dw=6 is larger than n=5"},
        {{.r = -3}, "r=-3 is not a number of owners"},
        {{.pr = INT32_MIN}, "pr=-2147483648 is not a number of owners"},
        {{.w = INT32_MAX}, "w=2147483647 is larger than n=5"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct quorum quorum = {.n = 77};
        char why[128];
        assert_int_equal(quorum_resolve(&facts, &cases[i].asked, &quorum, why), SHOAL_EINVAL);
        assert_string_equal(why, cases[i].why);
        assert_int_equal(quorum.n, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_from_the_request_or_else_the_cluster),
        cmocka_unit_test(what_can_never_be_met_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
