/* The log engine's writes: many share a sync, what is told when, and what happens when the disk
 * fails or is full. */
#include "log_engine_case.h"

static void many_writes_share_a_sync(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.segment_bytes_min = LIMIT_MIB;
    test.rig.options.tuning.segment_bytes_max = LIMIT_MIB;
    case_open(&test);
    log_rig_rest(&test.rig);
    uint64_t before = case_figures(&test).syncs;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(case_put(&test, i, 1), 1);
    }
    log_rig_flush(&test.rig); /* in flight */
    assert_int_equal(test.settled, 0);
    for (uint32_t i = 0; i < 10; i++) {
        for (uint32_t j = 0; j < 5; j++) {
            assert_int_equal(case_put(&test, 50 + i * 5 + j, 1), 1);
        }
        log_rig_flush(&test.rig); /* they wait for the one in flight */
    }
    log_rig_turn(&test.rig);
    assert_int_equal(test.durable, 50);
    log_rig_rest(&test.rig);
    assert_int_equal(test.durable, 100);
    assert_int_equal(test.settled, 100);
    assert_int_equal(case_figures(&test).syncs - before, 2);
    case_end(&test);
}

static void who_was_confirmed_writes_again_with_those_that_waited(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.segment_bytes_min = LIMIT_MIB;
    test.rig.options.tuning.segment_bytes_max = LIMIT_MIB;
    case_open(&test);
    log_rig_rest(&test.rig);
    uint64_t before = case_figures(&test).syncs;
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(case_put(&test, i, 1), 1);
        if (i == 19) {
            log_rig_flush(&test.rig);
        }
    }
    for (uint32_t i = 0; i < 20; i++) {
        log_rig_flush(&test.rig); /* the sync takes long */
    }
    (void)manual_offload_run(&test.rig.offload);
    assert_int_equal(test.durable, 20);
    log_rig_turn(&test.rig); /* the others wait for these */
    assert_int_equal(test.durable, 20);
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(case_put(&test, i, 2), 1);
    }
    log_rig_turn(&test.rig);
    assert_int_equal(test.durable, 60);
    assert_int_equal(case_figures(&test).syncs - before, 2);
    assert_int_equal(case_put(&test, 0, 3), 1); /* nobody waits for one alone */
    log_rig_turn(&test.rig);
    assert_int_equal(test.durable, 61);
    case_end(&test);
}

static void by_interval_it_is_settled_at_once_and_durable_later(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_INTERVAL);
    test.rig.options.interval_us = 20 * LOG_RIG_TURN_US;
    case_open(&test);
    assert_int_equal(case_put(&test, 1, 1), 1);
    log_rig_turn(&test.rig);
    assert_int_equal(test.settled, 1);
    for (uint32_t i = 0; i < 15; i++) {
        log_rig_turn(&test.rig);
    }
    assert_int_equal(test.durable, 0);
    for (uint32_t i = 0; i < 10; i++) {
        log_rig_turn(&test.rig);
    }
    assert_int_equal(test.durable, 1);
    case_end(&test);
}

/* The disk takes longer for a sync than the interval, and something is written meanwhile. */
static void a_sync_that_takes_long_is_waited_for_at_rest(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_INTERVAL);
    test.rig.options.interval_us = 20 * LOG_RIG_TURN_US;
    case_open(&test);
    struct engine *engine = log_rig_engine(&test.rig, 1);
    assert_int_equal(case_put(&test, 1, 1), 1);
    log_rig_turn(&test.rig);
    while (manual_offload_count(&test.rig.offload) == 0) {
        log_rig_flush(&test.rig);
    }
    struct manual_jobs *lane = &test.rig.offload.waiting[OFFLOAD_WRITE];
    struct manual_jobs sync = *lane;
    *lane = (struct manual_jobs){0};
    assert_int_equal(case_put(&test, 1, 2), 1);
    for (uint32_t i = 0; i < 50; i++) {
        log_rig_turn(&test.rig);
    }
    assert_int_equal(test.settled, 2);
    assert_int_equal(test.durable, 0);
    assert_true(engine->ops->next_us(engine) > engine->now_us);
    *lane = sync;
    log_rig_turn(&test.rig);
    log_rig_turn(&test.rig);
    assert_int_equal(test.durable, 2);
    case_end(&test);
}

