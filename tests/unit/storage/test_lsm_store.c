/* The store of the lsm engine: what one start learns of the end before, who may share it, backups,
 * and what it makes of damage. Full and failing disks are in test_lsm_trouble.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shoal/error.h"
#include "support/lsm_rig.h"

#define KEYS 2000u
#define PATH_BYTES 512u

static int rig_set_up(void **state)
{
    static struct lsm_rig rig;
    lsm_rig_init(&rig, NULL);
    *state = &rig;
    return 0;
}

static int rig_tear_down(void **state)
{
    lsm_rig_deinit(*state);
    return 0;
}

/* ---- numbered keys ---- */

static uint32_t partition_of(uint32_t number)
{
    return number % 32; /* of data and of hints */
}

static void put_numbers(struct lsm_rig *rig, uint32_t first, uint32_t end, const char *record)
{
    char key[24];
    for (uint32_t i = first; i < end; i++) {
        snprintf(key, sizeof(key), "key %u", (unsigned)i);
        assert_int_equal(lsm_rig_put(rig, partition_of(i), key, record), 1);
        if (i % 100 == 99) {
            lsm_rig_turn(rig);
        }
    }
    lsm_rig_turn(rig);
    lsm_rig_turn(rig);
}

static uint32_t count_numbers(struct lsm_rig *rig, uint32_t end, const char *record)
{
    char key[24];
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        struct bytes found;
        snprintf(key, sizeof(key), "key %u", (unsigned)i);
        int code = lsm_rig_get(rig, partition_of(i), key, &found);
        assert_true(code == 0 || code == SHOAL_ENOTFOUND);
        count += code == 0 && bytes_equal(found, bytes_from_string(record));
    }
    return count;
}

static const struct lsm_report *reopen(struct lsm_rig *rig)
{
    assert_int_equal(lsm_rig_open(rig, 1), 0);
    return lsm_store_report(rig->store);
}

/* ---- files ---- */

/* The path of the largest file of the database whose name ends so. */
static void file_find(const struct lsm_rig *rig, const char *end, char path[PATH_BYTES])
{
    char folder[PATH_BYTES / 2];
    snprintf(folder, sizeof(folder), "%s/db", rig->folder);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    off_t largest = -1;
    struct dirent *entry = readdir(entries);
    while (entry != NULL) {
        size_t len = strlen(entry->d_name);
        char candidate[PATH_BYTES];
        struct stat status;
        snprintf(candidate, sizeof(candidate), "%s/%.200s", folder, entry->d_name);
        if (len > strlen(end) && strcmp(entry->d_name + len - strlen(end), end) == 0 &&
            stat(candidate, &status) == 0 && status.st_size > largest) {
            largest = status.st_size;
            memcpy(path, candidate, PATH_BYTES);
        }
        entry = readdir(entries);
    }
    closedir(entries);
    assert_true(largest > 0);
}

