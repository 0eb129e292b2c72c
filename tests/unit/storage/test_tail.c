/* A tail, by itself and over restarts of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/byteorder.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"
#include "support/tail_rig.h"

#define BYTES_MAX (512u * 1024u) /* segments of 64 KiB */

static struct tail_rig rig;

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR + 1);
    tail_rig_init(&rig, 1, true, BYTES_MAX);
    tail_rig_open(&rig);
    return 0;
}

static int setup_memory(void **state)
{
    (void)state;
    tail_rig_init(&rig, 1, false, BYTES_MAX);
    tail_rig_open(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    tail_rig_deinit(&rig);
    return 0;
}

static uint64_t draw_id(void *self)
{
    return random_u64(self);
}

static void append(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        tail_rig_append(&rig);
        if (i % 16 == 0) {
            (void)manual_offload_run(&rig.offload);
        }
    }
}

static bool failed(void)
{
    struct tail_stats stats;
    tail_stats(rig.tail, &stats);
    return stats.failed;
}

static void fault(uint32_t calls, int code, bool lasting)
{
    struct model_fault fault = {.calls = calls, .nth = 1, .lasting = lasting, .code = code};
    model_disk_fault(rig.disk, &fault);
    rig.healthy = false;
}

/* ---- appending and reading ---- */

static void events_are_numbered_from_one_and_read_as_they_were_put(void **state)
{
    (void)state;
    assert_int_equal(tail_end(rig.tail), 1);
    append(100);
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_int_equal(look.first, 1);
    assert_int_equal(look.events, 100);
    assert_int_equal(look.holes, 0);
    assert_int_equal(look.crash_marks, 0);
    look = tail_rig_look(&rig, 51);
    assert_int_equal(look.first, 51);
    assert_int_equal(look.events, 50);
}

static void a_page_holds_what_fits_and_one_event_at_least(void **state)
{
    (void)state;
    append(10);
    uint64_t next;
    buffer_clear(&rig.page);
    assert_int_equal(tail_read(rig.tail, 3, 1, &rig.page, &next), 0);
    assert_int_equal(next, 4);
    size_t one = rig.page.len;
    assert_int_equal(tail_read(rig.tail, 4, 1u << 20, &rig.page, &next), 0);
    assert_int_equal(next, 11);
    assert_true(rig.page.len > one);
    buffer_clear(&rig.page);
    assert_int_equal(tail_read(rig.tail, 11, 100, &rig.page, &next), 0);
    assert_int_equal(next, 11);
    assert_int_equal(rig.page.len, 0);
    assert_int_equal(tail_read(rig.tail, UINT64_MAX, 100, &rig.page, &next), 0);
    assert_int_equal(next, 11);
}

static void long_values_are_left_out_and_their_length_is_told(void **state)
{
    (void)state;
    struct tail_event event = {.op = TAIL_RIG_PUT, .key = bytes_from_string("k")};
    size_t len = LIMIT_FEED_VALUE_BYTES + 1;
    uint8_t *value = mem_alloc_zeroed(1, len);
    event.value = bytes_make(value, len);
    tail_append(rig.tail, &event);
    event.value = bytes_make("", 0);
    tail_append(rig.tail, &event);
    event.op = TAIL_RIG_DELETE;
    event.value = bytes_make(NULL, 0);
    tail_append(rig.tail, &event);
    mem_free(value);
    uint64_t next;
    assert_int_equal(tail_read(rig.tail, 1, 1000, &rig.page, &next), 0);
    struct bytes rest = buffer_bytes(&rig.page);
    assert_int_equal(tail_event_take(&rest, &event), 0);
    assert_null(event.value.data);
    assert_int_equal(event.value_bytes, len);
    assert_int_equal(tail_event_take(&rest, &event), 0);
    assert_non_null(event.value.data);
    assert_int_equal(event.value.len, 0);
    assert_int_equal(tail_event_take(&rest, &event), 0);
    assert_null(event.value.data);
    assert_int_equal(event.value_bytes, 0);
    assert_int_equal(tail_event_take(&rest, &event), SHOAL_EPROTO);
}

