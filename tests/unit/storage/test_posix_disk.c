/* The disk port on a real folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_volume.h"
#include "storage/posix_disk.h"

#define PATH_BYTES 256u

struct disk_test {
    char root[PATH_BYTES];
    char folder[PATH_BYTES + 8]; /* the disk's */
    char other[PATH_BYTES + 8];  /* another, empty one */
    struct disk *disk;
};

static int setup(void **state)
{
    static struct disk_test test;
    memset(&test, 0, sizeof(test));
    const char *base = getenv("TMPDIR");
    snprintf(test.root, sizeof(test.root), "%s/shoal-disk-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(test.root));
    snprintf(test.folder, sizeof(test.folder), "%s/log", test.root);
    snprintf(test.other, sizeof(test.other), "%s/other", test.root);
    assert_int_equal(mkdir(test.other, 0700), 0);
    assert_int_equal(posix_disk_open(test.folder, &test.disk), 0);
    *state = &test;
    return 0;
}

static void remove_file(void *self, const char *name, uint64_t bytes)
{
    struct disk *disk = self;
    (void)bytes;
    (void)disk->ops->remove(disk, name);
}

static void folder_remove(const char *path)
{
    struct disk *disk;
    assert_int_equal(posix_disk_open(path, &disk), 0);
    assert_int_equal(disk->ops->list(disk, remove_file, disk), 0);
    posix_disk_close(disk);
    assert_int_equal(rmdir(path), 0);
}

static int teardown(void **state)
{
    struct disk_test *test = *state;
    mem_fail_never();
    posix_disk_close(test->disk);
    folder_remove(test->folder);
    folder_remove(test->other);
    return rmdir(test->root);
}

static struct disk_file *make(struct disk_test *test, const char *name, struct bytes content)
{
    struct disk_file *file;
    assert_int_equal(test->disk->ops->open(test->disk, name, DISK_OPEN_CREATE, &file), 0);
    assert_int_equal(test->disk->ops->write(file, 0, content), 0);
    assert_int_equal(test->disk->ops->sync(file), 0);
    return file;
}

static void make_closed(struct disk_test *test, const char *name, const char *content)
{
    test->disk->ops->close(make(test, name, bytes_from_string(content)));
}

static void check_content(struct disk *disk, const char *name, const char *content)
{
    char out[256];
    size_t got;
    struct disk_file *file;
    assert_int_equal(disk->ops->open(disk, name, DISK_OPEN_READ, &file), 0);
    assert_int_equal(disk->ops->read(file, 0, out, sizeof(out), &got), 0);
    assert_int_equal(got, strlen(content));
    assert_memory_equal(out, content, got);
    disk->ops->close(file);
}

static void what_was_written_is_read_up_to_the_end(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    struct disk_file *file = make(test, "a", bytes_from_string("0123456789"));
    char out[20];
    size_t got;
    uint64_t bytes;
    assert_int_equal(ops->read(file, 3, out, 4, &got), 0);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "3456", 4);
    assert_int_equal(ops->read(file, 8, out, sizeof(out), &got), 0);
    assert_int_equal(got, 2);
    assert_int_equal(ops->read(file, 10, out, sizeof(out), &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(ops->size(file, &bytes), 0);
    assert_int_equal(bytes, 10);
    assert_int_equal(ops->truncate(file, 4), 0);
    assert_int_equal(ops->size(file, &bytes), 0);
    assert_int_equal(bytes, 4);
    ops->close(file);
    check_content(test->disk, "a", "0123");
}

static void opening_says_what_is_there_and_what_is_not(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    struct disk_file *file;
    make_closed(test, "a", "x");
    assert_int_equal(ops->open(test->disk, "a", DISK_OPEN_CREATE, &file), SHOAL_EIO);
    assert_string_equal(ops->explain(test->disk), "open a: File exists");
    assert_int_equal(ops->open(test->disk, "b", DISK_OPEN_READ, &file), SHOAL_ENOTFOUND);
    assert_int_equal(ops->open(test->disk, "b", DISK_OPEN_WRITE, &file), SHOAL_ENOTFOUND);
    assert_string_equal(ops->explain(test->disk), "open b: No such file or directory");
    assert_int_equal(ops->open(test->disk, "a", DISK_OPEN_READ, &file), 0);
    assert_int_equal(ops->write(file, 0, bytes_from_string("y")), SHOAL_EIO);
    ops->close(file);
}

static void a_link_that_somebody_put_there_is_not_followed(void **state)
{
    struct disk_test *test = *state;
    struct disk_file *file;
    char path[PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/link", test->folder);
    make_closed(test, "a", "x");
    assert_int_equal(symlink("a", path), 0);
    assert_int_equal(test->disk->ops->open(test->disk, "link", DISK_OPEN_WRITE, &file), SHOAL_EIO);
    assert_int_equal(unlink(path), 0);
}

static void reserved_space_is_zeros_and_is_really_there(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    struct disk_file *file;
    struct stat status;
    char path[PATH_BYTES + 32];
    uint8_t out[4096];
    uint64_t bytes;
    size_t got;
    assert_int_equal(ops->open(test->disk, "a", DISK_OPEN_CREATE, &file), 0);
    assert_int_equal(ops->reserve(file, 1u << 20), 0);
    assert_int_equal(ops->size(file, &bytes), 0);
    assert_int_equal(bytes, 1u << 20);
    assert_int_equal(ops->read(file, (1u << 20) - sizeof(out), out, sizeof(out), &got), 0);
    assert_int_equal(got, sizeof(out));
    for (size_t i = 0; i < sizeof(out); i++) {
        assert_int_equal(out[i], 0);
    }
    snprintf(path, sizeof(path), "%s/a", test->folder);
    assert_int_equal(stat(path, &status), 0);
    assert_true((uint64_t)status.st_blocks * 512 >= 1u << 20);
    ops->close(file);
}

static void reading_now_gives_the_same_or_says_that_it_would_block(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    struct disk_file *file = make(test, "a", bytes_from_string("0123456789"));
    char out[20];
    size_t got = 99;
    int code = ops->read_now(file, 3, out, 4, &got);
    assert_true(code == 0 || code == 1);
    if (code == 0) {
        assert_int_equal(got, 4);
        assert_memory_equal(out, "3456", 4);
        assert_int_equal(ops->read_now(file, 8, out, sizeof(out), &got), 0);
        assert_int_equal(got, 2);
    }
    ops->close(file);
}

struct listing {
    uint32_t files;
    uint64_t bytes;
};

static void count_file(void *self, const char *name, uint64_t bytes)
{
    struct listing *listing = self;
    assert_true(strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
    listing->files++;
    listing->bytes += bytes;
}

static void only_files_are_listed(void **state)
{
    struct disk_test *test = *state;
    char path[PATH_BYTES + 200];
    struct listing listing = {0};
    make_closed(test, "a", "123");
    make_closed(test, "b", "45");
    snprintf(path, sizeof(path), "%s/folder", test->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(test->disk->ops->list(test->disk, count_file, &listing), 0);
    assert_int_equal(listing.files, 2);
    assert_int_equal(listing.bytes, 5);
    assert_int_equal(rmdir(path), 0);
    memset(path + strlen(test->folder) + 1, 'x', 100); /* a name that can't be ours */
    path[strlen(test->folder) + 101] = '\0';
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    assert_int_equal(test->disk->ops->list(test->disk, count_file, &listing), 0);
    assert_int_equal(listing.files, 4);
    assert_int_equal(unlink(path), 0);
}

static void renaming_replaces_and_removing_removes(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    make_closed(test, "a", "new");
    make_closed(test, "b", "old");
    assert_int_equal(ops->rename(test->disk, "a", "b"), 0);
    check_content(test->disk, "b", "new");
    assert_int_equal(ops->rename(test->disk, "a", "b"), SHOAL_ENOTFOUND);
    assert_int_equal(ops->remove(test->disk, "b"), 0);
    assert_int_equal(ops->remove(test->disk, "b"), SHOAL_ENOTFOUND);
    assert_int_equal(ops->sync_folder(test->disk), 0);
}

static void an_identity_tells_copies_and_changes(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    uint8_t first[DISK_IDENTITY_BYTES];
    uint8_t then[DISK_IDENTITY_BYTES];
    struct disk_file *file = make(test, "a", bytes_from_string("x"));
    assert_int_equal(ops->identity(test->disk, "a", first), 0);
    assert_int_equal(ops->identity(test->disk, "a", then), 0);
    assert_memory_equal(first, then, sizeof(first));
    for (unsigned tries = 0; memcmp(first, then, sizeof(first)) == 0; tries++) {
        assert_true(tries < 100000000); /* a change time is as coarse as the kernel's tick */
        assert_int_equal(ops->write(file, 0, bytes_from_string("y")), 0);
        assert_int_equal(ops->identity(test->disk, "a", then), 0);
    }
    assert_memory_equal(first, then, DISK_IDENTITY_LASTING_BYTES);
    ops->close(file);
    make_closed(test, "b", "y");
    assert_int_equal(ops->identity(test->disk, "b", then), 0);
    assert_memory_not_equal(first, then, DISK_IDENTITY_LASTING_BYTES);
    assert_int_equal(ops->rename(test->disk, "a", "b"), 0);
    assert_int_equal(ops->identity(test->disk, "b", then), 0);
    assert_memory_equal(first, then, DISK_IDENTITY_LASTING_BYTES);
    assert_int_equal(ops->identity(test->disk, "a", then), SHOAL_ENOTFOUND);
}

static void a_duplicate_is_the_file_or_a_copy_of_a_part(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    struct disk *other;
    uint8_t one[DISK_IDENTITY_BYTES];
    uint8_t two[DISK_IDENTITY_BYTES];
    make_closed(test, "a", "0123456789");
    make_closed(test, "b", "0123456789");
    assert_int_equal(posix_disk_open(test->other, &other), 0);
    assert_int_equal(ops->duplicate(test->disk, "a", test->other, UINT64_MAX), 0);
    assert_int_equal(ops->identity(test->disk, "a", one), 0);
    assert_int_equal(ops->identity(other, "a", two), 0);
    assert_memory_equal(one, two, sizeof(one)); /* linked */
    assert_int_equal(ops->duplicate(test->disk, "b", test->other, 4), 0);
    check_content(other, "b", "0123");
    assert_int_equal(ops->identity(test->disk, "b", one), 0);
    assert_int_equal(ops->identity(other, "b", two), 0);
    assert_memory_not_equal(one, two, DISK_IDENTITY_LASTING_BYTES);
    /* Again: they are taken for the same. */
    assert_int_equal(ops->duplicate(test->disk, "a", test->other, UINT64_MAX), 0);
    assert_int_equal(ops->duplicate(test->disk, "b", test->other, 6), 0);
    check_content(other, "b", "0123");
    assert_int_equal(ops->duplicate(test->disk, "none", test->other, UINT64_MAX), SHOAL_ENOTFOUND);
    assert_int_equal(ops->duplicate(test->disk, "none", test->other, 7), SHOAL_ENOTFOUND);
    assert_int_equal(ops->duplicate(test->disk, "a", "/nowhere/at/all", 7), SHOAL_ENOTFOUND);
    struct listing listing = {0};
    assert_int_equal(ops->list(other, count_file, &listing), 0);
    assert_int_equal(listing.files, 2); /* and nothing else is left there */
    posix_disk_close(other);
}

static void *duplicate_thread(void *self)
{
    struct disk_test *test = self;
    return test->disk->ops->duplicate(test->disk, "a", test->other, 200000) == 0 ? NULL : self;
}

static void several_threads_may_duplicate_the_same_file(void **state)
{
    struct disk_test *test = *state;
    static uint8_t content[300000];
    static uint8_t out[300000];
    pthread_t threads[8];
    for (size_t i = 0; i < sizeof(content); i++) {
        content[i] = (uint8_t)(i * 7 + i / 256);
    }
    test->disk->ops->close(make(test, "a", bytes_make(content, sizeof(content))));
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, duplicate_thread, test), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    struct disk *other;
    struct disk_file *file;
    size_t got;
    struct listing listing = {0};
    assert_int_equal(posix_disk_open(test->other, &other), 0);
    assert_int_equal(other->ops->list(other, count_file, &listing), 0);
    assert_int_equal(listing.files, 1);
    assert_int_equal(other->ops->open(other, "a", DISK_OPEN_READ, &file), 0);
    assert_int_equal(other->ops->read(file, 0, out, sizeof(out), &got), 0);
    assert_int_equal(got, 200000);
    assert_memory_equal(out, content, got);
    other->ops->close(file);
    posix_disk_close(other);
}

/* A bound on the size of files is to the process what a full disk is: part of a write may go. */
static void a_write_that_finds_no_room_says_so(void **state)
{
    struct disk_test *test = *state;
    const struct disk_ops *ops = test->disk->ops;
    static uint8_t content[100000];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 65536, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct disk_file *file = make(test, "a", bytes_from_string("x"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int written = ops->write(file, 0, bytes_make(content, sizeof(content)));
    int reserved = ops->reserve(file, sizeof(content));
    const char *words = ops->explain(test->disk);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(written, SHOAL_ENOSPC);
    assert_int_equal(reserved, SHOAL_ENOSPC);
    assert_string_equal(words, "reserve a: File too large");
    assert_int_equal(ops->write(file, 0, bytes_make(content, sizeof(content))), 0);
    ops->close(file);
}

static void space_is_told(void **state)
{
    struct disk_test *test = *state;
    uint64_t bytes = 0;
    assert_int_equal(test->disk->ops->space(test->disk, &bytes), 0);
    assert_true(bytes > 0);
}

static void a_folder_is_made_unless_its_parent_is_missing(void **state)
{
    struct disk_test *test = *state;
    char path[PATH_BYTES + 32];
    struct disk *disk;
    snprintf(path, sizeof(path), "%s/no/such", test->root);
    assert_int_equal(posix_disk_open(path, &disk), SHOAL_ENOTFOUND);
    assert_non_null(strstr(posix_disk_explain(), "No such file or directory"));
    make_closed(test, "a", "x");
    snprintf(path, sizeof(path), "%s/a", test->folder);
    assert_int_equal(posix_disk_open(path, &disk), SHOAL_EIO);
    assert_non_null(strstr(posix_disk_explain(), "Not a directory"));
}

static void no_memory_is_an_error(void **state)
{
    struct disk_test *test = *state;
    struct disk_file *file;
    struct disk *disk;
    make_closed(test, "a", "x");
    mem_fail_from(1);
    assert_int_equal(test->disk->ops->open(test->disk, "a", DISK_OPEN_READ, &file), SHOAL_ENOMEM);
    assert_int_equal(test->disk->ops->duplicate(test->disk, "a", test->other, 1), SHOAL_ENOMEM);
    assert_int_equal(posix_disk_open(test->folder, &disk), SHOAL_ENOMEM);
    mem_fail_never();
}

/* ---- a volume on it ---- */

static struct log_volume *volume_open(struct disk *disk)
{
    struct log_volume_options options = {
        .disk = disk, .partitions = 4, .durability = LOG_SYNC, .boot = 1};
    struct log_volume *volume;
    char text[512];
    assert_int_equal(log_volume_open(&options, &volume, text), 0);
    return volume;
}

static void copy_file(void *self, const char *name, uint64_t bytes)
{
    struct disk_test *test = self;
    assert_int_equal(test->disk->ops->duplicate(test->disk, name, test->other, bytes), 0);
}

static void a_volume_is_resumed_where_it_is_and_not_where_it_was_copied_to(void **state)
{
    struct disk_test *test = *state;
    struct log_volume *volume = volume_open(test->disk);
    struct log_segment *segment;
    assert_true(volume->id != 0);
    assert_int_equal(log_volume_create(volume, log_volume_number(volume), 65536, 1, &segment), 0);
    log_volume_close(volume, true);
    assert_int_equal(test->disk->ops->list(test->disk, copy_file, test), 0);

    struct disk *other;
    assert_int_equal(posix_disk_open(test->other, &other), 0);
    struct log_volume *copy = volume_open(other);
    assert_false(copy->resumed);
    assert_true(copy->copied);
    assert_true(copy->behind);
    log_volume_close(copy, true);
    posix_disk_close(other);

    volume = volume_open(test->disk);
    assert_true(volume->resumed);
    assert_false(volume->behind);
    log_volume_close(volume, false);
    volume = volume_open(test->disk);
    assert_false(volume->resumed);
    assert_false(volume->behind);
    log_volume_close(volume, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read_up_to_the_end),
        TEST(opening_says_what_is_there_and_what_is_not),
        TEST(a_link_that_somebody_put_there_is_not_followed),
        TEST(reserved_space_is_zeros_and_is_really_there),
        TEST(reading_now_gives_the_same_or_says_that_it_would_block),
        TEST(only_files_are_listed),
        TEST(renaming_replaces_and_removing_removes),
        TEST(an_identity_tells_copies_and_changes),
        TEST(a_duplicate_is_the_file_or_a_copy_of_a_part),
        TEST(several_threads_may_duplicate_the_same_file),
        TEST(a_write_that_finds_no_room_says_so),
        TEST(space_is_told),
        TEST(a_folder_is_made_unless_its_parent_is_missing),
        TEST(no_memory_is_an_error),
        TEST(a_volume_is_resumed_where_it_is_and_not_where_it_was_copied_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
