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
}

static void assert_same_stored(const struct message_stored *sent,
                               const struct message_stored *received)
{
    SAME(id);
    SAME(code);
    SAME(durable);
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

/* A node of an earlier version leaves the last field out. */
static void a_store_that_says_nothing_of_durability_asks_for_none(void **state)
{
    struct wire_test *test = *state;
    struct message_store store;
    struct message_store received;
    random_store(&test->random, &test->arena, &store);
    store.durable = true;
    assert_int_equal(message_store_encode(&store, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_STORE, store.id);
    uint8_t *whole = (uint8_t *)(uintptr_t)payload.data;
    assert_int_equal(whole[0], 0x90 | 8); /* an array of so many fields */
    whole[0] = 0x90 | 7;
    payload.len--; /* the bool */
    assert_int_equal(message_store_decode(payload, &test->arena, &received), 0);
    assert_false(received.durable);
    assert_true(received.actor == store.actor);
    whole[0] = 0x90 | 6;
    assert_int_equal(message_store_decode(payload, &test->arena, &received), SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_store_arrives_as_it_was_sent),
        WIRE_TEST(a_stored_arrives_as_it_was_sent),
        WIRE_TEST(a_store_that_says_nothing_of_durability_asks_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
