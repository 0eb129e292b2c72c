/* The comparing part of a sync: roots, clocks and sums. */
#include "wire_test.h"

static void assert_same_sync_root(const struct message_sync_root *sent,
                                  const struct message_sync_root *received)
{
    SAME(id);
    SAME(partition);
    SAME(view_digest);
    SAME_HASH(target);
    SAME(node);
    SAME(actor);
    SAME_BYTES(told);
    SAME(release);
}

static void assert_same_sync_rooted(const struct message_sync_rooted *sent,
                                    const struct message_sync_rooted *received)
{
    SAME(id);
    SAME(code);
    SAME(refilling);
    SAME(actor);
    SAME_BYTES(clock);
    SAME_OPTIONAL(told);
    SAME(root.low);
    SAME(root.high);
    SAME(bits);
    SAME(siblings);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void assert_same_sync_nodes(const struct message_sync_nodes *sent,
                                   const struct message_sync_nodes *received)
{
    SAME(id);
    SAME(partition);
    SAME(actor);
    SAME(view_digest);
    SAME(depth);
    SAME(fan);
    SAME(count);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(indexes[i]);
    }
}

static void assert_same_sync_sums(const struct message_sync_sums *sent,
                                  const struct message_sync_sums *received)
{
    SAME(id);
    SAME(code);
    SAME(count);
    SAME(view_digest);
    SAME_OPTIONAL(view);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(sums[i].low);
        SAME(sums[i].high);
    }
}

static void a_sync_root_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_root, MESSAGE_SYNC_ROOT, id);
}

static void a_sync_rooted_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_rooted, MESSAGE_SYNC_ROOTED, id);
}

static void a_sync_nodes_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_nodes, MESSAGE_SYNC_NODES, id);
}

static void a_sync_sums_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_sums, MESSAGE_SYNC_SUMS, id);
}

static void a_question_names_no_more_nodes_than_its_answer_may_hold(void **state)
{
    struct wire_test *test = *state;
    static uint64_t indexes[LIMIT_SYNC_NODES + 1];
    struct message_sync_nodes ask = {
        .id = 1, .fan = LIMIT_SYNC_FAN, .indexes = indexes, .count = LIMIT_SYNC_NODES};
    assert_int_equal(message_sync_nodes_encode(&ask, &test->buffer), 0);
    size_t len = test->buffer.len;
    ask.count++;
    assert_int_equal(message_sync_nodes_encode(&ask, &test->buffer), SHOAL_ETOOBIG);
    assert_int_equal(test->buffer.len, len);
    ask.count = 1;
    ask.fan = LIMIT_SYNC_FAN + 1;
    assert_int_equal(message_sync_nodes_encode(&ask, &test->buffer), SHOAL_EINVAL);
}

static void as_many_sums_as_can_be_asked_for_fit_an_answer(void **state)
{
    struct wire_test *test = *state;
    static struct wire_sum sums[LIMIT_SYNC_SUMS + 1];
    sums[LIMIT_SYNC_SUMS - 1].high = 77;
    struct message_sync_sums answer = {.id = 1, .sums = sums, .count = LIMIT_SYNC_SUMS};
    struct message_sync_sums received;
    assert_int_equal(message_sync_sums_encode(&answer, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_SYNC_SUMS, 1);
    assert_int_equal(message_sync_sums_decode(payload, &test->arena, &received), 0);
    assert_int_equal(received.count, LIMIT_SYNC_SUMS);
    assert_int_equal(received.sums[LIMIT_SYNC_SUMS - 1].high, 77);
    answer.count++;
    assert_int_equal(message_sync_sums_encode(&answer, &test->buffer), SHOAL_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_sync_root_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_rooted_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_nodes_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_sums_arrives_as_it_was_sent),
        WIRE_TEST(a_question_names_no_more_nodes_than_its_answer_may_hold),
        WIRE_TEST(as_many_sums_as_can_be_asked_for_fit_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