static void in_os_it_is_durable_when_somebody_asks(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_OS);
    case_open(&test);
    assert_int_equal(case_put(&test, 1, 1), 1);
    for (uint32_t i = 0; i < 1000; i++) {
        log_rig_turn(&test.rig);
    }
    assert_int_equal(test.settled, 1);
    assert_int_equal(test.durable, 0);
    test.rig.engines[0]->ops->harden(test.rig.engines[0]);
    log_rig_rest(&test.rig);
    assert_int_equal(test.durable, 1);
    case_end(&test);
}

static void a_failed_sync_is_never_taken_back(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.workers = 2;
    case_open(&test);
    assert_int_equal(case_put(&test, 0, 1), 1);
    log_rig_rest(&test.rig);
    assert_int_equal(test.settled, 1);
    const struct model_fault fault = {
        .calls = MODEL_SYNC, .suffix = ".seg", .nth = 1, .code = SHOAL_EIO};
    model_disk_fault(test.disk, &fault);
    assert_int_equal(case_put(&test, 4, 1), 1);
    log_rig_turn(&test.rig);
    log_rig_turn(&test.rig);
    assert_int_equal(test.settled, 1);
    assert_int_equal(test.failed, 2); /* it is one disk: both engines say so */
    for (uint32_t i = 0; i < 2; i++) {
        struct engine *engine = test.rig.engines[i];
        assert_int_equal(engine->ops->health(engine), ENGINE_FAILED);
    }
    assert_int_equal(case_put(&test, 8, 1), SHOAL_EIO);
    assert_int_equal(case_put(&test, 1, 1), SHOAL_EIO);
    assert_int_equal(case_get(&test, 0, 1), 0); /* reads go on, of what was not confirmed too */
    assert_int_equal(case_get(&test, 4, 1), 0);
    case_end(&test);
}

static void a_full_disk_refuses_writes_and_takes_them_again_by_itself(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    model_disk_options(test.disk)->capacity_bytes = 150000;
    case_open(&test);
    int code = 1;
    uint32_t put = 0;
    while (code == 1) {
        assert_true(put < 10000);
        code = case_put(&test, put, 1);
        put += code == 1 ? 1 : 0;
        log_rig_turn(&test.rig);
    }
    assert_int_equal(code, SHOAL_ENOSPC);
    struct engine *engine = test.rig.engines[0];
    assert_int_equal(engine->ops->health(engine), ENGINE_FULL);
    for (uint32_t i = 0; i < put; i++) {
        assert_int_equal(case_get(&test, i, 1), 0);
    }
    model_disk_options(test.disk)->capacity_bytes = 0;
    for (uint32_t i = 0; i < 1100; i++) { /* a second */
        log_rig_turn(&test.rig);
    }
    assert_int_equal(engine->ops->health(engine), ENGINE_HEALTHY);
    assert_int_equal(case_put(&test, put, 1), 1);
    log_rig_rest(&test.rig);
    assert_int_equal(test.durable, put + 1);
    assert_int_equal(test.failed, 0);
    case_end(&test);
}

static void what_is_dead_is_compacted_although_the_disk_is_full(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    model_disk_options(test.disk)->capacity_bytes = 200000;
    case_open(&test);
    /* Ten keys written over and over: all but the last of each is dead. */
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 6000; i++) {
        taken += case_put(&test, i % 10, i / 10) == 1 ? 1 : 0;
        log_rig_turn(&test.rig);
    }
    assert_true(taken > 5000); /* 1.6 MB on a disk of 0.2 */
    assert_true(case_figures(&test).compacted > 10);
    log_rig_check(&test.rig);
    case_end(&test);
}

static bool is_behind(struct log_case *test)
{
    const struct engine *engine = test->rig.engines[0];
    return engine->ops->behind(engine);
}