static void it_keeps_to_its_bytes_and_forgets_the_oldest(void **state)
{
    (void)state;
    append(2000); /* some 3 MB */
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_true(look.first > 1000);
    assert_int_equal(look.first, tail_first(rig.tail));
    assert_int_equal(look.events, 2001 - look.first);
    struct tail_stats stats;
    tail_stats(rig.tail, &stats);
    assert_true(stats.bytes_kept <= BYTES_MAX);
    assert_true(stats.bytes_kept > BYTES_MAX / 2);
    assert_int_equal(stats.events, 2000);
    if (rig.disk != NULL) {
        uint64_t bytes;
        (void)manual_offload_run(&rig.offload);
        model_disk_count(rig.disk, "", &bytes);
        assert_true(bytes <= BYTES_MAX);
    }
}

static void count_call(void *self)
{
    ++*(uint32_t *)self;
}

static void what_is_old_is_fetched_and_told_when_it_has_come(void **state)
{
    (void)state;
    uint32_t called = 0;
    append(250);
    tail_on_fetched(rig.tail, count_call, &called);
    uint64_t next = 0;
    buffer_clear(&rig.page);
    assert_int_equal(tail_read(rig.tail, 1, 1000, &rig.page, &next), 1);
    assert_int_equal(tail_read(rig.tail, 1, 1000, &rig.page, &next), 1);
    assert_int_equal(rig.offload.submitted[OFFLOAD_READ], 1);
    assert_true(manual_offload_run(&rig.offload) > 0);
    assert_int_equal(tail_read(rig.tail, 1, 1000, &rig.page, &next), 0);
    assert_true(next > 1);
    assert_int_equal(called, 1);
    tail_on_fetched(rig.tail, NULL, NULL);
}

static void a_time_is_found(void **state)
{
    (void)state;
    append(300);
    assert_int_equal(tail_find_time(rig.tail, 0), 1);
    assert_int_equal(tail_find_time(rig.tail, 10 * 299 + 1), 300);
    assert_int_equal(tail_find_time(rig.tail, 10 * 290), 290);
    assert_int_equal(tail_find_time(rig.tail, 10 * 300 + 1), 301);
    uint64_t found = tail_find_time(rig.tail, 10 * 20);
    assert_true(found <= 20 && found + 40 > 20); /* on the disk: a little before */
}

static void a_time_of_which_some_may_be_gone_is_found_before_what_is_left(void **state)
{
    (void)state;
    append(2000);
    uint64_t first = tail_first(rig.tail);
    assert_true(first > 1);
    assert_int_equal(tail_find_time(rig.tail, 0), first - 1);
    assert_int_equal(tail_find_time(rig.tail, 10 * (first - 1)), first - 1); /* it is gone */
    assert_true(tail_find_time(rig.tail, 10 * (first + 100)) > first);
    tail_rig_close(&rig);
    tail_rig_open(&rig);
    first = tail_first(rig.tail);
    assert_int_equal(tail_find_time(rig.tail, 10 * (first - 1)), first - 1);
    assert_true(tail_find_time(rig.tail, 10 * (first + 200)) > first);
    assert_int_equal(tail_find_time(rig.tail, UINT64_MAX), tail_end(rig.tail));
}

static void a_time_in_a_hole_is_found_where_the_hole_begins(void **state)
{
    (void)state;
    append(250);
    tail_rig_close(&rig);
    struct disk *disk = model_disk_port(rig.disk);
    assert_int_equal(disk->ops->remove(disk, "003-0000000000000002.tail"), 0);
    tail_rig_open(&rig);
    struct buffer page;
    uint64_t hole = 0;
    uint64_t next = 1;
    buffer_init(&page, 0);
    do { /* one event after the other, up to the one that does not follow */
        int result;
        hole = next;
        buffer_clear(&page);
        while ((result = tail_read(rig.tail, hole, 1, &page, &next)) == 1) {
            (void)manual_offload_run(&rig.offload);
        }
        assert_int_equal(result, 0);
    } while (next == hole + 1);
    buffer_deinit(&page);
    uint64_t behind = next - 1;
    assert_true(behind > hole + 1);
    assert_int_equal(tail_find_time(rig.tail, 10 * (behind - 1)), hole);
}

