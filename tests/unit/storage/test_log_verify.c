/* Looking over a log without changing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_verify.h"
#include "support/log_folder.h"

#define CAPACITY 65536u

struct verify_test {
    struct log_folder folder;
    struct log_writer writer;
    struct log_segment *segment;
    char name[LOG_NAME_BYTES];
    char hint[LOG_NAME_BYTES];
    struct log_verdict verdict;
    /* The last place told. */
    uint32_t places;
    char file[64];
    uint64_t offset;
    uint64_t bytes;
    char what[512];
    char text[512];
};

/* A closed segment: partition 0 has a put that another hides, one that is removed, and a living
 * one; partition 1 was dropped, and has a put since; partition 2 has its holding's record and a
 * put. */
static int setup(void **state)
{
    static struct verify_test test;
    memset(&test, 0, sizeof(test));
    log_folder_init(&test.folder, 1);
    assert_int_equal(log_folder_open(&test.folder), 0);
    assert_int_equal(log_folder_begin(&test.folder, CAPACITY, &test.writer, &test.segment), 0);
    log_writer_put(&test.writer, 0, "hidden", 100);
    log_writer_put(&test.writer, 0, "hidden", 200);
    log_writer_put(&test.writer, 0, "removed", 100);
    log_writer_add(&test.writer, LOG_REMOVE, 0, "removed");
    assert_int_equal(log_writer_flush(&test.writer, true), 0);
    log_writer_put(&test.writer, 1, "dropped", 100);
    log_writer_add(&test.writer, LOG_DROP, 1, "");
    log_writer_put(&test.writer, 1, "since", 100);
    assert_int_equal(log_writer_flush(&test.writer, true), 0);
    log_writer_add(&test.writer, LOG_HOLDING, 2, "");
    log_writer_put(&test.writer, 2, "key", 100);
    assert_int_equal(log_writer_flush(&test.writer, true), 0);
    log_segment_name(test.writer.origin.number, test.name);
    log_hint_name(test.writer.origin.number, test.hint);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct verify_test *test = *state;
    mem_fail_never();
    log_writer_deinit(&test->writer);
    log_folder_deinit(&test->folder);
    return 0;
}

static void close_it(struct verify_test *test)
{
    assert_int_equal(log_writer_seal(&test->writer), 0);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
    log_folder_close(&test->folder, true);
}

static void on_place(void *self, const char *file, uint64_t offset, uint64_t bytes,
                     const char *what)
{
    struct verify_test *test = self;
    test->places++;
    snprintf(test->file, sizeof(test->file), "%s", file);
    snprintf(test->what, sizeof(test->what), "%s", what);
    test->offset = offset;
    test->bytes = bytes;
}

static void verify(struct verify_test *test)
{
    uint64_t changes = model_disk_changes(test->folder.model);
    test->places = 0;
    assert_int_equal(log_verify(test->folder.disk, on_place, test, &test->verdict, test->text), 0);
    assert_int_equal(model_disk_changes(test->folder.model), changes);
}

static void a_whole_log_has_nothing_to_tell_and_is_counted(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    verify(test);
    assert_int_equal(test->places, 0);
    assert_int_equal(test->verdict.segments, 1);
    assert_int_equal(test->verdict.records, 9);
    assert_int_equal(test->verdict.live, 3);
    assert_int_equal(test->verdict.live_bytes, test->writer.written[1].size +
                                                   test->writer.written[6].size +
                                                   test->writer.written[8].size);
    assert_int_equal(test->verdict.bytes, test->writer.offset);
    assert_int_equal(test->verdict.torn_tails + test->verdict.damaged_places, 0);
}

static void a_log_that_was_not_closed_is_whole_too(void **state)
{
    struct verify_test *test = *state;
    static const uint8_t torn[100] = {1, 2, 3};
    log_folder_crash(&test->folder, MODEL_KILL);
    log_file_change(test->folder.disk, test->name, test->writer.offset,
                    bytes_make(torn, sizeof(torn)));
    verify(test);
    assert_int_equal(test->places, 0);
    assert_int_equal(test->verdict.torn_tails, 1);
    assert_int_equal(test->verdict.records, 9);
    assert_int_equal(test->verdict.live, 3);
}

