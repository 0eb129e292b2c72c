/* WATCH, what it brings, and its end. */
#include "wire_test.h"

static void assert_same_watch(const struct message_watch *sent,
                              const struct message_watch *received)
{
    SAME(id);
    SAME_BYTES(prefix);
    SAME(ops);
    SAME_OPTIONAL(cursor);
    SAME(heartbeat_us);
}

static void assert_same_watched(const struct message_watched *sent,
                                const struct message_watched *received)
{
    SAME(id);
    SAME(count);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(events[i].op);
        SAME(events[i].time_ms);
        SAME_BYTES(events[i].cursor);
        SAME_BYTES(events[i].key);
        SAME_OPTIONAL(events[i].value);
        SAME(events[i].value_bytes);
        SAME(events[i].expiry_ms);
        SAME(events[i].reason);
        SAME(events[i].missed);
        SAME_BYTES(events[i].node);
    }
}

static void assert_same_unwatch(const struct message_unwatch *sent,
                                const struct message_unwatch *received)
{
    SAME(id);
}

static void a_watch_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, watch, MESSAGE_WATCH, id);
}

static void a_watched_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, watched, MESSAGE_WATCHED, id);
}

static void an_unwatch_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, unwatch, MESSAGE_UNWATCH, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_watch_arrives_as_it_was_sent),
        WIRE_TEST(a_watched_arrives_as_it_was_sent),
        WIRE_TEST(an_unwatch_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
