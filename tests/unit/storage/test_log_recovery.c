/* What an opening makes of the segments that it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_file.h"
#include "storage/log_hint_layout.h"
#include "storage/log_volume_state.h"
#include "support/log_folder.h"

#define CAPACITY 65536u

struct recovery_test {
    struct log_folder folder;
    struct log_writer writer;
    struct log_segment *segment;
    char name[LOG_NAME_BYTES];
    char hint[LOG_NAME_BYTES];
};

static int setup(void **state)
{
    static struct recovery_test test;
    memset(&test, 0, sizeof(test));
    log_folder_init(&test.folder, 1);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct recovery_test *test = *state;
    mem_fail_never();
    log_writer_deinit(&test->writer);
    log_folder_deinit(&test->folder);
    return 0;
}

static void begin(struct recovery_test *test)
{
    assert_int_equal(log_folder_open(&test->folder), 0);
    log_writer_deinit(&test->writer);
    assert_int_equal(log_folder_begin(&test->folder, CAPACITY, &test->writer, &test->segment), 0);
    log_segment_name(test->writer.origin.number, test->name);
    log_hint_name(test->writer.origin.number, test->hint);
}

/* So many batches of a record each, of partitions in turn. */
static void write_batches(struct recovery_test *test, uint32_t count, bool sync)
{
    for (uint32_t i = 0; i < count; i++) {
        log_writer_put(&test->writer, i % LOG_FOLDER_PARTITIONS, "key", 50 + i);
        assert_int_equal(log_writer_flush(&test->writer, sync), 0);
    }
}

static void seal(struct recovery_test *test)
{
    assert_int_equal(log_writer_seal(&test->writer), 0);
    assert_int_equal(log_volume_seal(test->folder.volume, test->segment), 0);
}

static void crash(struct recovery_test *test)
{
    log_folder_crash(&test->folder, MODEL_KILL);
}

static void reopen(struct recovery_test *test)
{
    assert_int_equal(log_folder_open(&test->folder), 0);
}

static uint32_t lost_partitions(const struct recovery_test *test)
{
    uint32_t lost = 0;
    for (uint32_t partition = 0; partition < LOG_FOLDER_PARTITIONS; partition++) {
        lost |= (uint32_t)log_volume_lost(test->folder.volume, partition) << partition;
    }
    return lost;
}

static void a_segment_that_was_being_written_is_closed_and_scanned_once(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    crash(test);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 10);
    assert_int_equal(test->folder.progress.scanned, 1);
    assert_int_equal(test->folder.progress.segments_done, 1);
    assert_int_equal(test->folder.volume->sequence, 10);
    assert_int_equal(test->folder.volume->report.torn_tails, 0);
    assert_int_equal(lost_partitions(test), 0);
    const struct log_segment *segment = test->folder.volume->segments[0];
    assert_int_equal(segment->sequence_min, 1);
    assert_int_equal(segment->sequence_max, 10);
    assert_int_equal(segment->first_sequence, 1);
    assert_int_equal(segment->users, 1);
    size_t len;
    free(log_file_content(test->folder.disk, test->name, &len));
    assert_int_equal(len, segment->end);
    assert_int_equal(len, test->writer.offset + LOG_BATCH_BYTES);
    crash(test);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 10);
    assert_int_equal(test->folder.progress.scanned, 0);
}

static void a_lost_hint_is_made_again_and_nothing_counts_as_lost(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    crash(test); /* closed by recovery, not by its process */
    reopen(test);
    crash(test);
    assert_int_equal(test->folder.disk->ops->remove(test->folder.disk, test->hint), 0);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 10);
    assert_int_equal(test->folder.progress.scanned, 1);
    assert_int_equal(lost_partitions(test), 0);
    assert_int_equal(test->folder.volume->report.damaged_places, 0);
}

static void a_torn_batch_is_cut_and_not_reported_as_rot(void **state)
{
    struct recovery_test *test = *state;
    static const uint8_t zeros[16];
    begin(test);
    write_batches(test, 10, true);
    crash(test);
    log_file_change(test->folder.disk, test->name, test->writer.written[9].offset + 64,
                    bytes_make(zeros, sizeof(zeros)));
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 9);
    assert_int_equal(test->folder.volume->report.torn_tails, 1);
    assert_int_equal(test->folder.volume->report.damaged_places, 0);
    assert_int_equal(lost_partitions(test), 0);
    assert_int_equal(test->folder.volume->sequence, 9);
    crash(test);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 9);
    assert_int_equal(test->folder.volume->report.torn_tails, 0);
}

