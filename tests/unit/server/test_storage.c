/* server/storage: what a folder may be opened as, and what is remembered of how it was left. */
#include "folder_test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "server/storage.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

#define WORKERS 3u

static struct config config;
static struct data_folder data;
static char text[STORAGE_TEXT_BYTES];

static int set_up(void **state)
{
    int code = folder_test_setup(state);
    struct folder_test *folder = *state;
    config = (struct config){.engine = ENGINE_LOG, .partitions = 8, .memory_mb = 0};
    snprintf(config.data_dir, sizeof(config.data_dir), "%s", folder->path);
    data = (struct data_folder){.fd = folder->fd, .lock_fd = -1};
    return code;
}

static void expect_said(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* Engines that are only loaded give no work. */
static void submit(void *self, enum offload_lane lane, struct offload_job *job)
{
    (void)self;
    (void)lane;
    (void)job;
    ASSERT(false);
}

/* Opens, loads, and hands out what the engines were told. */
static struct storage *open_loaded(struct engine *engines[WORKERS])
{
    struct storage *storage;
    struct offload offloads[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        offloads[i] = (struct offload){.submit = submit};
    }
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), 0);
    assert_int_equal(storage_load_engines(storage, WORKERS, offloads, engines, text), 0);
    return storage;
}

static void close_loaded(struct storage *storage, struct engine *engines[WORKERS], bool clean)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        engines[i]->ops->free(engines[i]);
    }
    storage_close(storage, clean);
}

static void use_once(bool clean)
{
    struct engine *engines[WORKERS];
    struct storage *storage = open_loaded(engines);
    close_loaded(storage, engines, clean);
}

static void a_new_folder_says_what_it_is_before_there_is_data(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    struct storage *storage;
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), 0);
    assert_true(storage_offloads(storage));
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    assert_int_equal(meta.engine, ENGINE_LOG);
    assert_int_equal(meta.partitions, 8);
    assert_int_not_equal(meta.id, 0);
    assert_false(meta.behind);
    storage_close(storage, false);
}

static void another_engine_or_number_of_partitions_is_refused(void **state)
{
    (void)state;
    struct storage *storage;
    use_once(true);
    config.engine = ENGINE_MEMORY;
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), SHOAL_ECONFLICT);
    expect_said("holds data of engine 'log', config says 'memory'");
    config.engine = ENGINE_LOG;
    config.partitions = 16;
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), SHOAL_ECONFLICT);
    expect_said("holds data of 8 partitions, config says cluster.partitions = 16");
    config.partitions = 8;
    use_once(true);
}

static void what_was_only_in_memory_may_be_followed_by_any_engine(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    config.engine = ENGINE_MEMORY;
    use_once(true);
    config.engine = ENGINE_LOG;
    config.partitions = 16;
    use_once(true);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    assert_int_equal(meta.engine, ENGINE_LOG);
    assert_int_equal(meta.partitions, 16);
}

static void data_without_a_description_is_refused_whatever_the_engine(void **state)
{
    struct folder_test *folder = *state;
    struct storage *storage;
    use_once(true);
    assert_int_equal(unlinkat(folder->fd, STORAGE_META_FILE, 0), 0);
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), SHOAL_ECONFLICT);
    expect_said("has data in log/ but no storage.json");
    config.engine = ENGINE_MEMORY;
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), SHOAL_ECONFLICT);
    assert_false(folder_test_has(folder, STORAGE_META_FILE));
}

static void a_damaged_description_is_refused_and_kept(void **state)
{
    struct folder_test *folder = *state;
    struct storage *storage;
    use_once(true);
    size_t size = folder_test_size(folder, STORAGE_META_FILE);
    folder_test_flip(folder, STORAGE_META_FILE, size / 2);
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), SHOAL_EPROTO);
    expect_said("it is damaged");
    folder_test_flip(folder, STORAGE_META_FILE, size / 2);
    use_once(true);
}

static void only_a_clean_end_is_gone_on_from(void **state)
{
    (void)state;
    struct engine *engines[WORKERS];
    use_once(true);
    struct storage *storage = open_loaded(engines);
    assert_true(storage_resumed(storage));
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_true(engines[i]->resumed);
        assert_false(engines[i]->behind);
    }
    close_loaded(storage, engines, false);
    storage = open_loaded(engines);
    assert_false(storage_resumed(storage));
    close_loaded(storage, engines, false);
}

/* As after a restored backup: until a clean end, however many starts that takes. */
static void being_behind_is_told_at_every_start_until_a_clean_end(void **state)
{
    struct folder_test *folder = *state;
    struct engine *engines[WORKERS];
    struct storage_meta meta;
    use_once(true);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    meta.behind = true;
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    for (uint32_t round = 0; round < 3; round++) {
        struct storage *storage = open_loaded(engines);
        for (uint32_t i = 0; i < WORKERS; i++) {
            assert_true(engines[i]->behind);
            assert_false(engines[i]->resumed);
        }
        assert_false(storage_resumed(storage));
        close_loaded(storage, engines, round == 2);
    }
    struct storage *storage = open_loaded(engines);
    assert_true(storage_resumed(storage));
    assert_false(engines[0]->behind);
    close_loaded(storage, engines, false);
}

#define STORAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, folder_test_teardown)

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(a_new_folder_says_what_it_is_before_there_is_data),
        STORAGE_TEST(another_engine_or_number_of_partitions_is_refused),
        STORAGE_TEST(what_was_only_in_memory_may_be_followed_by_any_engine),
        STORAGE_TEST(data_without_a_description_is_refused_whatever_the_engine),
        STORAGE_TEST(a_damaged_description_is_refused_and_kept),
        STORAGE_TEST(only_a_clean_end_is_gone_on_from),
        STORAGE_TEST(being_behind_is_told_at_every_start_until_a_clean_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
