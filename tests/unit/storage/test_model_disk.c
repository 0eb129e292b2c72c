/* The model disk: that it loses what a disk may lose and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shoal/error.h"
#include "support/model_disk.h"

#define ROUNDS 200u

struct test {
    struct model_disk *model;
    struct disk *disk;
    struct random random;
};

static int setup(void **state)
{
    static struct test test;
    test.model = model_disk_new(1);
    test.disk = model_disk_port(test.model);
    random_init(&test.random, 2);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;
    model_disk_free(test->model);
    return 0;
}

static void begin_anew(struct test *test, uint64_t seed)
{
    model_disk_free(test->model);
    test->model = model_disk_new(seed);
    test->disk = model_disk_port(test->model);
}

static struct disk_file *file_open(struct test *test, const char *name, enum disk_open how)
{
    struct disk_file *file = NULL;
    assert_int_equal(test->disk->ops->open(test->disk, name, how, &file), 0);
    return file;
}

static int file_write(struct test *test, struct disk_file *file, uint64_t offset, const char *text)
{
    return test->disk->ops->write(file, offset, bytes_from_string(text));
}

/* A synced file with that content, its name synced too. */
static void file_make(struct test *test, const char *name, const char *text)
{
    struct disk_file *file = file_open(test, name, DISK_OPEN_CREATE);
    assert_int_equal(file_write(test, file, 0, text), 0);
    assert_int_equal(test->disk->ops->sync(file), 0);
    assert_int_equal(test->disk->ops->sync_folder(test->disk), 0);
    test->disk->ops->close(file);
}

/* What is in the file, as text; NULL when there is none. */
static const char *content(struct test *test, const char *name)
{
    static char text[8192];
    struct disk_file *file = NULL;
    size_t got = 0;
    if (test->disk->ops->open(test->disk, name, DISK_OPEN_READ, &file) != 0) {
        return NULL;
    }
    assert_int_equal(test->disk->ops->read(file, 0, text, sizeof(text) - 1, &got), 0);
    text[got] = '\0';
    test->disk->ops->close(file);
    return text;
}

/* ---- well-behaved ---- */

static void what_was_written_can_be_read(void **state)
{
    struct test *test = *state;
    struct disk_file *file = file_open(test, "a", DISK_OPEN_CREATE);
    assert_int_equal(test->disk->ops->reserve(file, 4096), 0);
    assert_int_equal(file_write(test, file, 10, "hello"), 0);
    uint64_t size = 0;
    assert_int_equal(test->disk->ops->size(file, &size), 0);
    assert_int_equal(size, 4096);
    char out[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    size_t got = 0;
    assert_int_equal(test->disk->ops->read(file, 8, out, 8, &got), 0);
    assert_int_equal(got, 8);
    assert_memory_equal(out, "\0\0hello\0", 8);
    assert_int_equal(test->disk->ops->read_now(file, 4095, out, 8, &got), 0);
    assert_int_equal(got, 1);
    assert_int_equal(test->disk->ops->read(file, 5000, out, 8, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(test->disk->ops->truncate(file, 12), 0);
    test->disk->ops->close(file);
    struct disk_file *again = NULL;
    assert_int_equal(test->disk->ops->open(test->disk, "a", DISK_OPEN_CREATE, &again), SHOAL_EIO);
    assert_int_equal(test->disk->ops->open(test->disk, "b", DISK_OPEN_WRITE, &again),
                     SHOAL_ENOTFOUND);
    file = file_open(test, "a", DISK_OPEN_READ);
    assert_int_equal(file_write(test, file, 0, "no"), SHOAL_EIO);
    assert_int_equal(test->disk->ops->read(file, 10, out, 8, &got), 0);
    assert_int_equal(got, 2);
    test->disk->ops->close(file);
}

static void names_come_change_and_go(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "one");
    file_make(test, "b", "two");
    assert_int_equal(test->disk->ops->rename(test->disk, "a", "b"), 0);
    assert_null(content(test, "a"));
    assert_string_equal(content(test, "b"), "one");
    assert_int_equal(test->disk->ops->rename(test->disk, "a", "c"), SHOAL_ENOTFOUND);
    assert_int_equal(test->disk->ops->remove(test->disk, "b"), 0);
    assert_int_equal(test->disk->ops->remove(test->disk, "b"), SHOAL_ENOTFOUND);
    assert_int_equal(model_disk_count(test->model, "", NULL), 0);
}

/* ---- crashes ---- */

static void a_kill_loses_nothing_and_ends_all_handles(void **state)
{
    struct test *test = *state;
    struct disk_file *file = file_open(test, "a", DISK_OPEN_CREATE);
    assert_int_equal(file_write(test, file, 0, "kept"), 0);
    assert_int_equal(model_disk_crash(test->model, &test->random, MODEL_KILL), 0);
    assert_int_equal(file_write(test, file, 0, "dead"), SHOAL_EIO);
    test->disk->ops->close(file);
    assert_string_equal(content(test, "a"), "kept");
    /* But a power loss afterwards still may. */
    assert_int_equal(model_disk_crash(test->model, &test->random, MODEL_POWER_DROP), 2);
    assert_null(content(test, "a"));
}

static void what_was_synced_survives_every_power_loss(void **state)
{
    struct test *test = *state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "a", "synced");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        assert_int_equal(file_write(test, file, 6, " and not"), 0);
        test->disk->ops->close(file);
        static const enum model_crash ways[] = {MODEL_POWER_ANY, MODEL_POWER_ORDERED,
                                                MODEL_POWER_DROP, MODEL_POWER_KEEP};
        model_disk_crash(test->model, &test->random, ways[seed % 4]);
        const char *text = content(test, "a");
        assert_non_null(text);
        assert_memory_equal(text, "synced", 6);
    }
}

