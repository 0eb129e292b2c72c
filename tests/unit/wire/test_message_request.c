/* REQUEST and FORWARD. */
#include "wire_test.h"

static void assert_same_request(const struct message_request *sent,
                                const struct message_request *received)
{
    SAME(id);
    SAME(op);
    SAME_BYTES(key);
    SAME_OPTIONAL(value);
    SAME_OPTIONAL(context);
    SAME(ttl_ms);
    SAME(expiry_ms);
    SAME(delta);
    assert_options_same(&sent->options, &received->options);
    SAME_TRACE(trace);
}

static void assert_same_forward(const struct message_forward *sent,
                                const struct message_forward *received)
{
    assert_same_request(&sent->request, &received->request);
    SAME(view_digest);
}

static void a_request_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, request, MESSAGE_REQUEST, id);
}

static void a_forwarded_request_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, forward, MESSAGE_FORWARD, request.id);
}

/* The worked example of docs/protocol.md. */
static void a_put_has_the_bytes_that_the_documentation_shows(void **state)
{
    struct wire_test *test = *state;
    static const uint8_t expected[] = {
        0x00, 0x00, 0x00, 0x11,      /* 17 bytes follow */
        0x98,                        /* array of 8 */
        0x05,                        /* REQUEST */
        0x07,                        /* id 7 */
        0x00,                        /* put */
        0xc4, 0x03, 'f',  'o',  'o', /* key */
        0xc4, 0x03, 'b',  'a',  'r', /* value */
        0xc0,                        /* no context */
        0x00,                        /* no ttl */
        0xc0,                        /* default options */
    };
    struct message_request put = {
        .id = 7,
        .op = REQUEST_PUT,
        .key = bytes_from_string("foo"),
        .value = bytes_from_string("bar"),
    };
    assert_int_equal(message_request_encode(&put, &test->buffer), 0);
    assert_int_equal(test->buffer.len, sizeof(expected));
    assert_memory_equal(test->buffer.data, expected, sizeof(expected));
}

static int decode(struct wire_test *test, const uint8_t *payload, size_t len,
                  struct message_request *out)
{
    assert_int_equal(frame_validate(bytes_make(payload, len)), 0);
    return message_request_decode(bytes_make(payload, len), &test->arena, out);
}

