/* api/redis/spread: commands on keys where there is more than one owner, in front of workers that
 * decide nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fake_node.h"
#include "support/fake_unit.h"
#include "support/redis_client.h"

struct fixture {
    struct fake_node node;
    struct redis_client client;
};

static struct fixture fixture;
static struct redis_client *const client = &fixture.client;

static int set_up(void **state)
{
    (void)state;
    fake_units_set_alone(false);
    fake_node_start(&fixture.node, 1, 2, "c");
    redis_client_open(&fixture.client, fixture.node.redis_port);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_close(&fixture.client);
    fake_node_stop_now(&fixture.node);
    fake_units_set_alone(true);
    return 0;
}

static void expect_part(const char *line, const char *part)
{
    const char *reply = redis_client_ask(client, line);
    if (strstr(reply, part) == NULL) {
        fail_msg("%s: %s", line, reply);
    }
}

static void values_are_read_and_written(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "SET a 1", "+OK");
    REDIS_ANSWERS(client, "GET a", "$1 1");
    REDIS_ANSWERS(client, "GET b", "$-1");
    REDIS_ANSWERS(client, "MSET b 2 c 3", "+OK");
    REDIS_ANSWERS(client, "MGET a b c d a", "*5 $1 1 $1 2 $1 3 $-1 $1 1");
    REDIS_ANSWERS(client, "STRLEN a", ":1");
    REDIS_ANSWERS(client, "SET e \"\"", "+OK");
    REDIS_ANSWERS(client, "GET e", "$0 ");
}

static void more_keys_than_lanes_are_read_in_order(void **state)
{
    (void)state;
    enum { KEYS = 300 };
    char set[16384] = "MSET";
    char get[16384] = "MGET";
    char expected[32768] = "";
    (void)snprintf(expected, sizeof(expected), "*%d", KEYS);
    for (int i = 0; i < KEYS; i++) {
        const char *way = i % 3 == 0 ? "later:" : i % 3 == 1 ? "cross:" : "";
        char value[16];
        (void)snprintf(value, sizeof(value), "%d", i);
        (void)snprintf(set + strlen(set), sizeof(set) - strlen(set), " %s%d %s", way, i, value);
        (void)snprintf(get + strlen(get), sizeof(get) - strlen(get), " %s%d", way, i);
        (void)snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), " $%zu %s",
                       strlen(value), value);
    }
    REDIS_ANSWERS(client, set, "+OK");
    const char *reply = redis_client_ask(client, get);
    /* what crosses over is kept by the other worker */
    assert_string_equal(reply, expected);
}

static void deleting_counts_what_was_there(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "MSET a 1 later:b 2", "+OK");
    REDIS_ANSWERS(client, "DEL a later:b c a", ":2");
    REDIS_ANSWERS(client, "EXISTS a later:b", ":0");
    REDIS_ANSWERS(client, "DEL a", ":0");
}

static void counters_are_added_to(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "INCR n", ":1");
    REDIS_ANSWERS(client, "INCRBY n 41", ":42");
    REDIS_ANSWERS(client, "DECR n", ":41");
    REDIS_ANSWERS(client, "DECRBY n 1", ":40");
    REDIS_ANSWERS(client, "INCRBY n x", "-ERR value is not an integer or out of range");
    REDIS_ANSWERS(client, "DECRBY n -9223372036854775808", "-ERR decrement would overflow");
    REDIS_ANSWERS(client, "GET n", "$2 40");
}

