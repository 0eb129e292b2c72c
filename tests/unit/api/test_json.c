/* api/json_*: what is JSON and what is not, walking it as it stands, and writing bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/json_read.h"
#include "api/json_write.h"
#include "shoal/error.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static bool is_json(const char *text)
{
    struct bytes value;
    return json_check(bytes_from_string(text), &value, NULL) == 0;
}

static void assert_is(struct bytes bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.data, text, bytes.len);
}

/* ---- checking ---- */

static void what_the_standard_allows_passes(void **state)
{
    static const char *const texts[] = {
        "0",        "-0",           "-1.5e+10", "1E400",       "12345678901234567890123456789",
        "true",     "false",        "null",     "\"\"",        "\"\\u0000\\\"\\/\\b\\ud800\"",
        "[]",       "{}",           " [ ] ",    "[1,2,[3]]",   "{\"a\":{\"b\":[{}]},\"a\":1}",
        "\t\r\n1 ", "\"\xc3\xa9\"", "[{},{}]",  "[[],{},[1]]", "\"\x7f\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!is_json(texts[i])) {
            fail_msg("refused: %s", texts[i]);
        }
    }
}

static void what_it_does_not_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "--1",
        "0x1",
        "1 2",
        "nul",
        "nulll",
        "True",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\",
        "\"a\nb\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "{\"a\":1]",
        "[1}",
        "'a'",
        "NaN",
        ("\xef\xbb\xbf"
         "1"),
        "\"\xed\xa0\x80\"",
        "\"\xc3",
        "//\n1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (is_json(texts[i])) {
            fail_msg("passed: %s", texts[i]);
        }
    }
    struct bytes value;
    assert_int_equal(json_check(bytes_make("1\0", 2), &value, NULL), SHOAL_EINVAL);
    assert_int_equal(json_check(bytes_make("\"a\0b\"", 5), &value, NULL), SHOAL_EINVAL);
}

static void depth_is_bounded_and_its_bound_reached(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 1) + 1];
    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * (size_t)JSON_DEPTH_MAX] = '\0';
    assert_true(is_json(text));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(is_json(text));
}

static void what_stands_around_values_is_not_counted_among_them(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 4) + 1];
    struct bytes value;
    (void)state;
    memset(text, '[', JSON_DEPTH_MAX + 4);
    memset(text + JSON_DEPTH_MAX + 4, ']', JSON_DEPTH_MAX + 4);
    struct bytes three = bytes_make(text + 1, sizeof(text) - 3);
    struct bytes four = bytes_make(text, sizeof(text) - 1);
    assert_int_equal(json_check_around(three, 3, &value, NULL), 0);
    assert_int_equal(json_check_around(four, 3, &value, NULL), SHOAL_EINVAL);
    assert_int_equal(json_check_around(four, JSON_DEPTH_AROUND_MAX, &value, NULL), 0);
}

static void blanks_around_the_value_are_left_off(void **state)
{
    struct bytes value;
    (void)state;
    assert_int_equal(json_check(bytes_from_string(" \n {\"a\": 1} \t"), &value, NULL), 0);
    assert_is(value, "{\"a\": 1}");
}

static void a_fault_says_where_it_is(void **state)
{
    struct bytes value;
    struct json_fault fault;
    (void)state;
    assert_int_equal(json_check(bytes_from_string("{\n  \"a\" 1}"), &value, &fault), SHOAL_EINVAL);
    assert_string_equal(fault.what, "a ':' is missing");
    assert_int_equal(fault.line, 2);
    assert_int_equal(fault.column, 7);
    assert_int_equal(json_check(bytes_from_string("[1"), &value, &fault), SHOAL_EINVAL);
    assert_string_equal(fault.what, "it ends too early");
}

/* ---- walking ---- */

