/* What one start learns of the end of the process before: the clean record, the marker of a running
 * one, what was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/log_folder.h"

#define CAPACITY 65536u

struct clean_test {
    struct log_folder folder;
    struct log_writer writer;
    struct log_segment *segment;
};

static int setup(void **state)
{
    static struct clean_test test;
    memset(&test, 0, sizeof(test));
    log_folder_init(&test.folder, 1);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct clean_test *test = *state;
    log_writer_deinit(&test->writer);
    log_folder_deinit(&test->folder);
    return 0;
}

/* Opens it, and has a process write some, sealed or not. */
static void run(struct clean_test *test, bool seal)
{
    struct log_folder *folder = &test->folder;
    assert_int_equal(log_folder_open(folder), 0);
    log_writer_deinit(&test->writer);
    assert_int_equal(log_folder_begin(folder, CAPACITY, &test->writer, &test->segment), 0);
    for (uint32_t i = 0; i < 5; i++) {
        log_writer_put(&test->writer, i, "key", 100);
        assert_int_equal(log_writer_flush(&test->writer, true), 0);
    }
    if (seal) {
        assert_int_equal(log_writer_seal(&test->writer), 0);
        assert_int_equal(log_volume_seal(folder->volume, test->segment), 0);
    }
}

static void check_open(struct clean_test *test, bool resumed, bool behind, bool copied)
{
    assert_int_equal(log_folder_open(&test->folder), 0);
    assert_int_equal(test->folder.volume->resumed, resumed);
    assert_int_equal(test->folder.volume->behind, behind);
    assert_int_equal(test->folder.volume->copied, copied);
}

static void a_new_folder_is_neither_resumed_nor_behind(void **state)
{
    struct clean_test *test = *state;
    check_open(test, false, false, false);
    assert_int_equal(test->folder.volume->id, test->folder.options.id);
}

static void a_clean_stop_is_resumed_once(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
    log_folder_crash(&test->folder, MODEL_KILL);
    check_open(test, false, false, false);
}

static void a_clean_stop_with_a_segment_that_has_no_seal_is_resumed_too(void **state)
{
    struct clean_test *test = *state;
    run(test, false);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 5);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
}

static void the_record_does_not_come_back_when_power_fails_after_the_opening(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
    log_folder_crash(&test->folder, MODEL_POWER_DROP);
    check_open(test, false, false, false);
}

static void a_stop_that_is_not_clean_is_not_resumed(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, false);
    check_open(test, false, false, false);
}

static void a_copy_is_not_resumed_and_is_behind(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    log_folder_copy(&test->folder);
    check_open(test, false, true, true);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 5);
}

static void a_copy_of_a_running_folder_is_behind(void **state)
{
    struct clean_test *test = *state;
    run(test, false);
    log_folder_crash(&test->folder, MODEL_KILL);
    log_folder_copy(&test->folder);
    check_open(test, false, true, true);
}

static void a_copy_is_behind_until_it_was_closed_cleanly(void **state)
{
    struct clean_test *test = *state;
    run(test, false);
    log_folder_crash(&test->folder, MODEL_KILL);
    log_folder_copy(&test->folder);
    check_open(test, false, true, true);
    log_folder_crash(&test->folder, MODEL_KILL);
    check_open(test, false, true, false);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
}

static void segments_without_any_marker_are_a_copy(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    assert_int_equal(test->folder.disk->ops->remove(test->folder.disk, "running"), 0);
    assert_int_equal(test->folder.disk->ops->remove(test->folder.disk, "clean"), 0);
    check_open(test, false, true, true);
}

static void a_file_that_was_touched_ends_the_holdings_but_is_not_behind(void **state)
{
    struct clean_test *test = *state;
    char name[LOG_NAME_BYTES];
    run(test, true);
    log_segment_name(test->writer.origin.number, name);
    uint64_t end = test->segment->end;
    log_folder_close(&test->folder, true);
    log_file_cut(test->folder.disk, name, end); /* changes nothing but its time */
    check_open(test, false, false, false);
}