/* All combinations of two writes appear, and torn and corrupted ones. */
static void unsynced_writes_are_kept_dropped_torn_or_corrupted(void **state)
{
    struct test *test = *state;
    uint32_t neither = 0, first = 0, second = 0, both = 0, torn = 0, other = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "a", "........");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        file_write(test, file, 0, "aaaa");
        file_write(test, file, 4, "bbbb");
        test->disk->ops->close(file);
        model_disk_crash(test->model, &test->random, MODEL_POWER_ANY);
        const char *text = content(test, "a");
        neither += strcmp(text, "........") == 0;
        first += strcmp(text, "aaaa....") == 0;
        second += strcmp(text, "....bbbb") == 0;
        both += strcmp(text, "aaaabbbb") == 0;
        torn += strcmp(text, "aaaabb..") == 0;
        other += strspn(text, "ab.") < 8;
    }
    assert_true(neither > 5 && first > 5 && second > 5 && both > 5 && torn > 0 && other > 5);
}

/* Powersafe overwrite, as SQLite calls it. */
static void what_a_write_leaves_as_it_was_is_safe(void **state)
{
    struct test *test = *state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "a", "abcdefgh");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        file_write(test, file, 0, "abcdXfgh");
        test->disk->ops->close(file);
        model_disk_crash(test->model, &test->random, MODEL_POWER_ANY);
        const char *text = content(test, "a");
        assert_memory_equal(text, "abcd", 4);
        assert_memory_equal(text + 5, "fgh", 3);
    }
}

static void a_torn_write_may_keep_any_of_its_sectors(void **state)
{
    struct test *test = *state;
    char text[4 * 512 + 1];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    bool holes = false;
    for (uint64_t seed = 0; seed < ROUNDS && !holes; seed++) {
        begin_anew(test, seed);
        struct disk_file *file = file_open(test, "a", DISK_OPEN_CREATE);
        test->disk->ops->reserve(file, sizeof(text) - 1);
        test->disk->ops->sync(file);
        test->disk->ops->sync_folder(test->disk);
        file_write(test, file, 0, text);
        model_disk_crash(test->model, &test->random, MODEL_POWER_ANY);
        test->disk->ops->close(file);
        const char *after = content(test, "a");
        holes = after[0] == '\0' && after[511] == '\0' && after[512] == 'x';
    }
    assert_true(holes);
}

