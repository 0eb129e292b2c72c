/* The life of segments while the volume is open: made, sealed, used by several, released. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "support/log_folder.h"

#define CAPACITY 65536u

struct volume_test {
    struct log_folder folder;
    struct log_writer writer;
    struct log_segment *segment;
    char name[LOG_NAME_BYTES];
    char hint[LOG_NAME_BYTES];
};

static int setup(void **state)
{
    static struct volume_test test;
    memset(&test, 0, sizeof(test));
    log_folder_init(&test.folder, 1);
    assert_int_equal(log_folder_open(&test.folder), 0);
    assert_int_equal(log_folder_begin(&test.folder, CAPACITY, &test.writer, &test.segment), 0);
    log_segment_name(test.writer.origin.number, test.name);
    log_hint_name(test.writer.origin.number, test.hint);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct volume_test *test = *state;
    mem_fail_never();
    log_writer_deinit(&test->writer);
    log_folder_deinit(&test->folder);
    return 0;
}

static void write_some(struct volume_test *test)
{
    for (uint32_t i = 0; i < 4; i++) {
        log_writer_put(&test->writer, i, "key", 100);
        assert_int_equal(log_writer_flush(&test->writer, true), 0);
    }
}

static uint32_t files(const struct volume_test *test, const char *suffix)
{
    uint64_t bytes;
    return model_disk_count(test->folder.model, suffix, &bytes);
}

static void a_new_segment_has_its_space_and_outlives_a_power_loss(void **state)
{
    struct volume_test *test = *state;
    uint64_t bytes;
    (void)model_disk_count(test->folder.model, ".seg", &bytes);
    assert_int_equal(bytes, CAPACITY);
    write_some(test);
    log_folder_crash(&test->folder, MODEL_POWER_DROP);
    assert_int_equal(log_folder_open(&test->folder), 0);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 4);
}

static void a_full_disk_leaves_nothing_behind_and_the_number_can_be_tried_again(void **state)
{
    struct volume_test *test = *state;
    struct log_segment *segment;
    uint64_t bytes;
    uint32_t before = files(test, "");
    (void)model_disk_count(test->folder.model, "", &bytes);
    model_disk_options(test->folder.model)->capacity_bytes = bytes + CAPACITY / 2;
    uint64_t number = log_volume_number(test->folder.volume);
    assert_int_equal(log_volume_create(test->folder.volume, number, CAPACITY, 1, &segment),
                     SHOAL_ENOSPC);
    assert_int_equal(files(test, ""), before);
    model_disk_options(test->folder.model)->capacity_bytes = 0;
    assert_int_equal(log_volume_create(test->folder.volume, number, CAPACITY, 1, &segment), 0);
    assert_int_equal(segment->origin.number, number);
}

static void a_sealed_segment_is_cut_and_has_its_hint(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
    assert_int_equal(test->segment->end, test->writer.offset);
    assert_int_equal(test->segment->sequence_min, 1);
    assert_int_equal(test->segment->sequence_max, 4);
    struct log_hint *hint;
    assert_int_equal(log_hint_open(test->folder.disk, &test->writer.origin, &hint), 0);
    assert_int_equal(log_hint_groups(hint), 4);
    assert_int_equal(log_hint_summary(hint)->end, test->segment->end);
    log_hint_free(hint);
    uint64_t bytes;
    (void)model_disk_count(test->folder.model, ".seg", &bytes);
    assert_int_equal(bytes, test->segment->end);
}

static void sealing_puts_the_seal_that_is_missing(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
    assert_int_equal(test->segment->end, test->writer.offset + LOG_BATCH_BYTES);
    log_folder_crash(&test->folder, MODEL_POWER_DROP);
    test->folder.disk->ops->remove(test->folder.disk, test->hint);
    assert_int_equal(log_folder_open(&test->folder), 0);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 4);
    assert_false(log_volume_lost(test->folder.volume, 0));
}

static void what_does_not_read_back_is_not_sealed(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    log_file_flip(test->folder.disk, test->name, test->writer.written[1].offset + 50, 1);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), SHOAL_EIO);
    assert_false(log_file_exists(test->folder.disk, test->hint));
}

static void a_failed_sync_is_not_sealed(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    model_disk_fault(test->folder.model,
                     &(struct model_fault){.calls = MODEL_SYNC, .nth = 1, .code = SHOAL_EIO});
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), SHOAL_EIO);
    assert_false(log_file_exists(test->folder.disk, test->hint));
}

static void a_hint_without_room_can_be_made_later(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    model_disk_fault(test->folder.model,
                     &(struct model_fault){.calls = MODEL_CREATE, .nth = 1, .code = SHOAL_ENOSPC});
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), SHOAL_ENOSPC);
    model_disk_mend(test->folder.model);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
    assert_int_equal(test->segment->end, test->writer.offset);
}

static void the_last_user_removes_the_segment_for_good(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
    atomic_fetch_add(&test->segment->users, 1);
    assert_int_equal(log_volume_release(test->folder.volume, test->segment), 0);
    assert_false(test->segment->gone);
    assert_true(log_file_exists(test->folder.disk, test->name));
    assert_int_equal(log_volume_release(test->folder.volume, test->segment), 0);
    assert_true(test->segment->gone);
    assert_int_equal(files(test, ".seg") + files(test, ".hint"), 0);
    log_volume_forget(test->folder.volume, test->segment);
    log_folder_crash(&test->folder, MODEL_POWER_DROP);
    assert_int_equal(log_folder_open(&test->folder), 0);
    assert_int_equal(test->folder.volume->segment_count, 0);
}

static void a_segment_whose_removal_fails_is_not_gone(void **state)
{
    struct volume_test *test = *state;
    static const uint32_t calls[] = {MODEL_REMOVE, MODEL_SYNC_FOLDER};
    for (size_t i = 0; i < 2; i++) {
        struct log_segment *segment;
        uint64_t number = log_volume_number(test->folder.volume);
        assert_int_equal(log_volume_create(test->folder.volume, number, CAPACITY, 1, &segment), 0);
        model_disk_fault(test->folder.model,
                         &(struct model_fault){.calls = calls[i], .nth = 1, .code = SHOAL_EIO});
        assert_int_equal(log_volume_release(test->folder.volume, segment), SHOAL_EIO);
        assert_false(segment->gone);
        model_disk_mend(test->folder.model);
    }
}

static void what_no_engine_needs_goes_when_all_are_loaded(void **state)
{
    struct volume_test *test = *state;
    write_some(test);
    log_folder_close(&test->folder, true);
    assert_int_equal(log_folder_open(&test->folder), 0);
    struct log_segment *needed = test->folder.volume->segments[0];
    atomic_fetch_add(&needed->users, 1);
    log_volume_loaded(test->folder.volume);
    assert_false(needed->gone);
    assert_null(needed->hint);
    assert_true(log_file_exists(test->folder.disk, test->name));
    assert_int_equal(log_volume_release(test->folder.volume, needed), 0);
    assert_true(needed->gone);
    log_volume_forget(test->folder.volume, needed); /* nothing happens: the volume has it */
    assert_true(needed->gone);
}

