/* net/input_block: references, growth and reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "net/input_block.h"

static void a_block_stays_until_its_last_reference_goes(void **state)
{
    (void)state;
    struct input_pool pool;
    input_pool_init(&pool);
    struct input_block *block = input_block_new(&pool, 4096);
    assert_non_null(block);
    assert_int_equal(pool.bytes, 4096);
    input_block_ref(block);
    input_block_unref(&pool, block);
    assert_int_equal(pool.bytes, 4096);
    input_block_unref(&pool, block);
    assert_int_equal(pool.bytes, 0);
    input_pool_deinit(&pool);
}

static void blocks_of_the_common_size_are_used_again(void **state)
{
    (void)state;
    struct input_pool pool;
    input_pool_init(&pool);
    struct input_block *first = input_block_new(&pool, INPUT_BLOCK_BYTES);
    first->len = 100;
    input_block_unref(&pool, first);
    struct input_block *second = input_block_new(&pool, INPUT_BLOCK_BYTES);
    assert_ptr_equal(first, second);
    assert_int_equal(second->len, 0);
    assert_int_equal(second->references, 1);
    input_block_unref(&pool, second);
    input_pool_deinit(&pool);
}

static void no_more_free_blocks_are_kept_than_the_bound(void **state)
{
    (void)state;
    struct input_pool pool;
    struct input_block *blocks[INPUT_BLOCKS_KEPT + 10];
    input_pool_init(&pool);
    for (size_t i = 0; i < INPUT_BLOCKS_KEPT + 10; i++) {
        blocks[i] = input_block_new(&pool, INPUT_BLOCK_BYTES);
    }
    for (size_t i = 0; i < INPUT_BLOCKS_KEPT + 10; i++) {
        input_block_unref(&pool, blocks[i]);
    }
    assert_int_equal(pool.free_count, INPUT_BLOCKS_KEPT);
    input_pool_deinit(&pool);
}

static void a_block_grows_with_its_content(void **state)
{
    (void)state;
    struct input_pool pool;
    input_pool_init(&pool);
    struct input_block *block = input_block_new(&pool, 4096);
    memset(block->data, 7, 4096);
    block->len = 4096;
    block = input_block_grow(&pool, block, 1 << 20);
    assert_non_null(block);
    assert_int_equal(pool.bytes, 1 << 20);
    assert_int_equal(block->len, 4096);
    assert_int_equal(block->data[4095], 7);
    mem_fail_from(1);
    assert_null(input_block_grow(&pool, block, 1 << 21));
    mem_fail_never();
    assert_int_equal(block->data[0], 7);
    input_block_unref(&pool, block);
    assert_int_equal(pool.bytes, 0);
    input_pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_stays_until_its_last_reference_goes),
        cmocka_unit_test(blocks_of_the_common_size_are_used_again),
        cmocka_unit_test(no_more_free_blocks_are_kept_than_the_bound),
        cmocka_unit_test(a_block_grows_with_its_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
