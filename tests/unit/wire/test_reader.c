/* Typed reads, and that writer and reader agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "wire/reader.h"
#include "wire/writer.h"

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
    buffer_deinit(&buffer);
    return 0;
}

#define READER(...)                                                                                \
    reader_make(bytes_make((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})))

static void numbers_of_every_magnitude_come_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 64; bits++) {
        for (int nudge = -1; nudge <= 1; nudge++) {
            uint64_t number = (bits == 64 ? 0 : UINT64_C(1) << bits) + (uint64_t)(int64_t)nudge;
            buffer_clear(&buffer);
            struct writer writer = writer_make(&buffer);
            write_u64(&writer, number);
            write_i64(&writer, (int64_t)number);
            write_i64(&writer, -(int64_t)(number / 2));
            assert_int_equal(writer.error, 0);
            struct reader reader = reader_make(buffer_bytes(&buffer));
            assert_true(read_u64(&reader) == number);
            assert_true(read_i64(&reader) == (int64_t)number);
            assert_true(read_i64(&reader) == -(int64_t)(number / 2));
            read_end(&reader);
            assert_int_equal(reader.error, 0);
        }
    }
}

static void integers_are_taken_in_any_format_that_holds_them(void **state)
{
    (void)state;
    struct reader reader = READER(0xd0, 5, 0xd3, 0, 0, 0, 0, 0, 0, 0, 6, 0xcf, 0, 0, 0, 0, 0, 0, 0,
                                  7, 0xd1, 0xff, 0xfe, 0xcc, 8);
    assert_int_equal(read_u64(&reader), 5);
    assert_int_equal(read_u64(&reader), 6);
    assert_int_equal(read_u64(&reader), 7);
    assert_int_equal(read_i64(&reader), -2);
    assert_int_equal(read_i64(&reader), 8);
    assert_int_equal(reader.error, 0);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    struct reader reader = READER(0xff);
    read_u64(&reader);
    assert_int_equal(reader.error, SHOAL_EPROTO);
    reader = READER(0x0b);
    assert_int_equal(read_u64_max(&reader, 10), 0);
    assert_int_equal(reader.error, SHOAL_EPROTO);
    reader = READER(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(read_i64(&reader), 0);
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void the_first_error_sticks_and_later_reads_give_zeros(void **state)
{
    (void)state;
    struct reader reader = READER(0xc0, 7, 0xc3, 0xa1, 'x', 0x91, 1);
    assert_int_equal(read_u64(&reader), 0);
    assert_int_equal(reader.error, SHOAL_EPROTO);
    char text[4] = "abc";
    assert_int_equal(read_u64(&reader), 0);
    assert_int_equal(read_i64(&reader), 0);
    assert_false(read_bool(&reader));
    assert_null(read_bin(&reader, 10).data);
    assert_null(read_optional_bin(&reader, 10).data);
    assert_int_equal(read_array(&reader, 10), 0);
    assert_false(read_nil(&reader));
    assert_false(reader_at_bin(&reader));
    read_text(&reader, text, sizeof(text));
    assert_string_equal(text, "");
    read_skip(&reader);
    reader_fail(&reader, SHOAL_ENOMEM);
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void a_look_at_what_comes_reads_nothing(void **state)
{
    (void)state;
    struct reader reader = READER(0xc4, 1, 'b', 0xa1, 's', 7, 0xc4, 9);
    assert_true(reader_at_bin(&reader));
    assert_true(bytes_equal(read_bin(&reader, 1), bytes_from_string("b")));
    assert_true(reader_at_bin(&reader));
    assert_true(bytes_equal(read_bin(&reader, 1), bytes_from_string("s")));
    assert_false(reader_at_bin(&reader));
    assert_int_equal(read_u64(&reader), 7);
    assert_false(reader_at_bin(&reader)); /* cut off: told by who reads it */
    assert_int_equal(reader.error, 0);
}

