/* Hints: what is built is read back, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_hint_layout.h"
#include "support/log_writer.h"
#include "support/model_disk.h"

#define END 1000000u
#define NAME "0000000000000007.hint"

static const struct log_origin origin = {.volume = 99, .number = 7};

struct hint_test {
    struct model_disk *model;
    struct disk *disk;
    struct log_hint_builder *builder;
};

static int setup(void **state)
{
    static struct hint_test test;
    test.model = model_disk_new(1);
    test.disk = model_disk_port(test.model);
    assert_int_equal(log_hint_builder_new(&origin, 5, &test.builder), 0);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct hint_test *test = *state;
    mem_fail_never();
    log_hint_builder_free(test->builder);
    model_disk_free(test->model);
    return 0;
}

/* The nth entry, everything in it from n. */
static struct log_hint_entry entry_of(uint32_t n)
{
    return (struct log_hint_entry){.sequence = 1000 + n,
                                   .position = UINT64_MAX - n * 12345,
                                   .offset = LOG_HEADER_BYTES + LOG_BATCH_BYTES + n * 64,
                                   .bytes = 64,
                                   .tag = (uint16_t)(n * 7),
                                   .kind = (uint8_t)(LOG_PUT + n % 4),
                                   .simple = n % 2 == 0,
                                   .tombstone = n % 4 == 0,
                                   .expires = n % 6 == 0,
                                   .dot = n % 2 == 0 ? (struct dot){n + 1, n + 2}
                                                     : (struct dot){0, 0}};
}

static uint32_t partition_of(uint32_t n, uint32_t partitions)
{
    return n * 31 % partitions * 3;
}

static void build(struct hint_test *test, uint32_t count, uint32_t partitions)
{
    for (uint32_t n = 0; n < count; n++) {
        struct log_hint_entry entry = entry_of(n);
        assert_int_equal(log_hint_add(test->builder, partition_of(n, partitions), &entry), 0);
    }
}

struct expected {
    uint32_t partition;
    uint32_t partitions;
    uint32_t next; /* the next one to come is this or later */
    uint32_t count;
};

static int expect(void *self, const struct log_hint_entry *entry)
{
    struct expected *expected = self;
    while (partition_of(expected->next, expected->partitions) != expected->partition) {
        expected->next++;
    }
    struct log_hint_entry wanted = entry_of(expected->next);
    assert_int_equal(entry->sequence, wanted.sequence);
    assert_true(entry->position == wanted.position);
    assert_int_equal(entry->offset, wanted.offset);
    assert_int_equal(entry->bytes, wanted.bytes);
    assert_int_equal(entry->tag, wanted.tag);
    assert_int_equal(entry->kind, wanted.kind);
    assert_int_equal(entry->simple, wanted.simple);
    assert_int_equal(entry->tombstone, wanted.tombstone);
    assert_int_equal(entry->expires, wanted.expires);
    assert_true(dot_equal(entry->dot, wanted.dot));
    expected->next++;
    expected->count++;
    return 0;
}

static void check_all(const struct log_hint *hint, uint32_t count, uint32_t partitions)
{
    uint32_t total = 0;
    for (uint32_t partition = 0; partition < 3 * partitions + 2; partition++) {
        struct expected expected = {.partition = partition, .partitions = partitions};
        assert_int_equal(log_hint_read(hint, partition, expect, &expected), 0);
        assert_int_equal(expected.count, log_hint_count(hint, partition));
        assert_int_equal(log_hint_has(hint, partition), expected.count > 0);
        total += expected.count;
    }
    assert_int_equal(total, count);
}

static void entries_come_back_by_partition_in_the_order_of_the_segment(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    build(test, 5000, 40);
    log_hint_add_place(test->builder, 160, 32);
    struct log_hint_verdict verdict = {.end = END, .damaged = true};
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), 0);
    assert_int_equal(log_hint_check(hint), 0);
    check_all(hint, 5000, 40);
    const struct log_hint_summary *summary = log_hint_summary(hint);
    assert_int_equal(summary->end, END);
    assert_int_equal(summary->first_sequence, 5);
    assert_int_equal(summary->sequence_min, 1000);
    assert_int_equal(summary->sequence_max, 5999);
    assert_true(summary->damaged);
    assert_false(summary->refused);
    assert_int_equal(log_hint_groups(hint), 40);
    assert_int_equal(log_hint_partition(hint, 39), 117);
    assert_int_equal(log_hint_places(hint), 1);
    assert_int_equal(log_hint_place(hint, 0).offset, 160);
    assert_int_equal(log_hint_place(hint, 0).bytes, 32);
    log_hint_free(hint);
}

static void a_hint_without_entries_is_a_hint(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = LOG_HEADER_BYTES, .refused = true};
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), 0);
    assert_true(log_hint_summary(hint)->refused);
    assert_true(log_hint_summary(hint)->sequence_min == UINT64_MAX);
    assert_int_equal(log_hint_summary(hint)->sequence_max, 0);
    assert_int_equal(log_hint_groups(hint), 0);
    assert_false(log_hint_has(hint, 0));
    log_hint_free(hint);
}