static void an_orderly_power_loss_keeps_everything_up_to_a_moment(void **state)
{
    struct test *test = *state;
    uint32_t lengths[5] = {0};
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "a", "");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        for (uint64_t i = 0; i < 4; i++) {
            file_write(test, file, i, "x");
        }
        test->disk->ops->close(file);
        model_disk_crash(test->model, &test->random, MODEL_POWER_ORDERED);
        lengths[strlen(content(test, "a"))]++;
    }
    for (uint32_t i = 0; i <= 4; i++) {
        assert_true(lengths[i] > 5);
    }
}

static void names_not_synced_come_true_or_not_in_any_combination(void **state)
{
    struct test *test = *state;
    uint32_t combinations[8] = {0};
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "old", "old");
        struct disk_file *file = file_open(test, "new", DISK_OPEN_CREATE);
        file_write(test, file, 0, "new");
        test->disk->ops->sync(file);
        test->disk->ops->close(file);
        test->disk->ops->remove(test->disk, "old");
        test->disk->ops->rename(test->disk, "new", "final");
        model_disk_crash(test->model, &test->random, MODEL_POWER_ANY);
        uint32_t which = (content(test, "old") != NULL ? 1u : 0u) +
                         (content(test, "new") != NULL ? 2u : 0u) +
                         (content(test, "final") != NULL ? 4u : 0u);
        combinations[which]++;
        if (which >= 4) {
            assert_string_equal(content(test, "final"), "new");
        }
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(combinations[i] > 0);
    }
}

static void the_same_seed_gives_the_same_disk(void **state)
{
    struct test *test = *state;
    char first[64] = "";
    for (uint32_t round = 0; round < 2; round++) {
        begin_anew(test, 7);
        random_init(&test->random, 8);
        file_make(test, "a", "");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        for (uint64_t i = 0; i < 20; i++) {
            file_write(test, file, i * 2, "xy");
        }
        test->disk->ops->close(file);
        model_disk_crash(test->model, &test->random, MODEL_POWER_ANY);
        const char *text = content(test, "a");
        if (round == 0) {
            memcpy(first, text, 40);
        }
        assert_memory_equal(text, first, 40);
    }
}

/* ---- failures ---- */

static void the_nth_call_fails_and_the_next_does_not(void **state)
{
    struct test *test = *state;
    struct disk_file *file = file_open(test, "a.seg", DISK_OPEN_CREATE);
    struct disk_file *other = file_open(test, "a.hint", DISK_OPEN_CREATE);
    struct model_fault fault = {
        .calls = MODEL_WRITE, .suffix = ".seg", .nth = 2, .code = SHOAL_ENOSPC};
    model_disk_fault(test->model, &fault);
    assert_int_equal(file_write(test, other, 0, "x"), 0);
    assert_int_equal(file_write(test, file, 0, "x"), 0);
    assert_int_equal(file_write(test, other, 1, "x"), 0);
    assert_int_equal(file_write(test, file, 1, "x"), SHOAL_ENOSPC);
    assert_string_equal(test->disk->ops->explain(test->disk),
                        "write a.seg: No space left on device");
    assert_int_equal(file_write(test, file, 1, "x"), 0);
    test->disk->ops->close(file);
    test->disk->ops->close(other);
}

static void a_fault_may_stop_the_world(void **state)
{
    struct test *test = *state;
    struct disk_file *file = file_open(test, "a.seg", DISK_OPEN_CREATE);
    struct model_fault fault = {.calls = MODEL_SYNC, .suffix = ".seg", .nth = 2, .stops = true};
    model_disk_fault(test->model, &fault);
    assert_int_equal(test->disk->ops->sync(file), 0);
    assert_int_equal(test->disk->ops->sync(file), SHOAL_EIO);
    assert_true(model_disk_stopped(test->model));
    assert_int_equal(file_write(test, file, 0, "x"), SHOAL_EIO);
    test->disk->ops->close(file);
}