static void closing_frees_what_the_engines_left(void **state)
{
    struct volume_test *test = *state;
    struct log_segment *segment;
    uint64_t number = log_volume_number(test->folder.volume);
    assert_int_equal(log_volume_create(test->folder.volume, number, CAPACITY, 1, &segment), 0);
    write_some(test);
    log_folder_close(&test->folder, true); /* the model disk asserts that no handle is left */
    assert_int_equal(log_folder_open(&test->folder), 0);
    assert_true(test->folder.volume->resumed);
    assert_int_equal(test->folder.volume->segment_count, 1);
}

static void no_memory_leaves_everything_as_it_was(void **state)
{
    struct volume_test *test = *state;
    struct log_segment *segment;
    write_some(test);
    uint32_t before = files(test, "");
    mem_fail_from(1);
    assert_int_equal(log_volume_create(test->folder.volume, 77, CAPACITY, 1, &segment),
                     SHOAL_ENOMEM);
    mem_fail_never();
    assert_int_equal(files(test, ""), before);
    int error = SHOAL_ENOMEM;
    for (uint64_t nth = 1; error == SHOAL_ENOMEM; nth++) {
        mem_fail_from(nth);
        error = log_volume_seal(test->folder.volume, test->segment);
        mem_fail_never();
    }
    assert_int_equal(error, 0);
    assert_int_equal(test->segment->sequence_max, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_segment_has_its_space_and_outlives_a_power_loss),
        TEST(a_full_disk_leaves_nothing_behind_and_the_number_can_be_tried_again),
        TEST(a_sealed_segment_is_cut_and_has_its_hint),
        TEST(sealing_puts_the_seal_that_is_missing),
        TEST(what_does_not_read_back_is_not_sealed),
        TEST(a_failed_sync_is_not_sealed),
        TEST(a_hint_without_room_can_be_made_later),
        TEST(the_last_user_removes_the_segment_for_good),
        TEST(a_segment_whose_removal_fails_is_not_gone),
        TEST(what_no_engine_needs_goes_when_all_are_loaded),
        TEST(closing_frees_what_the_engines_left),
        TEST(no_memory_leaves_everything_as_it_was),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
