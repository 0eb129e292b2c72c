/* Reading segments that are whole, torn, rotten, cut short or not to be read in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "support/log_writer.h"
#include "support/model_disk.h"

#define CAPACITY 16384u
#define SEGMENT "0000000000000001.seg"

struct scan_test {
    struct model_disk *model;
    struct disk *disk;
    struct disk_file *file;
    struct log_header header;
    struct log_writer writer;
    /* What the last scan told. */
    struct log_scan_result result;
    bool seen[LOG_WRITER_RECORDS_MAX];
    uint32_t count;
    uint32_t in_order; /* the records told were the first ones, up to here */
    uint64_t damage_first;
    uint64_t damage_end;
    uint32_t damages;
};

static int setup(void **state)
{
    static struct scan_test test;
    memset(&test, 0, sizeof(test));
    test.model = model_disk_new(1);
    test.disk = model_disk_port(test.model);
    test.header = (struct log_header){
        .origin = {.volume = 99, .number = 1}, .capacity = CAPACITY, .first_sequence = 1};
    uint8_t bytes[LOG_HEADER_BYTES];
    log_header_encode(&test.header, bytes);
    assert_int_equal(test.disk->ops->open(test.disk, SEGMENT, DISK_OPEN_CREATE, &test.file), 0);
    assert_int_equal(test.disk->ops->reserve(test.file, CAPACITY), 0);
    assert_int_equal(test.disk->ops->write(test.file, 0, bytes_make(bytes, sizeof(bytes))), 0);
    assert_int_equal(test.disk->ops->sync(test.file), 0);
    log_writer_init(&test.writer, test.disk, test.file, test.header.origin);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct scan_test *test = *state;
    mem_fail_never();
    log_writer_deinit(&test->writer);
    test->disk->ops->close(test->file);
    model_disk_free(test->model);
    return 0;
}

/* Batches of three records, of values of several sizes. */
static void write_batches(struct scan_test *test, uint32_t batches, bool sync)
{
    for (uint32_t i = 0; i < batches; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key %u", i);
        log_writer_put(&test->writer, i % 4, key, 10 + 37 * (i % 5));
        log_writer_add(&test->writer, LOG_REMOVE, 2, "some key");
        log_writer_put(&test->writer, 3, "another", 3);
        assert_int_equal(log_writer_flush(&test->writer, sync), 0);
    }
}

/* No record is ever told that wasn't written, there, with every byte; and none twice. */
static int on_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct scan_test *test = self;
    uint32_t index = log_writer_find(&test->writer, offset, record);
    assert_true(index != UINT32_MAX);
    assert_int_equal(size, test->writer.written[index].size);
    assert_false(test->seen[index]);
    test->seen[index] = true;
    test->in_order += index == test->count && test->in_order == test->count;
    test->count++;
    return 0;
}

static void on_damage(void *self, uint64_t offset, uint64_t bytes)
{
    struct scan_test *test = self;
    assert_true(bytes > 0 && offset >= test->damage_end);
    test->damage_first = test->damages == 0 ? offset : test->damage_first;
    test->damage_end = offset + bytes;
    test->damages++;
}

static int scan_knowing(struct scan_test *test, uint64_t durable)
{
    memset(test->seen, 0, sizeof(test->seen));
    test->count = 0;
    test->in_order = 0;
    test->damages = 0;
    test->damage_first = 0;
    test->damage_end = 0;
    struct log_scan_events events = {.self = test, .record = on_record, .damage = on_damage};
    int error = log_scan(test->disk, test->file, &test->header, durable, &events, &test->result);
    if (error == 0) {
        assert_int_equal(test->result.damaged, test->damages);
    }
    return error;
}

static void scan(struct scan_test *test)
{
    assert_int_equal(scan_knowing(test, 0), 0);
}

static void a_segment_that_is_being_written_gives_back_all_records(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 10, true);
    scan(test);
    assert_int_equal(test->count, 30);
    assert_int_equal(test->in_order, 30);
    assert_int_equal(test->result.end, test->writer.offset);
    assert_false(test->result.sealed);
    assert_false(test->result.shortened);
    assert_int_equal(test->result.torn, 0);
    assert_int_equal(test->result.damaged, 0);
}

