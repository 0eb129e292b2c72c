/* FEED and its answer. */
#include "wire_test.h"

static void assert_same_feed(const struct message_feed *sent, const struct message_feed *received)
{
    SAME(id);
    SAME(lane);
    SAME(tail);
    SAME(from);
    SAME(at);
    SAME(bytes_max);
    SAME(wait_us);
}

static void assert_same_fed(const struct message_fed *sent, const struct message_fed *received)
{
    SAME(id);
    SAME(code);
    SAME(lanes);
    SAME(tail);
    SAME(first);
    SAME(next);
    SAME(end);
    SAME_BYTES(events);
}

static void a_feed_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, feed, MESSAGE_FEED, id);
}

static void a_fed_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, fed, MESSAGE_FED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_feed_arrives_as_it_was_sent),
        WIRE_TEST(a_fed_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