static void rot_is_reported_and_the_rest_is_there(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[4].offset + 60, 3);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 9);
    assert_false(log_folder_has(&test->folder, &test->writer, 4));
    assert_int_equal(test->folder.volume->report.damaged_places, 1);
    assert_true(test->folder.volume->all_lost);
    assert_true(test->folder.volume->segments[0]->damaged);
    assert_true(test->folder.volume->sequence > UINT32_MAX); /* out of reach of what was lost */
}

static void what_was_lost_is_said_until_the_holdings_know(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[4].offset + 60, 3);
    for (unsigned i = 0; i < 3; i++) {
        reopen(test);
        assert_true(test->folder.volume->all_lost);
        assert_false(test->folder.volume->resumed);
        log_folder_crash(&test->folder, MODEL_POWER_DROP);
    }
    reopen(test);
    log_folder_close(&test->folder, true);
    reopen(test);
    assert_int_equal(lost_partitions(test), 0);
    assert_true(test->folder.volume->resumed);
}

static void a_loss_is_told_wherever_its_recovery_was_cut_off(void **state)
{
    struct recovery_test *test = *state;
    bool stopped = true;
    for (uint64_t at = 1; stopped; at++) {
        log_folder_deinit(&test->folder);
        log_folder_init(&test->folder, at);
        begin(test);
        write_batches(test, 10, true);
        crash(test);
        log_file_flip(test->folder.disk, test->name, test->writer.written[4].offset + 60, 3);
        model_disk_stop_at(test->folder.model, at, true);
        (void)log_folder_open(&test->folder);
        stopped = model_disk_stopped(test->folder.model);
        log_folder_crash(&test->folder, at % 2 == 0 ? MODEL_POWER_DROP : MODEL_KILL);
        reopen(test);
        assert_true(test->folder.volume->all_lost);
        assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 9);
    }
}

static void a_loss_that_is_still_written_ends_the_holdings_whatever_the_record_says(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[4].offset + 60, 3);
    reopen(test);
    size_t len;
    uint8_t *lost = log_file_content(test->folder.disk, "lost", &len);
    log_folder_close(&test->folder, true);
    model_disk_put_file(test->folder.model, "lost", bytes_make(lost, len));
    free(lost);
    reopen(test);
    assert_true(test->folder.volume->all_lost);
    assert_false(test->folder.volume->resumed);
}

static void a_loss_that_was_written_before_there_were_hints_is_told(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    log_folder_close(&test->folder, true);
    struct buffer body;
    buffer_init(&body, 0);
    assert_int_equal(buffer_reserve(&body, 24), 0);
    store_u64_le(body.data, test->writer.origin.volume);
    store_u32_le(body.data + 8, 0);
    store_u32_le(body.data + 12, LOG_FOLDER_PARTITIONS);
    store_u64_le(body.data + 16, 1u << 5);
    body.len = 24;
    assert_int_equal(log_file_write(test->folder.disk, &log_lost_file, buffer_bytes(&body)), 0);
    buffer_deinit(&body);
    reopen(test);
    assert_int_equal(lost_partitions(test), 1u << 5);
    assert_false(test->folder.volume->all_lost);
    for (uint32_t i = LOG_FOLDER_PARTITIONS; i < 2 * LOG_FOLDER_PARTITIONS; i++) {
        assert_false(log_volume_lost(test->folder.volume, i));
    }
}

static void a_segment_of_which_nothing_can_be_read_is_left_alone(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 1, true);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[0].offset + 60, 3);
    for (unsigned i = 0; i < 2; i++) {
        reopen(test);
        assert_int_equal(test->folder.volume->segment_count, 0);
        assert_int_equal(test->folder.volume->report.refused_files, 1);
        assert_true(test->folder.volume->all_lost);
        assert_true(log_file_exists(test->folder.disk, test->name));
        crash(test);
    }
}

