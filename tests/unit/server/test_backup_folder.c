/* server/backup_folder: what is taken, what is refused, and that a failure leaves nothing. */
#include "folder_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/backup_folder.h"
#include "shoal/error.h"

static char path[128];
static char text[MANIFEST_TEXT_BYTES];

static const char *below(const struct folder_test *folder, const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    return path;
}

static void expect_said(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

static void a_folder_that_was_made_goes_again_with_all_in_it(void **state)
{
    struct folder_test *test = *state;
    struct backup_folder folder;
    assert_int_equal(mkdirat(test->fd, "data", 0700), 0);
    assert_int_equal(backup_folder_open(&folder, below(test, "b"), "lsm", "/nonexistent", text), 0);
    assert_true(folder_test_has(test, "b/lsm"));
    assert_int_equal(backup_folder_sync_data(&folder, text), 0);
    assert_int_equal(mkdirat(test->fd, "b/lsm/db", 0700), 0);
    assert_int_equal(symlinkat(test->path, test->fd, "b/lsm/db/link"), 0);
    assert_int_equal(mkdirat(test->fd, "b/lsm/db/deeper", 0700), 0);
    folder_test_write(test, "b/node.record", bytes_from_string("x"));
    folder_test_write(test, "b/backup.json", bytes_from_string("x"));
    folder_test_write(test, "b/storage.json", bytes_from_string("x"));
    backup_folder_empty(&folder);
    backup_folder_close(&folder);
    assert_false(folder_test_has(test, "b"));
    assert_true(folder_test_has(test, "data")); /* no link was followed */
}

static void an_empty_folder_is_taken_and_stays(void **state)
{
    struct folder_test *test = *state;
    struct backup_folder folder;
    assert_int_equal(mkdirat(test->fd, "b", 0700), 0);
    assert_int_equal(backup_folder_open(&folder, below(test, "b"), "log", "/nonexistent", text), 0);
    backup_folder_empty(&folder);
    backup_folder_close(&folder);
    assert_true(folder_test_has(test, "b"));
    assert_false(folder_test_has(test, "b/log"));
}

static void what_is_there_is_not_touched(void **state)
{
    struct folder_test *test = *state;
    struct backup_folder folder;
    folder_test_write(test, "b/precious", bytes_from_string("x"));
    assert_int_equal(backup_folder_open(&folder, below(test, "b"), "log", "/nonexistent", text),
                     SHOAL_ECONFLICT);
    expect_said("not empty");
    assert_true(folder_test_has(test, "b/precious"));
    assert_false(folder_test_has(test, "b/log"));
    assert_int_equal(
        backup_folder_open(&folder, below(test, "b/precious"), "log", "/nonexistent", text),
        SHOAL_EIO);
    assert_int_equal(backup_folder_open(&folder, below(test, "no/b"), "log", "/nonexistent", text),
                     SHOAL_EINVAL);
    expect_said("its parent isn't there");
}

static void the_node_s_own_folder_is_no_place_for_it(void **state)
{
    struct folder_test *test = *state;
    struct backup_folder folder;
    char data_dir[128];
    snprintf(data_dir, sizeof(data_dir), "%s/data", test->path);
    assert_int_equal(mkdirat(test->fd, "data", 0700), 0);
    assert_int_equal(backup_folder_open(&folder, below(test, "data/b"), "log", data_dir, text),
                     SHOAL_EINVAL);
    expect_said("inside the node's data_dir");
    assert_false(folder_test_has(test, "data/b"));
    assert_int_equal(
        backup_folder_open(&folder, below(test, "data/../data"), "log", data_dir, text),
        SHOAL_EINVAL);
    assert_true(folder_test_has(test, "data"));
    /* A name that only begins alike is another folder. */
    assert_int_equal(backup_folder_open(&folder, below(test, "data2"), "log", data_dir, text), 0);
    backup_folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_folder_that_was_made_goes_again_with_all_in_it),
        FOLDER_TEST(an_empty_folder_is_taken_and_stays),
        FOLDER_TEST(what_is_there_is_not_touched),
        FOLDER_TEST(the_node_s_own_folder_is_no_place_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
