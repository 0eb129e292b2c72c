/* The ring's hash and the keyed one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void the_ring_hash_is_xxh3_with_seed_0(void **state)
{
    (void)state;
    /* Known values: a ring hashed otherwise would find none of its keys. */
    assert_int_equal(hash_xxh3(bytes_make(NULL, 0)), UINT64_C(0x2d06800538d394c2));
    assert_int_equal(hash_xxh3(bytes_from_string("a")), UINT64_C(0xe6c632b61e964e1f));
    assert_int_equal(hash_xxh3(bytes_from_string("abc")), UINT64_C(0x78af5f94892f3950));
}

static void long_keys_hash_too(void **state)
{
    (void)state;
    static uint8_t key[65536];
    uint64_t zero = hash_xxh3(bytes_make(key, sizeof(key)));
    key[40000] = 1;
    assert_int_not_equal(hash_xxh3(bytes_make(key, sizeof(key))), zero);
}

static void equal_seeds_give_equal_keyed_hashes_and_others_do_not(void **state)
{
    (void)state;
    uint8_t seed[32] = {1, 2, 3};
    struct hash_secret a;
    struct hash_secret b;
    struct hash_secret c;
    hash_secret_init(&a, seed);
    hash_secret_init(&b, seed);
    seed[31] ^= 1;
    hash_secret_init(&c, seed);
    const char *const keys[] = {"", "k", "a longer key", "a key of more than sixteen bytes"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct bytes key = bytes_from_string(keys[i]);
        assert_int_equal(hash_keyed(&a, key), hash_keyed(&b, key));
        assert_int_not_equal(hash_keyed(&a, key), hash_keyed(&c, key));
        assert_int_not_equal(hash_keyed(&a, key), hash_xxh3(key));
    }
}

static void mixing_is_one_to_one_and_spreads_small_numbers(void **state)
{
    (void)state;
    unsigned low_bits_used[16] = {0};
    for (uint64_t i = 0; i < 1600; i++) {
        low_bits_used[hash_mix(i << 32) & 15]++;
        for (uint64_t j = 0; j < i && i < 50; j++) {
            assert_int_not_equal(hash_mix(i), hash_mix(j));
        }
    }
    for (size_t i = 0; i < 16; i++) {
        assert_in_range(low_bits_used[i], 50, 150);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ring_hash_is_xxh3_with_seed_0),
        cmocka_unit_test(long_keys_hash_too),
        cmocka_unit_test(equal_seeds_give_equal_keyed_hashes_and_others_do_not),
        cmocka_unit_test(mixing_is_one_to_one_and_spreads_small_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