static void a_crash_is_of_any_time_until_what_follows_it(void **state)
{
    (void)state;
    append(100);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    assert_int_equal(tail_find_time(rig.tail, 10 * 100 + 1), 101);
    append(10);
    assert_int_equal(tail_find_time(rig.tail, 10 * 100 + 1), 101);
    assert_true(tail_find_time(rig.tail, 10 * 105) > TAIL_JUMP);
}

/* ---- ends ---- */

static void positions_go_on_after_a_clean_stop(void **state)
{
    (void)state;
    append(300);
    uint64_t id = tail_id(rig.tail);
    tail_rig_close(&rig);
    tail_rig_open(&rig);
    assert_int_equal(tail_id(rig.tail), id);
    assert_int_equal(tail_end(rig.tail), 301);
    append(10);
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_int_equal(look.end, 311);
    assert_int_equal(look.crash_marks, 0);
    assert_int_equal(look.holes, 0);
}

static void a_killed_process_loses_nothing_and_leaves_a_crash_mark(void **state)
{
    (void)state;
    append(200);
    uint64_t id = tail_id(rig.tail);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    assert_int_equal(tail_id(rig.tail), id);
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_int_equal(look.events, 200);
    assert_int_equal(look.crash_marks, 1);
    assert_int_equal(look.holes, 0);
    assert_true(tail_end(rig.tail) > 202);
}

static void a_lost_machine_keeps_what_was_synced(void **state)
{
    (void)state;
    append(100);
    tail_rig_sync(&rig);
    append(20);
    tail_rig_crash(&rig, MODEL_POWER_DROP);
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_int_equal(look.events, 100);
    assert_int_equal(look.crash_marks, 1);
}

static void a_position_is_never_given_twice(void **state)
{
    (void)state;
    append(100);
    uint64_t end = tail_end(rig.tail);
    tail_rig_crash(&rig, MODEL_POWER_DROP);
    tail_rig_open(&rig);
    assert_true(tail_end(rig.tail) > end);
}

static void what_a_killed_process_has_written_is_synced_by_the_next(void **state)
{
    (void)state;
    append(20);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    tail_rig_crash(&rig, MODEL_POWER_DROP);
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_check(&rig);
    assert_int_equal(look.events, 20);
    assert_int_equal(look.crash_marks, 2); /* the first of them was synced, too */
}

/* The name of the file that is written to. */
static void active_file(char name[DISK_NAME_BYTES])
{
    tail_file_name(3, rig.tail->active->sequence, name);
}

/* The mark at the very end of the tail. */
static struct tail_event last_mark(void)
{
    struct tail_event mark;
    uint64_t next;
    buffer_clear(&rig.page);
    assert_int_equal(tail_read(rig.tail, tail_end(rig.tail) - 1, 1, &rig.page, &next), 0);
    struct bytes rest = buffer_bytes(&rig.page);
    assert_int_equal(tail_event_take(&rest, &mark), 0);
    assert_int_equal(mark.op, TAIL_CRASH);
    return mark;
}

static void a_crash_mark_says_up_to_where_events_were(void **state)
{
    (void)state;
    append(10);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    struct tail_event mark = last_mark();
    assert_int_equal(tail_crash_from(&mark), 11);
    tail_rig_crash(&rig, MODEL_KILL); /* whose only event is the mark */
    tail_rig_open(&rig);
    uint64_t first_mark = mark.position;
    mark = last_mark();
    assert_int_equal(tail_crash_from(&mark), first_mark + 1);
}

static void a_crash_mark_counts_what_is_damaged_before_it(void **state)
{
    (void)state;
    append(10);
    tail_rig_crash(&rig, MODEL_KILL);
    assert_true(model_disk_flip(rig.disk, "003-0000000000000001.tail", TAIL_HEAD_BYTES + 8, 0));
    tail_rig_open(&rig); /* the first event is damaged: nobody knows how many were behind it */
    struct tail_event mark = last_mark();
    assert_int_equal(tail_crash_from(&mark), 2);
    struct tail_rig_look look = tail_rig_look(&rig, 1);
    assert_int_equal(look.events, 0);
}