static void too_much_that_waits_is_refused(void **state)
{
    (void)state;
    struct log_case test;
    case_init(&test, LOG_SYNC);
    test.rig.options.tuning.queue_bytes_max = 10000;
    case_open(&test);
    int code = case_put(&test, 0, 1);
    assert_false(is_behind(&test)); /* not by one */
    uint32_t put = 1;
    while (code == 1) {
        assert_true(put < 1000);
        code = case_put(&test, put++, 1);
    }
    assert_int_equal(code, SHOAL_EOVERLOAD);
    assert_true(is_behind(&test));
    log_rig_rest(&test.rig);
    assert_false(is_behind(&test));
    assert_int_equal(case_put(&test, put, 1), 1);
    case_end(&test);
}

/* Some overwrites, removals and restarts in small segments; how many of them were confirmed. */
static uint32_t script(struct log_case *test, bool *opened)
{
    uint32_t settled = 0;
    *opened = log_rig_open(&test->rig) == 0;
    for (uint32_t i = 0; *opened && i < 120 && test->failed == 0; i++) {
        int code = i % 12 == 11 ? case_remove(test, i % 8) : case_put(test, i % 8, i);
        test->wrote += code == 1 ? 1 : 0;
        log_rig_turn(&test->rig);
        log_rig_turn(&test->rig);
        settled = test->settled >= test->wrote ? test->wrote : settled;
    }
    return settled;
}

/* The keys are as the first so many steps of the script left them. */
static bool is_after(struct log_case *test, uint32_t steps)
{
    for (uint32_t key = 0; key < 8; key++) {
        int expected = SHOAL_ENOTFOUND;
        uint32_t version = 0;
        for (uint32_t i = 0; i < steps; i++) {
            if (i % 8 == key) {
                expected = i % 12 == 11 ? SHOAL_ENOTFOUND : 0;
                version = i;
            }
        }
        if (!case_is(test, key, expected, version)) {
            return false;
        }
    }
    return true;
}

static void the_process_or_the_machine_may_end_at_any_call(void **state)
{
    (void)state;
    bool stopped = true;
    uint64_t nth;
    for (nth = 1; stopped; nth++) {
        struct log_case test;
        struct random random;
        bool opened;
        random_init(&random, nth);
        case_init(&test, LOG_SYNC);
        test.rig.options.tuning.segment_bytes_min = 4096;
        test.rig.options.tuning.segment_bytes_max = 4096;
        model_disk_stop_at(test.disk, nth, nth % 2 == 0);
        uint32_t settled = script(&test, &opened);
        stopped = model_disk_stopped(test.disk);
        (void)model_disk_crash(test.disk, &random,
                               (enum model_crash)(nth % (MODEL_POWER_KEEP + 1)));
        if (opened) {
            log_rig_kill(&test.rig);
        }
        case_open(&test);
        bool found = false;
        for (uint32_t steps = settled; steps <= 120 && !found; steps++) {
            found = is_after(&test, steps);
        }
        assert_true(found);
        case_end(&test);
    }
    assert_true(nth > 250); /* else the script is too short to say much */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_writes_share_a_sync),
        cmocka_unit_test(who_was_confirmed_writes_again_with_those_that_waited),
        cmocka_unit_test(by_interval_it_is_settled_at_once_and_durable_later),
        cmocka_unit_test(a_sync_that_takes_long_is_waited_for_at_rest),
        cmocka_unit_test(in_os_it_is_durable_when_somebody_asks),
        cmocka_unit_test(a_failed_sync_is_never_taken_back),
        cmocka_unit_test(a_full_disk_refuses_writes_and_takes_them_again_by_itself),
        cmocka_unit_test(what_is_dead_is_compacted_although_the_disk_is_full),
        cmocka_unit_test(too_much_that_waits_is_refused),
        cmocka_unit_test(the_process_or_the_machine_may_end_at_any_call),
    };
    return cmocka_run_group_tests_name("log durable", tests, NULL, NULL);
}
