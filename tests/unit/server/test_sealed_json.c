/* server/sealed_json: what comes back, and what does not pass. */
#include "folder_test.h"

#include "base/memory.h"
#include "server/sealed_json.h"
#include "shoal/error.h"

static struct buffer text;

static int write_sample(void **state)
{
    (void)state;
    buffer_init(&text, 0);
    json_t *json = json_pack("{s:i, s:o, s:s}", "format", 3, "number",
                             sealed_json_of_hex(UINT64_C(0xfedcba9876543210)), "word", "fish");
    int code = sealed_json_write(json, &text);
    json_decref(json);
    return code;
}

static int forget_sample(void **state)
{
    (void)state;
    buffer_deinit(&text);
    return 0;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    json_t *json;
    uint64_t number;
    assert_int_equal(sealed_json_read(buffer_bytes(&text), 3, &json), 0);
    assert_string_equal(json_string_value(json_object_get(json, "word")), "fish");
    assert_int_equal(sealed_json_hex(json_object_get(json, "number"), &number), 0);
    assert_int_equal(number, UINT64_C(0xfedcba9876543210));
    json_decref(json);
}

static void no_flipped_bit_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < text.len * 8; i++) {
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        json_t *json = NULL;
        int code = sealed_json_read(buffer_bytes(&text), 3, &json);
        if (code == 0) {
            /* White space for other white space: the same JSON. */
            assert_string_equal(json_string_value(json_object_get(json, "word")), "fish");
            json_decref(json);
        } else {
            assert_int_equal(code, SHOAL_EPROTO);
        }
        text.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
}

static void no_part_of_it_passes(void **state)
{
    (void)state;
    for (size_t len = 0; len + 1 < text.len; len++) {
        json_t *json;
        assert_int_equal(sealed_json_read(bytes_make(text.data, len), 3, &json), SHOAL_EPROTO);
    }
}

static void a_newer_format_is_told_from_damage(void **state)
{
    (void)state;
    json_t *json;
    assert_int_equal(sealed_json_read(buffer_bytes(&text), 2, &json), SHOAL_EVERSION);
}

static void numbers_are_16_hex_digits_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "0", "00000000000000000", "000000000000000g", "FEDCBA9876543210", "0x12345678901234"};
    uint64_t number = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *value = json_string(bad[i]);
        assert_int_equal(sealed_json_hex(value, &number), SHOAL_EPROTO);
        json_decref(value);
    }
    assert_int_equal(sealed_json_hex(NULL, &number), SHOAL_EPROTO);
    assert_int_equal(number, 7);
}

#define SAMPLE_TEST(name) cmocka_unit_test_setup_teardown(name, write_sample, forget_sample)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SAMPLE_TEST(what_was_written_is_read),
        SAMPLE_TEST(no_flipped_bit_passes),
        SAMPLE_TEST(no_part_of_it_passes),
        SAMPLE_TEST(a_newer_format_is_told_from_damage),
        cmocka_unit_test(numbers_are_16_hex_digits_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