static void what_was_written_behind_a_page_that_was_lost_is_missed(void **state)
{
    (void)state;
    append(12);
    struct disk *disk = model_disk_port(rig.disk);
    tail_rig_crash(&rig, MODEL_KILL);
    struct disk_file *file;
    static const uint8_t zeros[4096];
    assert_int_equal(disk->ops->open(disk, "003-0000000000000001.tail", DISK_OPEN_WRITE, &file), 0);
    assert_int_equal(disk->ops->write(file, 4096, bytes_make(zeros, sizeof(zeros))), 0);
    disk->ops->close(file);
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_look(&rig, 1);
    struct tail_event mark = last_mark();
    assert_in_range(look.events, 1, 11);
    assert_int_equal(tail_crash_from(&mark), look.events + 2);
}

static void a_position_is_not_given_again_where_files_are_damaged(void **state)
{
    (void)state;
    char name[DISK_NAME_BYTES];
    append(10);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    uint64_t id = tail_id(rig.tail);
    for (uint32_t life = 0; life < 4; life++) { /* each loses the file that it has begun */
        append(5);
        uint64_t end = tail_end(rig.tail);
        active_file(name);
        tail_rig_crash(&rig, MODEL_KILL);
        assert_true(model_disk_flip(rig.disk, name, 20, 0));
        tail_rig_open(&rig);
        assert_int_equal(tail_id(rig.tail), id);
        assert_true(tail_end(rig.tail) > end);
        struct tail_event mark = last_mark();
        assert_int_equal(tail_crash_from(&mark), 12); /* ten, and one at least */
    }
}

/* Files are counted by their names, and anybody can have made one. */
static void a_file_of_a_number_far_ahead_takes_no_position_back(void **state)
{
    (void)state;
    append(10);
    uint64_t end = tail_end(rig.tail);
    uint64_t id = tail_id(rig.tail);
    tail_rig_crash(&rig, MODEL_KILL);
    struct disk *disk = model_disk_port(rig.disk);
    struct disk_file *file;
    assert_int_equal(disk->ops->open(disk, "003-0000010000000000.tail", DISK_OPEN_CREATE, &file),
                     0);
    disk->ops->close(file);
    tail_rig_open(&rig);
    assert_true(tail_id(rig.tail) != id || tail_end(rig.tail) > end + TAIL_JUMP);
}

static void a_job_that_is_dropped_leaves_nothing_mapped(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100000 && rig.tail->work.unmap_count == 0; i++) {
        (void)manual_offload_run(&rig.offload);
        tail_rig_append(&rig);
    }
    assert_true(rig.tail->work.unmap_count > 0);
    tail_rig_crash(&rig, MODEL_KILL);
    struct model_disk *disk = rig.disk;
    rig.disk = model_disk_copy(disk, 99);
    model_disk_free(disk); /* asserts it */
    tail_rig_open(&rig);
}

static void a_copied_folder_begins_anew(void **state)
{
    (void)state;
    append(50);
    uint64_t id = tail_id(rig.tail);
    tail_rig_close(&rig);
    struct model_disk *copy = model_disk_copy(rig.disk, 99);
    model_disk_free(rig.disk);
    rig.disk = copy;
    tail_rig_open(&rig);
    assert_true(tail_id(rig.tail) != id);
    assert_int_equal(tail_end(rig.tail), 2); /* 1 is what was */
    assert_int_equal(tail_first(rig.tail), 2);
    assert_int_equal(tail_find_time(rig.tail, 10), 1);
    assert_int_equal(model_disk_count(rig.disk, "", NULL), 1);
}

static void a_rotten_segment_is_a_hole_and_no_more(void **state)
{
    (void)state;
    append(250);
    tail_rig_close(&rig);
    assert_true(model_disk_flip(rig.disk, "003-0000000000000002.tail", 30000, 3));
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_look(&rig, tail_first(rig.tail));
    assert_int_equal(look.holes, 1);
    assert_int_equal(look.crash_marks, 0);
    assert_true(look.events > 200);
    assert_int_equal(look.end, 251);
}

static void rot_met_while_reading_is_passed_over(void **state)
{
    (void)state;
    append(250);
    assert_true(model_disk_flip(rig.disk, "003-0000000000000001.tail", 30000, 3));
    struct tail_rig_look look = tail_rig_look(&rig, tail_first(rig.tail));
    assert_int_equal(look.errors, 1);
    assert_true(look.events > 200);
    assert_int_equal(look.end, 251);
}

