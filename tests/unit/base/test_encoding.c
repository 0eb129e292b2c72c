/* Base64 and UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "shoal/error.h"

typedef int (*coder)(struct bytes in, struct buffer *out);

static void expect(coder code, struct bytes in, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(code(in, &out), 0);
    if (!bytes_equal(buffer_bytes(&out), bytes_from_string(expected))) {
        fail_msg("expected \"%s\"", expected);
    }
    buffer_deinit(&out);
}

/* The vectors of RFC 4648. */
static const struct {
    const char *plain;
    const char *padded;
    const char *bare;
} vectors[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+", "-__-"},
};

static void the_vectors_of_the_rfc_hold_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        expect(text_base64_encode, bytes_from_string(vectors[i].plain), vectors[i].padded);
        expect(text_base64_decode, bytes_from_string(vectors[i].padded), vectors[i].plain);
        expect(text_base64url_encode, bytes_from_string(vectors[i].plain), vectors[i].bare);
        expect(text_base64url_decode, bytes_from_string(vectors[i].bare), vectors[i].plain);
    }
}

static void expect_refused(coder decode, const char *text)
{
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(buffer_append(&out, "kept", 4), 0);
    if (decode(bytes_from_string(text), &out) != SHOAL_EINVAL) {
        fail_msg("\"%s\" was taken", text);
    }
    assert_true(bytes_equal(buffer_bytes(&out), bytes_from_string("kept")));
    buffer_deinit(&out);
}

static void ill_formed_base64_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"Z",        "Zg",     "Zg=",   "Zm8",     "=",
                                 "==",       "====",   "Zg===", "Zm9vZg=", "Z=g=",
                                 "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9",    "Zm-_",
                                 "Zh==",     "Zm9=",   "Zm9v=", "Zm9v==",  "\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_refused(text_base64_decode, texts[i]);
    }
}

static void ill_formed_base64url_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"Z", "Zg==", "Zm8=", "=", "Zh", "Zm9", "Zm9vZ", "Zm+/", "Zm9v\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        expect_refused(text_base64url_decode, texts[i]);
    }
}

static void a_nul_inside_is_a_byte_like_any_other(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(text_base64_decode(bytes_make("Zm9v\0aaa", 8), &out), SHOAL_EINVAL);
    assert_int_equal(text_base64_encode(bytes_make("\0\0\0", 3), &out), 0);
    assert_true(bytes_equal(buffer_bytes(&out), bytes_from_string("AAAA")));
    buffer_deinit(&out);
}

static void an_exact_bound_is_enough(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 8);
    assert_int_equal(text_base64_encode(bytes_from_string("foobar"), &out), 0);
    buffer_deinit(&out);
    buffer_init(&out, 7);
    assert_int_equal(text_base64_encode(bytes_from_string("foobar"), &out), SHOAL_ETOOBIG);
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
    buffer_init(&out, 5);
    assert_int_equal(text_base64_decode(bytes_from_string("Zm9vYmE="), &out), 0);
    assert_int_equal(out.len, 5);
    buffer_deinit(&out);
    buffer_init(&out, 4);
    assert_int_equal(text_base64_decode(bytes_from_string("Zm9vYmE="), &out), SHOAL_ETOOBIG);
    assert_int_equal(text_base64url_decode(bytes_from_string("Zm9vYmE"), &out), SHOAL_ETOOBIG);
    buffer_deinit(&out);
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    mem_fail_from(1);
    assert_int_equal(text_base64_encode(bytes_from_string("f"), &out), SHOAL_ENOMEM);
    assert_int_equal(text_base64_decode(bytes_from_string("Zg=="), &out), SHOAL_ENOMEM);
    mem_fail_never();
    buffer_deinit(&out);
}

static void well_formed_utf8_is_taken(void **state)
{
    (void)state;
    const char *const texts[] = {"",
                                 "plain",
                                 "\xc2\x80",
                                 "\xdf\xbf",
                                 "\xe0\xa0\x80",
                                 "\xed\x9f\xbf",
                                 "\xee\x80\x80",
                                 "\xef\xbf\xbf",
                                 "\xf0\x90\x80\x80",
                                 "\xf4\x8f\xbf\xbf",
                                 "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9f!"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!text_is_utf8(bytes_from_string(texts[i]))) {
            fail_msg("text %zu was refused", i);
        }
    }
    assert_true(text_is_utf8(bytes_make("a\0b", 3)));
    assert_true(text_is_utf8(bytes_make(NULL, 0)));
}

static void ill_formed_utf8_is_refused(void **state)
{
    (void)state;
    const char *const texts[] = {"\x80", /* a continuation alone */
                                 "\xbf",
                                 "\xc0\x80", /* overlong */
                                 "\xc1\xbf",
                                 "\xe0\x9f\xbf",
                                 "\xf0\x8f\xbf\xbf",
                                 "\xed\xa0\x80", /* surrogates */
                                 "\xed\xbf\xbf",
                                 "\xf4\x90\x80\x80", /* beyond U+10FFFF */
                                 "\xf5\x80\x80\x80",
                                 "\xff",
                                 "\xc3", /* cut short */
                                 "\xe2\x82",
                                 "\xf0\x9f\x90",
                                 "\xc3(", /* not continued */
                                 "\xe2(\xa1",
                                 "\xe2\x82(",
                                 "\xf0\x9f\x90(",
                                 "fine until\xc3"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (text_is_utf8(bytes_from_string(texts[i]))) {
            fail_msg("text %zu was taken", i);
        }
    }
    /* The rest of the character stands behind the end of the bytes. */
    assert_false(text_is_utf8(bytes_make("\xe2\x82\xac", 2)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc_hold_both_ways),
        cmocka_unit_test(ill_formed_base64_is_refused),
        cmocka_unit_test(ill_formed_base64url_is_refused),
        cmocka_unit_test(a_nul_inside_is_a_byte_like_any_other),
        cmocka_unit_test(an_exact_bound_is_enough),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(well_formed_utf8_is_taken),
        cmocka_unit_test(ill_formed_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
