/* What surfaces count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/served.h"
#include "shoal/error.h"

static struct metrics *metrics;
static struct served_metrics ids;

static int setup(void **state)
{
    (void)state;
    metrics = metrics_new(2);
    return metrics == NULL ? -1 : served_declare_metrics(metrics, SURFACE_REDIS, &ids);
}

static int teardown(void **state)
{
    (void)state;
    metrics_free(metrics);
    return 0;
}

static uint64_t requests(enum served_op op, enum served_result result)
{
    return metrics_value(metrics, ids.requests[op][result]);
}

static void every_code_has_a_result(void **state)
{
    (void)state;
    assert_int_equal(served_result_of(0), SERVED_OK);
    assert_int_equal(served_result_of(SHOAL_ENOTFOUND), SERVED_MISSING);
    assert_int_equal(served_result_of(SHOAL_EINVAL), SERVED_REFUSED);
    assert_int_equal(served_result_of(SHOAL_ETOOBIG), SERVED_REFUSED);
    assert_int_equal(served_result_of(SHOAL_EQUORUM), SERVED_FAILED);
    assert_int_equal(served_result_of(SHOAL_ETIMEOUT), SERVED_FAILED); /* nothing was applied */
    assert_int_equal(served_result_of(SHOAL_ENOSPC), SERVED_FAILED);
    assert_int_equal(served_result_of(SHOAL_EUNKNOWN), SERVED_UNKNOWN);
    /* What may have been applied, by its own table, is never called failed. */
    for (int code = -100; code < 0; code++) {
        assert_int_equal(served_result_of(code) == SERVED_UNKNOWN,
                         code == SHOAL_EUNKNOWN || code == SHOAL_EINTERNAL);
    }
}

static void surfaces_have_series_of_their_own(void **state)
{
    (void)state;
    struct served_metrics other;
    assert_int_equal(served_declare_metrics(metrics, SURFACE_HTTP, &other), 0);
    assert_int_equal(served_declare_metrics(metrics, SURFACE_HTTP, &other), SHOAL_ECONFLICT);
    metric_id id;
    assert_int_equal(metrics_find(metrics, "shoal_requests_total",
                                  "surface=\"http\",op=\"put\",result=\"unknown\"", &id),
                     0);
    assert_int_equal(id, other.requests[SERVED_PUT][SERVED_UNKNOWN]);
    assert_int_equal(
        metrics_find(metrics, "shoal_request_seconds", "surface=\"redis\",op=\"other\"", &id), 0);
    assert_int_equal(id, ids.seconds[SERVED_OTHER]);
}

static void a_request_counts_once_with_its_time(void **state)
{
    (void)state;
    served_count(metrics, 1, &ids, SERVED_GET, SERVED_MISSING, 300);
    assert_int_equal(requests(SERVED_GET, SERVED_MISSING), 1);
    assert_int_equal(requests(SERVED_GET, SERVED_OK), 0);
    struct histogram histogram;
    metrics_histogram(metrics, ids.seconds[SERVED_GET], &histogram);
    assert_int_equal(histogram.count, 1);
    assert_int_equal(histogram.sum, 300);
    served_count(NULL, 1, &ids, SERVED_GET, SERVED_OK, 1); /* nobody counts */
}

static void a_run_is_told_when_it_changes_or_ends(void **state)
{
    (void)state;
    struct served_run run = {.times = 0};
    for (int i = 0; i < 5; i++) {
        served_run_add(metrics, 0, &ids, &run, SERVED_GET, SERVED_OK);
    }
    assert_int_equal(requests(SERVED_GET, SERVED_OK), 0);
    served_run_add(metrics, 0, &ids, &run, SERVED_GET, SERVED_MISSING);
    assert_int_equal(requests(SERVED_GET, SERVED_OK), 5);
    served_run_add(metrics, 0, &ids, &run, SERVED_PUT, SERVED_MISSING);
    assert_int_equal(requests(SERVED_GET, SERVED_MISSING), 1);
    served_run_tell(metrics, 0, &ids, &run);
    served_run_tell(metrics, 0, &ids, &run);
    assert_int_equal(requests(SERVED_PUT, SERVED_MISSING), 1);
    assert_int_equal(metrics_value(metrics, ids.seconds[SERVED_GET]), 6);
    assert_int_equal(metrics_value(metrics, ids.seconds[SERVED_PUT]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_code_has_a_result, setup, teardown),
        cmocka_unit_test_setup_teardown(surfaces_have_series_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_request_counts_once_with_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_is_told_when_it_changes_or_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