static void expiry_amends_what_is_there(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "EXPIRE a 100", ":0");
    REDIS_ANSWERS(client, "SET a 1", "+OK");
    REDIS_ANSWERS(client, "PERSIST a", ":0");
    REDIS_ANSWERS(client, "EXPIRE a 100", ":1");
    REDIS_ANSWERS(client, "TTL a", ":100");
    REDIS_ANSWERS(client, "PERSIST a", ":1");
    REDIS_ANSWERS(client, "TTL a", ":-1");
    REDIS_ANSWERS(client, "PEXPIREAT a 99999999999999", ":1");
    REDIS_ANSWERS(client, "PEXPIRETIME a", ":99999999999999");
    REDIS_ANSWERS(client, "GET a", "$1 1");
    REDIS_ANSWERS(client, "EXPIRE a soon", "-ERR value is not an integer or out of range");
    REDIS_ANSWERS(client, "EXPIRE a 1 SOON", "-ERR Unsupported option SOON");
    REDIS_ANSWERS(client, "EXPIRE a -1", ":1");
    REDIS_ANSWERS(client, "EXISTS a", ":0");
    REDIS_ANSWERS(client, "EXPIRE a -1", ":0");
}

static void what_needs_one_step_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "APPEND a x",    "SETNX a x",      "SET a x NX",        "SET a x KEEPTTL", "SET a x GET",
        "GETSET a x",    "GETDEL a",       "GETEX a EX 10",     "INCRBYFLOAT a 1", "SETRANGE a 0 x",
        "RENAME a b",    "RENAMENX a b",   "COPY a b",          "MSETNX a 1",      "SETBIT a 0 1",
        "BITOP NOT a b", "EXPIRE a 10 NX", "PEXPIREAT a 10 gt", "MULTI",           "WATCH a",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *reply = redis_client_ask(client, lines[i]);
        assert_memory_equal(reply, "-ERR ", 5);
        expect_part(lines[i], "needs a linearizable key");
    }
    REDIS_ANSWERS(client, "KEYS *", "*0");
}

static void a_failure_is_the_reply(void **state)
{
    (void)state;
    expect_part("SET weak:a 1", "1 of 2 owners answered");
    expect_part("GET weak:a", "1 of 2 owners answered");
    expect_part("INCR weak:a", "1 of 2 owners answered");
    expect_part("EXPIRE weak:a 10", "1 of 2 owners answered");
    expect_part("DEL weak:a", "1 of 2 owners answered");
    expect_part("MGET a weak:a weak:b", "2 of 3 keys were not read");
    expect_part("SET unknown:a 1", "unknown");
    expect_part("MSET a 1 weak:a 1 unknown:a 1 later:b 1", "2 of 4 keys were not written");
    expect_part("MSET a 1 weak:a 1 unknown:a 1", "unknown");
    REDIS_ANSWERS(client, "MGET a later:b", "*2 $1 1 $1 1");
}

static uint64_t hidden(void)
{
    struct buffer text;
    uint64_t count = 0;
    buffer_init(&text, 0);
    assert_int_equal(metrics_render(fixture.node.metrics, &text), 0);
    assert_int_equal(buffer_append_u8(&text, 0), 0);
    const char *line = strstr((const char *)text.data, "\nshoal_redis_hidden_siblings_total ");
    assert_non_null(line);
    count = strtoull(strchr(line + 1, ' '), NULL, 10);
    buffer_deinit(&text);
    return count;
}

static void hidden_siblings_are_counted(void **state)
{
    (void)state;
    REDIS_ANSWERS(client, "MSET many:a 1 many:b 2 c 3", "+OK");
    assert_int_equal(hidden(), 0);
    REDIS_ANSWERS(client, "GET many:a", "$1 1");
    assert_int_equal(hidden(), 1);
    REDIS_ANSWERS(client, "MGET many:a many:b c", "*3 $1 1 $1 2 $1 3");
    assert_int_equal(hidden(), 3);
}

#define SPREAD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPREAD_TEST(values_are_read_and_written),
        SPREAD_TEST(more_keys_than_lanes_are_read_in_order),
        SPREAD_TEST(deleting_counts_what_was_there),
        SPREAD_TEST(counters_are_added_to),
        SPREAD_TEST(expiry_amends_what_is_there),
        SPREAD_TEST(what_needs_one_step_is_refused),
        SPREAD_TEST(a_failure_is_the_reply),
        SPREAD_TEST(hidden_siblings_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
