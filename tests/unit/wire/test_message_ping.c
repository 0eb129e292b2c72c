/* The messages without fields. */
#include "wire_test.h"

static void they_are_kind_and_id(void **state)
{
    struct wire_test *test = *state;
    static const struct {
        uint32_t kind;
        int (*encode)(uint64_t id, struct buffer *out);
    } bare[] = {
        {MESSAGE_PING, message_ping_encode},
        {MESSAGE_PONG, message_pong_encode},
        {MESSAGE_STATUS, message_status_encode},
        {MESSAGE_RING, message_ring_encode},
    };
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        buffer_clear(&test->buffer);
        assert_int_equal(bare[i].encode(1000, &test->buffer), 0);
        wire_test_payload(test, bare[i].kind, 1000);
        assert_int_equal(test->buffer.len, FRAME_PREFIX_BYTES + 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(they_are_kind_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
