/* What is compressed comes back, what does not shrink is left, and nothing that a disk may return
 * does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "shoal/error.h"
#include "storage/compression.h"

#define BYTES_MAX 100000u

struct compression_test {
    struct compressor compressor;
    struct random random;
    uint8_t raw[BYTES_MAX];
};

static int setup(void **state)
{
    struct compression_test *test = calloc(1, sizeof(*test));
    if (test != NULL) {
        random_init(&test->random, 1);
    }
    *state = test;
    return test == NULL;
}

static int teardown(void **state)
{
    struct compression_test *test = *state;
    mem_fail_never();
    compressor_deinit(&test->compressor);
    free(test);
    return 0;
}

/* Bytes of which about `share` in 256 are random and the others repeat. */
static struct bytes value_make(struct compression_test *test, size_t len, uint32_t share)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t dice = (uint32_t)random_u64(&test->random);
        test->raw[i] = (uint8_t)((dice & 255) < share ? dice >> 8 : i % 16);
    }
    return bytes_make(test->raw, len);
}

/* Memory of just that size, so that sanitizers see what goes beyond it. */
static uint8_t *room(size_t len)
{
    uint8_t *memory = malloc(len > 0 ? len : 1);
    assert_non_null(memory);
    return memory;
}

static void what_is_compressed_comes_back_and_saves_an_eighth(void **state)
{
    struct compression_test *test = *state;
    uint32_t compressed = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        size_t len = random_below(&test->random, i % 100 == 0 ? BYTES_MAX : 4000);
        struct bytes raw = value_make(test, len, (uint32_t)random_below(&test->random, 64));
        uint8_t *out = room(len);
        uint8_t *back = room(len);
        size_t packed;
        if (compress_value(&test->compressor, raw, out, &packed)) {
            assert_true(packed <= len - len / 8 && len >= COMPRESSION_BYTES_MIN);
            assert_int_equal(decompress_value(bytes_make(out, packed), back, len), 0);
            assert_memory_equal(back, raw.data, len);
            compressed++;
        }
        free(back);
        free(out);
    }
    assert_in_range(compressed, 500, 1900);
}

/* It is decompressed with nothing but itself, after others, twice over. */
static void what_comes_out_stands_alone(void **state)
{
    struct compression_test *test = *state;
    for (uint32_t i = 0; i < 200; i++) {
        size_t len = 256 + i % 2 * 1000;
        struct bytes raw = value_make(test, len, 0); /* the same every time */
        uint8_t out[2000];
        uint8_t back[2000];
        size_t packed;
        assert_true(compress_value(&test->compressor, raw, out, &packed));
        assert_int_equal(decompress_value(bytes_make(out, packed), back, len), 0);
        assert_memory_equal(back, raw.data, len);
    }
}

static void short_values_and_those_that_would_save_little_are_left(void **state)
{
    struct compression_test *test = *state;
    uint8_t out[1024];
    size_t packed = 7;
    struct bytes raw = value_make(test, COMPRESSION_BYTES_MIN - 1, 0);
    assert_false(compress_value(&test->compressor, raw, out, &packed));
    raw = value_make(test, COMPRESSION_BYTES_MIN, 0);
    assert_true(compress_value(&test->compressor, raw, out, &packed));
    packed = 7;
    raw = value_make(test, 1000, 256);
    memset(test->raw, 0, 100); /* a tenth could be saved */
    assert_false(compress_value(&test->compressor, raw, out, &packed));
    assert_int_equal(packed, 7);
}

/* How many of the values were tried. */
static uint32_t count_tried(struct compression_test *test, uint32_t values)
{
    uint32_t tried = 0;
    for (uint32_t i = 0; i < values; i++) {
        uint8_t out[1000];
        size_t packed;
        uint32_t skip = test->compressor.skip;
        struct bytes raw = value_make(test, sizeof(out), 256);
        assert_false(compress_value(&test->compressor, raw, out, &packed));
        tried += skip == 0;
    }
    return tried;
}

static void values_that_do_not_compress_are_tried_ever_more_rarely(void **state)
{
    struct compression_test *test = *state;
    assert_int_equal(count_tried(test, 4), 4);
    assert_in_range(count_tried(test, 10000), 100, 200);
}

static void a_value_that_compresses_again_ends_that_soon(void **state)
{
    struct compression_test *test = *state;
    (void)count_tried(test, 10000);
    uint8_t out[1000];
    size_t packed;
    uint32_t left = 0;
    while (!compress_value(&test->compressor, value_make(test, sizeof(out), 0), out, &packed)) {
        left++;
    }
    assert_true(left <= 64);
    assert_int_equal(count_tried(test, 4), 4);
}

static void without_memory_values_are_left_as_they_are(void **state)
{
    struct compression_test *test = *state;
    uint8_t out[1000];
    size_t packed;
    struct bytes raw = value_make(test, sizeof(out), 0);
    mem_fail_from(1);
    assert_false(compress_value(&test->compressor, raw, out, &packed));
    mem_fail_never();
    assert_true(compress_value(&test->compressor, raw, out, &packed));
}

static void any_bytes_decompress_to_the_length_or_are_refused(void **state)
{
    struct compression_test *test = *state;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        size_t len = 256 + random_below(&test->random, 1000);
        uint8_t *out = room(len);
        size_t packed;
        struct bytes raw = value_make(test, len, (uint32_t)random_below(&test->random, 64));
        if (compress_value(&test->compressor, raw, out, &packed)) {
            for (uint64_t flips = random_below(&test->random, 4); flips > 0; flips--) {
                out[random_below(&test->random, packed)] ^= (uint8_t)random_u64(&test->random);
            }
            /* Cut, and asked for at another length, now and then. */
            size_t cut =
                random_chance(&test->random, 0.2) ? random_below(&test->random, packed) : 0;
            size_t asked =
                random_chance(&test->random, 0.2) ? random_below(&test->random, 2 * len) : len;
            uint8_t *stored = room(packed - cut);
            uint8_t *back = room(asked);
            memcpy(stored, out, packed - cut);
            int code = decompress_value(bytes_make(stored, packed - cut), back, asked);
            assert_true(code == 0 || code == SHOAL_EPROTO);
            refused += code != 0;
            free(back);
            free(stored);
        }
        free(out);
    }
    assert_true(refused > 5000);
}

static void lengths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    uint8_t byte = 0;
    assert_int_equal(decompress_value(bytes_make(&byte, 0), &byte, 1), SHOAL_EPROTO);
    assert_int_equal(decompress_value(bytes_make(&byte, 1), &byte, SIZE_MAX), SHOAL_EPROTO);
    assert_int_equal(decompress_value(bytes_make(&byte, 1), &byte, UINT32_MAX), SHOAL_EPROTO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_compressed_comes_back_and_saves_an_eighth),
        TEST(what_comes_out_stands_alone),
        TEST(short_values_and_those_that_would_save_little_are_left),
        TEST(values_that_do_not_compress_are_tried_ever_more_rarely),
        TEST(a_value_that_compresses_again_ends_that_soon),
        TEST(without_memory_values_are_left_as_they_are),
        TEST(any_bytes_decompress_to_the_length_or_are_refused),
        cmocka_unit_test(lengths_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
