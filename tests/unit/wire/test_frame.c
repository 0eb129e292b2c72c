/* Frames in a stream, and the validation of payloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "wire/frame.h"

static struct buffer buffer;

static int setup(void **state)
{
    (void)state;
    buffer_init(&buffer, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    buffer_deinit(&buffer);
    return 0;
}

static void a_frame_is_prefixed_with_its_length(void **state)
{
    (void)state;
    size_t start;
    assert_int_equal(buffer_append(&buffer, "before", 6), 0);
    assert_int_equal(frame_begin(&buffer, &start), 0);
    assert_int_equal(start, 6);
    assert_int_equal(buffer_append(&buffer, "abcde", 5), 0);
    assert_int_equal(frame_end(&buffer, start), 0);
    assert_memory_equal(buffer.data, "before\0\0\0\5abcde", 15);
}

static void frames_come_off_a_stream_one_by_one(void **state)
{
    (void)state;
    static const uint8_t stream[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c', 0, 0};
    struct bytes rest = bytes_make(stream, sizeof(stream));
    struct bytes payload;
    size_t taken;
    size_t need;
    assert_int_equal(frame_next(rest, 100, &payload, &taken, &need), 0);
    assert_true(bytes_equal(payload, bytes_from_string("ab")));
    assert_int_equal(taken, 6);
    rest = bytes_make(stream + 6, sizeof(stream) - 6);
    assert_int_equal(frame_next(rest, 100, &payload, &taken, &need), 0);
    assert_true(bytes_equal(payload, bytes_from_string("c")));
    assert_int_equal(taken, 5);
    rest = bytes_make(stream + 11, 2);
    assert_int_equal(frame_next(rest, 100, &payload, &taken, &need), 1);
    assert_int_equal(need, 4);
}

static void an_incomplete_frame_tells_how_much_it_needs(void **state)
{
    (void)state;
    static const uint8_t stream[] = {0, 0, 0, 3, 'a', 'b', 'c'};
    struct bytes payload;
    size_t taken;
    size_t need = 0;
    for (size_t len = 0; len < sizeof(stream); len++) {
        assert_int_equal(frame_next(bytes_make(stream, len), 100, &payload, &taken, &need), 1);
        assert_int_equal(need, len < 4 ? 4 : 7);
    }
    assert_int_equal(frame_next(bytes_make(stream, 7), 100, &payload, &taken, &need), 0);
}

static void lengths_out_of_bounds_are_refused_before_the_bytes_come(void **state)
{
    (void)state;
    static const uint8_t none[] = {0, 0, 0, 0};
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    static const uint8_t just[] = {0, 0, 0, 11};
    struct bytes payload;
    size_t taken;
    size_t need;
    assert_int_equal(frame_next(bytes_make(none, 4), 10, &payload, &taken, &need), SHOAL_EPROTO);
    assert_int_equal(frame_next(bytes_make(huge, 4), 10, &payload, &taken, &need), SHOAL_ETOOBIG);
    assert_int_equal(frame_next(bytes_make(just, 4), 10, &payload, &taken, &need), SHOAL_ETOOBIG);
    assert_int_equal(frame_next(bytes_make(just, 4), 11, &payload, &taken, &need), 1);
}

#define VALIDATE(...)                                                                              \
    frame_validate(                                                                                \
        bytes_make((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})))

static void every_format_of_msgpack_is_well_formed(void **state)
{
    (void)state;
    assert_int_equal(VALIDATE(0x92, 1, 2), 0);
    assert_int_equal(VALIDATE(0xdc, 0, 2, 1, 2), 0);
    assert_int_equal(VALIDATE(0xdd, 0, 0, 0, 2, 1, 2), 0);
    assert_int_equal(VALIDATE(0x92, 0xcc, 1, 0xcf, 1, 2, 3, 4, 5, 6, 7, 8), 0);
    assert_int_equal(VALIDATE(0x94, 1, 2, 0xc0, 0xc2), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xca, 1, 2, 3, 4), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xcb, 1, 2, 3, 4, 5, 6, 7, 8), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0x81, 0xa1, 'k', 0xe0), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xde, 0, 1, 0xd9, 1, 'k', 0xd0, 0x80), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xdf, 0, 0, 0, 1, 0xda, 0, 1, 'k', 0xd1, 1, 2), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xdb, 0, 0, 0, 1, 'k'), 0);
    assert_int_equal(VALIDATE(0x95, 1, 2, 0xc4, 0, 0xc5, 0, 1, 'x', 0xc6, 0, 0, 0, 1, 'x'), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xd4, 9, 1), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xd5, 9, 1, 2), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xd6, 9, 1, 2, 3, 4), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc7, 1, 9, 1), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc8, 0, 1, 9, 1), 0);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc9, 0, 0, 0, 1, 9, 1), 0);
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    assert_int_equal(frame_validate((struct bytes){0}), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x01), SHOAL_EPROTO);               /* no array */
    assert_int_equal(VALIDATE(0x90), SHOAL_EPROTO);               /* no kind */
    assert_int_equal(VALIDATE(0x91, 1), SHOAL_EPROTO);            /* no id */
    assert_int_equal(VALIDATE(0x92, 1, 0xff), SHOAL_EPROTO);      /* negative id */
    assert_int_equal(VALIDATE(0x92, 0xa1, 'x', 1), SHOAL_EPROTO); /* kind is text */
    assert_int_equal(VALIDATE(0x92, 0xcf, 1, 0, 0, 0, 0, 0, 0, 0, 1), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x82, 1, 2, 3, 4), SHOAL_EPROTO); /* a map */
    assert_int_equal(VALIDATE(0x92, 1, 2, 0), SHOAL_EPROTO);    /* bytes left over */
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc1), SHOAL_EPROTO); /* never used */
    assert_int_equal(VALIDATE(0x93, 1, 2), SHOAL_EPROTO);       /* cut off */
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc4, 2, 'x'), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc6, 0xff, 0xff, 0xff, 0xff, 'x'), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xc7, 0), SHOAL_EPROTO); /* no type byte */
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xd8), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xcf, 1), SHOAL_EPROTO);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    assert_int_equal(VALIDATE(0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0xdf, 0xff, 0xff, 0xff, 0xff, 1, 2), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xdd, 0xff, 0xff, 0xff, 0xff), SHOAL_EPROTO);
    assert_int_equal(VALIDATE(0x93, 1, 2, 0xdf, 0x80, 0, 0, 0), SHOAL_EPROTO);
    /* Each array claims no more than the bytes behind it, all together far more. */
    uint8_t claims[8 + 15 * 2];
    memset(claims, 1, sizeof(claims));
    for (size_t i = 0; i < 7; i++) {
        claims[i] = 0x9f;
    }
    assert_int_equal(frame_validate(bytes_make(claims, sizeof(claims))), SHOAL_EPROTO);
}

