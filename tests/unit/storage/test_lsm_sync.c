/* What the lsm engine calls durable has been synced. RocksDB lies between the engine and the disk,
 * and a power loss can't be played here, so the syncs themselves are counted: this program's
 * fdatasync and fsync take the place of the C library's, for RocksDB too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shoal/error.h"
#include "support/lsm_rig.h"

#define PUTS 20u
#define TURNS_MAX 20u

static atomic_uint syncs;
static atomic_bool failing;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    if (atomic_load(&failing)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fsync, fd);
}

static struct lsm_rig rig;

static int begin(enum lsm_durability durability)
{
    lsm_rig_init(&rig, NULL);
    rig.options.durability = durability;
    return lsm_rig_open(&rig, 1);
}

static int set_up_sync(void **state)
{
    (void)state;
    return begin(LSM_SYNC);
}

static int set_up_os(void **state)
{
    (void)state;
    return begin(LSM_OS);
}

static int tear_down(void **state)
{
    (void)state;
    lsm_rig_close(&rig, true);
    lsm_rig_deinit(&rig);
    return 0;
}

static void put(uint32_t number)
{
    char key[16];
    snprintf(key, sizeof(key), "key%u", number);
    assert_int_equal(lsm_rig_put(&rig, number % 4, key, "record"), 1);
}

/* Turns until more is durable than was. */
static void await_durable(uint64_t before)
{
    for (uint32_t turn = 0; turn < TURNS_MAX && rig.durable[0] == before; turn++) {
        lsm_rig_turn(&rig);
    }
    assert_true(rig.durable[0] > before);
}

static void every_write_is_synced_before_it_counts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PUTS; i++) {
        unsigned before = atomic_load(&syncs);
        put(i);
        await_durable(rig.durable[0]);
        assert_true(atomic_load(&syncs) > before);
    }
}

static void without_it_nothing_is_synced_until_somebody_asks(void **state)
{
    (void)state;
    uint64_t durable = rig.durable[0];
    unsigned before = atomic_load(&syncs);
    for (uint32_t i = 0; i < PUTS; i++) {
        put(i);
        lsm_rig_turn(&rig);
    }
    assert_int_equal(rig.durable[0], durable);
    assert_int_equal(atomic_load(&syncs), before);
    rig.engines[0]->ops->harden(rig.engines[0]);
    await_durable(durable);
    assert_true(atomic_load(&syncs) > before);
}

static void after_a_failed_sync_nothing_is_confirmed_and_no_stop_is_clean(void **state)
{
    (void)state;
    put(0);
    await_durable(0);
    uint64_t durable = rig.durable[0];
    atomic_store(&failing, true);
    put(1);
    lsm_rig_turn(&rig);
    atomic_store(&failing, false);
    assert_int_equal(rig.failures, 1);
    for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
        rig.engines[0]->ops->harden(rig.engines[0]);
        lsm_rig_turn(&rig);
    }
    assert_int_equal(rig.durable[0], durable);
    assert_int_equal(lsm_rig_put(&rig, 2, "more", "record"), SHOAL_EIO);
    lsm_rig_close(&rig, true);
    assert_int_equal(lsm_rig_open(&rig, 1), 0);
    assert_false(lsm_store_report(rig.store)->resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_write_is_synced_before_it_counts, set_up_sync,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_it_nothing_is_synced_until_somebody_asks, set_up_os,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            after_a_failed_sync_nothing_is_confirmed_and_no_stop_is_clean, set_up_sync, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