/* The event of this position in what is written to, where others may reach it. */
static uint8_t *event_in_memory(uint64_t position)
{
    const struct tail_segment *active = rig.tail->active;
    uint32_t at = TAIL_HEAD_BYTES;
    while (at < active->used && tail_event_position(active->memory + at) < position) {
        at += (uint32_t)tail_event_length(active->memory + at, active->used - at);
    }
    assert_int_equal(tail_event_position(active->memory + at), position);
    return active->memory + at;
}

static void what_is_damaged_in_memory_is_passed_over(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 35, 36, 37, 1000, 65000, UINT32_MAX};
    append(200);
    uint64_t first = rig.tail->active->first;
    uint64_t hurt = first + (tail_end(rig.tail) - first) / 2;
    uint64_t whole = tail_rig_look(&rig, first).events;
    uint8_t *event = event_in_memory(hurt);
    uint8_t kept[TAIL_EVENT_HEAD_BYTES];
    memcpy(kept, event, sizeof(kept));
    event[TAIL_EVENT_HEAD_BYTES] ^= 1; /* its key */
    for (uint32_t i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (uint64_t at = first; at < tail_end(rig.tail); at++) {
            struct tail_rig_look look = tail_rig_look(&rig, at);
            assert_true(look.errors > 0 || at > hurt);
            assert_in_range(look.events, at < hurt ? hurt - at : 0, whole - 1);
            rig.tail->active->hint_offset = 0;
        }
        for (uint64_t ms = 0; ms < 250; ms++) {
            assert_in_range(tail_find_time(rig.tail, ms * 10), 1, tail_end(rig.tail));
        }
        if (i < sizeof(lengths) / sizeof(lengths[0])) {
            store_u32_le(event, lengths[i]);
        }
    }
    memcpy(event, kept, sizeof(kept));
    event[TAIL_EVENT_HEAD_BYTES] ^= 1;
    assert_int_equal(tail_rig_look(&rig, first).events, whole);
}

static void a_lost_file_is_a_hole(void **state)
{
    (void)state;
    append(250);
    tail_rig_close(&rig);
    struct disk *disk = model_disk_port(rig.disk);
    assert_int_equal(disk->ops->remove(disk, "003-0000000000000002.tail"), 0);
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_look(&rig, tail_first(rig.tail));
    assert_int_equal(look.holes, 1);
    assert_int_equal(look.crash_marks, 0);
}

static void without_its_last_file_it_has_crashed(void **state)
{
    (void)state;
    append(250);
    uint64_t end = tail_end(rig.tail);
    tail_rig_close(&rig);
    struct disk *disk = model_disk_port(rig.disk);
    char name[DISK_NAME_BYTES];
    for (uint64_t i = 9; i > 2; i--) {
        tail_file_name(3, i, name);
        if (disk->ops->remove(disk, name) == 0) {
            break;
        }
    }
    tail_rig_open(&rig);
    struct tail_rig_look look = tail_rig_look(&rig, tail_first(rig.tail));
    assert_int_equal(look.crash_marks, 1);
    assert_true(tail_end(rig.tail) > end);
}

/* ---- files cut short while they are written to ---- */

static void cut_file(struct tail_segment *segment, uint64_t bytes)
{
    char name[DISK_NAME_BYTES];
    tail_file_name(3, segment->sequence, name);
    assert_true(model_disk_cut(rig.disk, name, bytes));
}

static void a_file_that_is_cut_short_is_given_up_for_a_new_one(void **state)
{
    (void)state;
    append(20);
    (void)manual_offload_run(&rig.offload);
    uint64_t sequence = rig.tail->active->sequence;
    cut_file(rig.tail->active, 4096);
    append(20);
    assert_false(failed());
    assert_true(rig.tail->active->sequence > sequence);
    struct tail_rig_look look = tail_rig_look(&rig, 21);
    assert_int_equal(look.events, 20); /* who has had the others misses none */
    assert_int_equal(look.errors, 0);
    look = tail_rig_look(&rig, 1);
    assert_in_range(look.events, 21, 39);
    assert_true(look.errors > 0);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    look = tail_rig_look(&rig, 1);
    assert_in_range(look.events, 21, 39);
    assert_int_equal(look.crash_marks, 1);
    assert_int_equal(look.holes, 1);
}