static void nesting_is_allowed_to_the_bound_only(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth < 20; depth++) {
        uint8_t nested[64] = {0x93, 1, 2};
        size_t len = 3;
        for (unsigned i = 1; i < depth; i++) {
            nested[len++] = 0x91;
        }
        nested[len++] = 0xc0;
        assert_int_equal(frame_validate(bytes_make(nested, len)),
                         depth <= LIMIT_FRAME_DEPTH ? 0 : SHOAL_EPROTO);
        nested[len - 1] = 0x90; /* an empty array is one level, too */
        assert_int_equal(frame_validate(bytes_make(nested, len)),
                         depth < LIMIT_FRAME_DEPTH ? 0 : SHOAL_EPROTO);
    }
}

static void validation_of_a_deep_hostile_frame_is_quick_and_takes_no_memory(void **state)
{
    (void)state;
    enum { LEN = 1 << 22 };
    assert_int_equal(buffer_reserve(&buffer, LEN), 0);
    memset(buffer.data, 0x91, LEN);
    mem_fail_from(1);
    assert_int_equal(frame_validate(bytes_make(buffer.data, LEN)), SHOAL_EPROTO);
    memset(buffer.data, 0x81, LEN);
    assert_int_equal(frame_validate(bytes_make(buffer.data, LEN)), SHOAL_EPROTO);
}

static void peeking_finds_kind_and_id(void **state)
{
    (void)state;
    static const uint8_t payload[] = {0x93, 0x05, 0xcd, 0x01, 0x00, 0xc0};
    uint32_t kind;
    uint64_t id;
    assert_int_equal(frame_peek(bytes_make(payload, sizeof(payload)), &kind, &id), 0);
    assert_int_equal(kind, 5);
    assert_int_equal(id, 256);
    for (size_t len = 0; len < sizeof(payload) - 1; len++) {
        assert_int_equal(frame_peek(bytes_make(payload, len), &kind, &id), SHOAL_EPROTO);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_is_prefixed_with_its_length),
        TEST(frames_come_off_a_stream_one_by_one),
        TEST(an_incomplete_frame_tells_how_much_it_needs),
        TEST(lengths_out_of_bounds_are_refused_before_the_bytes_come),
        TEST(every_format_of_msgpack_is_well_formed),
        TEST(what_is_no_message_is_refused),
        TEST(bombs_are_refused),
        TEST(nesting_is_allowed_to_the_bound_only),
        TEST(validation_of_a_deep_hostile_frame_is_quick_and_takes_no_memory),
        TEST(peeking_finds_kind_and_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