static void an_empty_segment_has_no_records_and_no_damage(void **state)
{
    struct scan_test *test = *state;
    scan(test);
    assert_int_equal(test->count, 0);
    assert_int_equal(test->result.end, LOG_HEADER_BYTES);
    assert_int_equal(test->result.torn + test->result.damaged, 0);
}

static void a_sealed_segment_may_be_shorter_than_it_was_made(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 3, true);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    assert_int_equal(test->disk->ops->truncate(test->file, test->writer.offset), 0);
    scan(test);
    assert_int_equal(test->count, 9);
    assert_true(test->result.sealed);
    assert_false(test->result.shortened);
    assert_int_equal(test->result.end, test->writer.offset);
    assert_int_equal(test->result.durable, test->writer.durable);
}

static void what_stands_behind_the_seal_is_nothing(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 3, true);
    assert_int_equal(log_writer_seal(&test->writer), 0);
    uint64_t end = test->writer.offset;
    write_batches(test, 1, true);
    scan(test);
    assert_int_equal(test->count, 9);
    assert_int_equal(test->result.end, end);
}

/* Every bit of what was written, each flipped by itself. */
static void every_flipped_bit_is_noticed_and_costs_no_other_batch(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    uint64_t last = test->writer.written[test->writer.count - 1].batch;
    assert_int_equal(log_writer_seal(&test->writer), 0);
    for (uint64_t at = LOG_HEADER_BYTES; at < last; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            log_file_flip(test->disk, SEGMENT, at, bit);
            scan(test);
            assert_int_equal(test->result.damaged, 1);
            assert_true(test->damage_first <= at && at < test->damage_end);
            assert_true(test->result.sealed);
            assert_in_range(test->count, 11, 12); /* 12: it was in a batch's header */
            log_file_flip(test->disk, SEGMENT, at, bit);
        }
    }
}

static void a_flip_in_the_last_batch_before_the_seal_is_rot_too(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    uint64_t last = test->writer.written[test->writer.count - 1].batch;
    uint64_t end = test->writer.offset;
    assert_int_equal(log_writer_seal(&test->writer), 0);
    for (uint64_t at = last; at < end; at++) {
        log_file_flip(test->disk, SEGMENT, at, 3);
        scan(test);
        assert_int_equal(test->result.damaged, 1);
        assert_in_range(test->count, 11, 12);
        assert_true(test->result.sealed);
        log_file_flip(test->disk, SEGMENT, at, 3);
    }
}

static void a_torn_last_batch_is_cut_wherever_it_is_torn(void **state)
{
    struct scan_test *test = *state;
    static const uint8_t zeros[CAPACITY];
    write_batches(test, 5, true);
    uint64_t last = test->writer.written[test->writer.count - 1].batch;
    size_t len = (size_t)(test->writer.offset - last);
    size_t whole;
    uint8_t *content = log_file_content(test->disk, SEGMENT, &whole);
    /* The first bytes of the batch arrived, the others not; then the other way round. */
    for (size_t cut = 0; cut < len; cut++) {
        log_file_change(test->disk, SEGMENT, last + cut, bytes_make(zeros, len - cut));
        scan(test);
        if (test->count != 15) { /* what was not written may have been zeros, the padding */
            assert_int_equal(test->count, 12);
            assert_int_equal(test->result.end, last);
            assert_true(test->result.torn <= log_round(cut));
        }
        assert_int_equal(test->in_order, test->count);
        assert_int_equal(test->result.damaged, 0);
        log_file_change(test->disk, SEGMENT, last, bytes_make(zeros, cut + 1));
        log_file_change(test->disk, SEGMENT, last + cut + 1,
                        bytes_make(content + last + cut + 1, len - cut - 1));
        scan(test);
        assert_int_equal(test->in_order, 12);
        assert_int_equal(test->result.damaged, 0);
        assert_int_equal(test->result.end, last);
        log_file_change(test->disk, SEGMENT, last, bytes_make(content + last, len));
    }
    free(content);
}

