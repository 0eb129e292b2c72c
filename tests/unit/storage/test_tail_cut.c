/* A tail on a real folder, whose files somebody cuts short while they are in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "base/log.h"
#include "storage/posix_disk.h"
#include "storage/tail_inside.h"
#include "support/guarded.h"
#include "support/manual_offload.h"

#define PATH_BYTES 300u
#define BYTES_MAX (1024u * 1024u) /* segments of 128 KiB */
#define VALUE_BYTES 1000u
#define LINES_MAX 16u

static char folder[PATH_BYTES];
static struct disk *disk;
static struct manual_offload offload;
static struct tail *tail;
static uint64_t now_us;
static uint32_t lines; /* of the log, that pages are gone */

static void count_line(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    lines += level == LOG_ERROR && memmem(line.data, line.len, "pages of a file", 15) != NULL;
}

static uint64_t draw(void *self)
{
    (void)self;
    return 42;
}

static void open_tail(void)
{
    struct tail_options options = {.disk = disk,
                                   .lane = 1,
                                   .bytes_max = BYTES_MAX,
                                   .offload = manual_offload_port(&offload),
                                   .random = draw};
    assert_int_equal(tail_open(&options, &tail), 0);
}

static void close_tail(bool clean)
{
    manual_offload_end(&offload);
    tail_close(tail, clean);
    tail = NULL;
}

static int setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/shoal-tail-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(posix_disk_open(folder, &disk), 0);
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT, NULL, count_line, NULL);
    lines = 0;
    manual_offload_init(&offload);
    open_tail();
    return 0;
}

static void remove_file(void *self, const char *name, uint64_t bytes)
{
    (void)bytes;
    (void)disk->ops->remove(self, name);
}

static int teardown(void **state)
{
    (void)state;
    close_tail(true);
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT, NULL, NULL, NULL);
    assert_int_equal(disk->ops->list(disk, remove_file, disk), 0);
    posix_disk_close(disk);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

/* Its value is its position, over and over. */
static void append_one(void)
{
    uint64_t value[VALUE_BYTES / sizeof(uint64_t)];
    for (size_t k = 0; k < sizeof(value) / sizeof(value[0]); k++) {
        value[k] = tail_end(tail);
    }
    struct tail_event event = {.op = 1,
                               .time_ms = tail_end(tail),
                               .key = bytes_from_string("key"),
                               .value = bytes_make(value, sizeof(value))};
    tail_append(tail, &event);
}

static void append(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        append_one();
        if (i % 16 == 0) {
            (void)manual_offload_run(&offload);
        }
    }
}

struct told {
    uint64_t events;
    uint64_t gaps;
    uint64_t last;
};

static void tell_page(struct bytes rest, uint64_t at, struct told *told)
{
    while (rest.len > 0) {
        struct tail_event event;
        uint64_t value;
        assert_int_equal(tail_event_take(&rest, &event), 0);
        told->gaps += event.position > at && event.op != TAIL_CRASH;
        at = event.position + 1;
        told->last = event.position;
        if (event.op != TAIL_CRASH) {
            memcpy(&value, event.value.data, sizeof(value));
            assert_int_equal(value, event.position);
            told->events++;
        }
    }
}

static struct told tell(uint64_t at)
{
    struct told told = {0};
    struct buffer page;
    buffer_init(&page, 0);
    while (at < tail_end(tail)) {
        uint64_t next = at;
        buffer_clear(&page);
        int result = tail_read(tail, at, 10000, &page, &next);
        if (result == 1) {
            assert_true(manual_offload_run(&offload) > 0);
            continue;
        }
        assert_true(next > at);
        told.gaps += result < 0;
        tell_page(buffer_bytes(&page), at, &told);
        at = next;
    }
    buffer_deinit(&page);
    return told;
}

