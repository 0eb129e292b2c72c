/* The tails of a node whose number of workers changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "storage/tail_set.h"
#include "support/tail_rig.h"

#define LANE_BYTES (512u * 1024u)

static struct model_disk *disk;
static struct manual_offload offload;
static struct random source;
static struct tail_set *set;

static uint64_t draw(void *self)
{
    (void)self;
    return random_u64(&source);
}

static void open_set(uint32_t workers)
{
    struct offload offloads[4];
    for (uint32_t i = 0; i < 4; i++) {
        offloads[i] = manual_offload_port(&offload);
    }
    struct tail_set_options options = {.disk = model_disk_port(disk),
                                       .workers = workers,
                                       .offloads = offloads,
                                       .bytes_max = (uint64_t)workers * LANE_BYTES,
                                       .random = draw};
    assert_int_equal(tail_set_open(&options, &set), 0);
}

static void close_set(void)
{
    manual_offload_end(&offload);
    tail_set_close(set, true);
    set = NULL;
}

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_ERROR);
    random_init(&source, 1);
    manual_offload_init(&offload);
    disk = model_disk_new(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_set();
    model_disk_free(disk);
    return 0;
}

static struct tail *tail_at(uint32_t worker, uint32_t row)
{
    uint32_t count;
    struct tail *const *tails = tail_set_of(set, worker, &count);
    return row < count ? tails[row] : NULL;
}

static void append(struct tail *tail, uint32_t count, uint64_t time_ms)
{
    struct tail_event event = {
        .op = TAIL_RIG_DELETE, .time_ms = time_ms, .key = bytes_from_string("key")};
    for (uint32_t i = 0; i < count; i++) {
        tail_append(tail, &event);
    }
}

static void lanes_of_workers_of_before_stay_until_the_others_reach_back_no_further(void **state)
{
    (void)state;
    open_set(4);
    assert_int_equal(tail_set_lanes(set), 4);
    append(tail_at(3, 0), 10, 100);
    uint64_t id = tail_id(tail_at(3, 0));
    close_set();
    open_set(2);
    assert_int_equal(tail_set_lanes(set), 4);
    struct tail *old = tail_at(1, 1);
    assert_int_equal(tail_id(old), id);
    assert_int_equal(tail_end(old), 11);
    tail_expire(old, 100);
    assert_int_equal(tail_first(old), 1);
    append(tail_at(1, 0), 1, 101);
    tail_expire(old, tail_since(tail_at(1, 0)));
    assert_int_equal(tail_first(old), tail_end(old));
    (void)manual_offload_run(&offload);
    close_set();
    open_set(2);
    assert_int_equal(tail_set_lanes(set), 3); /* the third had nothing to tell, but a head */
}

static void a_lane_that_is_written_to_again_goes_on(void **state)
{
    (void)state;
    open_set(2);
    append(tail_at(1, 0), 10, 100);
    uint64_t id = tail_id(tail_at(1, 0));
    close_set();
    open_set(1);
    assert_int_equal(tail_end(tail_at(0, 1)), 11);
    close_set();
    open_set(2);
    assert_int_equal(tail_id(tail_at(1, 0)), id);
    assert_int_equal(tail_end(tail_at(1, 0)), 11);
}

static void more_workers_begin_lanes_of_their_own(void **state)
{
    (void)state;
    open_set(1);
    append(tail_at(0, 0), 5, 1);
    close_set();
    open_set(3);
    assert_int_equal(tail_set_lanes(set), 3);
    assert_int_equal(tail_end(tail_at(0, 0)), 6);
    assert_int_equal(tail_end(tail_at(2, 0)), 1);
}

static void what_is_discarded_is_not_gone_on_with(void **state)
{
    (void)state;
    open_set(2);
    append(tail_at(0, 0), 5, 1);
    append(tail_at(1, 0), 5, 1);
    uint64_t id = tail_id(tail_at(1, 0));
    close_set();
    assert_true(tail_set_discard(model_disk_port(disk)) >= 2);
    assert_int_equal(tail_set_discard(model_disk_port(disk)), 0);
    open_set(2);
    assert_true(tail_id(tail_at(1, 0)) != id);
    assert_int_equal(tail_end(tail_at(1, 0)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            lanes_of_workers_of_before_stay_until_the_others_reach_back_no_further, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_lane_that_is_written_to_again_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(more_workers_begin_lanes_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_discarded_is_not_gone_on_with, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