static void members_come_in_their_order_as_they_stand(void **state)
{
    struct bytes value;
    struct json_member member;
    (void)state;
    const char *text = "{ \"a\" : [1, {\"x\": \"]}\\\"\"}] ,\"b\":\t1.0e5, \"a\":\"\\\\\" }";
    assert_int_equal(json_check(bytes_from_string(text), &value, NULL), 0);
    struct json_walk walk = json_walk(value);
    assert_true(json_next(&walk, &member));
    assert_is(member.name, "\"a\"");
    assert_is(member.value, "[1, {\"x\": \"]}\\\"\"}]");
    assert_int_equal(json_kind(member.value), JSON_ARRAY);
    struct json_walk inner = json_walk(member.value);
    assert_true(json_next(&inner, &member));
    assert_is(member.value, "1");
    assert_int_equal(member.name.len, 0);
    assert_true(json_next(&inner, &member));
    assert_int_equal(json_kind(member.value), JSON_OBJECT);
    assert_false(json_next(&inner, &member));
    assert_true(json_next(&walk, &member));
    assert_is(member.value, "1.0e5");
    assert_int_equal(json_kind(member.value), JSON_NUMBER);
    assert_true(json_next(&walk, &member));
    assert_is(member.value, "\"\\\\\"");
    assert_false(json_next(&walk, &member));
    assert_false(json_next(&walk, &member));
}

static void an_empty_object_has_no_members(void **state)
{
    struct json_member member;
    (void)state;
    struct json_walk walk = json_walk(bytes_from_string("{ \n}"));
    assert_false(json_next(&walk, &member));
}

/* ---- strings ---- */

static void strings_stand_for_text(void **state)
{
    struct bytes text;
    (void)state;
    assert_int_equal(json_unescape(&arena, bytes_from_string("\"plain\""), &text), 0);
    assert_is(text, "plain");
    assert_int_equal(json_unescape(&arena, bytes_from_string("\"\""), &text), 0);
    assert_int_equal(text.len, 0);
    const char *escaped = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\uDE00\"";
    assert_int_equal(json_unescape(&arena, bytes_from_string(escaped), &text), 0);
    assert_is(text, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(json_unescape(&arena, bytes_from_string("\"a\\u0000b\""), &text), 0);
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.data, "a\0b", 3);
}

static void half_a_surrogate_pair_is_no_text(void **state)
{
    static const char *const strings[] = {"\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ude00\"",
                                          "\"\\ud83d\\u0041\"", "\"\\ud83d\\ud83d\\ude00\""};
    struct bytes text;
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        assert_int_equal(json_unescape(&arena, bytes_from_string(strings[i]), &text), SHOAL_EINVAL);
    }
}

/* ---- writing ---- */

static void assert_written(struct bytes bytes, const char *text, const char *field,
                           const char *item)
{
    struct buffer out;
    buffer_init(&out, 0);
    if (text != NULL) {
        assert_int_equal(json_write_text(&out, bytes), 0);
        assert_is(buffer_bytes(&out), text);
    }
    buffer_clear(&out);
    assert_int_equal(json_write_field(&out, "key", bytes), 0);
    assert_is(buffer_bytes(&out), field);
    buffer_clear(&out);
    assert_int_equal(json_write_item(&out, "key", bytes), 0);
    assert_is(buffer_bytes(&out), item);
    buffer_deinit(&out);
}

static void bytes_are_written_as_text_or_as_base64(void **state)
{
    (void)state;
    assert_written(bytes_make(NULL, 0), "\"\"", "\"key\":\"\"", "\"\"");
    assert_written(bytes_from_string("a\"\\\n\r\t\x01\x7f\xc3\xa9"),
                   "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\xc3\xa9\"",
                   "\"key\":\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\xc3\xa9\"",
                   "\"a\\\"\\\\\\n\\r\\t\\u0001\\u007f\xc3\xa9\"");
    assert_written(bytes_make("\0", 1), "\"\\u0000\"", "\"key\":\"\\u0000\"", "\"\\u0000\"");
    assert_written(bytes_from_string("\xff\xfe"), NULL, "\"key_base64\":\"//4=\"",
                   "{\"key_base64\":\"//4=\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_standard_allows_passes),
        cmocka_unit_test(what_it_does_not_is_refused),
        cmocka_unit_test(depth_is_bounded_and_its_bound_reached),
        cmocka_unit_test(what_stands_around_values_is_not_counted_among_them),
        cmocka_unit_test(blanks_around_the_value_are_left_off),
        cmocka_unit_test(a_fault_says_where_it_is),
        cmocka_unit_test(members_come_in_their_order_as_they_stand),
        cmocka_unit_test(an_empty_object_has_no_members),
        cmocka_unit_test(strings_stand_for_text),
        cmocka_unit_test(half_a_surrogate_pair_is_no_text),
        cmocka_unit_test(bytes_are_written_as_text_or_as_base64),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