static void a_damaged_hint_with_a_whole_segment_costs_nothing(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 10, true);
    seal(test);
    log_folder_close(&test->folder, true);
    size_t len;
    free(log_file_content(test->folder.disk, test->hint, &len));
    for (size_t at = 0; at < len; at += 11) {
        log_file_flip(test->folder.disk, test->hint, at, 1);
        reopen(test);
        assert_int_equal(test->folder.progress.scanned, 1);
        assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 10);
        assert_int_equal(lost_partitions(test), 0);
        assert_true(test->folder.volume->resumed);
        log_folder_close(&test->folder, true);
    }
}

/* As a version before wrote it. */
static void hint_make_older(struct recovery_test *test)
{
    size_t len;
    uint8_t *content = log_file_content(test->folder.disk, test->hint, &len);
    store_u32_le(content + HINT_AT_FORMAT, LOG_HINT_FORMAT_MIN);
    store_u64_le(content + HINT_AT_CHECKSUM,
                 log_checksum(&test->writer.origin, 0, bytes_make(content, HINT_AT_CHECKSUM)));
    log_file_change(test->folder.disk, test->hint, 0, bytes_make(content, len));
    free(content);
}

static void an_older_hint_is_made_again_once_and_still_tells_whose_records_were_lost(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    log_folder_close(&test->folder, true);
    hint_make_older(test);
    for (uint32_t i = 0; i < 2; i++) {
        reopen(test);
        assert_int_equal(test->folder.progress.scanned, i == 0 ? 1 : 0);
        assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 8);
        assert_int_equal(lost_partitions(test), 0);
        assert_true(test->folder.volume->resumed);
        log_folder_close(&test->folder, true);
    }
    hint_make_older(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[3].offset + 60, 3);
    reopen(test);
    assert_int_equal(lost_partitions(test), 1u << 3);
    assert_false(test->folder.volume->all_lost);
}

/* A flip in a group leaves the table, which tells how many records there were of each partition. */
static void the_table_of_a_damaged_hint_tells_whose_records_were_lost(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    log_folder_close(&test->folder, true);
    size_t len;
    free(log_file_content(test->folder.disk, test->hint, &len));
    log_file_flip(test->folder.disk, test->hint, len - 1, 0);
    log_file_flip(test->folder.disk, test->name, test->writer.written[3].offset + 60, 3);
    reopen(test);
    assert_int_equal(lost_partitions(test), 1u << 3);
    assert_false(test->folder.volume->all_lost);
    assert_false(test->folder.volume->resumed);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 7);
    crash(test);
    reopen(test);
    assert_int_equal(lost_partitions(test), 1u << 3);
}

static void records_behind_the_end_of_a_shortened_closed_segment_are_lost(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    log_folder_close(&test->folder, true);
    log_file_cut(test->folder.disk, test->name, test->writer.written[6].offset + 10);
    reopen(test);
    assert_int_equal(lost_partitions(test), 3u << 6);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(log_folder_has(&test->folder, &test->writer, i));
    }
}

static void a_file_shorter_than_it_was_made_has_lost_something(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    log_file_cut(test->folder.disk, test->name, test->writer.written[6].batch);
    reopen(test);
    assert_true(test->folder.volume->all_lost);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 6);
    crash(test);
    reopen(test); /* it has a seal now, and still the loss is told */
    assert_true(test->folder.volume->all_lost);
}

static void a_damaged_header_with_a_good_hint_costs_nothing(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    log_folder_close(&test->folder, true);
    log_file_flip(test->folder.disk, test->name, 20, 3);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 8);
    assert_int_equal(lost_partitions(test), 0);
    assert_int_equal(test->folder.volume->report.damaged_places, 1);
    assert_int_equal(test->folder.volume->segments[0]->first_sequence, 1);
}

static void a_segment_without_header_and_hint_is_left_alone_for_good(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, 20, 3);
    size_t len;
    size_t len_after;
    uint8_t *before = log_file_content(test->folder.disk, test->name, &len);
    reopen(test);
    assert_int_equal(test->folder.volume->segment_count, 0);
    assert_int_equal(test->folder.volume->report.refused_files, 1);
    assert_true(test->folder.volume->all_lost);
    assert_true(log_volume_number(test->folder.volume) > test->writer.origin.number);
    log_folder_close(&test->folder, true);
    uint8_t *after = log_file_content(test->folder.disk, test->name, &len_after);
    assert_int_equal(len_after, len);
    assert_memory_equal(before, after, len);
    free(before);
    free(after);
    log_file_flip(test->folder.disk, test->name, 20, 3); /* it is readable again: too late */
    reopen(test);
    assert_int_equal(test->folder.volume->segment_count, 0);
    assert_int_equal(test->folder.volume->report.refused_files, 1);
    assert_int_equal(lost_partitions(test), 0); /* they have known since the clean close */
}

