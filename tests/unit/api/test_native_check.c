/* api/native_check: what is refused before the core sees it, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/native_check.h"
#include "shoal/error.h"

static const struct native_bounds bounds = {.key_bytes = 100, .value_bytes = 1000};
static uint8_t zeros[2000];

static struct message_request put(size_t key_len, size_t value_len)
{
    return (struct message_request){.op = REQUEST_PUT,
                                    .key = bytes_make(zeros, key_len),
                                    .value = bytes_make(zeros, value_len)};
}

static void expect(const struct message_request *request, int code, const char *part)
{
    char text[NATIVE_TEXT_BYTES] = "";
    assert_int_equal(native_check_request(&bounds, request, text), code);
    if (part != NULL) {
        assert_non_null(strstr(text, part));
    }
}

static void sizes_up_to_the_limits_pass(void **state)
{
    (void)state;
    struct message_request request = put(1, 0);
    expect(&request, 0, NULL);
    request = put(100, 1000);
    expect(&request, 0, NULL);
}

static void sizes_beyond_are_refused_with_the_limit_and_its_name(void **state)
{
    (void)state;
    struct message_request request = put(0, 1);
    expect(&request, SHOAL_EINVAL, "the key is empty: a key has 1 to 100 bytes");
    request = put(101, 1);
    expect(&request, SHOAL_ETOOBIG, "the key has 101 bytes, the limit is 100 (limits.key_bytes)");
    request = put(1, 1001);
    expect(&request, SHOAL_ETOOBIG,
           "the value has 1001 bytes, the limit is 1000 (limits.value_bytes)");
}

static void quorum_numbers_that_can_never_be_right_are_refused_by_name(void **state)
{
    (void)state;
    struct message_request request = put(1, 1);
    request.options.r = QUORUM_ALL;
    request.options.w = QUORUM_MAJORITY;
    request.options.dw = (int32_t)LIMIT_REPLICAS;
    expect(&request, 0, NULL);
    request.options.w = -3;
    expect(&request, SHOAL_EINVAL, "w is -3");
    request.options.w = 9;
    expect(&request, SHOAL_EINVAL, "w is 9");
    request.options.w = 0;
    request.options.n = QUORUM_ALL;
    expect(&request, SHOAL_EINVAL, "n is -2");
    request.options.n = 0;
    request.options.pw = INT32_MIN;
    expect(&request, SHOAL_EINVAL, "pw is");
}

static void times_beyond_reason_are_refused(void **state)
{
    (void)state;
    struct message_request request = put(1, 1);
    request.options.timeout_us = UINT64_MAX;
    expect(&request, SHOAL_EINVAL, "timeout");
    request.options.timeout_us = 0;
    request.ttl_ms = UINT64_MAX;
    expect(&request, SHOAL_EINVAL, "ttl");
}

static void lists_are_checked(void **state)
{
    (void)state;
    char text[NATIVE_TEXT_BYTES] = "";
    struct message_list list = {.limit = LIMIT_LIST_KEYS};
    assert_int_equal(native_check_list(&bounds, &list, text), 0);
    list.limit++;
    assert_int_equal(native_check_list(&bounds, &list, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "10001"));
    list = (struct message_list){.prefix = bytes_make(zeros, 101)};
    assert_int_equal(native_check_list(&bounds, &list, text), SHOAL_ETOOBIG);
    assert_non_null(strstr(text, "limits.key_bytes"));
}

static void joins_are_checked(void **state)
{
    (void)state;
    char text[NATIVE_TEXT_BYTES] = "";
    struct message_join join = {.host = "h", .port = 1};
    assert_int_equal(native_check_join(&join, text), 0);
    join.port = 0;
    assert_int_equal(native_check_join(&join, text), SHOAL_EINVAL);
    join.port = 65536;
    assert_int_equal(native_check_join(&join, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "65536"));
    join = (struct message_join){.port = 1};
    assert_int_equal(native_check_join(&join, text), SHOAL_EINVAL);
    assert_non_null(strstr(text, "HOST:PEER_PORT"));
}

#define NODE .node = {(const uint8_t *)"node2", 5}

static void changes_that_can_be_made_pass(void **state)
{
    (void)state;
    const struct message_change fine[] = {
        {.op = CHANGE_PLAN},
        {.op = CHANGE_PLAN, .nodes = LIMIT_MEMBERS},
        {.op = CHANGE_COMMIT},
        {.op = CHANGE_CANCEL},
        {.op = CHANGE_LEAVE},
        {.op = CHANGE_LEAVE, NODE},
        {.op = CHANGE_REMOVE, NODE, .force = true},
        {.op = CHANGE_REPLACE, NODE, .host = "h", .port = 1},
        {.op = CHANGE_SET, .weight = LIMIT_WEIGHT},
        {.op = CHANGE_SET, NODE, .zone = bytes_make("", 0)},
    };
    char text[NATIVE_TEXT_BYTES] = "";
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        assert_int_equal(native_check_change(&fine[i], text), 0);
    }
    assert_string_equal(text, "");
}

static void changes_that_lack_something_are_refused_with_what(void **state)
{
    (void)state;
    static const struct {
        struct message_change change;
        int code;
        const char *text;
    } wrong[] = {
        {{.op = CHANGE_PLAN, .nodes = LIMIT_MEMBERS + 1}, SHOAL_EINVAL, "4097"},
        {{.op = CHANGE_LEAVE, .node = {(const uint8_t *)"", 0}}, SHOAL_EINVAL, "empty"},
        {{.op = CHANGE_REMOVE}, SHOAL_EINVAL, "name"},
        {{.op = CHANGE_REPLACE, .host = "h", .port = 1}, SHOAL_EINVAL, "name"},
        {{.op = CHANGE_REPLACE, NODE, .port = 1}, SHOAL_EINVAL, "HOST:PEER_PORT"},
        {{.op = CHANGE_REPLACE, NODE, .host = "h"}, SHOAL_EINVAL, "port"},
        {{.op = CHANGE_SET, NODE}, SHOAL_EINVAL, "weight or a zone"},
        {{.op = CHANGE_SET, NODE, .weight = LIMIT_WEIGHT + 1}, SHOAL_EINVAL, "1001"},
        {{.op = CHANGE_SET + 1}, SHOAL_EUNSUPPORTED, "7"},
        {{.op = CHANGE_LEAVE, .timeout_us = UINT64_C(3600000001)}, SHOAL_EINVAL, "hour"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[NATIVE_TEXT_BYTES] = "";
        assert_int_equal(native_check_change(&wrong[i].change, text), wrong[i].code);
        assert_non_null(strstr(text, wrong[i].text));
    }
}

static void a_frame_has_room_for_every_acceptable_request(void **state)
{
    (void)state;
    struct native_bounds most = {.key_bytes = LIMIT_KEY_BYTES_MAX,
                                 .value_bytes = LIMIT_VALUE_BYTES_MAX};
    struct buffer frame;
    buffer_init(&frame, 0);
    static uint8_t key[LIMIT_KEY_BYTES_MAX];
    static uint8_t value[LIMIT_VALUE_BYTES_MAX];
    static uint8_t token[LIMIT_TOKEN_BYTES];
    struct message_request request = {.id = UINT64_MAX,
                                      .op = REQUEST_PUT,
                                      .key = bytes_make(key, sizeof(key)),
                                      .value = bytes_make(value, sizeof(value)),
                                      .context = bytes_make(token, sizeof(token)),
                                      .ttl_ms = UINT64_MAX,
                                      .options = {8, 8, 8, 8, 8, 8, UINT64_MAX}};
    assert_int_equal(message_request_encode(&request, &frame), 0);
    assert_true(frame.len <= native_frame_bytes_max(&most));
    buffer_deinit(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_up_to_the_limits_pass),
        cmocka_unit_test(sizes_beyond_are_refused_with_the_limit_and_its_name),
        cmocka_unit_test(quorum_numbers_that_can_never_be_right_are_refused_by_name),
        cmocka_unit_test(times_beyond_reason_are_refused),
        cmocka_unit_test(lists_are_checked),
        cmocka_unit_test(joins_are_checked),
        cmocka_unit_test(changes_that_can_be_made_pass),
        cmocka_unit_test(changes_that_lack_something_are_refused_with_what),
        cmocka_unit_test(a_frame_has_room_for_every_acceptable_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