static void a_lasting_fault_lasts_until_it_is_mended(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "x");
    struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
    struct model_fault fault = {.calls = MODEL_SYNC, .nth = 1, .lasting = true, .code = SHOAL_EIO};
    model_disk_fault(test->model, &fault);
    assert_int_equal(test->disk->ops->sync(file), SHOAL_EIO);
    assert_int_equal(test->disk->ops->sync(file), SHOAL_EIO);
    model_disk_mend(test->model);
    assert_int_equal(test->disk->ops->sync(file), 0);
    test->disk->ops->close(file);
}

static void a_failed_sync_loses_writes_that_no_later_sync_brings_back(void **state)
{
    struct test *test = *state;
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        begin_anew(test, seed);
        file_make(test, "a", "old");
        struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
        struct model_fault fault = {.calls = MODEL_SYNC, .nth = 1, .code = SHOAL_EIO};
        model_disk_fault(test->model, &fault);
        file_write(test, file, 0, "new");
        assert_int_equal(test->disk->ops->sync(file), SHOAL_EIO);
        assert_string_equal(content(test, "a"), "new");
        assert_int_equal(test->disk->ops->sync(file), 0);
        test->disk->ops->close(file);
        model_disk_crash(test->model, &test->random, MODEL_POWER_KEEP);
        lost += strcmp(content(test, "a"), "old") == 0;
    }
    assert_in_range(lost, ROUNDS / 4, ROUNDS * 3 / 4);
}

static void a_full_disk_refuses_what_makes_files_longer(void **state)
{
    struct test *test = *state;
    model_disk_options(test->model)->capacity_bytes = 10;
    struct disk_file *file = file_open(test, "a", DISK_OPEN_CREATE);
    assert_int_equal(test->disk->ops->reserve(file, 11), SHOAL_ENOSPC);
    assert_int_equal(test->disk->ops->reserve(file, 8), 0);
    assert_int_equal(file_write(test, file, 0, "12345678"), 0);
    assert_int_equal(file_write(test, file, 6, "abcdef"), SHOAL_ENOSPC);
    uint64_t bytes_free = 1;
    assert_int_equal(test->disk->ops->space(test->disk, &bytes_free), 0);
    assert_int_equal(bytes_free, 0);
    assert_int_equal(test->disk->ops->truncate(file, 2), 0);
    assert_int_equal(file_write(test, file, 2, "x"), 0);
    test->disk->ops->close(file);
}

static void a_lying_sync_syncs_nothing(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "old");
    model_disk_options(test->model)->lying_rate = 1;
    struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
    file_write(test, file, 0, "new");
    assert_int_equal(test->disk->ops->sync(file), 0);
    test->disk->ops->close(file);
    assert_string_equal(content(test, "a"), "new");
    model_disk_crash(test->model, &test->random, MODEL_POWER_DROP);
    assert_string_equal(content(test, "a"), "old");
}

static void a_cold_disk_has_nothing_in_memory(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "x");
    model_disk_options(test->model)->cold_rate = 1;
    struct disk_file *file = file_open(test, "a", DISK_OPEN_READ);
    char out[1];
    size_t got = 7;
    assert_int_equal(test->disk->ops->read_now(file, 0, out, 1, &got), 1);
    assert_int_equal(got, 7);
    assert_int_equal(test->disk->ops->read(file, 0, out, 1, &got), 0);
    assert_int_equal(got, 1);
    test->disk->ops->close(file);
}

