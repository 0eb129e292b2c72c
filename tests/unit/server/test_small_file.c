/* server/small_file: read whole, replaced whole. */
#include "folder_test.h"

#include <unistd.h>

#include "server/small_file.h"
#include "shoal/error.h"

static void what_was_stored_is_read_and_replaced_whole(void **state)
{
    struct folder_test *folder = *state;
    struct buffer got;
    buffer_init(&got, 0);
    assert_int_equal(small_file_read(folder->fd, "f", 100, &got), 1);
    assert_int_equal(small_file_store(folder->fd, "f", bytes_from_string("a long text")), 0);
    assert_int_equal(small_file_store(folder->fd, "f", bytes_from_string("new")), 0);
    assert_int_equal(small_file_read(folder->fd, "f", 100, &got), 0);
    assert_true(bytes_equal(buffer_bytes(&got), bytes_from_string("new")));
    assert_false(folder_test_has(folder, "f.new"));
    buffer_deinit(&got);
}

static void a_file_over_the_bound_is_not_read(void **state)
{
    struct folder_test *folder = *state;
    static uint8_t large[10000];
    struct buffer got;
    buffer_init(&got, 0);
    folder_test_write(folder, "f", bytes_make(large, sizeof(large)));
    assert_int_equal(small_file_read(folder->fd, "f", sizeof(large) - 1, &got), SHOAL_ETOOBIG);
    assert_int_equal(got.len, 0);
    assert_int_equal(small_file_read(folder->fd, "f", sizeof(large), &got), 0);
    assert_int_equal(got.len, sizeof(large));
    buffer_deinit(&got);
}

static void a_failure_leaves_what_was_there(void **state)
{
    struct folder_test *folder = *state;
    folder_test_write(folder, "f/inside", bytes_from_string("x")); /* a folder of that name */
    assert_int_equal(small_file_store(folder->fd, "f", bytes_from_string("new")), SHOAL_EIO);
    assert_true(folder_test_has(folder, "f/inside"));
    assert_false(folder_test_has(folder, "f.new"));
    struct buffer got;
    buffer_init(&got, 0);
    assert_int_equal(small_file_read(folder->fd, "f", 100, &got), SHOAL_EIO);
    buffer_deinit(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(what_was_stored_is_read_and_replaced_whole),
        FOLDER_TEST(a_file_over_the_bound_is_not_read),
        FOLDER_TEST(a_failure_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
