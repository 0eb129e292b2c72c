/* The lsm engine on a disk that is full or fails: what is refused, what goes on, what comes back.
 * The disk is a small file system in memory of the test's own; who may not mount one skips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/random.h"
#include "shoal/error.h"
#include "support/lsm_rig.h"

#define DISK_BYTES "size=40m"
#define RECORD_BYTES 20000u
#define PUTS_MAX 4000u

struct disk_rig {
    struct lsm_rig rig;
    char mount[64];
    char ballast[80];
    uint32_t written; /* keys that the engine took */
};

static int set_up(void **state)
{
    static struct disk_rig disk;
    disk = (struct disk_rig){0};
    snprintf(disk.mount, sizeof(disk.mount), "/tmp/shoal-disk-XXXXXX");
    assert_non_null(mkdtemp(disk.mount));
    if (mount("tmpfs", disk.mount, "tmpfs", 0, DISK_BYTES) != 0) {
        assert_true(errno == EPERM || errno == EACCES);
        assert_int_equal(rmdir(disk.mount), 0);
        *state = NULL;
        return 0;
    }
    snprintf(disk.ballast, sizeof(disk.ballast), "%s/ballast", disk.mount);
    lsm_rig_init(&disk.rig, disk.mount);
    disk.rig.options.memory_bytes_max = 8 * LIMIT_MIB; /* 1 MiB of write buffer */
    *state = &disk;
    return 0;
}

static int tear_down(void **state)
{
    struct disk_rig *disk = *state;
    if (disk != NULL) {
        assert_int_equal(umount(disk->mount), 0);
        assert_int_equal(rmdir(disk->mount), 0);
    }
    return 0;
}

static struct disk_rig *disk_or_skip(void **state)
{
    if (*state == NULL) {
        skip();
    }
    return *state;
}

