/* Events of the feed as JSON, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/feed_json.h"

#define TIME_MS UINT64_C(1795320306123)
#define HEAD "{\"cursor\":\"AQID\",\"time\":\"2026-11-22T04:05:06.123Z\","

static struct feed_event event_of(uint32_t op, const char *key)
{
    return (struct feed_event){
        .op = op,
        .time_ms = TIME_MS,
        .key = bytes_from_string(key),
        .cursor = bytes_from_string("\1\2\3"),
    };
}

static void expect(const struct feed_event *event, const char *text)
{
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(feed_json_event(&out, event, "node1"), 0);
    assert_int_equal(buffer_append_u8(&out, 0), 0);
    assert_string_equal((const char *)out.data, text);
    buffer_deinit(&out);
}

static void a_put_has_key_and_value(void **state)
{
    (void)state;
    struct feed_event event = event_of(FEED_PUT, "k");
    event.value = bytes_from_string("a \"v\"\n");
    event.value_bytes = 6;
    expect(&event, HEAD "\"op\":\"put\",\"key\":\"k\",\"value\":\"a \\\"v\\\"\\n\","
                        "\"node\":\"node1\"}");
    event.value = bytes_make("", 0);
    event.expiry_ms = TIME_MS + 1000;
    expect(&event, HEAD "\"op\":\"put\",\"key\":\"k\",\"value\":\"\","
                        "\"expiry\":\"2026-11-22T04:05:07.123Z\",\"node\":\"node1\"}");
}

static void what_is_not_utf_8_is_base64_under_another_name(void **state)
{
    (void)state;
    struct feed_event event = event_of(FEED_PUT, "\xff");
    event.value = bytes_from_string("\xfe\xfd");
    expect(&event, HEAD "\"op\":\"put\",\"key_base64\":\"/w==\",\"value_base64\":\"/v0=\","
                        "\"node\":\"node1\"}");
}

static void a_value_that_was_too_long_is_null_with_its_length(void **state)
{
    (void)state;
    struct feed_event event = event_of(FEED_PUT, "k");
    event.value_bytes = 300000;
    expect(&event, HEAD "\"op\":\"put\",\"key\":\"k\",\"value\":null,\"value_bytes\":300000,"
                        "\"node\":\"node1\"}");
}

static void other_events_of_a_key_have_a_value_of_null(void **state)
{
    (void)state;
    struct feed_event event = event_of(FEED_DELETE, "k");
    expect(&event, HEAD "\"op\":\"delete\",\"key\":\"k\",\"value\":null,\"node\":\"node1\"}");
    event.op = FEED_EXPIRE;
    expect(&event, HEAD "\"op\":\"expire\",\"key\":\"k\",\"value\":null,\"node\":\"node1\"}");
    event.op = FEED_LIST;
    event.cursor = (struct bytes){0};
    expect(&event, "{\"time\":\"2026-11-22T04:05:06.123Z\",\"op\":\"list\",\"key\":\"k\","
                   "\"value\":null,\"node\":\"node1\"}");
    event = event_of(FEED_BACK, "");
    expect(&event, HEAD "\"op\":\"back\",\"node\":\"node1\"}");
    event = event_of(FEED_FLUSH, "");
    expect(&event, HEAD "\"op\":\"flush\",\"node\":\"node1\"}");
}

static void a_gap_says_why_and_how_many(void **state)
{
    (void)state;
    struct feed_event event = event_of(FEED_GAP, "");
    event.reason = FEED_GAP_TRIMMED;
    event.missed = 3;
    expect(&event, HEAD "\"op\":\"gap\",\"node\":\"node1\",\"reason\":\"trimmed\",\"missed\":3,"
                        "\"message\":\"node1 no longer keeps what came next: these changes are "
                        "missed for good, read the keys you follow (3 events at least)\"}");
    event.reason = FEED_GAP_AWAY;
    event.missed = 0;
    expect(&event, HEAD "\"op\":\"gap\",\"node\":\"node1\",\"reason\":\"away\",\"missed\":null,"
                        "\"message\":\"node1 can't be reached: changes that it has coordinated and "
                        "that are not here yet follow when it is back\"}");
}

static void a_heartbeat_has_a_time_and_the_place(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(feed_json_heartbeat(&out, TIME_MS, bytes_from_string("\1\2\3")), 0);
    assert_int_equal(buffer_append_u8(&out, 0), 0);
    assert_string_equal((const char *)out.data, HEAD "\"op\":\"heartbeat\"}");
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_has_key_and_value),
        cmocka_unit_test(what_is_not_utf_8_is_base64_under_another_name),
        cmocka_unit_test(a_value_that_was_too_long_is_null_with_its_length),
        cmocka_unit_test(other_events_of_a_key_have_a_value_of_null),
        cmocka_unit_test(a_gap_says_why_and_how_many),
        cmocka_unit_test(a_heartbeat_has_a_time_and_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