static void a_calm_disk_behaves_and_draws_nothing(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "x");
    *model_disk_options(test->model) = (struct model_disk_options){.cold_rate = 1};
    struct model_fault fault = {.calls = MODEL_ALL, .nth = 1, .lasting = true, .code = SHOAL_EIO};
    model_disk_fault(test->model, &fault);
    model_disk_stop(test->model);
    assert_null(content(test, "a"));
    uint64_t changes = model_disk_changes(test->model);
    model_disk_calm(test->model, true);
    assert_string_equal(content(test, "a"), "x");
    struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
    char out[1];
    size_t got = 0;
    assert_int_equal(test->disk->ops->read_now(file, 0, out, 1, &got), 0);
    test->disk->ops->close(file);
    model_disk_calm(test->model, false);
    assert_int_equal(model_disk_changes(test->model), changes);
    assert_null(content(test, "a"));
}

/* Create, write, sync, sync_folder: stopped at each, before and after. */
static void the_world_stops_at_any_call(void **state)
{
    struct test *test = *state;
    for (uint64_t nth = 1; nth <= 5; nth++) {
        for (int after = 0; after < 2; after++) {
            begin_anew(test, nth);
            model_disk_stop_at(test->model, nth, after == 1);
            struct disk_file *file = NULL;
            int code = test->disk->ops->open(test->disk, "a", DISK_OPEN_CREATE, &file);
            bool done = code == 0 && file_write(test, file, 0, "text") == 0 &&
                        test->disk->ops->sync(file) == 0 &&
                        test->disk->ops->sync_folder(test->disk) == 0;
            assert_int_equal(done, nth == 5);
            assert_int_equal(model_disk_stopped(test->model), nth < 5);
            assert_int_equal(model_disk_changes(test->model), nth < 5 ? nth : 4);
            if (nth < 5) {
                struct disk_file *other = NULL;
                assert_int_equal(test->disk->ops->open(test->disk, "a", DISK_OPEN_READ, &other),
                                 SHOAL_EIO);
            }
            if (file != NULL) {
                test->disk->ops->close(file);
            }
            model_disk_crash(test->model, &test->random, MODEL_POWER_DROP);
            assert_false(model_disk_stopped(test->model));
            const char *text = content(test, "a");
            bool there = nth == 5 || (nth == 4 && after == 1);
            assert_int_equal(text != NULL, there);
            if (there) {
                assert_string_equal(text, "text");
            }
        }
    }
}

/* ---- rot, identity, copies ---- */

static uint32_t bits_that_differ(const char *a, const char *b, size_t len)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        bits += (uint32_t)__builtin_popcount((unsigned)(uint8_t)(a[i] ^ b[i]));
    }
    return bits;
}

static void rot_flips_one_bit_of_one_file(void **state)
{
    struct test *test = *state;
    file_make(test, "a.seg", "aaaaaaaa");
    file_make(test, "b.seg", "bbbb");
    file_make(test, "c", "cccc");
    uint32_t in_b = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_true(model_disk_rot(test->model, &test->random, ".seg"));
        uint32_t a = bits_that_differ(content(test, "a.seg"), "aaaaaaaa", 8);
        uint32_t b = bits_that_differ(content(test, "b.seg"), "bbbb", 4);
        assert_int_equal(a + b, 1);
        in_b += b;
        file_make(test, "x", "");
        model_disk_put_file(test->model, "a.seg", bytes_from_string("aaaaaaaa"));
        model_disk_put_file(test->model, "b.seg", bytes_from_string("bbbb"));
        test->disk->ops->remove(test->disk, "x");
    }
    assert_in_range(in_b, ROUNDS / 6, ROUNDS / 2);
    assert_string_equal(content(test, "c"), "cccc");
    assert_false(model_disk_rot(test->model, &test->random, ".none"));
    assert_true(model_disk_flip(test->model, "c", 3, 0));
    assert_string_equal(content(test, "c"), "cccb");
    assert_false(model_disk_flip(test->model, "c", 4, 0));
}

static void assert_same_identity(struct disk *a, struct disk *b, const char *name, bool same)
{
    uint8_t ours[DISK_IDENTITY_BYTES], theirs[DISK_IDENTITY_BYTES];
    assert_int_equal(a->ops->identity(a, name, ours), 0);
    assert_int_equal(b->ops->identity(b, name, theirs), 0);
    assert_int_equal(memcmp(ours, theirs, sizeof(ours)) == 0, same);
}

