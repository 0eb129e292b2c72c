/* FETCH and its answer. */
#include "wire_test.h"

static void assert_same_fetch(const struct message_fetch *sent,
                              const struct message_fetch *received)
{
    SAME(id);
    SAME(partition);
    SAME_BYTES(key);
    SAME(mode);
    SAME(has_known);
    SAME(known);
    SAME(view_digest);
    SAME_TRACE(trace);
}

static void assert_same_fetched(const struct message_fetched *sent,
                                const struct message_fetched *received)
{
    SAME(id);
    SAME(code);
    SAME_OPTIONAL(object);
    SAME(digest);
    SAME_OPTIONAL(clock);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void a_fetch_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, fetch, MESSAGE_FETCH, id);
}

static void a_fetched_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, fetched, MESSAGE_FETCHED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_fetch_arrives_as_it_was_sent),
        WIRE_TEST(a_fetched_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
