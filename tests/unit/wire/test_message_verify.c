/* VERIFY and its answer. */
#include "wire_test.h"

static void assert_same_verify(const struct message_verify *sent,
                               const struct message_verify *received)
{
    SAME(id);
    SAME(with_values);
    SAME(timeout_us);
}

static void assert_same_partitions(const uint32_t *sent, uint32_t sent_count,
                                   const uint32_t *received, uint32_t received_count)
{
    assert_int_equal(sent_count, received_count);
    for (uint32_t i = 0; i < sent_count; i++) {
        assert_int_equal(sent[i], received[i]);
    }
}

static void assert_same_verify_reply(const struct message_verify_reply *sent,
                                     const struct message_verify_reply *received)
{
    SAME(id);
    SAME(digest.low);
    SAME(digest.high);
    SAME(partitions);
    SAME(with_values);
    SAME(siblings);
    SAME(bytes);
    assert_same_partitions(sent->differing, sent->differing_count, received->differing,
                           received->differing_count);
    assert_same_partitions(sent->unverified, sent->unverified_count, received->unverified,
                           received->unverified_count);
    SAME_OPTIONAL(text);
}

static void a_verify_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, verify, MESSAGE_VERIFY, id);
}

static void a_verify_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, verify_reply, MESSAGE_VERIFY_REPLY, id);
}

static void all_partitions_fit_and_not_more(void **state)
{
    struct wire_test *test = *state;
    static uint32_t partitions[LIMIT_PARTITIONS_MAX + 1];
    struct message_verify_reply reply = {.differing = partitions,
                                         .differing_count = LIMIT_PARTITIONS_MAX};
    assert_int_equal(message_verify_reply_encode(&reply, &test->buffer), 0);
    reply.differing_count++;
    assert_int_equal(message_verify_reply_encode(&reply, &test->buffer), SHOAL_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_verify_arrives_as_it_was_sent),
        WIRE_TEST(a_verify_reply_arrives_as_it_was_sent),
        WIRE_TEST(all_partitions_fit_and_not_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