static void batches_that_nothing_says_were_durable_are_cut_from_the_first_torn_one_on(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 2, true);
    uint64_t durable = test->writer.durable;
    write_batches(test, 4, false);
    log_file_flip(test->disk, SEGMENT, durable + 100, 0);
    scan(test);
    assert_int_equal(test->in_order, 6);
    assert_int_equal(test->count, 6);
    assert_int_equal(test->result.damaged, 0);
    assert_int_equal(test->result.end, durable);
    assert_true(test->result.torn > 0);
}

static void one_later_batch_that_says_so_makes_it_rot(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 2, false);
    uint64_t second = test->writer.written[3].batch;
    write_batches(test, 3, false);
    assert_int_equal(log_writer_sync(&test->writer), 0);
    write_batches(test, 1, true);
    log_file_flip(test->disk, SEGMENT, second + LOG_BATCH_BYTES + 20, 0);
    scan(test);
    assert_int_equal(test->count, 17); /* of the second batch, too, what is whole is there */
    assert_int_equal(test->result.damaged, 1);
    assert_int_equal(test->result.torn, 0);
    assert_int_equal(test->result.end, test->writer.offset);
}

static void a_whole_batch_of_zeros_before_a_durable_mark_is_rot(void **state)
{
    struct scan_test *test = *state;
    static const uint8_t zeros[4096];
    write_batches(test, 4, true);
    uint64_t second = test->writer.written[3].batch;
    uint64_t third = test->writer.written[6].batch;
    log_file_change(test->disk, SEGMENT, second, bytes_make(zeros, third - second));
    scan(test);
    assert_int_equal(test->count, 9);
    assert_int_equal(test->result.damaged, 1);
    assert_int_equal(test->result.damaged_bytes, third - second);
    assert_int_equal(test->damage_first, second);
}

static void several_rotten_places_are_each_told(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 8, true);
    log_file_flip(test->disk, SEGMENT, test->writer.written[0].offset + 9, 1);
    log_file_flip(test->disk, SEGMENT, test->writer.written[7].batch + 9, 1);
    log_file_flip(test->disk, SEGMENT, test->writer.written[13].offset + 9, 1);
    scan(test);
    assert_int_equal(test->count, 22);
    assert_int_equal(test->result.damaged, 3);
}

static void a_file_cut_anywhere_gives_a_prefix_and_is_known_to_be_short(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    size_t len;
    uint8_t *content = log_file_content(test->disk, SEGMENT, &len);
    uint64_t end = test->writer.offset;
    for (uint64_t cut = end; cut >= LOG_HEADER_BYTES; cut--) {
        log_file_cut(test->disk, SEGMENT, cut);
        scan(test);
        assert_int_equal(test->in_order, test->count);
        assert_true(test->result.shortened);
        for (uint32_t i = 0; i < test->writer.count; i++) {
            const struct log_written *written = &test->writer.written[i];
            assert_int_equal(test->seen[i], written->offset + written->size <= cut);
        }
    }
    free(content);
}

static void what_the_caller_knows_to_be_durable_is_never_torn(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    uint64_t last = test->writer.written[9].batch;
    log_file_flip(test->disk, SEGMENT, last + LOG_BATCH_BYTES + 10, 0);
    scan(test);
    assert_int_equal(test->count, 9);
    assert_int_equal(test->result.damaged, 0);
    assert_int_equal(scan_knowing(test, test->writer.offset), 0);
    assert_int_equal(test->count, 11);
    assert_int_equal(test->result.damaged, 1);
    assert_int_equal(test->result.end, test->writer.offset);
    log_file_flip(test->disk, SEGMENT, last + 10, 0); /* and its header */
    assert_int_equal(scan_knowing(test, test->writer.offset), 0);
    assert_int_equal(test->count, 11);
    assert_int_equal(test->result.end, test->writer.offset);
}