static void a_copy_has_the_content_and_other_identities(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "text");
    struct model_disk *first = model_disk_copy(test->model, 5);
    struct model_disk *second = model_disk_copy(test->model, 6);
    assert_same_identity(test->disk, test->disk, "a", true);
    assert_same_identity(test->disk, model_disk_port(first), "a", false);
    assert_same_identity(model_disk_port(first), model_disk_port(second), "a", false);
    uint8_t before[DISK_IDENTITY_BYTES], after[DISK_IDENTITY_BYTES];
    test->disk->ops->identity(test->disk, "a", before);
    struct disk_file *file = file_open(test, "a", DISK_OPEN_WRITE);
    file_write(test, file, 0, "T");
    test->disk->ops->close(file);
    test->disk->ops->identity(test->disk, "a", after);
    assert_memory_not_equal(before, after, sizeof(before));
    struct test copied = {.model = first, .disk = model_disk_port(first)};
    model_disk_crash(first, &test->random, MODEL_POWER_DROP);
    assert_string_equal(content(&copied, "a"), "text");
    model_disk_free(first);
    model_disk_free(second);
}

static void duplicates_stand_in_another_folder(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "text");
    assert_int_equal(test->disk->ops->duplicate(test->disk, "a", "/backup", UINT64_MAX), 0);
    file_make(test, "b", "longer");
    assert_int_equal(test->disk->ops->duplicate(test->disk, "b", "/backup", 4), 0);
    assert_int_equal(test->disk->ops->remove(test->disk, "a"), 0);
    struct model_disk *folder = model_disk_folder(test->model, "/backup");
    struct test there = {.model = folder, .disk = model_disk_port(folder)};
    assert_string_equal(content(&there, "a"), "text");
    assert_string_equal(content(&there, "b"), "long");
    assert_int_equal(model_disk_count(folder, "", NULL), 2);
    assert_int_equal(model_disk_count(model_disk_folder(test->model, "/other"), "", NULL), 0);
}

static void a_wiped_disk_is_empty(void **state)
{
    struct test *test = *state;
    file_make(test, "a", "text");
    model_disk_wipe(test->model);
    model_disk_crash(test->model, &test->random, MODEL_POWER_KEEP);
    assert_int_equal(model_disk_count(test->model, "", NULL), 0);
}

#define DISK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(what_was_written_can_be_read),
        DISK_TEST(names_come_change_and_go),
        DISK_TEST(a_kill_loses_nothing_and_ends_all_handles),
        DISK_TEST(what_was_synced_survives_every_power_loss),
        DISK_TEST(unsynced_writes_are_kept_dropped_torn_or_corrupted),
        DISK_TEST(what_a_write_leaves_as_it_was_is_safe),
        DISK_TEST(a_torn_write_may_keep_any_of_its_sectors),
        DISK_TEST(an_orderly_power_loss_keeps_everything_up_to_a_moment),
        DISK_TEST(names_not_synced_come_true_or_not_in_any_combination),
        DISK_TEST(the_same_seed_gives_the_same_disk),
        DISK_TEST(the_nth_call_fails_and_the_next_does_not),
        DISK_TEST(a_fault_may_stop_the_world),
        DISK_TEST(a_lasting_fault_lasts_until_it_is_mended),
        DISK_TEST(a_failed_sync_loses_writes_that_no_later_sync_brings_back),
        DISK_TEST(a_full_disk_refuses_what_makes_files_longer),
        DISK_TEST(a_lying_sync_syncs_nothing),
        DISK_TEST(a_cold_disk_has_nothing_in_memory),
        DISK_TEST(a_calm_disk_behaves_and_draws_nothing),
        DISK_TEST(the_world_stops_at_any_call),
        DISK_TEST(rot_flips_one_bit_of_one_file),
        DISK_TEST(a_copy_has_the_content_and_other_identities),
        DISK_TEST(duplicates_stand_in_another_folder),
        DISK_TEST(a_wiped_disk_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
