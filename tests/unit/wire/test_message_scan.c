/* SCAN and its answer. */
#include "wire_test.h"

static void assert_same_scan(const struct message_scan *sent, const struct message_scan *received)
{
    SAME(id);
    SAME(partition);
    SAME(position);
    SAME(keys_max);
    SAME(bytes_max);
    SAME_BYTES(prefix);
    SAME(stripped);
    SAME(view_digest);
    SAME_TRACE(trace);
}

static void assert_same_scanned(const struct message_scanned *sent,
                                const struct message_scanned *received)
{
    SAME(id);
    SAME(code);
    SAME(count);
    SAME(next);
    SAME(end);
    SAME_OPTIONAL(clock);
    SAME(view_digest);
    SAME_OPTIONAL(view);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(entries[i].position);
        SAME_BYTES(entries[i].key);
        SAME_BYTES(entries[i].object);
    }
}

static void a_scan_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, scan, MESSAGE_SCAN, id);
}

static void a_scanned_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, scanned, MESSAGE_SCANNED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_scan_arrives_as_it_was_sent),
        WIRE_TEST(a_scanned_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