static void nothing_is_read_from_nothing(void **state)
{
    (void)state;
    struct reader reader = reader_make((struct bytes){0});
    assert_false(reader_at_bin(&reader));
    read_end(&reader);
    assert_int_equal(reader.error, 0);
    read_u64(&reader);
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void none_and_empty_are_told_apart(void **state)
{
    (void)state;
    struct writer writer = writer_make(&buffer);
    write_optional_bin(&writer, (struct bytes){0});
    write_optional_bin(&writer, bytes_from_string(""));
    write_optional_str(&writer, (struct bytes){0});
    write_optional_str(&writer, bytes_from_string(""));
    struct reader reader = reader_make(buffer_bytes(&buffer));
    assert_null(read_optional_bin(&reader, 9).data);
    assert_non_null(read_optional_bin(&reader, 9).data);
    assert_null(read_optional_bin(&reader, 9).data);
    assert_non_null(read_optional_bin(&reader, 9).data);
    assert_int_equal(reader.error, 0);
}

static void bytes_of_every_length_format_come_back(void **state)
{
    (void)state;
    static uint8_t data[70000];
    const size_t lens[] = {0, 1, 31, 32, 255, 256, 65535, 65536, sizeof(data)};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        buffer_clear(&buffer);
        memset(data, (int)i + 1, sizeof(data));
        struct bytes sent = bytes_make(data, lens[i]);
        struct writer writer = writer_make(&buffer);
        write_bin(&writer, sent);
        write_str(&writer, sent);
        struct reader reader = reader_make(buffer_bytes(&buffer));
        assert_true(bytes_equal(read_bin(&reader, lens[i]), sent));
        assert_true(bytes_equal(read_bin(&reader, lens[i]), sent));
        assert_int_equal(reader.error, 0);
        reader = reader_make(buffer_bytes(&buffer));
        if (lens[i] > 0) {
            assert_null(read_bin(&reader, lens[i] - 1).data);
            assert_int_equal(reader.error, SHOAL_ETOOBIG);
        }
    }
}

static void an_array_may_not_claim_more_than_is_there(void **state)
{
    (void)state;
    struct reader reader = READER(0x92, 1, 2);
    assert_int_equal(read_array(&reader, 2), 2);
    reader = READER(0x92, 1, 2);
    assert_int_equal(read_array(&reader, 1), 0);
    assert_int_equal(reader.error, SHOAL_ETOOBIG);
    reader = READER(0x93, 1, 2);
    assert_int_equal(read_array(&reader, 10), 0);
    assert_int_equal(reader.error, SHOAL_EPROTO);
    reader = READER(0x81, 1, 2);
    assert_int_equal(read_array(&reader, 10), 0);
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void text_fits_its_room_or_is_refused(void **state)
{
    (void)state;
    char text[4];
    struct reader reader = READER(0xa3, 'a', 'b', 'c');
    read_text(&reader, text, sizeof(text));
    assert_string_equal(text, "abc");
    reader = READER(0xa4, 'a', 'b', 'c', 'd');
    read_text(&reader, text, sizeof(text));
    assert_string_equal(text, "");
    assert_int_equal(reader.error, SHOAL_ETOOBIG);
    reader = READER(0xa2, 'a', 0);
    read_text(&reader, text, sizeof(text));
    assert_string_equal(text, "");
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void skipping_passes_over_whole_elements(void **state)
{
    (void)state;
    struct reader reader =
        READER(0x92, 0x81, 0xa1, 'k', 0x91, 1, 0xc7, 1, 9, 1, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 42);
    read_skip_many(&reader, 2);
    assert_int_equal(read_u64(&reader), 42);
    read_end(&reader);
    assert_int_equal(reader.error, 0);
    reader = READER(0x92, 1);
    read_skip(&reader);
    assert_int_equal(reader.error, SHOAL_EPROTO);
}

static void the_first_failure_of_a_writer_sticks(void **state)
{
    (void)state;
    struct buffer small;
    buffer_init(&small, 3);
    struct writer writer = writer_make(&small);
    write_u64(&writer, 1);
    write_bin(&writer, bytes_from_string("long"));
    assert_int_equal(writer.error, SHOAL_ETOOBIG);
    size_t len = small.len;
    write_u64(&writer, 1);
    write_bool(&writer, true);
    write_nil(&writer);
    write_array(&writer, 1);
    write_text(&writer, "x");
    assert_int_equal(small.len, len);
    writer_fail(&writer, SHOAL_EINVAL);
    assert_int_equal(writer.error, SHOAL_ETOOBIG);
    buffer_deinit(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_of_every_magnitude_come_back),
        TEST(integers_are_taken_in_any_format_that_holds_them),
        TEST(numbers_out_of_range_are_refused),
        TEST(the_first_error_sticks_and_later_reads_give_zeros),
        TEST(a_look_at_what_comes_reads_nothing),
        TEST(nothing_is_read_from_nothing),
        TEST(none_and_empty_are_told_apart),
        TEST(bytes_of_every_length_format_come_back),
        TEST(an_array_may_not_claim_more_than_is_there),
        TEST(text_fits_its_room_or_is_refused),
        TEST(skipping_passes_over_whole_elements),
        TEST(the_first_failure_of_a_writer_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