static off_t file_size(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

static void file_flip(const char *path, off_t at)
{
    uint8_t byte;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void folder_copy(const char *from, const char *to)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execlp("cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- who shares it ---- */

static void the_number_of_workers_may_change_between_starts(void **state)
{
    struct lsm_rig *rig = *state;
    static const uint32_t workers[] = {1, 3, 2, 4, 1};
    for (uint32_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        assert_int_equal(lsm_rig_open(rig, workers[i]), 0);
        assert_int_equal(count_numbers(rig, KEYS, "x"), i * KEYS / 5);
        put_numbers(rig, i * KEYS / 5, (i + 1) * KEYS / 5, "x");
        struct engine_stats sum = {0};
        for (uint32_t j = 0; j < workers[i]; j++) {
            struct engine_stats stats;
            rig->engines[j]->ops->stats(rig->engines[j], ENGINE_DATA, &stats);
            sum.keys += stats.keys;
            rig->engines[j]->ops->stats(rig->engines[j], ENGINE_HINTS, &stats);
            sum.keys += stats.keys;
        }
        assert_int_equal(sum.keys, (i + 1) * KEYS / 5);
        lsm_rig_close(rig, i % 2 == 0);
    }
}

/* ---- what one start learns of the end before ---- */

static void a_new_folder_is_neither_resumed_nor_behind(void **state)
{
    struct lsm_rig *rig = *state;
    const struct lsm_report *report = reopen(rig);
    assert_false(report->resumed || report->behind || report->copied || report->lost);
    lsm_rig_close(rig, false);
    report = reopen(rig);
    assert_false(report->resumed || report->behind || report->copied || report->lost);
    lsm_rig_close(rig, true);
    report = reopen(rig);
    assert_true(report->resumed);
    assert_false(report->behind || report->copied || report->lost);
    lsm_rig_close(rig, false);
}

static void a_restart_of_the_machine_leaves_what_was_not_synced_behind(void **state)
{
    struct lsm_rig *rig = *state;
    rig->options.durability = LSM_OS;
    (void)reopen(rig);
    lsm_rig_close(rig, false);
    assert_false(reopen(rig)->behind); /* only the process ended */
    lsm_rig_close(rig, false);
    rig->options.boot++;
    assert_true(reopen(rig)->behind);
    lsm_rig_close(rig, false);
    assert_true(reopen(rig)->behind); /* until all holdings are known to have begun anew */
    assert_int_equal(lsm_store_losses_known(rig->store), 0);
    lsm_rig_close(rig, false);
    assert_false(reopen(rig)->behind);
    lsm_rig_close(rig, true);
    rig->options.boot++;
    assert_false(reopen(rig)->behind); /* it had ended in order */
    lsm_rig_close(rig, false);

    rig->options.durability = LSM_SYNC;
    lsm_rig_wipe(rig);
    (void)reopen(rig);
    lsm_rig_close(rig, false);
    rig->options.boot++;
    assert_false(reopen(rig)->behind); /* everything that settled was synced */
    lsm_rig_close(rig, false);
}

static void a_copy_is_known_for_one(void **state)
{
    struct lsm_rig *rig = *state;
    char copy[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, 100, "x");
    lsm_rig_close(rig, true);
    snprintf(copy, sizeof(copy), "%s.copy", rig->folder);
    folder_copy(rig->folder, copy);
    const char *original = rig->options.folder;
    rig->options.folder = copy;
    const struct lsm_report *report = reopen(rig);
    assert_true(report->copied && report->behind);
    assert_false(report->resumed);
    assert_int_equal(count_numbers(rig, 100, "x"), 100);
    lsm_rig_close(rig, true);
    report = reopen(rig);
    assert_true(report->resumed);
    assert_false(report->copied || report->behind);
    lsm_rig_close(rig, true);
    rig->options.folder = original;
    assert_true(reopen(rig)->resumed);
    lsm_rig_close(rig, true);

    char own[64];
    memcpy(own, rig->folder, sizeof(own));
    snprintf(rig->folder, sizeof(rig->folder), "%.50s.copy", own);
    lsm_rig_wipe(rig);
    assert_int_equal(rmdir(rig->folder), 0);
    memcpy(rig->folder, own, sizeof(own));
}

static void a_file_that_was_touched_since_makes_the_end_before_unproven(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, 100, "x");
    lsm_rig_close(rig, true);
    file_find(rig, ".sst", path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_false(reopen(rig)->resumed);
    lsm_rig_close(rig, false);
}

/* ---- what is refused ---- */

static void another_number_of_partitions_is_refused(void **state)
{
    struct lsm_rig *rig = *state;
    (void)reopen(rig);
    lsm_rig_close(rig, true);
    rig->options.partitions = 32;
    assert_int_equal(lsm_rig_open(rig, 1), SHOAL_EINVAL);
    assert_non_null(strstr(rig->text, "16 partitions"));
    rig->options.partitions = 16;
    assert_true(reopen(rig)->resumed);
    lsm_rig_close(rig, true);
}

static void a_database_that_is_gone_is_not_made_again(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, 100, "x");
    lsm_rig_close(rig, true);
    snprintf(path, sizeof(path), "%s/db/CURRENT", rig->folder);
    assert_int_equal(unlink(path), 0);
    assert_true(lsm_rig_open(rig, 1) < 0);
    assert_non_null(strstr(rig->text, rig->folder));
}

static void what_a_newer_version_made_is_refused(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    uint8_t format = 2;
    (void)reopen(rig);
    lsm_rig_close(rig, true);
    snprintf(path, sizeof(path), "%s/owner", rig->folder);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(file, &format, 1, 8), 1);
    close(file);
    assert_int_equal(lsm_rig_open(rig, 1), SHOAL_EVERSION);
    assert_non_null(strstr(rig->text, "newer"));
}

/* ---- crashes and damage ---- */

static void a_torn_tail_of_the_log_is_cut(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, 400, "x");
    lsm_rig_close(rig, false);
    file_find(rig, ".log", path);
    assert_int_equal(truncate(path, file_size(path) - 3), 0);
    assert_false(reopen(rig)->lost);
    assert_int_equal(count_numbers(rig, 400, "x"), 300); /* whole batches */
    lsm_engine_check(rig->engines[0]);
    lsm_rig_close(rig, false);
}

