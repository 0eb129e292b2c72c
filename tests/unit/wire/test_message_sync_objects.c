/* The moving part of a sync: listings and objects. */
#include "wire_test.h"

static void assert_same_sync_leaves(const struct message_sync_leaves *sent,
                                    const struct message_sync_leaves *received)
{
    SAME(id);
    SAME(partition);
    SAME(actor);
    SAME(view_digest);
    SAME(depth);
    SAME(position);
    SAME(count);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(indexes[i]);
    }
}

static void assert_same_sync_listed(const struct message_sync_listed *sent,
                                    const struct message_sync_listed *received)
{
    SAME(id);
    SAME(code);
    SAME(count);
    SAME(end);
    SAME(next);
    SAME(view_digest);
    SAME_OPTIONAL(view);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(entries[i].position);
        SAME(entries[i].tag);
        SAME(entries[i].actor);
        SAME(entries[i].counter);
    }
}

static void assert_same_sync_fetch(const struct message_sync_fetch *sent,
                                   const struct message_sync_fetch *received)
{
    SAME(id);
    SAME(partition);
    SAME(actor);
    SAME(view_digest);
    SAME(count);
    SAME(position);
    SAME(until);
    SAME(bytes_max);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(names[i].position);
        SAME(names[i].tag);
    }
}

static void assert_same_sync_fetched(const struct message_sync_fetched *sent,
                                     const struct message_sync_fetched *received)
{
    SAME(id);
    SAME(code);
    SAME(count);
    SAME(end);
    SAME(next);
    SAME(view_digest);
    SAME_OPTIONAL(view);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(entries[i].position);
        SAME_BYTES(entries[i].key);
        SAME_BYTES(entries[i].object);
    }
}

static void a_sync_leaves_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_leaves, MESSAGE_SYNC_LEAVES, id);
}

static void a_sync_listed_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_listed, MESSAGE_SYNC_LISTED, id);
}

static void a_sync_fetch_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_fetch, MESSAGE_SYNC_FETCH, id);
}

static void a_sync_fetched_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, sync_fetched, MESSAGE_SYNC_FETCHED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_sync_leaves_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_listed_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_fetch_arrives_as_it_was_sent),
        WIRE_TEST(a_sync_fetched_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
