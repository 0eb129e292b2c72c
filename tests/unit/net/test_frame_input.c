/* net/frame_input: what a stream of bytes is cut into, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/frame_input.h"
#include "shoal/error.h"
#include "wire/frame.h"
#include "wire/messages.h"

static struct frame_input limits(size_t len_max, size_t len_max_hard)
{
    return (struct frame_input){.len_max = len_max, .len_max_hard = len_max_hard};
}

static void append_put(struct buffer *out, uint64_t id, size_t value_len)
{
    static uint8_t value[200000];
    struct message_request request = {.id = id,
                                      .op = REQUEST_PUT,
                                      .key = bytes_from_string("key"),
                                      .value = bytes_make(value, value_len)};
    assert_int_equal(message_request_encode(&request, out), 0);
}

static void frames_come_out_whole_however_the_stream_is_cut(void **state)
{
    (void)state;
    struct buffer stream;
    buffer_init(&stream, 0);
    for (uint64_t id = 1; id <= 5; id++) {
        append_put(&stream, id, id * 10);
    }
    for (size_t step = 1; step < 40; step++) {
        struct frame_input input = limits(1000, 1000);
        uint64_t expected = 1;
        size_t start = 0;
        for (size_t end = step; start < stream.len; end += step) {
            end = end > stream.len ? stream.len : end;
            struct frame frame;
            size_t taken;
            size_t need;
            int outcome;
            while ((outcome = frame_input_next(&input, bytes_make(stream.data + start, end - start),
                                               false, &frame, &taken, &need)) == FRAME_READY) {
                assert_int_equal(frame.id, expected);
                assert_int_equal(frame.kind, MESSAGE_REQUEST);
                expected++;
                start += taken;
            }
            assert_int_equal(outcome, FRAME_MORE);
            assert_true(need == 0 || need > end - start);
        }
        assert_int_equal(expected, 6);
    }
    buffer_deinit(&stream);
}

static void a_frame_that_is_too_large_is_refused_by_id_and_passed_over(void **state)
{
    (void)state;
    struct buffer stream;
    buffer_init(&stream, 0);
    append_put(&stream, 1, 5000);
    append_put(&stream, 2, 10);
    for (size_t step = 1; step < 6000; step += 97) {
        struct frame_input input = limits(1000, 100000);
        size_t start = 0;
        uint32_t refused = 0;
        uint32_t ready = 0;
        for (size_t end = step; start < stream.len; end += step) {
            end = end > stream.len ? stream.len : end;
            for (;;) {
                struct frame frame;
                size_t taken;
                size_t need;
                int outcome = frame_input_next(&input, bytes_make(stream.data + start, end - start),
                                               false, &frame, &taken, &need);
                start += taken;
                if (outcome == FRAME_MORE) {
                    break;
                }
                if (outcome == FRAME_REFUSED) {
                    assert_int_equal(frame.id, 1);
                    assert_true(frame.len > 5000);
                    refused++;
                } else {
                    assert_int_equal(outcome, FRAME_READY);
                    assert_int_equal(frame.id, 2);
                    ready++;
                }
            }
        }
        assert_int_equal(refused, 1);
        assert_int_equal(ready, 1);
    }
    buffer_deinit(&stream);
}

static void a_length_over_the_hard_bound_ends_the_stream(void **state)
{
    (void)state;
    static const uint8_t prefix[] = {0xff, 0xff, 0xff, 0xff, 0x93};
    struct frame_input input = limits(1000, 100000);
    struct frame frame;
    size_t taken;
    size_t need;
    assert_int_equal(
        frame_input_next(&input, bytes_make(prefix, sizeof(prefix)), false, &frame, &taken, &need),
        SHOAL_ETOOBIG);
}

static void a_length_of_nothing_ends_the_stream(void **state)
{
    (void)state;
    static const uint8_t prefix[] = {0, 0, 0, 0};
    struct frame_input input = limits(1000, 1000);
    struct frame frame;
    size_t taken;
    size_t need;
    assert_int_equal(
        frame_input_next(&input, bytes_make(prefix, sizeof(prefix)), false, &frame, &taken, &need),
        SHOAL_EPROTO);
}

static void a_malformed_frame_ends_the_stream_with_its_id_if_that_can_be_read(void **state)
{
    (void)state;
    /* [5, 77, an array of 2^32 - 1 elements that aren't there] */
    static const uint8_t bomb[] = {0, 0, 0, 8, 0x93, 5, 77, 0xdd, 0xff, 0xff, 0xff, 0xff};
    struct frame_input input = limits(1000, 1000);
    struct frame frame;
    size_t taken;
    size_t need;
    assert_int_equal(
        frame_input_next(&input, bytes_make(bomb, sizeof(bomb)), false, &frame, &taken, &need),
        SHOAL_EPROTO);
    assert_int_equal(frame.id, 77);
}

static void over_budget_only_large_frames_still_to_come_are_refused(void **state)
{
    (void)state;
    struct buffer stream;
    buffer_init(&stream, 0);
    append_put(&stream, 9, 100000);
    struct frame frame;
    size_t taken;
    size_t need;
    struct frame_input input = limits(1000000, 1000000);
    assert_int_equal(
        frame_input_next(&input, bytes_make(stream.data, 50000), true, &frame, &taken, &need),
        FRAME_REFUSED);
    assert_int_equal(frame.id, 9);
    input = limits(1000000, 1000000);
    assert_int_equal(frame_input_next(&input, buffer_bytes(&stream), true, &frame, &taken, &need),
                     FRAME_READY);
    buffer_clear(&stream);
    append_put(&stream, 10, 1000);
    input = limits(1000000, 1000000);
    assert_int_equal(
        frame_input_next(&input, bytes_make(stream.data, 500), true, &frame, &taken, &need),
        FRAME_MORE);
    assert_int_equal(need, stream.len);
    buffer_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_whole_however_the_stream_is_cut),
        cmocka_unit_test(a_frame_that_is_too_large_is_refused_by_id_and_passed_over),
        cmocka_unit_test(a_length_over_the_hard_bound_ends_the_stream),
        cmocka_unit_test(a_length_of_nothing_ends_the_stream),
        cmocka_unit_test(a_malformed_frame_ends_the_stream_with_its_id_if_that_can_be_read),
        cmocka_unit_test(over_budget_only_large_frames_still_to_come_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