static void a_record_larger_than_what_is_read_at_a_time_comes_whole(void **state)
{
    struct scan_test *test = *state;
    log_writer_put(&test->writer, 1, "small", 10);
    log_writer_put(&test->writer, 1, "large", 5u << 20);
    log_writer_put(&test->writer, 1, "small too", 10);
    assert_int_equal(log_writer_flush(&test->writer, true), 0);
    write_batches(test, 1, true);
    scan(test);
    assert_int_equal(test->in_order, 6);
    log_file_flip(test->disk, SEGMENT, test->writer.written[1].offset + (3u << 20), 0);
    scan(test);
    assert_int_equal(test->count, 5);
    assert_int_equal(test->result.damaged_bytes, test->writer.written[1].size);
}

/* Reads that touch the sector fail. */
static void a_sector_that_cannot_be_read_is_rot_even_at_the_end(void **state)
{
    struct scan_test *test = *state;
    log_writer_put(&test->writer, 1, "first", 10);
    assert_int_equal(log_writer_flush(&test->writer, true), 0);
    log_writer_put(&test->writer, 1, "long", 6000);
    assert_int_equal(log_writer_flush(&test->writer, true), 0);
    /* The whole, then the pieces one by one: the second piece fails. */
    model_disk_fault(test->model,
                     &(struct model_fault){.calls = MODEL_READ, .nth = 1, .code = SHOAL_EIO});
    model_disk_fault(test->model,
                     &(struct model_fault){.calls = MODEL_READ, .nth = 3, .code = SHOAL_EIO});
    scan(test);
    assert_int_equal(test->count, 1);
    assert_true(test->damage_first < 4096 + LOG_HEADER_BYTES); /* from the record's begin */
    assert_int_equal(test->damage_end, 8192 + LOG_HEADER_BYTES);
    assert_int_equal(test->result.torn, 0);
    model_disk_mend(test->model);
}

static void a_disk_that_reads_nothing_ends_in_damage_and_not_in_a_cut(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    model_disk_fault(
        test->model,
        &(struct model_fault){.calls = MODEL_READ, .nth = 1, .lasting = true, .code = SHOAL_EIO});
    scan(test);
    model_disk_mend(test->model);
    assert_int_equal(test->count, 0);
    assert_true(test->result.damaged > 0);
    assert_int_equal(test->result.torn, 0);
}

static void no_memory_is_an_error_and_never_damage(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    mem_fail_from(1);
    assert_int_equal(scan_knowing(test, 0), SHOAL_ENOMEM);
    mem_fail_never();
    scan(test);
    assert_int_equal(test->count, 12);
}

static int refuse(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    (void)self;
    (void)offset;
    (void)size;
    (void)record;
    return SHOAL_ENOMEM;
}

static void a_visitor_ends_the_scan(void **state)
{
    struct scan_test *test = *state;
    write_batches(test, 4, true);
    struct log_scan_events events = {.self = test, .record = refuse};
    assert_int_equal(log_scan(test->disk, test->file, &test->header, 0, &events, &test->result),
                     SHOAL_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_segment_that_is_being_written_gives_back_all_records,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_segment_has_no_records_and_no_damage, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_sealed_segment_may_be_shorter_than_it_was_made, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_stands_behind_the_seal_is_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_noticed_and_costs_no_other_batch,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_flip_in_the_last_batch_before_the_seal_is_rot_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_torn_last_batch_is_cut_wherever_it_is_torn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            batches_that_nothing_says_were_durable_are_cut_from_the_first_torn_one_on, setup,
            teardown),
        cmocka_unit_test_setup_teardown(one_later_batch_that_says_so_makes_it_rot, setup, teardown),
        cmocka_unit_test_setup_teardown(a_whole_batch_of_zeros_before_a_durable_mark_is_rot, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(several_rotten_places_are_each_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_gives_a_prefix_and_is_known_to_be_short,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_caller_knows_to_be_durable_is_never_torn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_larger_than_what_is_read_at_a_time_comes_whole,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_sector_that_cannot_be_read_is_rot_even_at_the_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_reads_nothing_ends_in_damage_and_not_in_a_cut,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory_is_an_error_and_never_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_visitor_ends_the_scan, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
