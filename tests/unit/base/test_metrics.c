/* Declaring, counting and rendering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/metrics.h"
#include "shoal/error.h"

static struct metrics *metrics;
static struct buffer page;

static int setup(void **state)
{
    (void)state;
    metrics = metrics_new(3);
    buffer_init(&page, 0);
    return metrics == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    metrics_free(metrics);
    buffer_deinit(&page);
    return 0;
}

static metric_id declare(enum metric_kind kind, const char *name, const char *labels)
{
    metric_id id = 0;
    assert_int_equal(metrics_declare(metrics, kind, name, labels, "Help.", &id), 0);
    return id;
}

static void expect_page(const char *expected)
{
    buffer_clear(&page);
    assert_int_equal(metrics_render(metrics, &page), 0);
    assert_int_equal(buffer_append_u8(&page, 0), 0);
    assert_string_equal((const char *)page.data, expected);
}

static void a_counter_is_the_sum_of_its_shards(void **state)
{
    (void)state;
    metric_id id = declare(METRIC_COUNTER, "shoal_gets_total", NULL);
    metrics_add(metrics, 0, id, 1);
    metrics_add(metrics, 0, id, 2);
    metrics_add(metrics, 2, id, 10);
    assert_int_equal(metrics_value(metrics, id), 13);
    expect_page("# HELP shoal_gets_total Help.\n"
                "# TYPE shoal_gets_total counter\n"
                "shoal_gets_total 13\n");
}

static void a_gauge_is_set_and_moved_both_ways(void **state)
{
    (void)state;
    metric_id id = declare(METRIC_GAUGE, "shoal_connections", NULL);
    metrics_set(metrics, 0, id, 5);
    metrics_set(metrics, 0, id, 4);
    metrics_add(metrics, 1, id, 3);
    metrics_add(metrics, 2, id, (uint64_t)-1);
    assert_int_equal(metrics_value(metrics, id), 6);
    metrics_set(metrics, 0, id, 0);
    metrics_set(metrics, 1, id, 0);
    expect_page("# HELP shoal_connections Help.\n"
                "# TYPE shoal_connections gauge\n"
                "shoal_connections -1\n");
}

static void a_family_stands_together_under_one_head(void **state)
{
    (void)state;
    metric_id put = declare(METRIC_COUNTER, "shoal_ops_total", "op=\"put\"");
    metric_id other = declare(METRIC_GAUGE, "shoal_keys", NULL);
    metric_id get = declare(METRIC_COUNTER, "shoal_ops_total", "op=\"get\",surface=\"native\"");
    metrics_add(metrics, 0, put, 1);
    metrics_add(metrics, 0, get, 2);
    metrics_set(metrics, 0, other, 3);
    expect_page("# HELP shoal_ops_total Help.\n"
                "# TYPE shoal_ops_total counter\n"
                "shoal_ops_total{op=\"put\"} 1\n"
                "shoal_ops_total{op=\"get\",surface=\"native\"} 2\n"
                "# HELP shoal_keys Help.\n"
                "# TYPE shoal_keys gauge\n"
                "shoal_keys 3\n");
}

static void a_histogram_is_shown_in_seconds(void **state)
{
    (void)state;
    metric_id id = declare(METRIC_HISTOGRAM, "shoal_get_seconds", "op=\"get\"");
    metrics_observe_us(metrics, 0, id, 31);
    metrics_observe_us(metrics, 0, id, 32);
    metrics_observe_us(metrics, 1, id, 1023);
    metrics_observe_us(metrics, 2, id, 1024);
    metrics_observe_us(metrics, 2, id, 100000000);
    assert_int_equal(metrics_value(metrics, id), 5);
    assert_int_equal(metrics_render(metrics, &page), 0);
    assert_int_equal(buffer_append_u8(&page, 0), 0);
    const char *text = (const char *)page.data;
    assert_non_null(strstr(text, "# TYPE shoal_get_seconds histogram\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"0.000032\"} 1\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"0.000064\"} 2\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"0.000512\"} 2\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"0.001024\"} 3\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"0.002048\"} 4\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"33.554432\"} 4\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_bucket{op=\"get\",le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_sum{op=\"get\"} 100.002110\n"));
    assert_non_null(strstr(text, "shoal_get_seconds_count{op=\"get\"} 5\n"));
}

static void a_histogram_can_be_read_whole(void **state)
{
    (void)state;
    static struct histogram expected;
    static struct histogram found;
    metric_id id = declare(METRIC_HISTOGRAM, "shoal_get_seconds", NULL);
    histogram_init(&expected);
    for (uint64_t i = 0; i < 1000; i++) {
        histogram_record(&expected, i * i);
        metrics_observe_us(metrics, (uint32_t)(i % 3), id, i * i);
    }
    metrics_histogram(metrics, id, &found);
    assert_memory_equal(&found, &expected, sizeof(found));
}

static void many_of_one_value_count_as_so_many(void **state)
{
    (void)state;
    metric_id id = declare(METRIC_HISTOGRAM, "shoal_get_seconds", NULL);
    metrics_observe_many_us(metrics, 1, id, 40, 5);
    metrics_observe_us(metrics, 1, id, 10);
    struct histogram histogram;
    metrics_histogram(metrics, id, &histogram);
    assert_int_equal(histogram.count, 6);
    assert_int_equal(histogram.sum, 210);
    assert_int_equal(histogram.max, 40);
}

static void tell_seven(void *self, struct histogram *out)
{
    histogram_record(out, *(const uint64_t *)self);
}

static void a_histogram_may_be_kept_elsewhere(void **state)
{
    (void)state;
    static uint64_t value = 100;
    assert_int_equal(
        metrics_declare_source(metrics, "shoal_sync_seconds", NULL, "Help.", tell_seven, &value),
        0);
    assert_int_equal(
        metrics_declare_source(metrics, "shoal_sync_seconds", NULL, "Help.", tell_seven, &value),
        SHOAL_ECONFLICT);
    metric_id id;
    assert_int_equal(metrics_find(metrics, "shoal_sync_seconds", NULL, &id), 0);
    assert_int_equal(metrics_value(metrics, id), 1);
    buffer_clear(&page);
    assert_int_equal(metrics_render(metrics, &page), 0);
    assert_int_equal(buffer_append_u8(&page, 0), 0);
    assert_non_null(strstr((const char *)page.data, "shoal_sync_seconds_sum 0.000100\n"));
    assert_non_null(strstr((const char *)page.data, "_bucket{le=\"0.000064\"} 0\n"));
    assert_non_null(strstr((const char *)page.data, "_bucket{le=\"0.000128\"} 1\n"));
}

static void labels_need_not_stay(void **state)
{
    (void)state;
    char labels[] = "op=\"a\"";
    (void)declare(METRIC_COUNTER, "shoal_ops_total", labels);
    labels[4] = 'b';
    (void)declare(METRIC_COUNTER, "shoal_ops_total", labels);
    expect_page("# HELP shoal_ops_total Help.\n"
                "# TYPE shoal_ops_total counter\n"
                "shoal_ops_total{op=\"a\"} 0\n"
                "shoal_ops_total{op=\"b\"} 0\n");
}

static void times_are_shown_in_seconds_by_their_names(void **state)
{
    (void)state;
    metric_id id = declare(METRIC_COUNTER, "shoal_cpu_seconds_total", NULL);
    metrics_add(metrics, 0, id, 1500000);
    id = declare(METRIC_GAUGE, "shoal_start_seconds", NULL);
    metrics_set(metrics, 0, id, 7);
    expect_page("# HELP shoal_cpu_seconds_total Help.\n"
                "# TYPE shoal_cpu_seconds_total counter\n"
                "shoal_cpu_seconds_total 1.500000\n"
                "# HELP shoal_start_seconds Help.\n"
                "# TYPE shoal_start_seconds gauge\n"
                "shoal_start_seconds 0.000007\n");
}

static void samples_share_a_head_with_those_of_their_name(void **state)
{
    (void)state;
    const struct metric_sample samples[] = {
        {METRIC_GAUGE, "shoal_members", "state=\"up\"", "Help.", 3},
        {METRIC_GAUGE, "shoal_members", "state=\"down\"", "Help.", 1},
        {METRIC_COUNTER, "shoal_looks_total", NULL, "Help.", 2},
    };
    buffer_clear(&page);
    assert_int_equal(metrics_render_samples(samples, 3, &page), 0);
    assert_int_equal(buffer_append_u8(&page, 0), 0);
    assert_string_equal((const char *)page.data, "# HELP shoal_members Help.\n"
                                                 "# TYPE shoal_members gauge\n"
                                                 "shoal_members{state=\"up\"} 3\n"
                                                 "shoal_members{state=\"down\"} 1\n"
                                                 "# HELP shoal_looks_total Help.\n"
                                                 "# TYPE shoal_looks_total counter\n"
                                                 "shoal_looks_total 2\n");
}

static void any_text_can_be_a_labels_value(void **state)
{
    (void)state;
    char out[16];
    metrics_label_value("a\"b\\c\n", out, sizeof(out));
    assert_string_equal(out, "a\\\"b\\\\c\\n");
    metrics_label_value("0123456789abcdefgh", out, sizeof(out));
    assert_string_equal(out, "0123456789abcde");
    metrics_label_value("0123456789abcd\"", out, sizeof(out));
    assert_string_equal(out, "0123456789abcd");
}

static void help_is_escaped(void **state)
{
    (void)state;
    metric_id id;
    assert_int_equal(
        metrics_declare(metrics, METRIC_GAUGE, "shoal_x", NULL, "One\ntwo \\ three.", &id), 0);
    expect_page("# HELP shoal_x One\\ntwo \\\\ three.\n"
                "# TYPE shoal_x gauge\n"
                "shoal_x 0\n");
}

static void what_contradicts_the_family_is_refused(void **state)
{
    (void)state;
    metric_id id = 77;
    declare(METRIC_GAUGE, "shoal_x", "a=\"1\"");
    assert_int_equal(metrics_declare(metrics, METRIC_GAUGE, "shoal_x", "a=\"1\"", "Help.", &id),
                     SHOAL_ECONFLICT);
    assert_int_equal(metrics_declare(metrics, METRIC_GAUGE, "shoal_x", "a=\"2\"", "Other.", &id),
                     SHOAL_ECONFLICT);
    declare(METRIC_HISTOGRAM, "shoal_x_seconds", NULL);
    assert_int_equal(
        metrics_declare(metrics, METRIC_GAUGE, "shoal_x_seconds", "a=\"1\"", "Help.", &id),
        SHOAL_ECONFLICT);
    assert_int_equal(id, 77);
    declare(METRIC_GAUGE, "shoal_x", NULL);
}

static void ill_formed_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum metric_kind kind;
        const char *name;
    } cases[] = {
        {METRIC_GAUGE, ""},
        {METRIC_GAUGE, "shoal_"},
        {METRIC_GAUGE, "other_x"},
        {METRIC_GAUGE, "shoal_X"},
        {METRIC_GAUGE, "shoal_a-b"},
        {METRIC_GAUGE, "shoal_a b"},
        {METRIC_GAUGE, "shoal_x_total"},
        {METRIC_COUNTER, "shoal_x"},
        {METRIC_HISTOGRAM, "shoal_x"},
        {METRIC_HISTOGRAM, "shoal_x_seconds_total"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        metric_id id;
        if (metrics_declare(metrics, cases[i].kind, cases[i].name, NULL, "Help.", &id) !=
            SHOAL_EINVAL) {
            fail_msg("\"%s\" was taken", cases[i].name);
        }
    }
}

static void ill_formed_labels_are_refused(void **state)
{
    (void)state;
    char endless[METRICS_LABELS_BYTES_MAX + 10];
    snprintf(endless, sizeof(endless), "a=\"%0*d\"", (int)METRICS_LABELS_BYTES_MAX, 0);
    const char *const texts[] = {"",         "a",         "a=",       "a=1",
                                 "a=\"1",    "=\"1\"",    "a=\"1\",", "a=\"1\"b=\"2\"",
                                 "1a=\"1\"", "A=\"1\"",   "a=\"\\",   "a=\"1\n2\"",
                                 "a=\"1\" ", "{a=\"1\"}", endless};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        metric_id id;
        if (metrics_declare(metrics, METRIC_GAUGE, "shoal_x", texts[i], "Help.", &id) !=
            SHOAL_EINVAL) {
            fail_msg("{%s} was taken", texts[i]);
        }
    }
    declare(METRIC_GAUGE, "shoal_x", "a=\"\",b_2=\"\\\"quoted\\\" } , = \"");
}

static void the_number_of_metrics_is_bounded(void **state)
{
    (void)state;
    static char labels[METRICS_MAX + 1][20];
    metric_id id = 0;
    for (size_t i = 0; i < METRICS_MAX; i++) {
        snprintf(labels[i], sizeof(labels[i]), "n=\"%zu\"", i);
        assert_int_equal(declare(METRIC_GAUGE, "shoal_x", labels[i]), i);
    }
    assert_int_equal(metrics_declare(metrics, METRIC_GAUGE, "shoal_y", NULL, "Help.", &id),
                     SHOAL_ETOOBIG);
    metrics_set(metrics, 2, METRICS_MAX - 1, 9);
    assert_int_equal(metrics_value(metrics, METRICS_MAX - 1), 9);
}

static void values_stay_when_more_is_declared(void **state)
{
    (void)state;
    static char names[200][32];
    metric_id first = declare(METRIC_COUNTER, "shoal_first_total", NULL);
    metrics_add(metrics, 1, first, 42);
    for (size_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "shoal_h%zu_seconds", i);
        declare(METRIC_HISTOGRAM, names[i], NULL);
    }
    assert_int_equal(metrics_value(metrics, first), 42);
}

/* Declares and renders with the nth allocation failing: true when nothing failed. */
static bool survives_failure(uint64_t nth)
{
    static char labels[100][20];
    struct buffer out;
    metric_id id = 77;
    bool all = true;
    buffer_init(&out, 0);
    mem_fail_from(nth);
    struct metrics *registry = metrics_new(2);
    for (size_t i = 0; i < 100 && registry != NULL; i++) {
        snprintf(labels[i], sizeof(labels[i]), "n=\"%zu\"", i);
        int error =
            metrics_declare(registry, METRIC_HISTOGRAM, "shoal_x_seconds", labels[i], "H.", &id);
        assert_true(error == 0 || error == SHOAL_ENOMEM);
        if (error == 0) {
            assert_int_equal(id, i);
            metrics_observe_us(registry, 1, id, 5);
        } else {
            all = false;
            break;
        }
    }
    if (registry != NULL) {
        int error = metrics_render(registry, &out);
        assert_true(error == 0 || error == SHOAL_ENOMEM);
        assert_true(error == 0 || out.len == 0);
        all = all && error == 0;
        if (id != 77) {
            assert_int_equal(metrics_value(registry, id), 1);
        }
    }
    mem_fail_never();
    metrics_free(registry);
    buffer_deinit(&out);
    return registry != NULL && all;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    uint64_t nth = 1;
    while (!survives_failure(nth)) {
        nth++;
        assert_true(nth < 1000);
    }
    assert_true(nth > 10);
}