static void damage_of_the_log_is_a_loss_until_it_is_known(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, 400, "x");
    lsm_rig_close(rig, false);
    file_find(rig, ".log", path);
    file_flip(path, file_size(path) / 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(reopen(rig)->lost);
        assert_true(rig->engines[0]->ops->lost(rig->engines[0], 3));
        uint32_t left = count_numbers(rig, 400, "x");
        assert_true(left > 0 && left < 400);
        lsm_engine_check(rig->engines[0]);
        lsm_rig_close(rig, false);
    }
    (void)reopen(rig);
    assert_int_equal(lsm_store_losses_known(rig->store), 0);
    lsm_rig_close(rig, false);
    assert_false(reopen(rig)->lost);
    lsm_rig_close(rig, false);
}

static bool count_entry(void *self, const struct engine_entry *entry)
{
    uint32_t *count = self;
    (void)entry;
    ++*count;
    return true;
}

static uint32_t walk(struct lsm_rig *rig, uint32_t partition)
{
    struct engine *engine = rig->engines[0];
    uint32_t count = 0;
    uint64_t next = 0;
    int code = 2;
    while (code == 2) {
        code = engine->ops->walk(engine, partition, next, 1, count_entry, &count, &next);
        lsm_rig_turn(rig);
    }
    assert_int_equal(code, 0);
    return count;
}

static void a_damaged_table_is_told_of_once_and_passed_over(void **state)
{
    struct lsm_rig *rig = *state;
    char path[PATH_BYTES];
    char key[24];
    (void)reopen(rig);
    put_numbers(rig, 0, KEYS, "a record of some length, so that there are blocks enough");
    lsm_rig_close(rig, true);
    file_find(rig, ".sst", path);
    file_flip(path, file_size(path) / 4);
    (void)reopen(rig);
    uint32_t damaged = 0;
    uint32_t found = 0;
    for (uint32_t round = 0; round < 2; round++) {
        damaged = 0;
        found = 0;
        for (uint32_t i = 0; i < KEYS; i++) {
            struct bytes record;
            snprintf(key, sizeof(key), "key %u", (unsigned)i);
            int code = lsm_rig_get(rig, partition_of(i), key, &record);
            assert_true(code == 0 || code == SHOAL_EDAMAGED);
            if (code == SHOAL_EDAMAGED) {
                struct engine_key place = lsm_rig_key(partition_of(i), key);
                struct engine_brief brief;
                int known = rig->engines[0]->ops->brief(rig->engines[0], &place, &brief);
                assert_true(known == 0 && !brief.simple);
            }
            damaged += code == SHOAL_EDAMAGED;
            found += code == 0;
        }
        assert_true(damaged > 0 && found > KEYS / 2);
        assert_in_range(rig->wounds, 1, 2); /* a block may be of two partitions */
    }
    uint32_t wounds = rig->wounds;
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t walked = 0;
        for (uint32_t i = 0; i < 32; i++) {
            walked += walk(rig, i);
        }
        assert_int_equal(walked, found);
        assert_int_equal(rig->wounds, wounds);
    }
    /* What is written again is there again. */
    put_numbers(rig, 0, KEYS, "new");
    assert_int_equal(count_numbers(rig, KEYS, "new"), KEYS);
    lsm_rig_close(rig, false);
}

/* ---- durability ---- */

