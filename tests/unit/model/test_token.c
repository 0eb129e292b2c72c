/* Context tokens: only what this cluster made for this very key is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "model/token.h"
#include "shoal/error.h"

static struct arena arena;
static struct buffer token;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(crypto_init(), 0);
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&token, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    buffer_deinit(&token);
    arena_deinit(&arena);
    return 0;
}

static struct token_keys make_keys(uint8_t fill)
{
    struct token_keys keys = {.has_previous = false};
    memset(keys.current.bytes, fill, sizeof(keys.current.bytes));
    return keys;
}

static const struct dot entries[] = {{3, 1}, {0x1122334455667788, 300}, {UINT64_MAX, UINT64_MAX}};
static const struct version_vector context = {.entries = entries, .count = 3};

static int decode(const struct token_keys *keys, const char *key, struct version_vector *out)
{
    return token_decode(&arena, keys, bytes_from_string(key), buffer_bytes(&token), out);
}

static void a_context_comes_back_from_its_token(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&keys, "k", &out), 0);
    assert_true(version_vector_equal(out, context));
}

static void the_empty_context_has_a_token_too(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out = context;
    assert_int_equal(
        token_encode(&keys, bytes_from_string("k"), (struct version_vector){0}, &token), 0);
    assert_int_equal(token.len, 2 + CRYPTO_MAC_BYTES);
    assert_int_equal(decode(&keys, "k", &out), 0);
    assert_int_equal(out.count, 0);
}

static void a_token_of_another_key_is_refused(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out = {0};
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&keys, "l", &out), SHOAL_ECONTEXT);
    assert_int_equal(decode(&keys, "", &out), SHOAL_ECONTEXT);
    assert_int_equal(decode(&keys, "kk", &out), SHOAL_ECONTEXT);
    assert_null(out.entries);
}

static void bytes_moved_between_key_and_token_are_noticed(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    uint8_t key[2] = {'k', token.data[0]};
    assert_int_equal(token_decode(&arena, &keys, bytes_make(key, sizeof(key)),
                                  bytes_make(token.data + 1, token.len - 1), &out),
                     SHOAL_ECONTEXT);
}

static void a_token_of_another_cluster_is_refused(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct token_keys others = make_keys(2);
    struct version_vector out;
    assert_int_equal(token_encode(&others, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
}

static void a_token_survives_one_change_of_the_secret_and_not_two(void **state)
{
    (void)state;
    struct token_keys first = make_keys(1);
    struct token_keys second = make_keys(2);
    second.previous = first.current;
    second.has_previous = true;
    struct token_keys third = make_keys(3);
    third.previous = second.current;
    third.has_previous = true;
    struct version_vector out;
    assert_int_equal(token_encode(&first, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&second, "k", &out), 0);
    assert_true(version_vector_equal(out, context));
    assert_int_equal(decode(&third, "k", &out), SHOAL_ECONTEXT);
    buffer_clear(&token);
    assert_int_equal(token_encode(&second, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&first, "k", &out), SHOAL_ECONTEXT);
}

static void the_previous_secret_counts_only_when_there_is_one(void **state)
{
    (void)state;
    struct token_keys zero = make_keys(0);
    struct token_keys keys = make_keys(1); /* its previous key is all zeros, and not there */
    struct version_vector out;
    assert_int_equal(token_encode(&zero, bytes_from_string("k"), context, &token), 0);
    assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    for (size_t i = 0; i < 8 * token.len; i++) {
        token.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
        token.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_int_equal(decode(&keys, "k", &out), 0);
}

static void every_truncation_and_extension_is_refused(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    struct bytes whole = buffer_bytes(&token);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_equal(
            token_decode(&arena, &keys, bytes_from_string("k"), bytes_make(whole.data, len), &out),
            SHOAL_ECONTEXT);
    }
    assert_int_equal(buffer_append_u8(&token, 0), 0);
    assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
    assert_int_equal(token_decode(&arena, &keys, bytes_from_string("k"), (struct bytes){0}, &out),
                     SHOAL_ECONTEXT);
}

/* Signs any body, as only a node with the secret could. */
static void sign(const struct token_keys *keys, const uint8_t *body, size_t len)
{
    uint8_t mac[CRYPTO_MAC_BYTES];
    crypto_tag(mac, &keys->current, bytes_from_string("k"), bytes_make(body, len));
    buffer_clear(&token);
    assert_int_equal(buffer_append(&token, body, len), 0);
    assert_int_equal(buffer_append(&token, mac, sizeof(mac)), 0);
}

static void an_authentic_token_is_still_parsed_strictly(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    const uint8_t good[] = {1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 1};
    sign(&keys, good, sizeof(good));
    assert_int_equal(decode(&keys, "k", &out), 0);
    const uint8_t bad[][13] = {
        {2, 1, 9, 0, 0, 0, 0, 0, 0, 0, 1},    /* another version */
        {1, 2, 9, 0, 0, 0, 0, 0, 0, 0, 1},    /* more entries than there are */
        {1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1},    /* fewer */
        {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1},    /* no actor */
        {1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0},    /* no counter */
        {1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0x81}, /* cut off */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sign(&keys, bad[i], 11);
        assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
    }
    const uint8_t long_form[] = {1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0x81, 0};
    sign(&keys, long_form, sizeof(long_form));
    assert_int_equal(decode(&keys, "k", &out), SHOAL_ECONTEXT);
}

static void the_largest_context_fits(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct dot *many = arena_alloc_array(&arena, LIMIT_CONTEXT_ENTRIES, sizeof(*many));
    for (uint32_t i = 0; i < LIMIT_CONTEXT_ENTRIES; i++) {
        many[i] = (struct dot){.actor = i + 1, .counter = UINT64_MAX};
    }
    struct version_vector large = {.entries = many, .count = LIMIT_CONTEXT_ENTRIES};
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), large, &token), 0);
    assert_true(token.len <= LIMIT_TOKEN_BYTES);
    assert_int_equal(decode(&keys, "k", &out), 0);
    assert_true(version_vector_equal(out, large));
    large.count++;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), large, &token), SHOAL_ETOOBIG);
}

static void a_buffer_too_small_is_left_as_it_was(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    token.len_max = 20;
    assert_int_equal(buffer_append_u8(&token, 'x'), 0);
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), SHOAL_ETOOBIG);
    assert_int_equal(token.len, 1);
}

static void no_memory_is_told_as_such(void **state)
{
    (void)state;
    struct token_keys keys = make_keys(1);
    struct version_vector out;
    assert_int_equal(token_encode(&keys, bytes_from_string("k"), context, &token), 0);
    mem_fail_from(1);
    assert_int_equal(decode(&keys, "k", &out), SHOAL_ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_context_comes_back_from_its_token),
        TEST(the_empty_context_has_a_token_too),
        TEST(a_token_of_another_key_is_refused),
        TEST(bytes_moved_between_key_and_token_are_noticed),
        TEST(a_token_of_another_cluster_is_refused),
        TEST(a_token_survives_one_change_of_the_secret_and_not_two),
        TEST(the_previous_secret_counts_only_when_there_is_one),
        TEST(every_flipped_bit_is_noticed),
        TEST(every_truncation_and_extension_is_refused),
        TEST(an_authentic_token_is_still_parsed_strictly),
        TEST(the_largest_context_fits),
        TEST(a_buffer_too_small_is_left_as_it_was),
        TEST(no_memory_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