static void with_all_its_files_cut_short_it_goes_on_in_memory_until_there_is_another(void **state)
{
    (void)state;
    append(20);
    (void)manual_offload_run(&rig.offload);
    cut_file(rig.tail->active, 0);
    cut_file(rig.tail->spare, 0);
    tail_rig_append(&rig);
    assert_true(failed());
    (void)manual_offload_run(&rig.offload);
    append(20);
    assert_false(failed());
    assert_int_equal(tail_rig_look(&rig, 21).events, 21);
    assert_true(tail_rig_look(&rig, 1).errors > 0);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    assert_int_equal(tail_rig_look(&rig, tail_first(rig.tail)).events, 20);
}

static void a_file_that_nobody_writes_to_any_more_costs_what_was_cut_off_alone(void **state)
{
    (void)state;
    append(60);
    struct tail_segment *before = tail_segment_of(rig.tail->active->link.previous);
    uint64_t sequence = rig.tail->active->sequence;
    assert_true(&before->link != &rig.tail->segments && before->memory != NULL);
    cut_file(before, 8192);
    tail_rig_sync(&rig);
    append(5);
    assert_int_equal(rig.tail->active->sequence, sequence);
    struct tail_rig_look look = tail_rig_look(&rig, before->end);
    assert_int_equal(look.errors, 0);
    assert_int_equal(look.events, tail_end(rig.tail) - before->end);
    assert_true(tail_rig_look(&rig, before->first).errors > 0);
}

static void a_loss_is_noticed_when_nothing_is_appended_too(void **state)
{
    (void)state;
    append(20);
    (void)manual_offload_run(&rig.offload);
    uint64_t sequence = rig.tail->active->sequence;
    cut_file(rig.tail->active, 0);
    tail_rig_sync(&rig);
    assert_true(rig.tail->active->sequence > sequence);
}

static void a_stop_is_not_clean_where_the_last_file_was_cut_short(void **state)
{
    (void)state;
    append(20);
    tail_rig_close(&rig); /* clean: the next file, which is cut to nothing, is behind its end */
    tail_rig_open(&rig);
    append(20);
    uint64_t end = tail_end(rig.tail);
    cut_file(rig.tail->active, 0);
    tail_rig_close(&rig);
    tail_rig_open(&rig);
    assert_true(tail_end(rig.tail) > end);
    struct tail_rig_look look = tail_rig_look(&rig, 1);
    assert_int_equal(look.events, 20);
    assert_int_equal(look.crash_marks, 1);
}

/* ---- trouble ---- */

static void a_full_disk_costs_the_durability_only(void **state)
{
    (void)state;
    append(20);
    model_disk_options(rig.disk)->capacity_bytes = 1;
    rig.healthy = false;
    append(300);
    assert_true(failed());
    struct tail_rig_look look = tail_rig_look(&rig, 290); /* as much as two segments hold */
    assert_int_equal(look.events, 31);
    model_disk_options(rig.disk)->capacity_bytes = 0;
    for (uint32_t i = 0; i < 60; i++) {
        tail_rig_sync(&rig);
    }
    assert_false(failed());
    append(20);
    tail_rig_crash(&rig, MODEL_KILL);
    tail_rig_open(&rig);
    look = tail_rig_look(&rig, tail_first(rig.tail));
    assert_int_equal(look.crash_marks, 1);
    assert_true(look.events >= 20);
}

static void a_failing_sync_moves_it_to_memory(void **state)
{
    (void)state;
    append(20);
    fault(MODEL_SYNC, SHOAL_EIO, false);
    tail_rig_sync(&rig);
    assert_true(failed());
    append(20);
    struct tail_rig_look look = tail_rig_look(&rig, 1);
    assert_int_equal(look.events, 40);
    assert_int_equal(look.holes, 0);
}

