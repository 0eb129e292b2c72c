/* server/offline: what the tools take, what they refuse, and what they end with. */
#include "folder_test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/data_folder.h"
#include "server/offline.h"
#include "server/storage.h"
#include "server/storage_meta.h"

static char *out;
static char *err;

static int run(int (*tool)(const char *, FILE *, FILE *), const char *data_dir)
{
    size_t out_len;
    size_t err_len;
    free(out);
    free(err);
    FILE *out_file = open_memstream(&out, &out_len);
    FILE *err_file = open_memstream(&err, &err_len);
    int status = tool(data_dir, out_file, err_file);
    fclose(out_file);
    fclose(err_file);
    return status;
}

static int tear_down(void **state)
{
    free(out);
    free(err);
    out = NULL;
    err = NULL;
    return folder_test_teardown(state);
}

static void expect_said(const char *where, const char *part)
{
    if (strstr(where, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, where);
    }
}

static void submit(void *self, enum offload_lane lane, struct offload_job *job)
{
    (void)self;
    (void)lane;
    (void)job;
    fail();
}

/* As a node that was started once leaves it. */
static void make_data(struct folder_test *folder)
{
    static struct config config;
    struct data_folder data = {.fd = folder->fd, .lock_fd = -1};
    struct storage *storage;
    struct engine *engine;
    struct offload offload = {.submit = submit};
    char text[STORAGE_TEXT_BYTES];
    config = (struct config){.engine = ENGINE_LOG, .partitions = 8};
    memcpy(config.data_dir, folder->path, sizeof(folder->path));
    assert_int_equal(storage_open(&config, &data, NULL, &storage, text), 0);
    assert_int_equal(storage_load_engines(storage, 1, &offload, &engine, text), 0);
    engine->ops->free(engine);
    storage_close(storage, true);
}

static void whole_data_is_fine_and_may_be_compacted(void **state)
{
    struct folder_test *folder = *state;
    make_data(folder);
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_FINE);
    expect_said(out, "all fine");
    assert_string_equal(err, "");
    assert_false(folder_test_has(folder, "lock")); /* nothing is made */
    assert_int_equal(run(offline_compact, folder->path), OFFLINE_FINE);
    expect_said(out, "bytes before");
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_FINE);
}

static void a_folder_that_is_none_of_a_node_is_refused(void **state)
{
    struct folder_test *folder = *state;
    assert_int_equal(run(offline_verify, "/nonexistent"), OFFLINE_CAN_NOT);
    expect_said(err, "No such file");
    assert_int_equal(run(offline_compact, folder->path), OFFLINE_CAN_NOT);
    expect_said(err, "is this a node's data_dir?");
    assert_false(folder_test_has(folder, "lock"));
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_CAN_NOT);
    folder_test_write(folder, STORAGE_META_FILE, bytes_from_string("{}"));
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_DAMAGED);
}

static void a_folder_in_use_is_refused(void **state)
{
    struct folder_test *folder = *state;
    struct data_folder holder;
    char text[512];
    make_data(folder);
    assert_int_equal(data_folder_open(folder->path, &holder, text), 0);
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_CAN_NOT);
    expect_said(err, "in use by process");
    assert_int_equal(run(offline_compact, folder->path), OFFLINE_CAN_NOT);
    data_folder_close(&holder);
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_FINE);
}

static void data_that_is_gone_is_damage(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta = {.engine = ENGINE_LOG, .partitions = 8, .id = 1};
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_DAMAGED);
    expect_said(err, "log: No such file");
    assert_false(folder_test_has(folder, "log"));
}

static void a_backup_without_its_manifest_is_damage_and_none_is_compacted(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    make_data(folder);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    meta.backup = 7;
    assert_int_equal(storage_meta_store(folder->fd, &meta), 0);
    assert_int_equal(run(offline_verify, folder->path), OFFLINE_DAMAGED);
    expect_said(out, "backup.json: missing");
    assert_int_equal(run(offline_compact, folder->path), OFFLINE_CAN_NOT);
    expect_said(err, "this is a backup");
}

#define OFFLINE_TEST(name) cmocka_unit_test_setup_teardown(name, folder_test_setup, tear_down)

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        OFFLINE_TEST(whole_data_is_fine_and_may_be_compacted),
        OFFLINE_TEST(a_folder_that_is_none_of_a_node_is_refused),
        OFFLINE_TEST(a_folder_in_use_is_refused),
        OFFLINE_TEST(data_that_is_gone_is_damage),
        OFFLINE_TEST(a_backup_without_its_manifest_is_damage_and_none_is_compacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