static void a_segment_that_is_missing_or_more_makes_it_a_copy(void **state)
{
    struct clean_test *test = *state;
    char name[LOG_NAME_BYTES];
    run(test, true);
    log_segment_name(test->writer.origin.number, name);
    log_folder_close(&test->folder, true);
    assert_int_equal(test->folder.disk->ops->remove(test->folder.disk, name), 0);
    check_open(test, false, true, true);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
    log_folder_close(&test->folder, true);
    model_disk_put_file(test->folder.model, name, bytes_from_string("no segment"));
    check_open(test, false, true, true);
}

static void no_flipped_bit_of_the_record_is_believed(void **state)
{
    struct clean_test *test = *state;
    size_t len;
    run(test, true);
    log_folder_close(&test->folder, true);
    free(log_file_content(test->folder.disk, "clean", &len));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        log_file_flip(test->folder.disk, "clean", bit / 8, bit % 8);
        test->folder.options.read_only = true; /* it is not consumed */
        check_open(test, false, false, false);
        log_folder_close(&test->folder, true);
        log_file_flip(test->folder.disk, "clean", bit / 8, bit % 8);
    }
    check_open(test, true, false, false);
}

static void an_unclean_restart_of_the_machine_leaves_it_behind_unless_all_was_synced(void **state)
{
    struct clean_test *test = *state;
    static const enum log_durability modes[] = {LOG_SYNC, LOG_INTERVAL, LOG_OS};
    for (size_t i = 0; i < 3; i++) {
        bool loses = modes[i] != LOG_SYNC;
        test->folder.options.durability = modes[i];
        run(test, true);
        log_folder_crash(&test->folder, MODEL_KILL); /* the machine goes on */
        check_open(test, false, false, false);
        log_folder_crash(&test->folder, MODEL_POWER_KEEP);
        test->folder.options.boot++;
        check_open(test, false, loses, false);
        log_folder_crash(&test->folder, MODEL_KILL);
        check_open(test, false, loses, false); /* it is said until holdings have taken note */
        assert_int_equal(log_volume_losses_known(test->folder.volume), 0);
        log_folder_crash(&test->folder, MODEL_KILL);
        check_open(test, false, false, false);
        log_folder_close(&test->folder, true);
    }
}

static void a_clean_stop_before_the_machine_restarts_loses_nothing(void **state)
{
    struct clean_test *test = *state;
    test->folder.options.durability = LOG_OS;
    run(test, true);
    log_folder_close(&test->folder, true);
    test->folder.options.boot++;
    check_open(test, true, false, false);
}

static void what_counts_is_how_the_process_before_was_run(void **state)
{
    struct clean_test *test = *state;
    test->folder.options.durability = LOG_OS;
    run(test, true);
    log_folder_crash(&test->folder, MODEL_POWER_KEEP);
    test->folder.options.boot++;
    test->folder.options.durability = LOG_SYNC;
    check_open(test, false, true, false);
}

static void a_damaged_marker_is_taken_for_the_worst(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_crash(&test->folder, MODEL_KILL);
    log_file_flip(test->folder.disk, "running", 30, 0);
    check_open(test, false, true, true);
    log_folder_crash(&test->folder, MODEL_KILL);
    log_file_flip(test->folder.disk, "lost", 20, 0);
    check_open(test, false, true, false);
    assert_true(test->folder.volume->all_lost);
}

static void a_damaged_volume_file_is_made_again_from_the_segments(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    log_file_flip(test->folder.disk, "volume", 20, 0);
    uint64_t id = test->folder.options.id;
    test->folder.options.id = 777;
    check_open(test, false, true, true);
    assert_int_equal(test->folder.volume->id, id);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 5);
}

