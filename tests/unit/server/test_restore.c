/* server/restore: the first start on the copy of a backup. */
#include "folder_test.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/manifest.h"
#include "server/restore.h"
#include "shoal/error.h"

static char text[512];

static void expect_said(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

#define BACKUP 0x77

/* The copy of a backup with one segment. */
static void make_copy(struct folder_test *folder)
{
    struct storage_meta meta = {
        .engine = ENGINE_LOG, .partitions = 8, .id = 5, .behind = true, .backup = BACKUP};
    struct manifest manifest = {.id = BACKUP};
    folder_test_write(folder, "node.record", bytes_from_string("who"));
    folder_test_write(folder, "log/1.seg", bytes_from_string("what"));
    assert_int_equal(manifest_list(&manifest, folder->fd, "log", text), 0);
    assert_int_equal(manifest_sum(&manifest, folder->fd, NULL, text), 0);
    assert_int_equal(manifest_store(&manifest, folder->fd), 0);
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    manifest_deinit(&manifest);
}

static void tick(void)
{
}

static int check(struct folder_test *folder, struct storage_meta *meta)
{
    text[0] = 0;
    assert_int_equal(storage_meta_load(folder->fd, meta), 0);
    return restore_check(folder->path, folder->fd, tick, meta, text);
}

static void an_ordinary_folder_is_left_alone(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta = {.engine = ENGINE_LOG, .partitions = 8, .id = 5};
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    assert_int_equal(check(folder, &meta), 0);
    assert_false(meta.behind);
    assert_false(folder_test_has(folder, MANIFEST_RESTORED_FILE));
}

static void a_whole_copy_is_taken_into_use_once_and_is_behind(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_copy(folder);
    assert_int_equal(check(folder, &meta), 0);
    assert_true(meta.behind);
    assert_int_equal(meta.backup, 0);
    assert_false(folder_test_has(folder, MANIFEST_FILE));
    assert_true(folder_test_has(folder, MANIFEST_RESTORED_FILE));
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    assert_true(meta.behind);
    assert_int_equal(meta.backup, 0);
    /* From now on its files change, and nobody minds. */
    folder_test_write(folder, "log/1.seg", bytes_from_string("something else"));
    assert_int_equal(check(folder, &meta), 0);
}

static void a_copy_that_lacks_something_is_refused_by_name_and_stays_as_it_is(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_copy(folder);
    folder_test_flip(folder, "log/1.seg", 2);
    assert_int_equal(check(folder, &meta), SHOAL_EDAMAGED);
    expect_said("log/1.seg is damaged");
    assert_int_equal(unlinkat(folder->fd, "log/1.seg", 0), 0);
    assert_int_equal(check(folder, &meta), SHOAL_EDAMAGED);
    expect_said("log/1.seg is missing");
    assert_true(folder_test_has(folder, MANIFEST_FILE));
    assert_int_equal(meta.backup, BACKUP);
    folder_test_write(folder, "log/1.seg", bytes_from_string("what"));
    assert_int_equal(check(folder, &meta), 0);
}

static void a_copy_without_its_manifest_is_refused(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_copy(folder);
    size_t size = folder_test_size(folder, MANIFEST_FILE);
    folder_test_flip(folder, MANIFEST_FILE, size / 2);
    assert_int_equal(check(folder, &meta), SHOAL_EPROTO);
    expect_said("backup.json can't be read");
    assert_int_equal(unlinkat(folder->fd, MANIFEST_FILE, 0), 0);
    assert_int_equal(check(folder, &meta), SHOAL_EDAMAGED);
    expect_said("backup.json is missing");
}

static void parts_of_different_backups_are_refused(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_copy(folder);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    meta.backup = BACKUP + 1;
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    assert_int_equal(check(folder, &meta), SHOAL_EDAMAGED);
    expect_said("of different backups");
}

/* storage.json is durable first, the manifest's new name second. */
static void a_start_that_was_cut_short_is_done_again(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_copy(folder);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    meta.backup = 0;
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    assert_int_equal(check(folder, &meta), 0);
    assert_true(meta.behind);
    assert_false(folder_test_has(folder, MANIFEST_FILE));
    assert_int_equal(check(folder, &meta), 0);
    assert_true(meta.behind);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(an_ordinary_folder_is_left_alone),
        FOLDER_TEST(a_whole_copy_is_taken_into_use_once_and_is_behind),
        FOLDER_TEST(a_copy_that_lacks_something_is_refused_by_name_and_stays_as_it_is),
        FOLDER_TEST(a_copy_without_its_manifest_is_refused),
        FOLDER_TEST(parts_of_different_backups_are_refused),
        FOLDER_TEST(a_start_that_was_cut_short_is_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
