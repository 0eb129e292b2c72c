/* Names of content, message authentication, derived keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/text.h"
#include "shoal/error.h"

static int setup(void **state)
{
    (void)state;
    int first = crypto_init();
    int again = crypto_init();
    return first == 0 && again == 0 ? 0 : -1;
}

static void content_is_named_by_blake2b_of_128_bits(void **state)
{
    (void)state;
    struct content_hash hash;
    char hex[33];
    /* From Python's hashlib.blake2b(b"abc", digest_size=16). */
    crypto_hash(&hash, bytes_from_string("abc"));
    text_hex(hash.bytes, sizeof(hash.bytes), hex);
    assert_string_equal(hex, "cf4ab791c62b8d2b2109c90275287816");
    crypto_hash(&hash, bytes_make(NULL, 0));
    text_hex(hash.bytes, sizeof(hash.bytes), hex);
    assert_string_equal(hex, "cae66941d9efbd404e4d88758ea67670");
}

static void content_hashes_are_ordered_by_their_bytes(void **state)
{
    (void)state;
    struct content_hash a = {{1}};
    struct content_hash b = {{1}};
    assert_true(content_hash_equal(&a, &b));
    assert_int_equal(content_hash_compare(&a, &b), 0);
    b.bytes[15] = 0x80;
    assert_false(content_hash_equal(&a, &b));
    assert_true(content_hash_compare(&a, &b) < 0);
    assert_true(content_hash_compare(&b, &a) > 0);
}

static void a_tag_depends_on_key_owner_and_content(void **state)
{
    (void)state;
    struct crypto_key key = {{7}};
    struct crypto_key other_key = {{8}};
    uint8_t expected[CRYPTO_MAC_BYTES];
    uint8_t tag[CRYPTO_MAC_BYTES];
    crypto_tag(expected, &key, bytes_from_string("ab"), bytes_from_string("c"));
    crypto_tag(tag, &key, bytes_from_string("ab"), bytes_from_string("c"));
    assert_memory_equal(tag, expected, sizeof(tag));
    crypto_tag(tag, &other_key, bytes_from_string("ab"), bytes_from_string("c"));
    assert_memory_not_equal(tag, expected, sizeof(tag));
    crypto_tag(tag, &key, bytes_from_string("a"), bytes_from_string("bc"));
    assert_memory_not_equal(tag, expected, sizeof(tag));
    crypto_tag(tag, &key, bytes_from_string("ab"), bytes_make(NULL, 0));
    assert_memory_not_equal(tag, expected, sizeof(tag));
    crypto_tag(tag, &key, bytes_from_string("c"), bytes_from_string("ab"));
    assert_memory_not_equal(tag, expected, sizeof(tag));
}

/* Key 00..0f; the owner's tag of nothing, a3817f04ba25a8e66df67214c7550293, is the first line of
 * the reference implementation's table; the second step is from an implementation in Python. */
static void a_tag_is_siphash_of_128_bits(void **state)
{
    (void)state;
    struct crypto_key key = {{0}};
    uint8_t tag[CRYPTO_MAC_BYTES];
    char hex[33];
    for (uint8_t i = 0; i < 16; i++) {
        key.bytes[i] = i;
    }
    crypto_tag(tag, &key, bytes_make(NULL, 0), bytes_from_string("x"));
    text_hex(tag, sizeof(tag), hex);
    assert_string_equal(hex, "daaae16b4a0cfc298355d32a8310f41c");
}

static void mac(uint8_t out[CRYPTO_MAC_BYTES], uint8_t key_byte, const char *first,
                const char *second)
{
    struct crypto_key key = {{key_byte}};
    struct bytes parts[] = {bytes_from_string(first), bytes_from_string(second)};
    crypto_mac(out, &key, parts, 2);
}

static void a_mac_depends_on_the_key_and_on_where_parts_end(void **state)
{
    (void)state;
    uint8_t expected[CRYPTO_MAC_BYTES];
    uint8_t other[CRYPTO_MAC_BYTES];
    mac(expected, 1, "ab", "c");
    mac(other, 1, "ab", "c");
    assert_true(crypto_equal(expected, other, sizeof(other)));
    mac(other, 2, "ab", "c");
    assert_false(crypto_equal(expected, other, sizeof(other)));
    mac(other, 1, "a", "bc");
    assert_false(crypto_equal(expected, other, sizeof(other)));
    mac(other, 1, "abc", "");
    assert_false(crypto_equal(expected, other, sizeof(other)));
}

static void a_mac_of_no_parts_is_a_mac(void **state)
{
    (void)state;
    struct crypto_key key = {{1}};
    struct bytes empty = bytes_make(NULL, 0);
    uint8_t none[CRYPTO_MAC_BYTES];
    uint8_t one[CRYPTO_MAC_BYTES];
    crypto_mac(none, &key, NULL, 0);
    crypto_mac(one, &key, &empty, 1);
    assert_false(crypto_equal(none, one, sizeof(one)));
}

static void each_purpose_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct crypto_key secret = {{7}};
    struct crypto_key token;
    struct crypto_key again;
    struct crypto_key peer;
    crypto_derive(&token, &secret, "token");
    crypto_derive(&again, &secret, "token");
    crypto_derive(&peer, &secret, "peer");
    assert_memory_equal(token.bytes, again.bytes, CRYPTO_KEY_BYTES);
    assert_memory_not_equal(token.bytes, peer.bytes, CRYPTO_KEY_BYTES);
    assert_memory_not_equal(token.bytes, secret.bytes, CRYPTO_KEY_BYTES);
    secret.bytes[31] ^= 1;
    crypto_derive(&again, &secret, "token");
    assert_memory_not_equal(token.bytes, again.bytes, CRYPTO_KEY_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_named_by_blake2b_of_128_bits),
        cmocka_unit_test(content_hashes_are_ordered_by_their_bytes),
        cmocka_unit_test(a_mac_depends_on_the_key_and_on_where_parts_end),
        cmocka_unit_test(a_tag_depends_on_key_owner_and_content),
        cmocka_unit_test(a_tag_is_siphash_of_128_bits),
        cmocka_unit_test(a_mac_of_no_parts_is_a_mac),
        cmocka_unit_test(each_purpose_has_a_key_of_its_own),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