static void another_number_of_partitions_is_refused_with_words(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    log_folder_close(&test->folder, true);
    test->folder.options.partitions = 16;
    assert_int_equal(log_folder_open(&test->folder), SHOAL_EINVAL);
    assert_non_null(strstr(test->folder.text, "8 partitions, not 16"));
    test->folder.options.partitions = LOG_FOLDER_PARTITIONS;
    check_open(test, true, false, false); /* and nothing was touched */
}

static void files_of_a_newer_format_are_refused_by_name(void **state)
{
    struct clean_test *test = *state;
    static const char *const names[] = {"volume", "running", "clean"};
    run(test, true);
    log_folder_close(&test->folder, true);
    for (size_t i = 0; i < 3; i++) {
        size_t len;
        uint8_t *content = log_file_content(test->folder.disk, names[i], &len);
        uint8_t *newer = log_file_newer(content, len);
        log_file_change(test->folder.disk, names[i], 0, bytes_make(newer, len));
        assert_int_equal(log_folder_open(&test->folder), SHOAL_EVERSION);
        assert_non_null(strstr(test->folder.text, names[i]));
        assert_non_null(strstr(test->folder.text, "newer version"));
        log_file_change(test->folder.disk, names[i], 0, bytes_make(content, len));
        free(content);
        free(newer);
    }
}

static void numbers_are_not_used_again(void **state)
{
    struct clean_test *test = *state;
    run(test, true);
    uint64_t number = test->writer.origin.number;
    assert_int_equal(log_volume_release(test->folder.volume, test->segment), 0);
    log_folder_close(&test->folder, true);
    check_open(test, true, false, false);
    assert_true(log_volume_number(test->folder.volume) > number);
}

static void a_full_disk_does_not_keep_a_folder_from_being_opened(void **state)
{
    struct clean_test *test = *state;
    uint64_t bytes;
    run(test, false);
    log_folder_crash(&test->folder, MODEL_KILL);
    (void)model_disk_count(test->folder.model, "", &bytes);
    model_disk_options(test->folder.model)->capacity_bytes = bytes;
    model_disk_fault(test->folder.model,
                     &(struct model_fault){
                         .calls = MODEL_CREATE, .nth = 1, .lasting = true, .code = SHOAL_ENOSPC});
    check_open(test, false, false, false);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 5);
    log_folder_crash(&test->folder, MODEL_KILL);
    model_disk_mend(test->folder.model);
    check_open(test, false, false, false);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_folder_is_neither_resumed_nor_behind),
        TEST(a_clean_stop_is_resumed_once),
        TEST(a_clean_stop_with_a_segment_that_has_no_seal_is_resumed_too),
        TEST(the_record_does_not_come_back_when_power_fails_after_the_opening),
        TEST(a_stop_that_is_not_clean_is_not_resumed),
        TEST(a_copy_is_not_resumed_and_is_behind),
        TEST(a_copy_of_a_running_folder_is_behind),
        TEST(a_copy_is_behind_until_it_was_closed_cleanly),
        TEST(segments_without_any_marker_are_a_copy),
        TEST(a_file_that_was_touched_ends_the_holdings_but_is_not_behind),
        TEST(a_segment_that_is_missing_or_more_makes_it_a_copy),
        TEST(no_flipped_bit_of_the_record_is_believed),
        TEST(an_unclean_restart_of_the_machine_leaves_it_behind_unless_all_was_synced),
        TEST(a_clean_stop_before_the_machine_restarts_loses_nothing),
        TEST(what_counts_is_how_the_process_before_was_run),
        TEST(a_damaged_marker_is_taken_for_the_worst),
        TEST(a_damaged_volume_file_is_made_again_from_the_segments),
        TEST(another_number_of_partitions_is_refused_with_words),
        TEST(files_of_a_newer_format_are_refused_by_name),
        TEST(numbers_are_not_used_again),
        TEST(a_full_disk_does_not_keep_a_folder_from_being_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
