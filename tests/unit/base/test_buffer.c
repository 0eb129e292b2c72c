/* The growable run of bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "shoal/error.h"

static int stop_failing(void **state)
{
    (void)state;
    mem_fail_never();
    return 0;
}

static void appended_bytes_stand_in_order(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(buffer_append(&buffer, "ab", 2), 0);
    assert_int_equal(buffer_append_u8(&buffer, 'c'), 0);
    assert_int_equal(buffer_append_bytes(&buffer, bytes_from_string("def")), 0);
    assert_int_equal(buffer_append(&buffer, NULL, 0), 0);
    assert_true(bytes_equal(buffer_bytes(&buffer), bytes_from_string("abcdef")));
    buffer_deinit(&buffer);
}

static void growth_keeps_the_content(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(buffer_append_u8(&buffer, (uint8_t)(i * 7)), 0);
    }
    assert_int_equal(buffer.len, 100000);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(buffer.data[i], (uint8_t)(i * 7));
    }
    buffer_deinit(&buffer);
}

static void clearing_forgets_the_content_and_keeps_the_memory(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(buffer_reserve(&buffer, 1000), 0);
    assert_int_equal(buffer_append(&buffer, "x", 1), 0);
    const uint8_t *data = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.len, 0);
    mem_fail_from(1);
    assert_int_equal(buffer_reserve(&buffer, 1000), 0);
    assert_ptr_equal(buffer.data, data);
    buffer_deinit(&buffer);
}

static void a_bound_can_be_filled_but_not_passed(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    uint8_t block[100] = {1, 2, 3};
    assert_int_equal(buffer_append(&buffer, block, 99), 0);
    assert_int_equal(buffer_append(&buffer, block, 2), SHOAL_ETOOBIG);
    assert_int_equal(buffer.len, 99);
    assert_int_equal(buffer_append_u8(&buffer, 'x'), 0);
    assert_int_equal(buffer_append_u8(&buffer, 'y'), SHOAL_ETOOBIG);
    assert_int_equal(buffer.len, 100);
    assert_true(buffer.capacity <= 100);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), SHOAL_ETOOBIG);
    buffer_deinit(&buffer);
    assert_int_equal(buffer_append(&buffer, block, 100), 0);
    buffer_deinit(&buffer);
}

static void a_size_that_overflows_is_out_of_memory(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), SHOAL_ENOMEM);
    assert_true(bytes_equal(buffer_bytes(&buffer), bytes_from_string("abc")));
    buffer_deinit(&buffer);
}

static void a_failed_append_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 0);
    mem_fail_from(1);
    assert_int_equal(buffer_append_u8(&buffer, 1), SHOAL_ENOMEM);
    assert_int_equal(buffer.len, 0);
    mem_fail_never();

    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    static const uint8_t large[5000];
    mem_fail_from(1);
    assert_int_equal(buffer_append(&buffer, large, sizeof(large)), SHOAL_ENOMEM);
    assert_true(bytes_equal(buffer_bytes(&buffer), bytes_from_string("abc")));
    mem_fail_never();
    assert_int_equal(buffer_append(&buffer, large, sizeof(large)), 0);
    assert_int_equal(buffer.len, 5003);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_stand_in_order),
        cmocka_unit_test(growth_keeps_the_content),
        cmocka_unit_test_teardown(clearing_forgets_the_content_and_keeps_the_memory, stop_failing),
        cmocka_unit_test(a_bound_can_be_filled_but_not_passed),
        cmocka_unit_test(a_size_that_overflows_is_out_of_memory),
        cmocka_unit_test_teardown(a_failed_append_leaves_the_buffer_as_it_was, stop_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