static void a_disk_that_fails_at_the_start_begins_it_anew_in_memory(void **state)
{
    (void)state;
    append(20);
    uint64_t id = tail_id(rig.tail);
    tail_rig_close(&rig);
    fault(MODEL_CREATE, SHOAL_EIO, true);
    tail_rig_open(&rig);
    rig.healthy = false;
    assert_true(failed());
    assert_true(tail_id(rig.tail) != id);
    append(20);
    assert_int_equal(tail_rig_look(&rig, 1).events, 20);
    tail_rig_close(&rig);
    model_disk_mend(rig.disk);
    tail_rig_open(&rig);
    assert_int_equal(tail_id(rig.tail), id);
    assert_int_equal(tail_end(rig.tail), 21);
}

static void without_memory_positions_are_spent_and_seen_to_be(void **state)
{
    (void)state;
    append(5);
    mem_fail_from(1);
    for (uint32_t i = 0; i < 200; i++) {
        struct tail_event event = {.op = TAIL_RIG_DELETE, .key = bytes_from_string("key")};
        uint8_t filler[1000] = {0};
        event.value = bytes_make(filler, sizeof(filler));
        tail_append(rig.tail, &event);
    }
    mem_fail_never();
    assert_int_equal(tail_end(rig.tail), 206);
    uint64_t next;
    buffer_clear(&rig.page);
    assert_int_equal(tail_read(rig.tail, 205, 100, &rig.page, &next), 0);
    assert_int_equal(next, 206);
    assert_int_equal(rig.page.len, 0);
}

static void no_failure_of_memory_at_an_opening_breaks_it(void **state)
{
    (void)state;
    append(60);
    for (uint64_t nth = 1; nth < 40; nth++) {
        tail_rig_close(&rig);
        struct tail_options options = {.disk = model_disk_port(rig.disk),
                                       .lane = 3,
                                       .bytes_max = BYTES_MAX,
                                       .random = draw_id,
                                       .random_self = &rig.random};
        struct tail *tail;
        mem_fail_from(nth);
        int result = tail_open(&options, &tail);
        mem_fail_never();
        assert_true(result == 0 || result == SHOAL_ENOMEM);
        if (result == 0) {
            tail_close(tail, true);
        }
        tail_rig_open(&rig);
        assert_int_equal(tail_rig_look(&rig, tail_first(rig.tail)).events, 60);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_are_numbered_from_one_and_read_as_they_were_put,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_holds_what_fits_and_one_event_at_least, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(long_values_are_left_out_and_their_length_is_told,
                                        setup_memory, teardown),
        cmocka_unit_test_setup_teardown(it_keeps_to_its_bytes_and_forgets_the_oldest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_keeps_to_its_bytes_and_forgets_the_oldest, setup_memory,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_old_is_fetched_and_told_when_it_has_come, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_time_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_time_of_which_some_may_be_gone_is_found_before_what_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_time_in_a_hole_is_found_where_the_hole_begins, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_crash_is_of_any_time_until_what_follows_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_job_that_is_dropped_leaves_nothing_mapped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(positions_go_on_after_a_clean_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_process_loses_nothing_and_leaves_a_crash_mark,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_machine_keeps_what_was_synced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_position_is_never_given_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_killed_process_has_written_is_synced_by_the_next,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_mark_says_up_to_where_events_were, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crash_mark_counts_what_is_damaged_before_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_written_behind_a_page_that_was_lost_is_missed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_position_is_not_given_again_where_files_are_damaged,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_a_number_far_ahead_takes_no_position_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copied_folder_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rotten_segment_is_a_hole_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(rot_met_while_reading_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_in_memory_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_file_is_a_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(without_its_last_file_it_has_crashed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_short_is_given_up_for_a_new_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            with_all_its_files_cut_short_it_goes_on_in_memory_until_there_is_another, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            a_file_that_nobody_writes_to_any_more_costs_what_was_cut_off_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loss_is_noticed_when_nothing_is_appended_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stop_is_not_clean_where_the_last_file_was_cut_short,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_costs_the_durability_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failing_sync_moves_it_to_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_at_the_start_begins_it_anew_in_memory,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_failure_of_memory_at_an_opening_breaks_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_memory_positions_are_spent_and_seen_to_be,
                                        setup_memory, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