static void a_segment_of_another_log_is_passed_over(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    struct log_header header = {
        .origin = {.volume = 4711, .number = 500}, .capacity = 4096, .first_sequence = 1};
    uint8_t bytes[4096] = {0};
    log_header_encode(&header, bytes);
    crash(test);
    model_disk_put_file(test->folder.model, "00000000000001f4.seg",
                        bytes_make(bytes, sizeof(bytes)));
    reopen(test);
    assert_int_equal(test->folder.volume->segment_count, 1);
    assert_int_equal(test->folder.volume->report.refused_files, 1);
    assert_int_equal(lost_partitions(test), 0);
    assert_true(log_volume_number(test->folder.volume) > 500);
    assert_true(log_file_exists(test->folder.disk, "00000000000001f4.seg"));
}

static void a_segment_of_a_newer_format_is_refused_by_name(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    size_t len;
    uint8_t *content = log_file_content(test->folder.disk, test->name, &len);
    store_u32_le(content + 8, LOG_FORMAT + 1);
    store_u64_le(content + 56, hash_xxh3(bytes_make(content, 56)));
    log_file_change(test->folder.disk, test->name, 0, bytes_make(content, 64));
    free(content);
    assert_int_equal(log_folder_open(&test->folder), SHOAL_EVERSION);
    assert_non_null(strstr(test->folder.text, test->name));
    assert_non_null(strstr(test->folder.text, "newer version"));
}

static void what_was_under_way_and_hints_without_segments_are_removed(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    seal(test);
    crash(test);
    static const char *const names[] = {"0000000000000020.hint", "0000000000000021.tmp",
                                        "0000000000000022.new", "running.tmp"};
    for (size_t i = 0; i < 4; i++) {
        model_disk_put_file(test->folder.model, names[i], bytes_from_string("some bytes"));
    }
    model_disk_put_file(test->folder.model, "notes", bytes_from_string("of the operator"));
    reopen(test);
    for (size_t i = 0; i < 4; i++) {
        assert_false(log_file_exists(test->folder.disk, names[i]));
    }
    assert_true(log_file_exists(test->folder.disk, "notes"));
    assert_true(log_file_exists(test->folder.disk, test->hint));
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 8);
}

static void segments_without_any_record_are_removed(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    crash(test);
    reopen(test);
    assert_int_equal(test->folder.volume->segment_count, 0);
    assert_false(log_file_exists(test->folder.disk, test->name));
    assert_false(log_file_exists(test->folder.disk, test->hint));
    assert_int_equal(lost_partitions(test), 0);
}

static void a_full_disk_is_no_reason_not_to_start(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[2].offset + 60, 3);
    model_disk_fault(test->folder.model,
                     &(struct model_fault){
                         .calls = MODEL_CREATE, .nth = 1, .lasting = true, .code = SHOAL_ENOSPC});
    for (unsigned i = 0; i < 2; i++) {
        reopen(test);
        assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 7);
        assert_true(test->folder.volume->all_lost);
        crash(test);
    }
    model_disk_mend(test->folder.model);
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 7);
    assert_true(test->folder.volume->all_lost);
}

static void a_disk_that_fails_is_a_reason_not_to_start_and_nothing_is_lost_by_it(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    uint32_t failed = 0;
    for (uint64_t nth = 1;; nth++) {
        model_disk_fault(
            test->folder.model,
            &(struct model_fault){.calls = MODEL_CHANGES, .nth = nth, .code = SHOAL_EIO});
        int error = log_folder_open(&test->folder);
        model_disk_mend(test->folder.model);
        if (error == 0) {
            break;
        }
        assert_int_equal(error, SHOAL_EIO);
        assert_non_null(strstr(test->folder.text, "Input/output error"));
        failed++;
        log_folder_crash(&test->folder, MODEL_KILL);
    }
    assert_true(failed > 3);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 8);
    assert_int_equal(lost_partitions(test), 0);
}