static void ballast_put(const struct disk_rig *disk, off_t bytes)
{
    int file = open(disk->ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(posix_fallocate(file, 0, bytes), 0);
    close(file);
}

/* Does not compress. */
static void record_make(uint32_t number, char record[RECORD_BYTES + 1])
{
    struct random random;
    random_init(&random, number);
    for (uint32_t i = 0; i < RECORD_BYTES; i++) {
        record[i] = (char)('!' + random_below(&random, 90));
    }
    record[RECORD_BYTES] = '\0';
}

static int put_next(struct disk_rig *disk)
{
    static char record[RECORD_BYTES + 1];
    char key[24];
    record_make(disk->written, record);
    snprintf(key, sizeof(key), "key %u", (unsigned)disk->written);
    int code = lsm_rig_put(&disk->rig, disk->written % 16, key, record);
    disk->written += code >= 0;
    return code;
}

static void expect_all(struct disk_rig *disk)
{
    static char record[RECORD_BYTES + 1];
    char key[24];
    for (uint32_t i = 0; i < disk->written; i++) {
        struct bytes found;
        record_make(i, record);
        snprintf(key, sizeof(key), "key %u", (unsigned)i);
        assert_int_equal(lsm_rig_get(&disk->rig, i % 16, key, &found), 0);
        assert_true(bytes_equal(found, bytes_from_string(record)));
    }
}

static enum engine_health health(const struct disk_rig *disk)
{
    return disk->rig.engines[0]->ops->health(disk->rig.engines[0]);
}

static int fill_up(struct disk_rig *disk)
{
    int code = 1;
    for (uint32_t i = 0; i < PUTS_MAX && code >= 0; i++) {
        code = put_next(disk);
        lsm_rig_turn(&disk->rig);
    }
    return code;
}

/* Real time passes, since RocksDB looks for space by the clock. */
static void turn_until_healthy(struct disk_rig *disk)
{
    for (uint32_t i = 0; health(disk) == ENGINE_FULL; i++) {
        assert_true(i < 60000);
        lsm_rig_turn(&disk->rig);
        usleep(i % 1000 == 0 ? 200000 : 0);
    }
    assert_int_equal(health(disk), ENGINE_HEALTHY);
}

static void full_and_free_again(struct disk_rig *disk)
{
    struct lsm_rig *rig = &disk->rig;
    ballast_put(disk, 20 * LIMIT_MIB);
    assert_int_equal(lsm_rig_open(rig, 1), 0);
    assert_int_equal(fill_up(disk), SHOAL_ENOSPC);
    assert_int_equal(health(disk), ENGINE_FULL);
    assert_true(rig->settled[0] < disk->written); /* what was accepted last waits */
    assert_true(rig->settled[0] + 100 > disk->written);
    expect_all(disk);
    assert_int_equal(put_next(disk), SHOAL_ENOSPC);

    assert_int_equal(unlink(disk->ballast), 0);
    turn_until_healthy(disk);
    assert_int_equal(rig->settled[0], disk->written);
    assert_true(put_next(disk) >= 0);
    lsm_rig_turn(rig);
    assert_int_equal(rig->settled[0], disk->written);
    assert_int_equal(rig->failures, 0);
    lsm_rig_close(rig, false);

    assert_int_equal(lsm_rig_open(rig, 1), 0);
    expect_all(disk);
    lsm_engine_check(rig->engines[0]);
    lsm_rig_close(rig, true);
}

static void a_full_disk_refuses_writes_serves_reads_and_recovers(void **state)
{
    struct disk_rig *disk = disk_or_skip(state);
    full_and_free_again(disk);
}

static void so_it_does_when_the_database_meets_the_end_of_the_disk_in_its_tables(void **state)
{
    struct disk_rig *disk = disk_or_skip(state);
    disk->rig.options.spare_bytes = 1;
    full_and_free_again(disk);
}

static void so_it_does_when_the_database_meets_it_in_its_log(void **state)
{
    struct disk_rig *disk = disk_or_skip(state);
    disk->rig.options.spare_bytes = 1;
    disk->rig.options.memory_bytes_max = 0; /* 32 MiB of write buffer: no table is written before */
    full_and_free_again(disk);
}

/* No file may grow any more: which is neither "full" nor anything else that passes. */
static void growth_forbid(struct rlimit *before)
{
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
    const struct rlimit none = {.rlim_cur = 1000, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
}

static void a_failed_write_ends_the_writing_of_all_workers_and_not_the_reading(void **state)
{
    struct disk_rig *disk = disk_or_skip(state);
    struct lsm_rig *rig = &disk->rig;
    struct rlimit limit;
    assert_int_equal(lsm_rig_open(rig, 2), 0);
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(put_next(disk) >= 0);
        lsm_rig_turn(rig);
    }
    growth_forbid(&limit);
    uint64_t settled = rig->settled[0];
    assert_true(put_next(disk) >= 0); /* number 20, of the first worker */
    for (uint32_t i = 0; i < 10; i++) {
        lsm_rig_turn(rig);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(rig->failures, 2);
    assert_int_equal(rig->settled[0], settled);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(rig->engines[i]->ops->health(rig->engines[i]), ENGINE_FAILED);
        assert_int_equal(lsm_rig_put(rig, i, "more", "x"), SHOAL_EIO);
    }
    expect_all(disk); /* also what is not confirmed: it is held */
    lsm_rig_close(rig, false);

    disk->written = 20;
    assert_int_equal(lsm_rig_open(rig, 1), 0);
    expect_all(disk);
    lsm_engine_check(rig->engines[0]);
    lsm_rig_close(rig, true);
}

static void a_disk_too_full_to_start_on_is_refused_by_name(void **state)
{
    struct disk_rig *disk = disk_or_skip(state);
    assert_int_equal(lsm_rig_open(&disk->rig, 1), 0);
    assert_true(put_next(disk) >= 0);
    lsm_rig_turn(&disk->rig);
    lsm_rig_close(&disk->rig, false);
    for (off_t bytes = 40 * LIMIT_MIB; bytes > 0; bytes -= 4096) { /* whatever fits */
        int file = open(disk->ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        bool fits = posix_fallocate(file, 0, bytes) == 0;
        close(file);
        if (fits) {
            break;
        }
    }
    assert_int_equal(lsm_rig_open(&disk->rig, 1), SHOAL_ENOSPC);
    assert_non_null(strstr(disk->rig.text, "No space left"));
    assert_int_equal(unlink(disk->ballast), 0);
    assert_int_equal(lsm_rig_open(&disk->rig, 1), 0);
    expect_all(disk);
    lsm_rig_close(&disk->rig, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_refuses_writes_serves_reads_and_recovers),
        TEST(so_it_does_when_the_database_meets_the_end_of_the_disk_in_its_tables),
        TEST(so_it_does_when_the_database_meets_it_in_its_log),
        TEST(a_failed_write_ends_the_writing_of_all_workers_and_not_the_reading),
        TEST(a_disk_too_full_to_start_on_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("lsm engine in trouble", tests, NULL, NULL);
}