static void a_hint_kept_in_memory_says_the_same_as_the_one_written(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *kept;
    struct log_hint *written;
    struct log_hint_verdict verdict = {.end = END};
    build(test, 3000, 7);
    assert_int_equal(log_hint_keep(test->builder, &verdict, &kept), 0);
    assert_int_equal(model_disk_count(test->model, "", &(uint64_t){0}), 0);
    check_all(kept, 3000, 7);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    assert_int_equal(log_hint_open(test->disk, &origin, &written), 0);
    assert_true(log_hint_agree(kept, written));
    log_hint_free(written);
    struct log_hint_entry entry = entry_of(3000);
    assert_int_equal(log_hint_add(test->builder, 2, &entry), 0);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    assert_int_equal(log_hint_open(test->disk, &origin, &written), 0);
    assert_false(log_hint_agree(kept, written));
    log_hint_free(written);
    log_hint_free(kept);
}

static void a_hint_is_only_its_own_segments(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    build(test, 10, 2);
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), SHOAL_ENOTFOUND);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    struct log_origin other = {.volume = 100, .number = 7};
    assert_int_equal(log_hint_open(test->disk, &other, &hint), SHOAL_EPROTO);
    assert_int_equal(test->disk->ops->rename(test->disk, NAME, "0000000000000008.hint"), 0);
    struct log_origin next = {.volume = 99, .number = 8};
    assert_int_equal(log_hint_open(test->disk, &next, &hint), SHOAL_EPROTO);
}

static void a_newer_format_is_told_from_damage(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    size_t len;
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    uint8_t *content = log_file_content(test->disk, NAME, &len);
    store_u32_le(content + HINT_AT_FORMAT, LOG_HINT_FORMAT + 1);
    store_u64_le(content + HINT_AT_CHECKSUM,
                 log_checksum(&origin, 0, bytes_make(content, HINT_AT_CHECKSUM)));
    log_file_change(test->disk, NAME, 0, bytes_make(content, len));
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), SHOAL_EVERSION);
    free(content);
}

static void an_older_format_is_read_and_told(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint *newer;
    struct log_hint_verdict verdict = {.end = END};
    size_t len;
    build(test, 50, 3);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    uint8_t *content = log_file_content(test->disk, NAME, &len);
    store_u32_le(content + HINT_AT_FORMAT, LOG_HINT_FORMAT_MIN);
    store_u64_le(content + HINT_AT_CHECKSUM,
                 log_checksum(&origin, 0, bytes_make(content, HINT_AT_CHECKSUM)));
    log_file_change(test->disk, NAME, 0, bytes_make(content, len));
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), 0);
    assert_true(log_hint_summary(hint)->older);
    assert_int_equal(log_hint_count(hint, 0), 17);
    assert_int_equal(log_hint_keep(test->builder, &verdict, &newer), 0);
    assert_false(log_hint_summary(newer)->older);
    assert_true(log_hint_agree(hint, newer));
    log_hint_free(newer);
    log_hint_free(hint);
    free(content);
}

static void no_flipped_bit_passes(void **state)
{
    struct hint_test *test = *state;
    struct log_hint_verdict verdict = {.end = END};
    size_t len;
    build(test, 12, 3);
    log_hint_add_place(test->builder, 160, 32);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    free(log_file_content(test->disk, NAME, &len));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct log_hint *hint;
        log_file_flip(test->disk, NAME, bit / 8, bit % 8);
        int error = log_hint_open(test->disk, &origin, &hint);
        if (error == 0) {
            error = log_hint_check(hint);
            log_hint_free(hint);
        }
        assert_int_equal(error, SHOAL_EPROTO);
        log_file_flip(test->disk, NAME, bit / 8, bit % 8);
    }
}

static void a_damaged_group_shows_nothing_and_leaves_the_others(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    size_t len;
    build(test, 100, 4);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    free(log_file_content(test->disk, NAME, &len));
    log_file_flip(test->disk, NAME, len - 1, 0); /* in the last group */
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), 0);
    assert_int_equal(log_hint_check(hint), SHOAL_EPROTO);
    struct expected expected = {.partition = 9, .partitions = 4};
    assert_int_equal(log_hint_read(hint, 9, expect, &expected), SHOAL_EPROTO);
    assert_int_equal(expected.count, 0);
    expected = (struct expected){.partition = 6, .partitions = 4};
    assert_int_equal(log_hint_read(hint, 6, expect, &expected), 0);
    assert_int_equal(expected.count, 25);
    log_hint_free(hint);
}

