/* server/data_folder: made, locked, and let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/data_folder.h"
#include "shoal/error.h"

static char root[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/shoal-folder-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void a_folder_is_made_with_those_above_it_and_locked(void **state)
{
    (void)state;
    struct data_folder folder;
    struct data_folder second;
    char path[128];
    char text[512] = "";
    snprintf(path, sizeof(path), "%s/a/b/", root);
    assert_int_equal(data_folder_open(path, &folder, text), 0);
    assert_int_equal(data_folder_open(path, &second, text), SHOAL_ECONFLICT);
    char holder[64];
    snprintf(holder, sizeof(holder), "in use by process %ld", (long)getpid());
    assert_non_null(strstr(text, holder));
    data_folder_close(&folder);
    assert_int_equal(data_folder_open(path, &second, text), 0);
    data_folder_close(&second);
}

static void a_folder_that_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    struct data_folder folder;
    char path[128];
    char text[512] = "";
    snprintf(path, sizeof(path), "%s/file", root);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(data_folder_open(path, &folder, text), SHOAL_EIO);
    assert_non_null(strstr(text, path));
    snprintf(path, sizeof(path), "%s/file/below", root);
    assert_int_equal(data_folder_open(path, &folder, text), SHOAL_EIO);
    static char endless[6000];
    memset(endless, 'x', sizeof(endless) - 1);
    assert_int_equal(data_folder_open(endless, &folder, text), SHOAL_EIO);
}

static void tools_take_only_what_is_there_and_not_in_use(void **state)
{
    (void)state;
    struct data_folder folder;
    struct data_folder second;
    char path[128];
    char text[512] = "";
    snprintf(path, sizeof(path), "%s/none", root);
    assert_int_equal(data_folder_open_existing(path, &folder, text), SHOAL_EIO);
    assert_non_null(strstr(text, "No such file"));
    assert_int_equal(data_folder_open(path, &folder, text), 0);
    assert_int_equal(data_folder_open_existing(path, &second, text), SHOAL_ECONFLICT);
    assert_non_null(strstr(text, "in use by process"));
    data_folder_close(&folder);
    assert_int_equal(data_folder_open_existing(path, &second, text), 0);
    assert_false(data_folder_is_empty(second.fd)); /* the lock */
    data_folder_remove(&second, "lock");
    assert_true(data_folder_is_empty(second.fd));
    data_folder_close(&second);
}

static void small_files_are_replaced_whole(void **state)
{
    (void)state;
    struct data_folder folder;
    char text[512];
    char got[16] = "";
    assert_int_equal(data_folder_open(root, &folder, text), 0);
    assert_int_equal(data_folder_write(&folder, "f", bytes_from_string("a long text")), 0);
    assert_int_equal(data_folder_write(&folder, "f", bytes_from_string("new")), 0);
    int fd = openat(folder.fd, "f", O_RDONLY);
    assert_int_equal(read(fd, got, sizeof(got)), 3);
    assert_string_equal(got, "new");
    close(fd);
    data_folder_remove(&folder, "f");
    data_folder_remove(&folder, "f");
    assert_int_equal(openat(folder.fd, "f", O_RDONLY), -1);
    data_folder_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_made_with_those_above_it_and_locked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_is_refused_by_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tools_take_only_what_is_there_and_not_in_use, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(small_files_are_replaced_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
