/* Trace ids as W3C Trace Context writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/trace.h"
#include "shoal/error.h"

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static int parse(const char *text, struct trace *out)
{
    return trace_parse(bytes_from_string(text), out);
}

static void a_traceparent_is_read_and_written(void **state)
{
    struct trace trace;
    char text[TRACE_PARENT_BYTES];
    char id[33];
    (void)state;
    assert_int_equal(parse(PARENT, &trace), 0);
    assert_true(trace.id_high == UINT64_C(0x0af7651916cd43dd));
    assert_true(trace.id_low == UINT64_C(0x8448eb211c80319c));
    assert_true(trace.span == UINT64_C(0xb7ad6b7169203331));
    assert_true(trace_there(&trace) && trace_sampled(&trace));
    trace_format(&trace, text);
    assert_string_equal(text, PARENT);
    trace_text(&trace, id);
    assert_string_equal(id, "0af7651916cd43dd8448eb211c80319c");
}

static void flags_but_the_first_are_passed_over(void **state)
{
    struct trace trace;
    (void)state;
    assert_int_equal(parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe", &trace), 0);
    assert_int_equal(trace.flags, 0);
    assert_int_equal(parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", &trace), 0);
    assert_int_equal(trace.flags, TRACE_SAMPLED);
}

static void later_versions_may_be_longer(void **state)
{
    struct trace trace;
    (void)state;
    assert_int_equal(parse("cc" PARENT, &trace), SHOAL_EINVAL);
    assert_int_equal(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &trace), 0);
    assert_int_equal(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", &trace), 0);
    assert_int_equal(parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", &trace),
                     SHOAL_EINVAL);
    assert_int_equal(parse(PARENT "-x", &trace), SHOAL_EINVAL);
}

static void what_is_no_traceparent_is_refused_and_writes_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        " " PARENT,
    };
    const struct trace before = {.id_high = 1, .id_low = 2, .span = 3, .flags = 1};
    struct trace trace = before;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(parse(wrong[i], &trace), SHOAL_EINVAL);
        assert_memory_equal(&trace, &before, sizeof(before));
    }
}

static void a_new_trace_is_there_has_no_parent_and_is_not_sampled(void **state)
{
    struct random random;
    struct trace trace;
    struct trace other;
    (void)state;
    random_init(&random, 7);
    trace_begin(&trace, &random);
    trace_begin(&other, &random);
    assert_true(trace_there(&trace));
    assert_false(trace_sampled(&trace));
    assert_true(trace.span == 0);
    assert_true(trace.id_high != other.id_high && trace.id_low != other.id_low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_traceparent_is_read_and_written),
        cmocka_unit_test(flags_but_the_first_are_passed_over),
        cmocka_unit_test(later_versions_may_be_longer),
        cmocka_unit_test(what_is_no_traceparent_is_refused_and_writes_nothing),
        cmocka_unit_test(a_new_trace_is_there_has_no_parent_and_is_not_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
