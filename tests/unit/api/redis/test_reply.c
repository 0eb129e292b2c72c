#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "api/redis/reply.h"
#include "base/memory.h"

struct both {
    struct buffer out2;
    struct buffer out3;
    struct reply resp2;
    struct reply resp3;
};

static int set_up(void **state)
{
    static struct both both;
    buffer_init(&both.out2, 0);
    buffer_init(&both.out3, 0);
    both.resp2 = (struct reply){.out = &both.out2};
    both.resp3 = (struct reply){.out = &both.out3, .resp3 = true};
    *state = &both;
    return 0;
}

static int tear_down(void **state)
{
    struct both *both = *state;
    buffer_deinit(&both->out2);
    buffer_deinit(&both->out3);
    return 0;
}

static void expect_bytes(struct buffer *out, const char *text)
{
    if (!bytes_equal(buffer_bytes(out), bytes_from_string(text))) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)out->len, (const char *)out->data, text);
    }
    buffer_clear(out);
}

static void expect(struct both *both, const char *resp2, const char *resp3)
{
    expect_bytes(&both->out2, resp2);
    expect_bytes(&both->out3, resp3);
}

#define WRITE(both, call, ...)                                                                     \
    do {                                                                                           \
        call(&(both)->resp2, __VA_ARGS__);                                                         \
        call(&(both)->resp3, __VA_ARGS__);                                                         \
    } while (0)

static void lines_are_the_same_in_both(void **state)
{
    struct both *both = *state;
    WRITE(both, reply_simple, "OK");
    expect(both, "+OK\r\n", "+OK\r\n");
    WRITE(both, reply_error, "ERR bad\r\nthing");
    expect(both, "-ERR bad  thing\r\n", "-ERR bad  thing\r\n");
    WRITE(both, reply_error_format, "ERR %d of %s", 3, "x");
    expect(both, "-ERR 3 of x\r\n", "-ERR 3 of x\r\n");
}

static void integers_are_exact_at_their_ends(void **state)
{
    struct both *both = *state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, ":0\r\n"},
                 {-1, ":-1\r\n"},
                 {10, ":10\r\n"},
                 {INT64_MAX, ":9223372036854775807\r\n"},
                 {INT64_MIN, ":-9223372036854775808\r\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        WRITE(both, reply_integer, cases[i].value);
        expect(both, cases[i].text, cases[i].text);
    }
    WRITE(both, reply_bulk_integer, INT64_MIN);
    expect(both, "$20\r\n-9223372036854775808\r\n", "$20\r\n-9223372036854775808\r\n");
}

static void bulks_carry_any_bytes(void **state)
{
    struct both *both = *state;
    WRITE(both, reply_bulk, bytes_from_string("a\r\nb"));
    expect(both, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n");
    WRITE(both, reply_bulk, bytes_make(NULL, 0));
    expect(both, "$0\r\n\r\n", "$0\r\n\r\n");
    WRITE(both, reply_verbatim, "txt", bytes_from_string("hello"));
    expect(both, "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n");
}

static void what_resp2_lacks_is_written_as_redis_does(void **state)
{
    struct both *both = *state;
    reply_null(&both->resp2);
    reply_null(&both->resp3);
    expect(both, "$-1\r\n", "_\r\n");
    reply_null_array(&both->resp2);
    reply_null_array(&both->resp3);
    expect(both, "*-1\r\n", "_\r\n");
    WRITE(both, reply_map, 3);
    expect(both, "*6\r\n", "%3\r\n");
    WRITE(both, reply_set, 12);
    expect(both, "*12\r\n", "~12\r\n");
    WRITE(both, reply_array, 0);
    expect(both, "*0\r\n", "*0\r\n");
    WRITE(both, reply_bool, true);
    expect(both, ":1\r\n", "#t\r\n");
    WRITE(both, reply_double, 0.5);
    expect(both, "$3\r\n0.5\r\n", ",0.5\r\n");
    WRITE(both, reply_double, -INFINITY);
    expect(both, "$4\r\n-inf\r\n", ",-inf\r\n");
}

static void without_memory_it_says_so_and_writes_nothing_more(void **state)
{
    struct both *both = *state;
    mem_fail_from(1);
    reply_simple(&both->resp2, "OK");
    mem_fail_never();
    assert_true(both->resp2.failed);
    reply_simple(&both->resp2, "OK");
    assert_int_equal(both->out2.len, 0);
}

static void beyond_its_bound_it_says_so_and_writes_nothing_more(void **state)
{
    struct both *both = *state;
    both->resp2.len_max = 100;
    for (int i = 0; i < 100; i++) {
        reply_simple(&both->resp2, "OK");
    }
    assert_true(both->resp2.failed);
    assert_true(both->resp2.too_long);
    assert_in_range(both->out2.len, 50, 200); /* memory comes by doubling */
    both->resp3.len_max = 100;
    reply_bulk(&both->resp3, bytes_make(both->out2.data, 10));
    assert_false(both->resp3.failed);
    uint8_t large[101] = {0};
    reply_bulk(&both->resp3, bytes_make(large, sizeof(large)));
    assert_true(both->resp3.too_long);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(lines_are_the_same_in_both),
        CASE(integers_are_exact_at_their_ends),
        CASE(bulks_carry_any_bytes),
        CASE(what_resp2_lacks_is_written_as_redis_does),
        CASE(without_memory_it_says_so_and_writes_nothing_more),
        CASE(beyond_its_bound_it_says_so_and_writes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
