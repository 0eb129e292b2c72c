/* The ring of spans, and who is traced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/seldom.h"
#include "base/spans.h"

#define SECOND_US UINT64_C(1000000)

static uint64_t clock_ns(void *self)
{
    return *(const uint64_t *)self;
}

static uint64_t now_ns = 1000;

static struct spans *make(uint32_t capacity, double sample, struct metrics *metrics, metric_id id)
{
    const struct spans_options options = {
        .capacity = capacity,
        .sample = sample,
        .seed = 11,
        .clock = clock_ns,
        .clock_self = &now_ns,
        .metrics = metrics,
        .dropped = id,
    };
    struct spans *spans;
    assert_int_equal(spans_new(&options, &spans), 0);
    return spans;
}

static void spans_come_out_in_order_and_new_ones_are_dropped_when_it_is_full(void **state)
{
    struct metrics *metrics = metrics_new(1);
    struct span out[8];
    metric_id id;
    (void)state;
    assert_int_equal(
        metrics_declare(metrics, METRIC_COUNTER, "shoal_dropped_total", NULL, "Dropped.", &id), 0);
    struct spans *spans = make(4, 1, metrics, id);
    for (uint64_t i = 1; i <= 6; i++) {
        spans_record(spans, &(struct span){.id = i, .begin_ns = i, .end_ns = i + 1});
    }
    assert_true(metrics_value(metrics, id) == 2);
    assert_int_equal(spans_take(spans, out, 3), 3);
    assert_true(out[0].id == 1 && out[2].id == 3);
    spans_record(spans, &(struct span){.id = 7});
    assert_int_equal(spans_take(spans, out, 8), 2);
    assert_true(out[0].id == 4 && out[1].id == 7);
    assert_int_equal(spans_take(spans, out, 8), 0);
    spans_free(spans);
    metrics_free(metrics);
}

static void a_clock_that_was_set_back_leaves_no_span_that_ends_before_it_begins(void **state)
{
    struct spans *spans = make(4, 1, NULL, 0);
    struct span out;
    (void)state;
    spans_record(spans, &(struct span){.id = 1, .begin_ns = 9, .end_ns = 5});
    assert_int_equal(spans_take(spans, &out, 1), 1);
    assert_true(out.end_ns == 9);
    spans_free(spans);
}

/* How many of a thousand, with this trace each. */
static uint32_t sampled(double sample, struct trace trace)
{
    struct spans *spans = make(4, sample, NULL, 0);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        struct trace one = trace;
        bool yes = spans_sample(spans, &one, 5 * SECOND_US);
        assert_true(yes == trace_sampled(&one));
        assert_true(!yes || trace_there(&one));
        count += yes ? 1 : 0;
    }
    spans_free(spans);
    return count;
}

static void who_has_no_parent_is_traced_by_chance(void **state)
{
    const struct trace none = {0};
    const struct trace ours = {.id_low = 5};
    (void)state;
    assert_int_equal(sampled(0, none), 0);
    assert_int_equal(sampled(1, none), 1000);
    assert_in_range(sampled(0.2, none), 120, 280);
    assert_in_range(sampled(0.2, ours), 120, 280);
}

static void a_parent_decides_but_only_so_many_may_ask_for_it_in_a_second(void **state)
{
    const struct trace no = {.id_low = 5, .span = 6};
    const struct trace yes = {.id_low = 5, .span = 6, .flags = TRACE_SAMPLED};
    struct trace again = yes;
    (void)state;
    assert_int_equal(sampled(1, no), 0);
    assert_int_equal(sampled(0, yes), SPANS_ASKED_MAX);
    struct spans *spans = make(4, 0, NULL, 0);
    for (uint32_t i = 0; i < SPANS_ASKED_MAX; i++) {
        assert_true(spans_sample(spans, &again, SECOND_US));
    }
    assert_false(spans_sample(spans, &again, SECOND_US + 1));
    again = yes;
    assert_true(spans_sample(spans, &again, 2 * SECOND_US));
    spans_free(spans);
}

#define CONCURRENT 200000u

static atomic_bool written;

static void *write_many(void *self)
{
    for (uint64_t i = 1; i <= CONCURRENT; i++) {
        spans_record(self, &(struct span){.id = i, .parent = i, .begin_ns = i, .end_ns = i});
    }
    atomic_store(&written, true);
    return NULL;
}

static void one_thread_writes_while_another_takes(void **state)
{
    struct spans *spans = make(64, 1, NULL, 0);
    struct span out[16];
    uint64_t last = 0;
    uint32_t count = 1;
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_many, spans), 0);
    while (count > 0 || !atomic_load(&written)) {
        count = spans_take(spans, out, 16);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(out[i].id > last && out[i].parent == out[i].id);
            last = out[i].id;
        }
    }
    pthread_join(thread, NULL);
    assert_true(last > 0);
    spans_free(spans);
}

static void lines_come_seldom_and_say_how_many_were_left_out(void **state)
{
    struct seldom seldom = {0};
    uint64_t left_out = 99;
    (void)state;
    for (uint32_t i = 0; i < SELDOM_LINES; i++) {
        assert_true(seldom_may(&seldom, SELDOM_WHILE_US, &left_out));
        assert_true(left_out == 0);
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_false(seldom_may(&seldom, 2 * SELDOM_WHILE_US - 1, &left_out));
    }
    assert_true(seldom_may(&seldom, 2 * SELDOM_WHILE_US, &left_out));
    assert_true(left_out == 5);
    assert_true(seldom_may(&seldom, 2 * SELDOM_WHILE_US, &left_out));
    assert_true(left_out == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_come_out_in_order_and_new_ones_are_dropped_when_it_is_full),
        cmocka_unit_test(a_clock_that_was_set_back_leaves_no_span_that_ends_before_it_begins),
        cmocka_unit_test(who_has_no_parent_is_traced_by_chance),
        cmocka_unit_test(a_parent_decides_but_only_so_many_may_ask_for_it_in_a_second),
        cmocka_unit_test(one_thread_writes_while_another_takes),
        cmocka_unit_test(lines_come_seldom_and_say_how_many_were_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
