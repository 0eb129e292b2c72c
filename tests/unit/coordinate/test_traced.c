/* What a traced operation sends along, and the spans that it leaves; what goes along untraced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/spans.h"
#include "shoal/error.h"
#include "support/fake_courier.h"

#define ROOT 77u /* the request's own span */

struct fixture {
    struct fake_courier *fake;
    struct spans *spans;
    struct span out[64];
    uint32_t count;
};

static uint64_t clock_ns(void *self)
{
    return ((const struct fake_courier *)self)->now.mono_us * 1000;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.fake = fake_courier_new(5, 3, 2, 2)};
    const struct spans_options options = {
        .capacity = 64, .seed = 3, .clock = clock_ns, .clock_self = fixture.fake};
    *state = &fixture;
    return spans_new(&options, &fixture.spans);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    fake_courier_free(fixture->fake);
    spans_free(fixture->spans);
    return 0;
}

static const struct trace trace = {.id_high = 1, .id_low = 2, .span = ROOT, .flags = TRACE_SAMPLED};

static struct fake_answer *begin(struct fixture *fixture, uint32_t op, const char *key)
{
    struct request request = {
        .op = op,
        .key = bytes_from_string(key),
        .value = op == REQUEST_PUT ? bytes_from_string("v") : (struct bytes){0},
        .trace = trace,
        .span = fixture->fake->coordinator.spans == NULL ? 0 : ROOT,
    };
    return fake_begin(fixture->fake, &request);
}

static void traced(struct fixture *fixture)
{
    fixture->fake->coordinator.spans = fixture->spans;
}

static void take(struct fixture *fixture)
{
    fixture->count = spans_take(fixture->spans, fixture->out, 64);
}

static const struct span *span_to(const struct fixture *fixture, uint64_t node, const char *name)
{
    const char *wanted = fixture->fake->coordinator.courier.name(fixture->fake, node);
    for (uint32_t i = 0; i < fixture->count; i++) {
        if (strcmp(fixture->out[i].node, wanted) == 0 && strcmp(fixture->out[i].name, name) == 0) {
            return &fixture->out[i];
        }
    }
    return NULL;
}

/* The call's span is the parent that the node was told. */
static void assert_call(const struct fixture *fixture, uint64_t node, const char *name, bool open)
{
    const struct span *span = span_to(fixture, node, name);
    const struct trace *told = &fixture->fake->owners[node].trace;
    assert_non_null(span);
    assert_true(span->id != 0 && span->parent == ROOT);
    assert_true(span->id_high == 1 && span->id_low == 2);
    assert_int_equal(span->kind, SPAN_CLIENT);
    assert_true(span->open == open);
    assert_true(told->id_high == 1 && told->id_low == 2 && told->span == span->id);
    assert_int_equal(told->flags, TRACE_SAMPLED);
    assert_true(span->end_ns - span->begin_ns >= (open ? 0 : 2 * FAKE_LATENCY_US * 1000));
}

static void a_write_has_a_span_for_each_owner_it_was_sent_to(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, 0);
    uint64_t second = fake_owner_of(fixture->fake, key, 1);
    uint64_t third = fake_owner_of(fixture->fake, key, 2);
    traced(fixture);
    fixture->fake->owners[third].lose_requests = FAKE_ALWAYS;
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(put->code, 0);
    take(fixture);
    assert_call(fixture, second, "STORE", false);
    const struct span *lost = span_to(fixture, third, "STORE");
    assert_non_null(lost);
    assert_true(lost->open); /* the write was done without it */
    assert_true(lost->id != span_to(fixture, second, "STORE")->id);
}

static void a_read_has_a_span_for_each_owner_that_it_asked(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, 0);
    traced(fixture);
    (void)begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    take(fixture);
    struct fake_answer *get = begin(fixture, REQUEST_GET, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(get->code, 0);
    take(fixture);
    uint64_t second = fake_owner_of(fixture->fake, key, 1);
    uint64_t third = fake_owner_of(fixture->fake, key, 2);
    bool asked_second = fixture->fake->owners[second].fetches > 0;
    assert_call(fixture, asked_second ? second : third, "FETCH", false);
}

static void what_is_passed_on_has_one_for_that(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, FAKE_ALWAYS);
    uint64_t first = fake_owner_of(fixture->fake, key, 0);
    traced(fixture);
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(put->code, 0);
    take(fixture);
    assert_int_equal(fixture->count, 1);
    assert_call(fixture, first, "FORWARD", false);
}

static void a_refusal_is_the_call_s_result(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, 0);
    uint64_t second = fake_owner_of(fixture->fake, key, 1);
    traced(fixture);
    fixture->fake->owners[second].refusal = SHOAL_ENOSPC;
    fixture->fake->owners[second].refusals = FAKE_ALWAYS;
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(put->code, 0);
    take(fixture);
    assert_int_equal(span_to(fixture, second, "STORE")->code, SHOAL_ENOSPC);
}

static void what_is_not_traced_here_goes_along_as_it_came_and_leaves_no_span(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, 0);
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(put->code, 0);
    take(fixture);
    assert_int_equal(fixture->count, 0);
    for (uint32_t place = 1; place <= 2; place++) {
        const struct trace *told =
            &fixture->fake->owners[fake_owner_of(fixture->fake, key, place)].trace;
        assert_memory_equal(told, &trace, sizeof(trace));
    }
}

static void it_is_known_what_a_request_waited_for(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, 0);
    uint64_t second = fake_owner_of(fixture->fake, key, 1);
    uint64_t third = fake_owner_of(fixture->fake, key, 2);
    fixture->fake->owners[third].lose_requests = FAKE_ALWAYS;
    fixture->fake->owners[second].delay_us = 20 * MS;
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    assert_int_equal(put->code, 0);
    assert_int_equal(put->request.waited, WAIT_PEER);
    assert_true(put->request.waited_node == second);
    fixture->fake->owners[second].lose_requests = FAKE_ALWAYS;
    fixture->fake->coordinator.sloppy = false;
    put = begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 5000 * MS);
    assert_int_equal(put->code, SHOAL_EUNKNOWN);
    assert_int_equal(put->request.waited, WAIT_SILENCE);
}

static void without_memory_it_goes_on_untraced(void **state)
{
    struct fixture *fixture = *state;
    const char *key = fake_key(fixture->fake, FAKE_ALWAYS);
    traced(fixture);
    /* Operations come from a pool by now, so that the first allocation is of what is traced. */
    (void)begin(fixture, REQUEST_PUT, key);
    fake_run(fixture->fake, 100 * MS);
    take(fixture);
    mem_fail_from(1);
    struct fake_answer *put = begin(fixture, REQUEST_PUT, key);
    mem_fail_never();
    fake_run(fixture->fake, 100 * MS);
    take(fixture);
    assert_true(put->done);
    assert_int_equal(fixture->count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_has_a_span_for_each_owner_it_was_sent_to),
        TEST(a_read_has_a_span_for_each_owner_that_it_asked),
        TEST(what_is_passed_on_has_one_for_that),
        TEST(a_refusal_is_the_call_s_result),
        TEST(what_is_not_traced_here_goes_along_as_it_came_and_leaves_no_span),
        TEST(it_is_known_what_a_request_waited_for),
        TEST(without_memory_it_goes_on_untraced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
