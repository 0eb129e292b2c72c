/* The layout of a record in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/record.h"

static void expect_round_trip(size_t key_len, size_t value_len, size_t header)
{
    uint8_t *content = calloc(1, key_len + value_len + 1);
    uint8_t *block = malloc(record_bytes(key_len, value_len));
    assert_non_null(content);
    assert_non_null(block);
    for (size_t i = 0; i < key_len + value_len; i++) {
        content[i] = (uint8_t)(i * 7);
    }
    const struct record in = {.position_high = 0xdeadbeef,
                              .partition = (uint32_t)(key_len % 2 == 0 ? 65535 : 131071),
                              .key = bytes_make(content, key_len),
                              .value = bytes_make(content + key_len, value_len)};
    assert_int_equal(record_bytes(key_len, value_len), header + key_len + value_len);
    record_write(block, &in);
    const struct record out = record_read(block);
    assert_int_equal(out.position_high, in.position_high);
    assert_int_equal(out.partition, in.partition);
    assert_true(bytes_equal(out.key, in.key));
    assert_true(bytes_equal(out.value, in.value));
    assert_true(bytes_equal(record_key(block), in.key));
    record_set_value(block, key_len, bytes_make(content, value_len));
    assert_int_equal(record_read(block).partition, in.partition);
    assert_true(bytes_equal(record_read(block).key, in.key));
    assert_true(bytes_equal(record_read(block).value, bytes_make(content, value_len)));
    free(block);
    free(content);
}

static void what_is_written_is_read_whatever_the_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t key_len, value_len, header;
    } cases[] = {
        {0, 0, RECORD_HEADER_SHORT},
        {16, 122, RECORD_HEADER_SHORT},
        {RECORD_KEY_LONG - 1, 0, RECORD_HEADER_SHORT},
        {RECORD_KEY_LONG, 0, RECORD_HEADER_LONG},
        {RECORD_KEY_LONG + 1, 5, RECORD_HEADER_LONG},
        {1, RECORD_SHORT_BYTES_MAX, RECORD_HEADER_SHORT},
        {1, RECORD_SHORT_BYTES_MAX + 1, RECORD_HEADER_LONG},
        {300000, 5000000, RECORD_HEADER_LONG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_round_trip(cases[i].key_len, cases[i].value_len, cases[i].header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_whatever_the_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