static void an_empty_value_is_a_value(void **state)
{
    struct wire_test *test = *state;
    struct message_request put = {.id = 1, .op = REQUEST_PUT, .key = bytes_from_string("k")};
    assert_int_equal(message_request_encode(&put, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_REQUEST, 1);
    assert_int_equal(message_request_decode(payload, &test->arena, &put), 0);
    assert_non_null(put.value.data);
    assert_int_equal(put.value.len, 0);
}

static void a_value_stands_in_puts_and_nowhere_else(void **state)
{
    struct wire_test *test = *state;
    struct message_request out;
    const uint8_t put_without[] = {0x98, 5, 1, 0, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0xc0};
    const uint8_t get_with[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc4, 0, 0xc0, 0, 0xc0};
    const uint8_t get_with_ttl[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 9, 0xc0};
    const uint8_t get[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0xc0};
    assert_int_equal(decode(test, put_without, sizeof(put_without), &out), SHOAL_EPROTO);
    assert_int_equal(decode(test, get_with, sizeof(get_with), &out), SHOAL_EPROTO);
    assert_int_equal(decode(test, get_with_ttl, sizeof(get_with_ttl), &out), SHOAL_EPROTO);
    assert_int_equal(decode(test, get, sizeof(get), &out), 0);
    struct message_request request = {.op = REQUEST_GET, .value = bytes_from_string("v")};
    assert_int_equal(message_request_encode(&request, &test->buffer), SHOAL_EINVAL);
    request = (struct message_request){.op = REQUEST_DELETE, .ttl_ms = 1};
    assert_int_equal(message_request_encode(&request, &test->buffer), SHOAL_EINVAL);
    request = (struct message_request){.op = REQUEST_EXPIRE + 1};
    assert_int_equal(message_request_encode(&request, &test->buffer), SHOAL_EINVAL);
    assert_int_equal(test->buffer.len, 0);
}

static void the_detail_is_what_the_operation_says(void **state)
{
    struct wire_test *test = *state;
    struct message_request out;
    const uint8_t add[] = {0x98, 5, 1, 3, 0xc4, 1, 'k', 0xc0, 0xc0, 0xff, 0xc0};
    const uint8_t expire[] = {0x98, 5, 1, 4, 0xc4, 1, 'k', 0xc0, 0xc0, 7, 0xc0};
    const uint8_t expire_below[] = {0x98, 5, 1, 4, 0xc4, 1, 'k', 0xc0, 0xc0, 0xff, 0xc0};
    const uint8_t until[] = {0x98, 5, 1, 5, 0xc4, 1, 'k', 0xc4, 0, 0xc0, 9, 0xc0};
    const uint8_t until_without[] = {0x98, 5, 1, 5, 0xc4, 1, 'k', 0xc0, 0xc0, 9, 0xc0};
    const uint8_t unknown[] = {0x98, 5, 1, 6, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0xc0};
    assert_int_equal(decode(test, add, sizeof(add), &out), 0);
    assert_int_equal(out.delta, -1);
    assert_int_equal(decode(test, expire, sizeof(expire), &out), 0);
    assert_int_equal(out.expiry_ms, 7);
    assert_int_equal(decode(test, expire_below, sizeof(expire_below), &out), SHOAL_EPROTO);
    assert_int_equal(decode(test, until, sizeof(until), &out), 0);
    assert_int_equal(out.op, REQUEST_PUT);
    assert_int_equal(out.expiry_ms, 9);
    assert_int_equal(out.ttl_ms, 0);
    assert_int_equal(decode(test, until_without, sizeof(until_without), &out), SHOAL_EPROTO);
    assert_int_equal(decode(test, unknown, sizeof(unknown), &out), SHOAL_EPROTO);
    struct message_request request = {.op = REQUEST_DELETE, .delta = 1};
    assert_int_equal(message_request_encode(&request, &test->buffer), SHOAL_EINVAL);
    request = (struct message_request){.op = REQUEST_PUT, .ttl_ms = 1, .expiry_ms = 1};
    assert_int_equal(message_request_encode(&request, &test->buffer), SHOAL_EINVAL);
}

static void options_may_end_early_and_go_on_later(void **state)
{
    struct wire_test *test = *state;
    struct message_request out;
    const uint8_t some[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0x92, 3, 0xff};
    assert_int_equal(decode(test, some, sizeof(some), &out), 0);
    assert_int_equal(out.options.n, 3);
    assert_int_equal(out.options.r, QUORUM_MAJORITY);
    assert_int_equal(out.options.w, QUORUM_DEFAULT);
    const uint8_t more[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 0,   0x99,
                            1,    2, 3, 4, 5,    6, 7,   0x91, 0xc0, 0xc3};
    assert_int_equal(decode(test, more, sizeof(more), &out), 0);
    assert_int_equal(out.options.dw, 6);
    assert_int_equal(out.options.timeout_us, 7);
    const uint8_t wrong[] = {0x98, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0x92, 3, 0xfd};
    assert_int_equal(decode(test, wrong, sizeof(wrong), &out), SHOAL_EPROTO); /* -3 */
}

static void keys_over_the_largest_bound_are_too_big(void **state)
{
    struct wire_test *test = *state;
    static const uint8_t zeros[LIMIT_KEY_BYTES_MAX + 1];
    struct message_request get = {.op = REQUEST_GET, .key = {zeros, LIMIT_KEY_BYTES_MAX}};
    assert_int_equal(message_request_encode(&get, &test->buffer), 0);
    get.key.len++;
    buffer_clear(&test->buffer);
    assert_int_equal(message_request_encode(&get, &test->buffer), SHOAL_ETOOBIG);
    assert_int_equal(test->buffer.len, 0);
    const uint8_t head[] = {0x98, 5, 1, 1, 0xc6, 0, 4, 0, 1};
    const uint8_t tail[] = {0xc0, 0xc0, 0, 0xc0};
    assert_int_equal(buffer_append(&test->buffer, head, sizeof(head)), 0);
    assert_int_equal(buffer_append(&test->buffer, zeros, sizeof(zeros)), 0);
    assert_int_equal(buffer_append(&test->buffer, tail, sizeof(tail)), 0);
    assert_int_equal(frame_validate(buffer_bytes(&test->buffer)), 0);
    assert_int_equal(message_request_decode(buffer_bytes(&test->buffer), &test->arena, &get),
                     SHOAL_ETOOBIG);
}

static void the_hot_messages_take_no_memory_in_the_steady_state(void **state)
{
    struct wire_test *test = *state;
    struct message_request put = {
        .op = REQUEST_PUT, .key = bytes_from_string("key"), .value = bytes_from_string("value")};
    assert_int_equal(buffer_reserve(&test->buffer, 100), 0);
    mem_fail_from(1);
    assert_int_equal(message_request_encode(&put, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_REQUEST, 0);
    assert_int_equal(message_request_decode(payload, &test->arena, &put), 0);
}

static const uint8_t get_head[] = {0x99, 5, 1, 1, 0xc4, 1, 'k', 0xc0, 0xc0, 0, 0xc0};

/* A get with this as its trace. */
static int decode_traced(struct wire_test *test, const uint8_t *trace, size_t len,
                         struct message_request *out)
{
    uint8_t payload[64];
    memcpy(payload, get_head, sizeof(get_head));
    memcpy(payload + sizeof(get_head), trace, len);
    return decode(test, payload, sizeof(get_head) + len, out);
}

static void a_trace_comes_last_and_only_where_there_is_one(void **state)
{
    struct wire_test *test = *state;
    struct message_request out;
    struct message_request get = {.id = 1, .op = REQUEST_GET, .key = bytes_from_string("k")};
    assert_int_equal(message_request_encode(&get, &test->buffer), 0);
    size_t without = test->buffer.len;
    buffer_clear(&test->buffer);
    get.trace = (struct trace){.id_high = 1, .id_low = 2, .span = 3, .flags = TRACE_SAMPLED};
    assert_int_equal(message_request_encode(&get, &test->buffer), 0);
    assert_int_equal(test->buffer.len, without + 27);

    uint8_t trace[28] = {0xc4, 25, [9] = 1, [17] = 2, [25] = 3, [26] = 0xff};
    assert_int_equal(decode_traced(test, trace, 27, &out), 0);
    assert_trace_same(&out.trace, &get.trace); /* flags not known yet are passed over */
    assert_int_equal(decode_traced(test, (const uint8_t[]){0xc0}, 1, &out), 0);
    assert_false(trace_there(&out.trace));
}

static void a_malformed_trace_is_refused(void **state)
{
    struct wire_test *test = *state;
    struct message_request out = {.id = 99};
    const uint8_t none[27] = {0xc4, 25, [25] = 3};
    const uint8_t short_one[26] = {0xc4, 24, [9] = 1};
    const uint8_t long_one[28] = {0xc4, 26, [9] = 1};
    const uint8_t text[] = {0xa4, 'm', 'o', 'r', 'e'};
    assert_int_equal(decode_traced(test, none, sizeof(none), &out), SHOAL_EPROTO);
    assert_int_equal(decode_traced(test, short_one, sizeof(short_one), &out), SHOAL_EPROTO);
    assert_int_equal(decode_traced(test, long_one, sizeof(long_one), &out), SHOAL_EPROTO);
    assert_int_equal(decode_traced(test, text, sizeof(text), &out), SHOAL_EPROTO);
    assert_int_equal(out.id, 99); /* nothing of it was taken */
    assert_false(trace_there(&out.trace));
}

/* The request of a FORWARD is an array of its own, and ends with its trace as a REQUEST does. */
static int decode_forward(struct wire_test *test, uint32_t fields, struct bytes behind,
                          struct message_forward *out)
{
    const uint8_t head[] = {0x94, 32,   1, 9,   (uint8_t)(0x90 | fields), 1, 0xc4, 1, 'k',
                            0xc0, 0xc0, 0, 0xc0};
    buffer_clear(&test->buffer);
    assert_int_equal(buffer_append(&test->buffer, head, sizeof(head)), 0);
    assert_int_equal(buffer_append_bytes(&test->buffer, behind), 0);
    assert_int_equal(frame_validate(buffer_bytes(&test->buffer)), 0);
    return message_forward_decode(buffer_bytes(&test->buffer), &test->arena, out);
}

static void in_a_forwarded_request_later_fields_stand_behind_the_trace(void **state)
{
    struct wire_test *test = *state;
    struct message_forward out;
    const struct trace sent = {.id_high = 1, .id_low = 2, .span = 3, .flags = TRACE_SAMPLED};
    const uint8_t traced[] = {0xc4, 25, [9] = 1, [17] = 2, [25] = 3, [26] = 1, 0xa1, 'x', 0x90};
    const uint8_t untraced[] = {0xc0, 0xa1, 'x', 0x90};
    const uint8_t surplus[] = {0x81, 1, 2, 0xa1, 'x'};
    const uint8_t malformed[] = {0xc4, 2, 1, 2};
    assert_int_equal(decode_forward(test, 9, bytes_make(traced, sizeof(traced)), &out), 0);
    assert_trace_same(&out.request.trace, &sent);
    assert_int_equal(decode_forward(test, 9, bytes_make(untraced, sizeof(untraced)), &out), 0);
    assert_false(trace_there(&out.request.trace));
    assert_int_equal(decode_forward(test, 8, bytes_make(surplus, sizeof(surplus)), &out), 0);
    assert_false(trace_there(&out.request.trace));
    assert_int_equal(out.view_digest, 9);
    assert_int_equal(decode_forward(test, 7, bytes_make(malformed, sizeof(malformed)), &out),
                     SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_request_arrives_as_it_was_sent),
        WIRE_TEST(a_forwarded_request_arrives_as_it_was_sent),
        WIRE_TEST(a_put_has_the_bytes_that_the_documentation_shows),
        WIRE_TEST(an_empty_value_is_a_value),
        WIRE_TEST(a_value_stands_in_puts_and_nowhere_else),
        WIRE_TEST(the_detail_is_what_the_operation_says),
        WIRE_TEST(options_may_end_early_and_go_on_later),
        WIRE_TEST(keys_over_the_largest_bound_are_too_big),
        WIRE_TEST(a_trace_comes_last_and_only_where_there_is_one),
        WIRE_TEST(a_malformed_trace_is_refused),
        WIRE_TEST(in_a_forwarded_request_later_fields_stand_behind_the_trace),
        WIRE_TEST(the_hot_messages_take_no_memory_in_the_steady_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
