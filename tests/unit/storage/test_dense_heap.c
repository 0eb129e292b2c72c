/* The dense heap: blocks whose owners follow them when they move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "storage/dense_heap.h"

#define BLOCKS_MAX 3000u
#define NUMBER_BYTES 4u /* every block begins with its number */

struct owned {
    uint8_t *block; /* NULL when there is none */
    size_t size;
};

struct heap_test {
    struct memory_budget budget;
    struct slab_pool pool;
    struct dense_heap heap;
    struct owned blocks[BLOCKS_MAX];
    uint64_t moves;
};

static void moved(void *self, void *from, void *to)
{
    struct heap_test *test = self;
    uint32_t number;
    memcpy(&number, to, sizeof(number));
    assert_true(number < BLOCKS_MAX);
    assert_ptr_equal(test->blocks[number].block, from);
    test->blocks[number].block = to;
    test->moves++;
}

static int setup(void **state)
{
    static struct heap_test test;
    memset(&test, 0, sizeof(test));
    slab_pool_init(&test.pool, &test.budget);
    dense_heap_init(&test.heap, &test.pool, moved, &test);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct heap_test *test = *state;
    mem_fail_never();
    dense_heap_deinit(&test->heap);
    slab_pool_deinit(&test->pool);
    assert_int_equal(test->budget.held_bytes, 0);
    return 0;
}

static uint8_t pattern(uint32_t number, size_t at)
{
    return (uint8_t)(number * 13 + at);
}

static bool add(struct heap_test *test, uint32_t number, size_t size)
{
    uint8_t *block = dense_heap_alloc(&test->heap, size);
    if (block == NULL) {
        return false;
    }
    assert_int_equal((uintptr_t)block % 8, 0);
    if (size % 64 == 0 && size <= DENSE_HEAP_BLOCK_BYTES_MAX) {
        assert_int_equal((uintptr_t)block % 64, 0);
    }
    memcpy(block, &number, sizeof(number));
    for (size_t i = NUMBER_BYTES; i < size; i++) {
        block[i] = pattern(number, i);
    }
    test->blocks[number] = (struct owned){.block = block, .size = size};
    return true;
}

static void discard(struct heap_test *test, uint32_t number)
{
    struct owned owned = test->blocks[number];
    test->blocks[number].block = NULL;
    dense_heap_free(&test->heap, owned.block, owned.size);
}

static void expect_intact(const struct heap_test *test)
{
    uint64_t used_bytes = 0;
    for (uint32_t n = 0; n < BLOCKS_MAX; n++) {
        const struct owned *owned = &test->blocks[n];
        if (owned->block == NULL) {
            continue;
        }
        assert_memory_equal(owned->block, &n, sizeof(n));
        for (size_t i = NUMBER_BYTES; i < owned->size; i++) {
            assert_int_equal(owned->block[i], pattern(n, i));
        }
        used_bytes += dense_heap_block_bytes(owned->size);
    }
    assert_int_equal(test->heap.used_bytes, used_bytes);
    assert_int_equal(dense_heap_check(&test->heap), slab_pool_check(&test->pool));
}

static void a_block_takes_little_more_than_its_size(void **state)
{
    (void)state;
    size_t before = 0;
    for (size_t size = 1; size <= DENSE_HEAP_BLOCK_BYTES_MAX; size++) {
        size_t bytes = dense_heap_block_bytes(size);
        assert_true(bytes >= size && bytes >= before);
        assert_true(bytes - size < 8 || (bytes - size) * 16 < size);
        assert_int_equal(dense_heap_block_bytes(bytes), bytes);
        before = bytes;
    }
    assert_true(dense_heap_block_bytes(DENSE_HEAP_BLOCK_BYTES_MAX + 1) <=
                DENSE_HEAP_BLOCK_BYTES_MAX + 64);
}

static void a_free_fills_the_hole_with_the_last_block(void **state)
{
    struct heap_test *test = *state;
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(add(test, n, 100));
    }
    uint8_t *hole = test->blocks[3].block;
    discard(test, 3);
    assert_ptr_equal(test->blocks[9].block, hole);
    assert_int_equal(test->moves, 1);
    discard(test, 8);
    assert_int_equal(test->moves, 1); /* it was the last itself */
    expect_intact(test);
}

static void random_operations_keep_every_block_and_waste_less_than_a_slab_a_class(void **state)
{
    struct heap_test *test = *state;
    struct random random;
    random_init(&random, 11);
    static const size_t sizes_max[] = {40, 300, 2000, 20000};
    for (uint32_t i = 0; i < 60000; i++) {
        uint32_t n = (uint32_t)random_below(&random, BLOCKS_MAX);
        if (test->blocks[n].block != NULL) {
            discard(test, n);
        }
        if (random_chance(&random, i / 10000 % 2 == 0 ? 0.8 : 0.2)) {
            size_t size_max = sizes_max[random_below(&random, 4)];
            assert_true(add(test, n, NUMBER_BYTES + random_below(&random, size_max)));
        }
        if (i % 2000 == 0) {
            expect_intact(test);
        }
    }
    uint64_t not_full = 0;
    for (uint32_t i = 0; i < DENSE_HEAP_CLASSES; i++) {
        not_full += test->heap.classes[i].top != NULL;
    }
    uint64_t slabs = dense_heap_check(&test->heap);
    /* What a slab's end leaves over is less than a block, at most an eighth. */
    assert_true((slabs - not_full) * (SLAB_BYTES / 8 * 7) <= test->heap.used_bytes);
}

static void without_memory_nothing_changes(void **state)
{
    struct heap_test *test = *state;
    static const size_t sizes[] = {10, 5000, DENSE_HEAP_BLOCK_BYTES_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        mem_fail_from(1);
        assert_null(dense_heap_alloc(&test->heap, sizes[i]));
        mem_fail_never();
        expect_intact(test);
    }
    test->budget.bytes_max = 1;
    assert_null(dense_heap_alloc(&test->heap, 10));
    assert_null(dense_heap_alloc(&test->heap, DENSE_HEAP_BLOCK_BYTES_MAX + 1));
    assert_int_equal(test->budget.held_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_block_takes_little_more_than_its_size),
        TEST(a_free_fills_the_hole_with_the_last_block),
        TEST(random_operations_keep_every_block_and_waste_less_than_a_slab_a_class),
        TEST(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