static void cut(const char *name, uint64_t bytes)
{
    char path[PATH_BYTES + DISK_NAME_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(truncate(path, (off_t)bytes), 0);
}

static void cut_active(uint64_t bytes)
{
    char name[DISK_NAME_BYTES];
    tail_file_name(1, tail->active->sequence, name);
    cut(name, bytes);
}

static void cut_any(void *self, const char *name, uint64_t bytes)
{
    (void)bytes;
    cut(name, *(const uint64_t *)self);
}

static void cut_all(uint64_t bytes)
{
    assert_int_equal(disk->ops->list(disk, cut_any, &bytes), 0);
}

static bool failed(void)
{
    struct tail_stats stats;
    tail_stats(tail, &stats);
    return stats.failed;
}

static void what_is_appended_to_a_file_cut_short_is_in_another(void **state)
{
    (void)state;
    guarded_begin();
    append(20);
    (void)manual_offload_run(&offload);
    uint64_t sequence = tail->active->sequence;
    cut_active(8192);
    append(20);
    assert_true(tail->active->sequence > sequence);
    assert_int_equal(lines, 1);
    struct told told = tell(21);
    assert_int_equal(told.events, 20);
    assert_int_equal(told.gaps, 0);
    told = tell(1);
    assert_in_range(told.events, 26, 30); /* seven or so were in the first two pages */
    assert_true(told.gaps > 0);
    close_tail(false); /* as a kill leaves it */
    open_tail();
    told = tell(21);
    assert_int_equal(told.events, 20);
    assert_int_equal(lines, 1);
}

static void with_all_files_cut_to_nothing_it_goes_on(void **state)
{
    (void)state;
    guarded_begin();
    append(300);
    (void)manual_offload_run(&offload);
    cut_all(0);
    append_one();
    assert_true(failed()); /* there was another ready: it was cut, too */
    assert_int_equal(lines, 2);
    (void)manual_offload_run(&offload);
    append(300);
    assert_false(failed());
    struct told told = tell(301);
    assert_int_equal(told.events, 301);
    assert_int_equal(told.gaps, 0);
    told = tell(1);
    assert_true(told.gaps > 0);
    assert_int_equal(told.last, 601);
}

static void reading_what_was_cut_off_is_a_gap_and_ends_the_file(void **state)
{
    (void)state;
    guarded_begin();
    append(60);
    (void)manual_offload_run(&offload);
    uint64_t sequence = tail->active->sequence;
    cut_active(4096);
    struct told told = tell(1);
    assert_true(told.gaps > 0);
    assert_in_range(told.events, 1, 59);
    now_us += 1000000;
    tail_tick(tail, now_us);
    assert_true(tail->active->sequence > sequence);
    assert_int_equal(lines, 1);
    tail_tick(tail, now_us);
    assert_int_equal(lines, 1);
}

static void a_time_is_found_in_a_file_cut_short(void **state)
{
    (void)state;
    guarded_begin();
    append(60);
    cut_active(0);
    for (uint64_t ms = 0; ms < 70; ms++) {
        assert_in_range(tail_find_time(tail, ms), 1, tail_end(tail));
    }
}

static void files_cut_over_and_over_cost_no_event_to_come(void **state)
{
    (void)state;
    guarded_begin();
    for (uint32_t round = 0; round < 60; round++) {
        uint64_t from = tail_end(tail);
        append(1 + 7 * round);
        struct told told = tell(from);
        assert_int_equal(told.last + 1, tail_end(tail));
        assert_int_equal(told.gaps, 0);
        cut_all(round % 3 * 4096);
        assert_true(tell(tail_first(tail)).last <= tail_end(tail));
    }
}

static void a_stop_after_the_cut_is_no_clean_one(void **state)
{
    (void)state;
    guarded_begin();
    append(10);
    close_tail(true);
    open_tail();
    append(10);
    uint64_t end = tail_end(tail);
    cut_active(0);
    close_tail(true);
    open_tail();
    assert_true(tail_end(tail) > end); /* no position is given twice */
    assert_int_equal(tell(1).events, 10);
}

/* Of a page before it that the disk did not give back; it does so later. The event that showed it
 * is in the next file, and nowhere else: two that tell of one position don't go together. */
static void a_page_that_comes_back_later_costs_no_older_file(void **state)
{
    (void)state;
    guarded_begin();
    append(300);
    (void)manual_offload_run(&offload);
    uint64_t sequence = tail->active->sequence;
    atomic_store((atomic_bool *)(uintptr_t)tail->active->lost, true);
    append_one();
    assert_true(tail->active->sequence > sequence);
    close_tail(false);
    open_tail();
    assert_int_equal(tail_first(tail), 1);
    struct told told = tell(1);
    assert_int_equal(told.events, 301);
    assert_int_equal(told.gaps, 0);
}

static void where_all_was_cut_to_nothing_a_beginning_is_told_as_missing(void **state)
{
    (void)state;
    guarded_begin();
    append(10);
    cut_all(0);
    close_tail(false);
    open_tail();
    assert_true(tail_first(tail) > TAIL_FIRST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_appended_to_a_file_cut_short_is_in_another, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(with_all_files_cut_to_nothing_it_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_what_was_cut_off_is_a_gap_and_ends_the_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_time_is_found_in_a_file_cut_short, setup, teardown),
        cmocka_unit_test_setup_teardown(files_cut_over_and_over_cost_no_event_to_come, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stop_after_the_cut_is_no_clean_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_that_comes_back_later_costs_no_older_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(where_all_was_cut_to_nothing_a_beginning_is_told_as_missing,
                                        setup, teardown),
    };
    guarded_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
