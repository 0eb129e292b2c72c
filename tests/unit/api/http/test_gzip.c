/* Compression: what comes out is what went in, at once or piece by piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <zlib.h>

#include "api/http/gzip.h"
#include "base/memory.h"
#include "base/random.h"
#include "shoal/error.h"

#define TEXT_BYTES 300000u

static void fill(uint8_t *text, size_t len)
{
    struct random random;
    random_init(&random, 7);
    for (size_t i = 0; i < len; i++) {
        text[i] = (uint8_t)('a' + random_below(&random, i < len / 2 ? 3 : 26));
    }
}

static void assert_unpacks(const struct buffer *packed, const uint8_t *text, size_t len)
{
    static uint8_t unpacked[TEXT_BYTES + 1];
    z_stream stream = {.next_in = packed->data, .avail_in = (uInt)packed->len};
    stream.next_out = unpacked;
    stream.avail_out = sizeof(unpacked);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, len);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(unpacked, text, len);
    inflateEnd(&stream);
}

static void what_is_packed_at_once_unpacks(void **state)
{
    (void)state;
    static uint8_t text[TEXT_BYTES];
    struct buffer out;
    fill(text, sizeof(text));
    buffer_init(&out, 0);
    for (size_t len = 0; len <= TEXT_BYTES; len = len * 7 + 1) {
        buffer_clear(&out);
        assert_int_equal(http_gzip_whole(bytes_make(text, len), &out), 0);
        assert_unpacks(&out, text, len);
    }
    buffer_deinit(&out);
}

static void what_is_packed_in_pieces_unpacks(void **state)
{
    (void)state;
    static uint8_t text[TEXT_BYTES];
    struct buffer out;
    fill(text, sizeof(text));
    buffer_init(&out, 0);
    struct http_gzip *gzip = http_gzip_new();
    size_t at = 0;
    for (size_t len = 1; at < TEXT_BYTES; len *= 3) {
        len = len < TEXT_BYTES - at ? len : TEXT_BYTES - at;
        assert_int_equal(http_gzip_write(gzip, bytes_make(text + at, len), false, &out), 0);
        at += len;
    }
    assert_int_equal(http_gzip_write(gzip, bytes_make(NULL, 0), true, &out), 0);
    assert_unpacks(&out, text, TEXT_BYTES);
    assert_true(out.len < TEXT_BYTES);
    http_gzip_free(gzip);
    buffer_deinit(&out);
}

static void without_memory_nothing_is_appended(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out, 0);
    for (uint64_t nth = 1; nth < 20; nth++) {
        mem_fail_from(nth);
        int code = http_gzip_whole(bytes_from_string("text"), &out);
        mem_fail_never();
        if (code == 0) {
            break;
        }
        assert_int_equal(code, SHOAL_ENOMEM);
        assert_int_equal(out.len, 0);
    }
    assert_unpacks(&out, (const uint8_t *)"text", 4);
    buffer_deinit(&out);
}

static void text_is_packed_and_nothing_else(void **state)
{
    (void)state;
    assert_true(http_gzip_suits("application/json"));
    assert_true(http_gzip_suits("text/html; charset=utf-8"));
    assert_false(http_gzip_suits("application/octet-stream"));
    assert_false(http_gzip_suits("image/png"));
    assert_false(http_gzip_suits(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_at_once_unpacks),
        cmocka_unit_test(what_is_packed_in_pieces_unpacks),
        cmocka_unit_test(without_memory_nothing_is_appended),
        cmocka_unit_test(text_is_packed_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
