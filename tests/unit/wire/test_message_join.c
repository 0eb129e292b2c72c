/* JOIN. */
#include "wire_test.h"

#include "wire/writer.h"

static void assert_same_join(const struct message_join *sent, const struct message_join *received)
{
    SAME(id);
    SAME(port);
    SAME(timeout_us);
    SAME(stage);
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

static void a_join_of_an_earlier_version_stages_nothing(void **state)
{
    struct wire_test *test = *state;
    struct writer writer = writer_make(&test->buffer);
    write_array(&writer, 5);
    write_u64(&writer, MESSAGE_JOIN);
    write_u64(&writer, 1);
    write_text(&writer, "localhost");
    write_u64(&writer, 4001);
    write_u64(&writer, 9);
    assert_int_equal(writer.error, 0);
    struct message_join join = {.stage = true};
    assert_int_equal(message_join_decode(buffer_bytes(&test->buffer), &test->arena, &join), 0);
    assert_int_equal(join.timeout_us, 9);
    assert_false(join.stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_join_arrives_as_it_was_sent),
        WIRE_TEST(a_port_over_16_bits_is_not_sent),
        WIRE_TEST(a_join_of_an_earlier_version_stages_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
