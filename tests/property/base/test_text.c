/* Encodings and parsers over random bytes: what is encoded comes back, what is taken has one
 * spelling, and no bytes do harm. */
#include "property.h"

#include <string.h>

#include "base/text.h"
#include "shoal/error.h"

typedef int (*coder)(struct bytes in, struct buffer *out);

static size_t draw_bytes(struct random *random, uint8_t *out, size_t len_max)
{
    size_t len = (size_t)random_below(random, len_max + 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)random_u64(random);
    }
    return len;
}

static void check_round_trip(struct bytes in, coder encode, coder decode, size_t expected_len)
{
    struct buffer text;
    struct buffer back;
    buffer_init(&text, 0);
    buffer_init(&back, 0);
    CHECK(encode(in, &text) == 0);
    CHECK(text.len == expected_len);
    CHECK(decode(buffer_bytes(&text), &back) == 0);
    CHECK(bytes_equal(buffer_bytes(&back), in));
    buffer_deinit(&text);
    buffer_deinit(&back);
}

static void round_trip(struct random *random)
{
    uint8_t bytes[3000];
    size_t len = draw_bytes(random, bytes, random_chance(random, 0.5) ? 10 : sizeof(bytes));
    check_round_trip(bytes_make(bytes, len), text_base64_encode, text_base64_decode,
                     (len + 2) / 3 * 4);
    check_round_trip(bytes_make(bytes, len), text_base64url_encode, text_base64url_decode,
                     (len * 4 + 2) / 3);
}

/* Short texts of characters that are often right, so that many of them decode. */
static size_t draw_base64(struct random *random, uint8_t *out, size_t len_max)
{
    static const char likely[] = "AQgwZ09az-_+/=";
    size_t len = (size_t)random_below(random, len_max + 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = random_chance(random, 0.95)
                     ? (uint8_t)likely[random_below(random, sizeof(likely) - 1)]
                     : (uint8_t)random_u64(random);
    }
    return len;
}

static void check_one_spelling(struct bytes in, coder encode, coder decode)
{
    struct buffer bytes;
    struct buffer again;
    buffer_init(&bytes, 0);
    buffer_init(&again, 0);
    int error = decode(in, &bytes);
    if (error == 0) {
        CHECK(encode(buffer_bytes(&bytes), &again) == 0);
        CHECK(bytes_equal(buffer_bytes(&again), in));
    } else {
        CHECK(error == SHOAL_EINVAL);
        CHECK(bytes.len == 0);
    }
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

static void one_spelling(struct random *random)
{
    uint8_t text[12];
    for (size_t i = 0; i < 20; i++) {
        struct bytes in = bytes_make(text, draw_base64(random, text, sizeof(text)));
        check_one_spelling(in, text_base64_encode, text_base64_decode);
        check_one_spelling(in, text_base64url_encode, text_base64url_decode);
    }
}

/* UTF-8 by its definition: what a code point is written as. */
static size_t utf8_write(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (uint8_t)((0xf00 >> len) | code);
    return len;
}

static void every_code_point_but_surrogates_is_utf8(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x1fffff; code++) {
        uint8_t bytes[4];
        size_t len = utf8_write(code, bytes);
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(text_utf8_length(bytes_make(bytes, len)), valid ? len : 0);
        assert_int_equal(text_utf8_length(bytes_make(bytes, len - 1)), 0);
    }
}

/* Whatever three bytes are taken as one character, some code point is written so. */
static void nothing_else_is_utf8(void **state)
{
    (void)state;
    size_t accepted[5] = {0};
    for (uint32_t number = 0; number < 1u << 24; number++) {
        uint8_t bytes[3] = {(uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
        accepted[text_utf8_length(bytes_make(bytes, 3))]++;
    }
    assert_int_equal(accepted[1], 0x80u << 16);
    assert_int_equal(accepted[2], (0x800u - 0x80u) << 8);
    assert_int_equal(accepted[3], 0x10000u - 0x800u - 0x800u);
    assert_int_equal(accepted[4], 0);
}

/* Texts made of pieces that parsers look for. */
static void draw_text(struct random *random, char *out, size_t size, size_t pieces_max)
{
    static const char *const pieces[] = {"0",    "9",    "18446744073709551615",
                                         "us",   "ms",   "s",
                                         "m",    "d",    "h",
                                         ":",    "[",    "]",
                                         "%",    "::",   "1",
                                         "a",    ".",    "-",
                                         " ",    "3001", "65535",
                                         "\xff", "fe80"};
    size_t count = (size_t)random_below(random, pieces_max + 1);
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[random_below(random, sizeof(pieces) / sizeof(pieces[0]))];
        len += (size_t)snprintf(out + len, size - len, "%s", piece);
    }
}

static void what_parses_can_be_written_back(struct random *random)
{
    for (size_t i = 0; i < 50; i++) {
        char text[200];
        char again[400];
        char host[256];
        uint16_t port;
        uint64_t number;
        draw_text(random, text, sizeof(text), 6);
        if (text_parse_u64(text, 0, UINT64_MAX, &number) == 0) {
            snprintf(again, sizeof(again), "%llu", (unsigned long long)number);
            CHECK(strcmp(text + strspn(text, "0"), again + strspn(again, "0")) == 0);
        }
        if (text_parse_duration_us(text, 1000, &number) == 0) {
            uint64_t read = 0;
            snprintf(again, sizeof(again), "%lluus", (unsigned long long)number);
            CHECK(text_parse_duration_us(again, 1000, &read) == 0 && read == number);
        }
        if (text_parse_address(text, 77, host, &port) == 0) {
            char host_again[256];
            uint16_t port_again;
            bool v6 = strchr(host, ':') != NULL;
            snprintf(again, sizeof(again), v6 ? "[%s]:%u" : "%s:%u", host, port);
            CHECK(text_parse_address(again, 0, host_again, &port_again) == 0);
            CHECK(strcmp(host, host_again) == 0 && port == port_again);
        }
    }
}

static void base64_comes_back(void **state)
{
    (void)state;
    property_run(round_trip, 500);
}

static void base64_has_one_spelling(void **state)
{
    (void)state;
    property_run(one_spelling, 2000);
}

static void parsers_take_only_what_they_would_write(void **state)
{
    (void)state;
    property_run(what_parses_can_be_written_back, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_comes_back),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(every_code_point_but_surrogates_is_utf8),
        cmocka_unit_test(nothing_else_is_utf8),
        cmocka_unit_test(parsers_take_only_what_they_would_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