static void interval_syncs_after_a_while_and_os_only_when_asked(void **state)
{
    struct lsm_rig *rig = *state;
    rig->options.durability = LSM_INTERVAL;
    (void)reopen(rig);
    assert_false(rig->engines[0]->settles_durable);
    put_numbers(rig, 0, 10, "x");
    assert_int_equal(rig->settled[0], 10);
    assert_int_equal(rig->durable[0], 0);
    assert_true(rig->engines[0]->ops->next_us(rig->engines[0]) <= rig->engines[0]->now_us + 20000);
    for (uint32_t i = 0; i < 25; i++) {
        lsm_rig_turn(rig);
    }
    assert_int_equal(rig->durable[0], 10);
    lsm_rig_close(rig, false);

    rig->options.durability = LSM_OS;
    (void)reopen(rig);
    put_numbers(rig, 0, 10, "x");
    for (uint32_t i = 0; i < 100; i++) {
        lsm_rig_turn(rig);
    }
    assert_int_equal(rig->settled[0], 10);
    assert_int_equal(rig->durable[0], 0);
    rig->engines[0]->ops->harden(rig->engines[0]);
    lsm_rig_turn(rig);
    assert_int_equal(rig->durable[0], 10);
    lsm_rig_close(rig, false);
}

/* ---- backups, verifying, compacting ---- */

static void a_backup_of_a_running_node_opens_as_a_copy(void **state)
{
    struct lsm_rig *rig = *state;
    struct lsm_rig restored;
    assert_int_equal(lsm_rig_open(rig, 3), 0);
    put_numbers(rig, 0, KEYS, "x");
    lsm_rig_init(&restored, NULL);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(rig->engines[i]->ops->backup(rig->engines[i], restored.folder, 1 + i), 0);
    }
    lsm_rig_turn(rig);
    assert_int_equal(rig->ready, 3);
    assert_int_equal(rig->ready_code, 0);
    put_numbers(rig, 0, KEYS, "y");
    const struct lsm_report *report = reopen(&restored);
    assert_true(report->copied && report->behind && !report->resumed);
    assert_int_equal(count_numbers(&restored, KEYS, "x"), KEYS);
    lsm_engine_check(restored.engines[0]);
    lsm_rig_close(&restored, true);

    /* Another one into the same folder, emptied. */
    lsm_rig_wipe(&restored);
    assert_int_equal(rig->engines[1]->ops->backup(rig->engines[1], restored.folder, 9), 0);
    lsm_rig_turn(rig);
    assert_int_equal(rig->ready_code, 0);
    (void)reopen(&restored);
    assert_int_equal(count_numbers(&restored, KEYS, "y"), KEYS);
    lsm_rig_close(&restored, true);
    lsm_rig_deinit(&restored);

    /* Into one that isn't there. */
    assert_int_equal(rig->engines[1]->ops->backup(rig->engines[1], restored.folder, 10), 0);
    lsm_rig_turn(rig);
    assert_true(rig->ready_code < 0);
    assert_true(lsm_rig_open(rig, 1) < 0); /* it is in use */
    lsm_rig_close(rig, true);
}

static void verifying_reads_everything_and_finds_damage(void **state)
{
    struct lsm_rig *rig = *state;
    struct lsm_verdict verdict;
    char path[PATH_BYTES];
    (void)reopen(rig);
    put_numbers(rig, 0, KEYS, "a record of some length, so that there are blocks enough");
    lsm_rig_close(rig, true);
    assert_int_equal(lsm_store_verify(rig->folder, &verdict, rig->text), 0);
    assert_int_equal(verdict.keys, KEYS);
    assert_int_equal(verdict.damaged, 0);
    assert_int_equal(verdict.mismatch, 0);
    assert_true(reopen(rig)->resumed); /* it changed nothing */
    lsm_rig_close(rig, true);
    file_find(rig, ".sst", path);
    file_flip(path, file_size(path) / 4);
    assert_int_equal(lsm_store_verify(rig->folder, &verdict, rig->text), 0);
    assert_true(verdict.damaged > 0);
    snprintf(path, sizeof(path), "%s/none", rig->folder);
    assert_true(lsm_store_verify(path, &verdict, rig->text) < 0);
}