static void a_failed_rendering_appends_nothing(void **state)
{
    (void)state;
    struct buffer bounded;
    declare(METRIC_GAUGE, "shoal_x", NULL);
    buffer_init(&bounded, 40);
    assert_int_equal(buffer_append(&bounded, "kept", 4), 0);
    assert_int_equal(metrics_render(metrics, &bounded), SHOAL_ETOOBIG);
    assert_true(bytes_equal(buffer_bytes(&bounded), bytes_from_string("kept")));
    buffer_deinit(&bounded);
}

#define ROUNDS 50000u

struct counting {
    uint32_t shard;
    metric_id counter;
    metric_id histogram;
};

static void *count(void *argument)
{
    const struct counting *counting = argument;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        metrics_add(metrics, counting->shard, counting->counter, 1);
        metrics_observe_us(metrics, counting->shard, counting->histogram, i % 100);
    }
    return NULL;
}

static void threads_count_in_their_shards_while_another_reads(void **state)
{
    (void)state;
    pthread_t threads[3];
    struct counting counting[3];
    metric_id counter = declare(METRIC_COUNTER, "shoal_x_total", NULL);
    metric_id histogram = declare(METRIC_HISTOGRAM, "shoal_x_seconds", NULL);
    for (uint32_t i = 0; i < 3; i++) {
        counting[i] = (struct counting){i, counter, histogram};
        assert_int_equal(pthread_create(&threads[i], NULL, count, &counting[i]), 0);
    }
    uint64_t before = 0;
    for (size_t i = 0; i < 100; i++) {
        uint64_t now = metrics_value(metrics, counter);
        assert_true(now >= before);
        before = now;
        buffer_clear(&page);
        assert_int_equal(metrics_render(metrics, &page), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(metrics_value(metrics, counter), 3 * ROUNDS);
    assert_int_equal(metrics_value(metrics, histogram), 3 * ROUNDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_counter_is_the_sum_of_its_shards),
        TEST(a_gauge_is_set_and_moved_both_ways),
        TEST(a_family_stands_together_under_one_head),
        TEST(a_histogram_is_shown_in_seconds),
        TEST(a_histogram_can_be_read_whole),
        TEST(many_of_one_value_count_as_so_many),
        TEST(a_histogram_may_be_kept_elsewhere),
        TEST(labels_need_not_stay),
        TEST(times_are_shown_in_seconds_by_their_names),
        TEST(samples_share_a_head_with_those_of_their_name),
        TEST(any_text_can_be_a_labels_value),
        TEST(help_is_escaped),
        TEST(what_contradicts_the_family_is_refused),
        TEST(ill_formed_names_are_refused),
        TEST(ill_formed_labels_are_refused),
        TEST(the_number_of_metrics_is_bounded),
        TEST(values_stay_when_more_is_declared),
        TEST(any_allocation_may_fail),
        TEST(a_failed_rendering_appends_nothing),
        TEST(threads_count_in_their_shards_while_another_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