static void a_file_cut_anywhere_or_longer_is_refused(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    size_t len;
    build(test, 12, 3);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    uint8_t *content = log_file_content(test->disk, NAME, &len);
    log_file_change(test->disk, NAME, len, bytes_make("x", 1));
    assert_int_equal(log_hint_open(test->disk, &origin, &hint), SHOAL_EPROTO);
    for (size_t cut = len; cut-- > 0;) {
        log_file_cut(test->disk, NAME, cut);
        assert_int_equal(log_hint_open(test->disk, &origin, &hint), SHOAL_EPROTO);
    }
    free(content);
}

/* Whoever can write checksums can still not make a reader go out of bounds. */
static void entries_that_cannot_be_are_refused_though_the_checksum_is_right(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_entry entry = entry_of(0);
    struct log_hint_verdict verdict = {.end = entry.offset + entry.bytes - LOG_UNIT_BYTES};
    assert_int_equal(log_hint_add(test->builder, 0, &entry), 0);
    assert_int_equal(log_hint_keep(test->builder, &verdict, &hint), 0);
    assert_int_equal(log_hint_check(hint), SHOAL_EPROTO);
    log_hint_free(hint);
    verdict.end = END;
    assert_int_equal(log_hint_keep(test->builder, &verdict, &hint), 0);
    assert_int_equal(log_hint_check(hint), 0);
    log_hint_free(hint);
    entry.kind = 9;
    assert_int_equal(log_hint_add(test->builder, 0, &entry), 0);
    assert_int_equal(log_hint_keep(test->builder, &verdict, &hint), 0);
    assert_int_equal(log_hint_check(hint), SHOAL_EPROTO);
    log_hint_free(hint);
}

static void more_damaged_places_than_fit_become_one(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    for (uint32_t i = 0; i < LOG_HINT_PLACES_MAX + 10; i++) {
        log_hint_add_place(test->builder, 100 + 32 * i, 16);
    }
    assert_int_equal(log_hint_keep(test->builder, &verdict, &hint), 0);
    assert_int_equal(log_hint_places(hint), LOG_HINT_PLACES_MAX);
    struct log_hint_place last = log_hint_place(hint, LOG_HINT_PLACES_MAX - 1);
    assert_int_equal(last.offset, 100 + 32 * (LOG_HINT_PLACES_MAX - 1));
    assert_int_equal(last.bytes, 32 * 10 + 16);
    log_hint_free(hint);
}

static void a_failed_write_leaves_the_former_hint_and_no_other_file(void **state)
{
    struct hint_test *test = *state;
    struct log_hint *hint;
    struct log_hint_verdict verdict = {.end = END};
    build(test, 100, 4);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    static const uint32_t calls[] = {MODEL_CREATE, MODEL_WRITE, MODEL_SYNC, MODEL_RENAME};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct log_hint_entry entry = entry_of(100 + (uint32_t)i);
        assert_int_equal(log_hint_add(test->builder, 2, &entry), 0);
        model_disk_fault(test->model,
                         &(struct model_fault){.calls = calls[i], .nth = 1, .code = SHOAL_ENOSPC});
        assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), SHOAL_ENOSPC);
        model_disk_mend(test->model);
        assert_int_equal(log_hint_open(test->disk, &origin, &hint), 0);
        check_all(hint, 100, 4);
        log_hint_free(hint);
    }
    assert_int_equal(model_disk_count(test->model, "", &(uint64_t){0}), 1);
}

static void no_memory_is_an_error_at_every_allocation(void **state)
{
    struct hint_test *test = *state;
    struct log_hint_verdict verdict = {.end = END};
    build(test, 50, 4);
    assert_int_equal(log_hint_write(test->builder, &verdict, test->disk), 0);
    int error = SHOAL_ENOMEM;
    for (uint64_t nth = 1; error == SHOAL_ENOMEM; nth++) {
        struct log_hint *hint = NULL;
        mem_fail_from(nth);
        error = log_hint_open(test->disk, &origin, &hint);
        error = error == 0 ? log_hint_check(hint) : error;
        mem_fail_never();
        log_hint_free(hint);
    }
    assert_int_equal(error, 0);
    for (uint64_t nth = 1; nth < 3; nth++) {
        struct log_hint *hint = NULL;
        mem_fail_from(nth);
        assert_int_equal(log_hint_keep(test->builder, &verdict, &hint), SHOAL_ENOMEM);
        mem_fail_never();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back_by_partition_in_the_order_of_the_segment,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_hint_without_entries_is_a_hint, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hint_kept_in_memory_says_the_same_as_the_one_written,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_hint_is_only_its_own_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newer_format_is_told_from_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_format_is_read_and_told, setup, teardown),
        cmocka_unit_test_setup_teardown(no_flipped_bit_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_group_shows_nothing_and_leaves_the_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_or_longer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            entries_that_cannot_be_are_refused_though_the_checksum_is_right, setup, teardown),
        cmocka_unit_test_setup_teardown(more_damaged_places_than_fit_become_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_former_hint_and_no_other_file,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_memory_is_an_error_at_every_allocation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