static void a_damaged_record_is_told_with_its_place_and_partition(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    const struct log_written *written = &test->writer.written[4];
    log_file_flip(test->folder.disk, test->name, written->offset + 50, 2);
    verify(test);
    assert_int_equal(test->places, 1);
    assert_int_equal(test->verdict.damaged_places, 1);
    assert_int_equal(test->verdict.bad_hints, 0);
    assert_string_equal(test->file, test->name);
    assert_int_equal(test->offset, written->offset);
    assert_int_equal(test->bytes, written->size);
    assert_non_null(strstr(test->what, "partition 1"));
    assert_int_equal(test->verdict.records, 8);
}

static void every_flipped_bit_of_every_file_is_told(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    const char *const names[] = {test->name, test->hint, "volume", "running", "clean"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len;
        free(log_file_content(test->folder.disk, names[i], &len));
        for (size_t at = 0; at < len; at++) {
            log_file_flip(test->folder.disk, names[i], at, at % 8);
            verify(test);
            assert_true(test->places > 0);
            log_file_flip(test->folder.disk, names[i], at, at % 8);
        }
    }
    verify(test);
    assert_int_equal(test->places, 0);
}

static void a_hint_that_says_something_else_than_its_segment_is_told(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    struct log_hint_builder *builder;
    struct log_hint_verdict verdict = {.end = test->writer.offset};
    assert_int_equal(log_hint_builder_new(&test->writer.origin, 1, &builder), 0);
    assert_int_equal(log_hint_write(builder, &verdict, test->folder.disk), 0);
    log_hint_builder_free(builder);
    verify(test);
    assert_int_equal(test->places, 1);
    assert_int_equal(test->verdict.bad_hints, 1);
    assert_string_equal(test->file, test->hint);
    assert_int_equal(test->verdict.live, 3); /* by the segment */
}

static void a_file_cut_short_is_told(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    log_file_cut(test->folder.disk, test->name, test->writer.written[6].offset);
    verify(test);
    assert_true(test->places > 0);
    assert_int_equal(test->verdict.records, 6);
    assert_true(test->verdict.damaged_places > 0);
}

static void a_folder_without_a_log_and_one_of_a_newer_version_have_words(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    size_t len;
    uint8_t *content = log_file_content(test->folder.disk, "volume", &len);
    uint8_t *newer = log_file_newer(content, len);
    log_file_change(test->folder.disk, "volume", 0, bytes_make(newer, len));
    assert_int_equal(log_verify(test->folder.disk, on_place, test, &test->verdict, test->text),
                     SHOAL_EVERSION);
    assert_non_null(strstr(test->text, "volume: written by a newer version"));
    free(content);
    free(newer);
    model_disk_wipe(test->folder.model);
    assert_int_equal(log_verify(test->folder.disk, on_place, test, &test->verdict, test->text),
                     SHOAL_ENOTFOUND);
    assert_non_null(strstr(test->text, "no log"));
}

static void no_memory_is_an_error_wherever_it_happens(void **state)
{
    struct verify_test *test = *state;
    close_it(test);
    int error = SHOAL_ENOMEM;
    test->places = 0;
    for (uint64_t nth = 1; error == SHOAL_ENOMEM; nth++) {
        mem_fail_from(nth);
        error = log_verify(test->folder.disk, on_place, test, &test->verdict, test->text);
        mem_fail_never();
    }
    assert_int_equal(error, 0);
    assert_int_equal(test->verdict.live, 3);
    assert_int_equal(test->places, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_log_has_nothing_to_tell_and_is_counted),
        TEST(a_log_that_was_not_closed_is_whole_too),
        TEST(a_damaged_record_is_told_with_its_place_and_partition),
        TEST(every_flipped_bit_of_every_file_is_told),
        TEST(a_hint_that_says_something_else_than_its_segment_is_told),
        TEST(a_file_cut_short_is_told),
        TEST(a_folder_without_a_log_and_one_of_a_newer_version_have_words),
        TEST(no_memory_is_an_error_wherever_it_happens),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
