/* JOIN. */
#include "wire_test.h"

static void assert_same_join(const struct message_join *sent, const struct message_join *received)
{
    SAME(id);
    SAME(port);
    SAME(timeout_us);
    assert_string_equal(sent->host, received->host);
}

static void a_join_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, join, MESSAGE_JOIN, id);
}

static void a_port_over_16_bits_is_not_sent(void **state)
{
    struct wire_test *test = *state;
    struct message_join join = {.host = "localhost", .port = 65536};
    assert_int_equal(message_join_encode(&join, &test->buffer), SHOAL_EINVAL);
    join.port = 65535;
    assert_int_equal(message_join_encode(&join, &test->buffer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_join_arrives_as_it_was_sent),
        WIRE_TEST(a_port_over_16_bits_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
