/* server/storage_meta: what a data_dir says of itself. */
#include "folder_test.h"

#include <string.h>

#include "server/sealed_json.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

static const struct storage_meta sample = {
    .engine = ENGINE_LSM, .partitions = 4096, .id = 0x1234, .behind = true, .backup = 0x99};

static void what_was_stored_is_loaded(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta = {0};
    assert_int_equal(storage_meta_load(folder->fd, &meta), 1);
    assert_int_equal(storage_meta_store(folder->fd, &sample), 0);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    assert_int_equal(meta.engine, ENGINE_LSM);
    assert_int_equal(meta.partitions, 4096);
    assert_int_equal(meta.id, 0x1234);
    assert_true(meta.behind);
    assert_int_equal(meta.backup, 0x99);
    struct storage_meta next = {.engine = ENGINE_LOG, .partitions = 1, .id = UINT64_MAX};
    assert_int_equal(storage_meta_store(folder->fd, &next), 0);
    assert_int_equal(storage_meta_load(folder->fd, &meta), 0);
    assert_int_equal(meta.engine, ENGINE_LOG);
    assert_int_equal(meta.id, UINT64_MAX);
    assert_false(meta.behind);
    assert_int_equal(meta.backup, 0);
}

static void damage_is_seen(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    assert_int_equal(storage_meta_store(folder->fd, &sample), 0);
    size_t size = folder_test_size(folder, STORAGE_META_FILE);
    uint32_t refused = 0;
    for (size_t i = 0; i < size; i++) {
        folder_test_flip(folder, STORAGE_META_FILE, i);
        int code = storage_meta_load(folder->fd, &meta);
        assert_true(code == SHOAL_EPROTO || (code == 0 && meta.id == sample.id));
        refused += code != 0 ? 1 : 0;
        folder_test_flip(folder, STORAGE_META_FILE, i);
    }
    assert_true(refused > size / 2);
    folder_test_write(folder, STORAGE_META_FILE, bytes_make(NULL, 0));
    assert_int_equal(storage_meta_load(folder->fd, &meta), SHOAL_EPROTO);
    static uint8_t large[100000];
    folder_test_write(folder, STORAGE_META_FILE, bytes_make(large, sizeof(large)));
    assert_int_equal(storage_meta_load(folder->fd, &meta), SHOAL_EPROTO);
}

static void fields_that_cannot_be_are_refused(void **state)
{
    struct folder_test *folder = *state;
    static const struct {
        const char *field;
        const char *json;
    } cases[] = {
        {"engine", "\"redis\""}, {"engine", "3"},         {"partitions", "0"},
        {"partitions", "65537"}, {"partitions", "\"1\""}, {"id", "\"12\""},
        {"id", "null"},          {"behind", "1"},         {"backup", "true"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct storage_meta meta;
        struct buffer text;
        json_t *json = json_pack("{s:i, s:s, s:i, s:s, s:b, s:n}", "format", 1, "engine", "log",
                                 "partitions", 8, "id", "00000000000000ab", "behind", 0, "backup");
        json_object_set_new(json, cases[i].field, json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
        buffer_init(&text, 0);
        assert_int_equal(sealed_json_write(json, &text), 0);
        folder_test_write(folder, STORAGE_META_FILE, buffer_bytes(&text));
        assert_int_equal(storage_meta_load(folder->fd, &meta), SHOAL_EPROTO);
        buffer_deinit(&text);
        json_decref(json);
    }
}

static void a_newer_format_is_told_from_damage(void **state)
{
    struct folder_test *folder = *state;
    struct storage_meta meta;
    struct buffer text;
    json_t *json = json_pack("{s:i, s:s}", "format", 2, "engine", "quantum");
    buffer_init(&text, 0);
    assert_int_equal(sealed_json_write(json, &text), 0);
    folder_test_write(folder, STORAGE_META_FILE, buffer_bytes(&text));
    assert_int_equal(storage_meta_load(folder->fd, &meta), SHOAL_EVERSION);
    buffer_deinit(&text);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(what_was_stored_is_loaded),
        FOLDER_TEST(damage_is_seen),
        FOLDER_TEST(fields_that_cannot_be_are_refused),
        FOLDER_TEST(a_newer_format_is_told_from_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
