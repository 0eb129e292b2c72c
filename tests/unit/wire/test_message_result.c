/* RESULT. */
#include "wire_test.h"

static void assert_same_result(const struct message_result *sent,
                               const struct message_result *received)
{
    SAME(id);
    SAME(code);
    SAME_OPTIONAL(text);
    SAME_OPTIONAL(context);
    SAME(value_count);
    SAME(owners);
    SAME(fallbacks);
    SAME(needed);
    SAME(number);
    for (uint32_t i = 0; i < sent->value_count; i++) {
        SAME_BYTES(values[i].value);
        SAME(values[i].hlc);
        SAME(values[i].expiry_ms);
        SAME(values[i].counter);
    }
}

static void a_result_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, result, MESSAGE_RESULT, id);
}

/* The worked example of docs/protocol.md. */
static void a_result_has_the_bytes_that_the_documentation_shows(void **state)
{
    struct wire_test *test = *state;
    static const uint8_t expected[] = {
        0x00, 0x00, 0x00, 0x0d, /* 13 bytes follow */
        0x99,                   /* array of 9 */
        0x06,                   /* RESULT */
        0x07,                   /* id 7 */
        0x00,                   /* done */
        0xc0,                   /* no text */
        0xc4, 0x02, 0xab, 0xcd, /* a context token (real ones are longer) */
        0x90,                   /* no values */
        0x02,                   /* two owners confirmed */
        0x00,                   /* no fallback */
        0x02,                   /* two were needed */
    };
    static const uint8_t token[] = {0xab, 0xcd};
    struct message_result done = {
        .id = 7, .context = {token, sizeof(token)}, .owners = 2, .needed = 2};
    assert_int_equal(message_result_encode(&done, &test->buffer), 0);
    assert_int_equal(test->buffer.len, sizeof(expected));
    assert_memory_equal(test->buffer.data, expected, sizeof(expected));
}

static void codes_travel_as_positive_magnitudes(void **state)
{
    struct wire_test *test = *state;
    struct message_result refused = {.id = 1, .code = SHOAL_EQUORUM};
    assert_int_equal(message_result_encode(&refused, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_RESULT, 1);
    assert_int_equal(payload.data[3], 21);
    struct message_result out;
    assert_int_equal(message_result_decode(payload, &test->arena, &out), 0);
    assert_int_equal(out.code, SHOAL_EQUORUM);
    test->buffer.data[FRAME_PREFIX_BYTES + 3] = 0xeb; /* -21 */
    assert_int_equal(message_result_decode(payload, &test->arena, &out), SHOAL_EPROTO);
}

static void a_positive_code_is_not_sent(void **state)
{
    struct wire_test *test = *state;
    struct message_result wrong = {.code = 1};
    assert_int_equal(message_result_encode(&wrong, &test->buffer), SHOAL_EINVAL);
    assert_int_equal(test->buffer.len, 0);
}

static void what_says_nothing_at_the_end_is_left_out(void **state)
{
    struct wire_test *test = *state;
    struct message_result out;
    const uint8_t plain[] = {0x99, 6, 1, 0, 0xc0, 0xc0, 0x91, 0x92, 0xc4, 1, 'v', 5, 1, 0, 1};
    const uint8_t later[] = {0x9b, 6, 1,    0, 0xc0, 0xc0, 0x91, 0x95, 0xc4, 1,   'v',
                             5,    7, 0xc3, 9, 1,    0,    1,    0xff, 0x91, 0xc0};
    const uint8_t less[] = {0x98, 6, 1, 0, 0xc0, 0xc0, 0x90, 1, 0};
    struct bytes bytes = bytes_make(plain, sizeof(plain));
    assert_int_equal(message_result_decode(bytes, &test->arena, &out), 0);
    assert_false(out.values[0].counter);
    assert_int_equal(out.values[0].expiry_ms, 0);
    assert_int_equal(out.number, 0);
    assert_int_equal(message_result_encode(&out, &test->buffer), 0);
    assert_true(bytes_equal(wire_test_payload(test, MESSAGE_RESULT, 1), bytes));
    bytes = bytes_make(later, sizeof(later));
    assert_int_equal(message_result_decode(bytes, &test->arena, &out), 0);
    assert_true(out.values[0].counter);
    assert_int_equal(out.values[0].expiry_ms, 7);
    assert_int_equal(out.number, -1);
    bytes = bytes_make(less, sizeof(less));
    assert_int_equal(message_result_decode(bytes, &test->arena, &out), SHOAL_EPROTO);
}

static void more_values_than_siblings_can_be_are_refused(void **state)
{
    struct wire_test *test = *state;
    static struct result_value values[LIMIT_SIBLINGS + 1];
    struct message_result result = {.values = values, .value_count = LIMIT_SIBLINGS};
    assert_int_equal(message_result_encode(&result, &test->buffer), 0);
    result.value_count++;
    assert_int_equal(message_result_encode(&result, &test->buffer), SHOAL_ETOOBIG);
}

static void no_memory_for_the_values_is_told_as_such(void **state)
{
    struct wire_test *test = *state;
    struct result_value value = {.value = bytes_from_string("x")};
    struct message_result result = {.values = &value, .value_count = 1};
    assert_int_equal(message_result_encode(&result, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_RESULT, 0);
    struct message_result out = {.id = 99};
    mem_fail_from(1);
    assert_int_equal(message_result_decode(payload, &test->arena, &out), SHOAL_ENOMEM);
    assert_int_equal(out.id, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_result_arrives_as_it_was_sent),
        WIRE_TEST(a_result_has_the_bytes_that_the_documentation_shows),
        WIRE_TEST(codes_travel_as_positive_magnitudes),
        WIRE_TEST(a_positive_code_is_not_sent),
        WIRE_TEST(what_says_nothing_at_the_end_is_left_out),
        WIRE_TEST(more_values_than_siblings_can_be_are_refused),
        WIRE_TEST(no_memory_for_the_values_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
