/* HELLO and its answer. */
#include "wire_test.h"

static void assert_same_hello(const struct message_hello *sent,
                              const struct message_hello *received)
{
    SAME(id);
    SAME(version_min);
    SAME(version_max);
    SAME(features);
    SAME(role);
    SAME(cluster);
    SAME(node);
    SAME(worker);
    SAME_OPTIONAL(credentials);
    assert_string_equal(sent->name, received->name);
}

static void assert_same_hello_reply(const struct message_hello_reply *sent,
                                    const struct message_hello_reply *received)
{
    SAME(id);
    SAME(version);
    SAME(features);
    SAME(cluster);
    SAME(node);
    SAME(frame_bytes_max);
    assert_string_equal(sent->name, received->name);
}

static void a_hello_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, hello, MESSAGE_HELLO, id);
}

static void a_hello_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, hello_reply, MESSAGE_HELLO_REPLY, id);
}

/* The worked example of docs/protocol.md. */
static void a_hello_has_the_bytes_that_the_documentation_shows(void **state)
{
    struct wire_test *test = *state;
    static const uint8_t expected[] = {
        0x00, 0x00, 0x00, 0x16,             /* 22 bytes follow */
        0x9c, 0x01, 0x01,                   /* array of 12, HELLO, id 1 */
        0xa5, 's',  'h',  'o',  'a',  'l',  /* magic */
        0x01, 0x01,                         /* versions */
        0x00, 0x00, 0x00, 0x00, 0x00,       /* features, role, cluster, node, worker */
        0xa4, 'd',  'e',  'm',  'o',  0xc0, /* name, no credentials */
    };
    struct message_hello hello = {.id = 1, .version_min = 1, .version_max = 1, .name = "demo"};
    assert_int_equal(message_hello_encode(&hello, &test->buffer), 0);
    assert_int_equal(test->buffer.len, sizeof(expected));
    assert_memory_equal(test->buffer.data, expected, sizeof(expected));
}

static void a_hello_of_another_protocol_is_refused(void **state)
{
    struct wire_test *test = *state;
    struct message_hello hello = {.id = 1};
    assert_int_equal(message_hello_encode(&hello, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_HELLO, 1);
    /* array of 12, kind, id, str of 5: the magic begins at the fifth byte */
    assert_memory_equal(payload.data + 4, PROTOCOL_MAGIC, 5);
    test->buffer.data[FRAME_PREFIX_BYTES + 4] = 'S';
    assert_int_equal(message_hello_decode(payload, &test->arena, &hello), SHOAL_EPROTO);
}

static void a_name_with_a_nul_in_it_is_refused(void **state)
{
    struct wire_test *test = *state;
    struct message_hello_reply reply = {.name = "abc"};
    assert_int_equal(message_hello_reply_encode(&reply, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_HELLO_REPLY, 0);
    uint8_t *b = memchr(test->buffer.data, 'b', test->buffer.len);
    *b = '\0';
    assert_int_equal(message_hello_reply_decode(payload, &test->arena, &reply), SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_hello_arrives_as_it_was_sent),
        WIRE_TEST(a_hello_reply_arrives_as_it_was_sent),
        WIRE_TEST(a_hello_has_the_bytes_that_the_documentation_shows),
        WIRE_TEST(a_hello_of_another_protocol_is_refused),
        WIRE_TEST(a_name_with_a_nul_in_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
