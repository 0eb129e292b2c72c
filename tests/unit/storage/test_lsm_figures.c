/* How many keys a partition of the lsm engine has, when the disk gets in the way. A partition that
 * is said to have none is not read any more, so too few would hide records: too many may be told,
 * too few never. A full disk is played by this program's fdatasync, which takes the place of the C
 * library's, for RocksDB too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shoal/error.h"
#include "support/lsm_rig.h"

#define PARTITION 3u
#define KEYS 500u
#define TURNS_MAX 60000u
#define PATH_BYTES 1024u
#define RECORD "a record of some length, so that there are blocks enough"

static atomic_bool no_space;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    if (atomic_load(&no_space)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int set_up(void **state)
{
    static struct lsm_rig rig;
    lsm_rig_init(&rig, NULL);
    rig.options.durability = LSM_SYNC;
    *state = &rig;
    return lsm_rig_open(&rig, 1);
}

static int tear_down(void **state)
{
    struct lsm_rig *rig = *state;
    lsm_rig_close(rig, false);
    lsm_rig_deinit(rig);
    return 0;
}

/* What was known of keys is forgotten. */
static void reopen(struct lsm_rig *rig)
{
    lsm_rig_close(rig, true);
    assert_int_equal(lsm_rig_open(rig, 1), 0);
}

static void turn(struct lsm_rig *rig)
{
    lsm_rig_turn(rig);
    lsm_rig_turn(rig);
}

static void put(struct lsm_rig *rig, const char *name, uint32_t number)
{
    char key[24];
    snprintf(key, sizeof(key), "%s %u", name, (unsigned)number);
    assert_int_equal(lsm_rig_put(rig, PARTITION, key, RECORD), 1);
}

static void erase(struct lsm_rig *rig, const char *name, uint32_t number)
{
    char key[24];
    uint64_t sequence;
    snprintf(key, sizeof(key), "%s %u", name, (unsigned)number);
    struct engine_key place = lsm_rig_key(PARTITION, key);
    assert_true(rig->engines[0]->ops->remove(rig->engines[0], &place, &sequence) >= 0);
}

static uint64_t keys_told(const struct lsm_rig *rig)
{
    struct engine_stats stats;
    rig->engines[0]->ops->stats(rig->engines[0], PARTITION, &stats);
    return stats.keys;
}

static bool count_entry(void *self, const struct engine_entry *entry)
{
    uint32_t *count = self;
    (void)entry;
    ++*count;
    return true;
}

static uint32_t keys_walked(struct lsm_rig *rig)
{
    struct engine *engine = rig->engines[0];
    uint32_t count = 0;
    uint64_t next = 0;
    int code = 2;
    while (code == 2) {
        code = engine->ops->walk(engine, PARTITION, next, 1, count_entry, &count, &next);
        lsm_rig_turn(rig);
    }
    assert_int_equal(code, 0);
    return count;
}

/* Real time passes, since RocksDB looks for space by the clock. */
static void turn_until_healthy(struct lsm_rig *rig)
{
    const struct engine *engine = rig->engines[0];
    for (uint32_t i = 0; engine->ops->health(engine) == ENGINE_FULL; i++) {
        assert_true(i < TURNS_MAX);
        lsm_rig_turn(rig);
        usleep(i % 1000 == 0 ? 200000 : 0);
    }
    assert_int_equal(engine->ops->health(engine), ENGINE_HEALTHY);
}

/* The batch is in the database's log when the sync fails, and so in the database when that is
 * opened again to go on. */
static void a_batch_that_was_refused_after_it_was_written_is_counted_once(void **state)
{
    struct lsm_rig *rig = *state;
    put(rig, "old", 1);
    turn(rig);
    reopen(rig);
    atomic_store(&no_space, true);
    put(rig, "new", 2);
    turn(rig);
    atomic_store(&no_space, false);
    assert_int_equal(rig->engines[0]->ops->health(rig->engines[0]), ENGINE_FULL);
    turn_until_healthy(rig);
    assert_int_equal(rig->settled[0], 1);
    assert_int_equal(keys_told(rig), 2);
    lsm_engine_check(rig->engines[0]);

    erase(rig, "old", 1);
    turn(rig);
    assert_int_equal(keys_told(rig), 1);
    assert_int_equal(keys_walked(rig), 1);
}

/* The path of the largest table. */
static void table_find(const struct lsm_rig *rig, char path[PATH_BYTES])
{
    char folder[PATH_BYTES / 2];
    off_t largest = 0;
    snprintf(folder, sizeof(folder), "%s/db", rig->folder);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char candidate[PATH_BYTES];
        struct stat status;
        snprintf(candidate, sizeof(candidate), "%s/%.200s", folder, entry->d_name);
        if (strstr(entry->d_name, ".sst") != NULL && stat(candidate, &status) == 0 &&
            status.st_size > largest) {
            largest = status.st_size;
            memcpy(path, candidate, PATH_BYTES);
        }
    }
    closedir(entries);
    assert_true(largest > 0);
}

static void table_damage(const struct lsm_rig *rig)
{
    char path[PATH_BYTES];
    struct stat status;
    uint8_t byte;
    table_find(rig, path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &status), 0);
    off_t at = status.st_size / 4;
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void new_keys_where_nothing_can_be_read_are_counted(void **state)
{
    struct lsm_rig *rig = *state;
    for (uint32_t i = 0; i < KEYS; i++) {
        put(rig, "old", i);
    }
    turn(rig);
    lsm_rig_close(rig, true);
    table_damage(rig);
    assert_int_equal(lsm_rig_open(rig, 1), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        put(rig, "new", i);
        turn(rig);
    }
    assert_true(keys_told(rig) >= 2 * (uint64_t)KEYS);
    for (uint32_t i = 0; i < KEYS; i++) {
        erase(rig, "old", i);
        turn(rig);
    }
    assert_true(keys_told(rig) >= KEYS);
    assert_true(keys_walked(rig) > KEYS / 2); /* but for those among what can't be read */
}

/* Nobody can tell whether they were there: they are not afterwards, and what is stays counted. */
static void removals_where_nothing_can_be_read_count_nothing_out(void **state)
{
    struct lsm_rig *rig = *state;
    for (uint32_t i = 0; i < KEYS; i++) {
        put(rig, "old", i);
    }
    turn(rig);
    lsm_rig_close(rig, true);
    table_damage(rig);
    assert_int_equal(lsm_rig_open(rig, 1), 0);
    for (uint32_t i = 0; i < 20 * KEYS; i++) {
        erase(rig, "absent", i);
        if (i % 1000 == 0) {
            turn(rig);
        }
    }
    turn(rig);
    assert_int_equal(keys_told(rig), KEYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_that_was_refused_after_it_was_written_is_counted_once),
        TEST(new_keys_where_nothing_can_be_read_are_counted),
        TEST(removals_where_nothing_can_be_read_count_nothing_out),
    };
    return cmocka_run_group_tests_name("figures of the lsm engine", tests, NULL, NULL);
}