static void compacting_keeps_what_is_alive_and_the_end_before_proven(void **state)
{
    struct lsm_rig *rig = *state;
    struct lsm_verdict verdict;
    (void)reopen(rig);
    put_numbers(rig, 0, KEYS, "x");
    put_numbers(rig, 0, KEYS, "y");
    uint64_t sequence;
    const uint32_t dropped = (KEYS - 5 + 31) / 32; /* whose partition is 5 */
    assert_int_equal(rig->engines[0]->ops->drop(rig->engines[0], 5, &sequence), 1);
    lsm_rig_close(rig, true);
    assert_int_equal(lsm_store_compact(rig->folder, rig->text), 0);
    assert_int_equal(lsm_store_verify(rig->folder, &verdict, rig->text), 0);
    assert_int_equal(verdict.keys, KEYS - dropped);
    assert_int_equal(verdict.damaged + verdict.mismatch, 0);
    assert_true(reopen(rig)->resumed);
    assert_int_equal(count_numbers(rig, KEYS, "y"), KEYS - dropped);
    lsm_rig_close(rig, false);
    assert_int_equal(lsm_store_compact(rig->folder, rig->text), 0);
    assert_false(reopen(rig)->resumed);
    lsm_rig_close(rig, true);
}

/* ---- a real process, really killed ---- */

/* Writes for ever; tells of every turn's last settled number. */
static int child_main(const char *folder, uint32_t first)
{
    struct lsm_rig rig = {.options = {.folder = folder, .partitions = 16, .boot = 1}};
    char key[24];
    if (lsm_rig_open(&rig, 2) != 0) {
        return 1;
    }
    for (uint32_t i = first;; i++) {
        snprintf(key, sizeof(key), "key %u", (unsigned)i);
        if (lsm_rig_put(&rig, partition_of(i), key, "x") != 1) {
            return 1;
        }
        if (i % 7 == 0) {
            lsm_rig_turn(&rig);
            if (write(STDOUT_FILENO, &i, sizeof(i)) != (ssize_t)sizeof(i)) {
                return 1;
            }
        }
    }
}

/* Lets a child write for so many turns, kills it, and says up to which number it had settled. */
static uint32_t child_run(const char *folder, uint32_t first, uint32_t turns)
{
    int ends[2];
    char number[16];
    snprintf(number, sizeof(number), "%u", (unsigned)first);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test", "--write-for-ever", folder, number, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    uint32_t settled = first;
    for (uint32_t i = 0; i < turns; i++) {
        assert_int_equal(read(ends[0], &settled, sizeof(settled)), sizeof(settled));
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    uint32_t last;
    while (read(ends[0], &last, sizeof(last)) == (ssize_t)sizeof(last)) {
        settled = last;
    }
    close(ends[0]);
    return settled;
}

static void what_a_killed_process_had_settled_is_there(void **state)
{
    struct lsm_rig *rig = *state;
    uint32_t first = 0;
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t settled = child_run(rig->folder, first, 30 + round * 37);
        const struct lsm_report *report = reopen(rig);
        assert_false(report->lost || report->behind || report->resumed);
        assert_int_equal(count_numbers(rig, settled + 1, "x"), settled + 1);
        lsm_engine_check(rig->engines[0]);
        lsm_rig_close(rig, round % 2 == 0);
        first = settled + 1;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--write-for-ever") == 0) {
        return child_main(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    }
    const struct CMUnitTest tests[] = {
        TEST(the_number_of_workers_may_change_between_starts),
        TEST(a_new_folder_is_neither_resumed_nor_behind),
        TEST(a_restart_of_the_machine_leaves_what_was_not_synced_behind),
        TEST(a_copy_is_known_for_one),
        TEST(a_file_that_was_touched_since_makes_the_end_before_unproven),
        TEST(another_number_of_partitions_is_refused),
        TEST(a_database_that_is_gone_is_not_made_again),
        TEST(what_a_newer_version_made_is_refused),
        TEST(a_torn_tail_of_the_log_is_cut),
        TEST(damage_of_the_log_is_a_loss_until_it_is_known),
        TEST(a_damaged_table_is_told_of_once_and_passed_over),
        TEST(interval_syncs_after_a_while_and_os_only_when_asked),
        TEST(a_backup_of_a_running_node_opens_as_a_copy),
        TEST(verifying_reads_everything_and_finds_damage),
        TEST(compacting_keeps_what_is_alive_and_the_end_before_proven),
        TEST(what_a_killed_process_had_settled_is_there),
    };
    return cmocka_run_group_tests_name("lsm store", tests, NULL, NULL);
}
