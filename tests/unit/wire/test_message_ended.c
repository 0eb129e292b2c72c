/* ENDED and its answer. */
#include "wire_test.h"

static void assert_same_ended(const struct message_ended *sent,
                              const struct message_ended *received)
{
    SAME(id);
    SAME(partition);
    SAME(view_digest);
    SAME(count);
    SAME(certain);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(actors[i]);
    }
}

static void assert_same_ended_reply(const struct message_ended_reply *sent,
                                    const struct message_ended_reply *received)
{
    SAME(id);
    SAME(code);
    SAME(confirmed);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void an_ended_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, ended, MESSAGE_ENDED, id);
}

static void an_ended_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, ended_reply, MESSAGE_ENDED_REPLY, id);
}

static void one_question_names_no_more_actors_than_an_answer_has_bits(void **state)
{
    struct wire_test *test = *state;
    uint64_t actors[LIMIT_ENDED_ACTORS + 1] = {0};
    struct message_ended received;
    struct message_ended sent = {.id = 1, .actors = actors, .count = LIMIT_ENDED_ACTORS};
    assert_true(LIMIT_ENDED_ACTORS <= 64);
    assert_int_equal(message_ended_encode(&sent, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_ENDED, 1);
    assert_int_equal(message_ended_decode(payload, &test->arena, &received), 0);
    assert_int_equal(received.count, LIMIT_ENDED_ACTORS);
    size_t len = test->buffer.len;
    sent.count++;
    assert_int_equal(message_ended_encode(&sent, &test->buffer), SHOAL_ETOOBIG);
    assert_int_equal(test->buffer.len, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(an_ended_arrives_as_it_was_sent),
        WIRE_TEST(an_ended_reply_arrives_as_it_was_sent),
        WIRE_TEST(one_question_names_no_more_actors_than_an_answer_has_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
