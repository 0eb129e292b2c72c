/* STORE and its answer. */
#include "wire_test.h"

static void assert_same_store(const struct message_store *sent,
                              const struct message_store *received)
{
    SAME(id);
    SAME(partition);
    SAME_BYTES(key);
    SAME_BYTES(object);
    SAME(view_digest);
    SAME(actor);
    SAME(durable);
    SAME(hint);
    SAME_TRACE(trace);
}

static void assert_same_stored(const struct message_stored *sent,
                               const struct message_stored *received)
{
    SAME(id);
    SAME(code);
    SAME(durable);
    SAME(concurrent);
    SAME(refilling);
    SAME(actor);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void a_store_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, store, MESSAGE_STORE, id);
}

static void a_stored_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, stored, MESSAGE_STORED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_store_arrives_as_it_was_sent),
        WIRE_TEST(a_stored_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
