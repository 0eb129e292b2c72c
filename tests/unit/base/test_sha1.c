/* SHA-1 against FIPS 180's examples and every length around its blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/sha1.h"
#include "base/text.h"

static void expect(const char *content, size_t len, const char *wanted)
{
    uint8_t hash[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];
    sha1(bytes_make(content, len), hash);
    text_hex(hash, sizeof(hash), hex);
    assert_string_equal(hex, wanted);
}

static void known_texts_have_known_hashes(void **state)
{
    (void)state;
    expect("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    expect("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 60,
           "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

/* The hash of the hashes of 0 to 199 times 'a', as another implementation has it. */
static void lengths_around_a_block_are_padded_right(void **state)
{
    (void)state;
    char content[200];
    char hashes[200 * SHA1_BYTES];
    memset(content, 'a', sizeof(content));
    for (size_t len = 0; len < sizeof(content); len++) {
        sha1(bytes_make(content, len), (uint8_t *)hashes + len * SHA1_BYTES);
    }
    expect(hashes, sizeof(hashes), "8a18f04bac7c86cfcffa6a93e5cb21ae0159deac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_known_hashes),
        cmocka_unit_test(lengths_around_a_block_are_padded_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
