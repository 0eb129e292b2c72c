/* Power lost, or the process killed, at every call that changes something: what was synced is
 * there, what was released durably is not, and nothing counts as lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "support/log_folder.h"

/* Segments one after the other, closed as engines do, and one that is released. Ends where the disk
 * stops. What was confirmed is counted in `durable`. */
static void script(struct log_folder *folder, struct log_writer writers[3], uint32_t durable[3],
                   bool *released)
{
    for (uint32_t i = 0; i < 3; i++) {
        struct log_segment *segment;
        if (log_folder_begin(folder, 8192, &writers[i], &segment) != 0) {
            return;
        }
        for (uint32_t batch = 0; batch < 4; batch++) {
            log_writer_put(&writers[i], batch, "key", 100 + 300 * batch);
            log_writer_put(&writers[i], 7, "another", 20);
            if (log_writer_flush(&writers[i], true) != 0) {
                return;
            }
            durable[i] = writers[i].count;
        }
        if (i < 2 &&
            (log_writer_seal(&writers[i]) != 0 || log_volume_seal(folder->volume, segment) != 0)) {
            return;
        }
        if (i == 1) {
            *released = true; /* from now on it may be gone */
            if (log_volume_release(folder->volume, segment) != 0) {
                return;
            }
            assert_true(segment->gone);
            durable[1] = UINT32_MAX; /* from now on it must be */
        }
    }
}

static void check_survivors(struct log_folder *folder, const struct log_writer writers[3],
                            const uint32_t durable[3], bool released)
{
    uint64_t total = 0;
    assert_false(folder->volume->all_lost);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t count = log_folder_has_count(folder, &writers[i]);
        if (durable[i] == UINT32_MAX) {
            assert_int_equal(count, 0);
        } else if (i != 1 || !released) {
            assert_true(count >= durable[i]);
        }
        for (uint32_t record = 0; record < count; record++) {
            assert_true(log_folder_has(folder, &writers[i], record)); /* the first ones */
        }
        total += count;
    }
    assert_int_equal(log_folder_total(folder), total);
}

static void one_power_loss(uint64_t seed, uint64_t at, bool after, enum model_crash how,
                           bool *ended)
{
    static struct log_writer writers[3];
    struct log_folder folder;
    uint32_t durable[3] = {0};
    bool released = false;
    for (uint32_t i = 0; i < 3; i++) {
        memset(&writers[i], 0, sizeof(writers[i]));
    }
    log_folder_init(&folder, seed);
    model_disk_stop_at(folder.model, at, after);
    if (log_folder_open(&folder) == 0) {
        script(&folder, writers, durable, &released);
    }
    *ended = !model_disk_stopped(folder.model);
    log_folder_crash(&folder, how);
    /* And again while it recovers. */
    model_disk_stop_at(folder.model, 1 + random_below(&folder.random, 30), after);
    (void)log_folder_open(&folder);
    log_folder_crash(&folder, how);
    model_disk_stop_at(folder.model, 0, false);
    assert_int_equal(log_folder_open(&folder), 0);
    check_survivors(&folder, writers, durable, released);
    log_folder_close(&folder, true);
    assert_int_equal(log_folder_open(&folder), 0);
    assert_true(folder.volume->resumed);
    check_survivors(&folder, writers, durable, released);
    for (uint32_t i = 0; i < 3; i++) {
        log_writer_deinit(&writers[i]);
    }
    log_folder_deinit(&folder);
}

static void nothing_that_was_synced_is_lost_by_a_power_loss_at_any_call(void **state)
{
    (void)state;
    static const enum model_crash ways[] = {MODEL_KILL, MODEL_POWER_ANY, MODEL_POWER_ORDERED,
                                            MODEL_POWER_DROP, MODEL_POWER_KEEP};
    uint64_t seed = 1;
    for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
        for (unsigned after = 0; after < 2; after++) {
            bool ended = false;
            for (uint64_t at = 1; !ended; at++) {
                one_power_loss(seed++, at, after != 0, ways[way], &ended);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_was_synced_is_lost_by_a_power_loss_at_any_call),
    };
    log_set_level(LOG_ERROR + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