static void no_memory_is_an_error_wherever_it_happens(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    int error = SHOAL_ENOMEM;
    for (uint64_t nth = 1; error == SHOAL_ENOMEM; nth++) {
        mem_fail_from(nth);
        error = log_folder_open(&test->folder);
        mem_fail_never();
    }
    assert_int_equal(error, 0);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 8);
    assert_int_equal(lost_partitions(test), 0);
}

/* A failed sync leaves pages that read well and that no later sync writes. */
static void what_recovery_takes_over_survives_the_loss_of_power_after_a_failed_sync(void **state)
{
    struct recovery_test *test = *state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        log_folder_deinit(&test->folder);
        log_folder_init(&test->folder, seed);
        begin(test);
        write_batches(test, 8, true);
        log_writer_put(&test->writer, 1, "last", 3000);
        model_disk_fault(test->folder.model,
                         &(struct model_fault){.calls = MODEL_SYNC, .nth = 1, .code = SHOAL_EIO});
        assert_int_equal(log_writer_flush(&test->writer, true), SHOAL_EIO);
        model_disk_mend(test->folder.model);
        crash(test);
        reopen(test);
        uint32_t count = log_folder_has_count(&test->folder, &test->writer);
        assert_int_equal(count, 9);
        log_folder_crash(&test->folder, MODEL_POWER_DROP);
        reopen(test);
        assert_int_equal(log_folder_has_count(&test->folder, &test->writer), count);
        assert_int_equal(lost_partitions(test), 0);
    }
}

static void verifying_changes_nothing(void **state)
{
    struct recovery_test *test = *state;
    begin(test);
    write_batches(test, 8, true);
    crash(test);
    log_file_flip(test->folder.disk, test->name, test->writer.written[2].offset + 60, 3);
    model_disk_put_file(test->folder.model, "0000000000000021.tmp", bytes_from_string("x"));
    uint64_t changes = model_disk_changes(test->folder.model);
    test->folder.options.read_only = true;
    reopen(test);
    assert_int_equal(log_folder_has_count(&test->folder, &test->writer), 7);
    assert_int_equal(test->folder.volume->report.damaged_places, 1);
    log_folder_close(&test->folder, true);
    assert_int_equal(model_disk_changes(test->folder.model), changes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_segment_that_was_being_written_is_closed_and_scanned_once),
        TEST(a_lost_hint_is_made_again_and_nothing_counts_as_lost),
        TEST(a_torn_batch_is_cut_and_not_reported_as_rot),
        TEST(rot_is_reported_and_the_rest_is_there),
        TEST(what_was_lost_is_said_until_the_holdings_know),
        TEST(a_loss_is_told_wherever_its_recovery_was_cut_off),
        TEST(a_loss_that_is_still_written_ends_the_holdings_whatever_the_record_says),
        TEST(a_loss_that_was_written_before_there_were_hints_is_told),
        TEST(a_segment_of_which_nothing_can_be_read_is_left_alone),
        TEST(an_older_hint_is_made_again_once_and_still_tells_whose_records_were_lost),
        TEST(a_damaged_hint_with_a_whole_segment_costs_nothing),
        TEST(the_table_of_a_damaged_hint_tells_whose_records_were_lost),
        TEST(records_behind_the_end_of_a_shortened_closed_segment_are_lost),
        TEST(a_file_shorter_than_it_was_made_has_lost_something),
        TEST(a_damaged_header_with_a_good_hint_costs_nothing),
        TEST(a_segment_without_header_and_hint_is_left_alone_for_good),
        TEST(a_segment_of_another_log_is_passed_over),
        TEST(a_segment_of_a_newer_format_is_refused_by_name),
        TEST(what_was_under_way_and_hints_without_segments_are_removed),
        TEST(segments_without_any_record_are_removed),
        TEST(a_full_disk_is_no_reason_not_to_start),
        TEST(a_disk_that_fails_is_a_reason_not_to_start_and_nothing_is_lost_by_it),
        TEST(no_memory_is_an_error_wherever_it_happens),
        TEST(what_recovery_takes_over_survives_the_loss_of_power_after_a_failed_sync),
        TEST(verifying_changes_nothing),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
