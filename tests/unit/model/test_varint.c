/* LEB128 numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/varint.h"

static void every_magnitude_comes_back_in_its_stated_size(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 64; bits++) {
        for (int nudge = -1; nudge <= 1; nudge++) {
            uint64_t value = (bits == 64 ? 0 : UINT64_C(1) << bits) + (uint64_t)(int64_t)nudge;
            uint8_t bytes[VARINT_BYTES_MAX];
            uint8_t *end = varint_store(bytes, value);
            assert_int_equal(end - bytes, varint_size(value));
            uint64_t back = ~value;
            assert_ptr_equal(varint_load(bytes, end, &back), end);
            assert_true(back == value);
        }
    }
}

static void a_number_cut_off_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[VARINT_BYTES_MAX];
    uint8_t *end = varint_store(bytes, UINT64_MAX);
    uint64_t value;
    for (const uint8_t *cut = bytes; cut < end; cut++) {
        assert_null(varint_load(bytes, cut, &value));
    }
}

static void longer_forms_of_a_number_are_refused(void **state)
{
    (void)state;
    const uint8_t forms[][3] = {{0x80, 0x00, 0}, {0xff, 0x00, 0}, {0x80, 0x80, 0x00}};
    const size_t sizes[] = {2, 2, 3};
    uint64_t value;
    for (size_t i = 0; i < 3; i++) {
        assert_null(varint_load(forms[i], forms[i] + sizes[i], &value));
    }
}

static void numbers_over_64_bits_are_refused(void **state)
{
    (void)state;
    uint64_t value;
    uint8_t over[11] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00};
    assert_null(varint_load(over, over + sizeof(over), &value));
    over[9] = 0x81; /* goes on past the tenth byte */
    assert_null(varint_load(over, over + sizeof(over), &value));
    over[9] = 0x01;
    assert_non_null(varint_load(over, over + sizeof(over), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_magnitude_comes_back_in_its_stated_size),
        cmocka_unit_test(a_number_cut_off_is_refused),
        cmocka_unit_test(longer_forms_of_a_number_are_refused),
        cmocka_unit_test(numbers_over_64_bits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
