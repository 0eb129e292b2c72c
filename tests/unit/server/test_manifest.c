/* server/manifest: a copy is what it was, or the first difference is named. */
#include "folder_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/manifest.h"
#include "server/sealed_json.h"
#include "shoal/error.h"

static char text[MANIFEST_TEXT_BYTES];

static void expect_said(const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

/* A folder as a backup has it, and its manifest, stored. */
static void make_backup(struct folder_test *folder)
{
    static uint8_t large[3 * 1024 * 1024 + 17];
    for (size_t i = 0; i < sizeof(large); i++) {
        large[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    folder_test_write(folder, "node.record", bytes_from_string("who"));
    folder_test_write(folder, "storage.json", bytes_from_string("changes"));
    folder_test_write(folder, "lock", bytes_from_string("1\n"));
    folder_test_write(folder, "half.new", bytes_from_string("never renamed"));
    folder_test_write(folder, "log/b.seg", bytes_make(large, sizeof(large)));
    folder_test_write(folder, "log/a.seg", bytes_make(large, 100));
    folder_test_write(folder, "log/c.hint", bytes_make(NULL, 0));
    struct manifest manifest = {.id = 0xabc, .time_ms = 1700000000000, .node = "n1"};
    snprintf(manifest.cluster, sizeof(manifest.cluster), "demo");
    assert_int_equal(manifest_list(&manifest, folder->fd, "log", text), 0);
    assert_int_equal(manifest_sum(&manifest, folder->fd, NULL, text), 0);
    assert_int_equal(manifest_store(&manifest, folder->fd), 0);
    manifest_deinit(&manifest);
}

static int verify(struct folder_test *folder)
{
    struct manifest manifest;
    assert_int_equal(manifest_load(folder->fd, &manifest), 0);
    text[0] = 0;
    int code = manifest_verify(&manifest, folder->fd, "log", NULL, text);
    manifest_deinit(&manifest);
    return code;
}

static void a_whole_copy_passes(void **state)
{
    struct folder_test *folder = *state;
    struct manifest manifest;
    assert_int_equal(manifest_load(folder->fd, &manifest), 1);
    make_backup(folder);
    assert_int_equal(manifest_load(folder->fd, &manifest), 0);
    assert_int_equal(manifest.id, 0xabc);
    assert_int_equal(manifest.time_ms, 1700000000000);
    assert_string_equal(manifest.node, "n1");
    assert_string_equal(manifest.cluster, "demo");
    assert_int_equal(manifest.count, 4);
    assert_string_equal(manifest.files[0].name, "log/a.seg");
    assert_string_equal(manifest.files[3].name, "node.record");
    manifest_deinit(&manifest);
    assert_int_equal(verify(folder), 0);
    /* What is not listed may come, go and change. */
    folder_test_write(folder, "storage.json", bytes_from_string("changed"));
    folder_test_write(folder, "ports.json", bytes_from_string("{}"));
    assert_int_equal(unlinkat(folder->fd, "lock", 0), 0);
    assert_int_equal(verify(folder), 0);
}

static void a_damaged_file_is_named(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    for (size_t offset = 0; offset < 3 * 1024 * 1024; offset += 1000003) {
        folder_test_flip(folder, "log/b.seg", offset);
        assert_int_equal(verify(folder), SHOAL_EDAMAGED);
        expect_said("log/b.seg is damaged");
        folder_test_flip(folder, "log/b.seg", offset);
    }
    folder_test_flip(folder, "node.record", 1);
    assert_int_equal(verify(folder), SHOAL_EDAMAGED);
    expect_said("node.record is damaged");
}

static void a_missing_or_shortened_file_is_named(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    assert_int_equal(unlinkat(folder->fd, "log/c.hint", 0), 0);
    assert_int_equal(verify(folder), SHOAL_EDAMAGED);
    expect_said("log/c.hint is missing");
    folder_test_write(folder, "log/c.hint", bytes_make(NULL, 0));
    folder_test_write(folder, "log/a.seg", bytes_from_string("short"));
    assert_int_equal(verify(folder), SHOAL_EDAMAGED);
    expect_said("log/a.seg has 5 bytes and had 100");
}

static void a_file_of_data_that_was_not_there_is_named(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    folder_test_write(folder, "log/d.seg", bytes_from_string("of another day"));
    assert_int_equal(verify(folder), SHOAL_EDAMAGED);
    expect_said("log/d.seg is not part of the backup");
}

static void folders_in_the_data_are_part_of_it(void **state)
{
    struct folder_test *folder = *state;
    folder_test_write(folder, "lsm/owner", bytes_from_string("mine"));
    assert_int_equal(mkdirat(folder->fd, "lsm/db", 0700), 0);
    folder_test_write(folder, "lsm/db/1.sst", bytes_from_string("table"));
    folder_test_write(folder, "elsewhere/x", bytes_from_string("not ours"));
    struct manifest manifest = {.id = 1};
    assert_int_equal(manifest_list(&manifest, folder->fd, "lsm", text), 0);
    assert_int_equal(manifest.count, 2);
    assert_string_equal(manifest.files[0].name, "lsm/db/1.sst");
    assert_int_equal(manifest_sum(&manifest, folder->fd, NULL, text), 0);
    assert_int_equal(manifest_verify(&manifest, folder->fd, "lsm", NULL, text), 0);
    folder_test_flip(folder, "lsm/db/1.sst", 0);
    assert_int_equal(manifest_verify(&manifest, folder->fd, "lsm", NULL, text), SHOAL_EDAMAGED);
    expect_said("lsm/db/1.sst is damaged");
    folder_test_write(folder, "lsm/db/2.sst", bytes_from_string("stranger"));
    assert_int_equal(manifest_verify(&manifest, folder->fd, "lsm", NULL, text), SHOAL_EDAMAGED);
    expect_said("lsm/db/2.sst is not part");
    manifest_deinit(&manifest);
}

static void a_link_out_of_the_folder_is_not_followed(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    assert_int_equal(unlinkat(folder->fd, "node.record", 0), 0);
    assert_int_equal(symlinkat("/etc/passwd", folder->fd, "node.record"), 0);
    assert_int_equal(verify(folder), SHOAL_EIO);
    expect_said("node.record can't be read");
}

static bool count_reads(void *self, uint64_t bytes_done)
{
    uint64_t *limit = self;
    return bytes_done <= *limit;
}

static void reading_can_be_given_up(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    uint64_t limit = 1024 * 1024 + 500;
    const struct manifest_watch watch = {.self = &limit, .read = count_reads};
    struct manifest manifest;
    assert_int_equal(manifest_load(folder->fd, &manifest), 0);
    assert_int_equal(manifest_verify(&manifest, folder->fd, "log", &watch, text), SHOAL_ESHUTDOWN);
    assert_int_equal(manifest_sum(&manifest, folder->fd, &watch, text), SHOAL_ESHUTDOWN);
    limit = UINT64_MAX;
    assert_int_equal(manifest_verify(&manifest, folder->fd, "log", &watch, text), 0);
    manifest_deinit(&manifest);
}

static void a_damaged_or_newer_manifest_is_refused(void **state)
{
    struct folder_test *folder = *state;
    make_backup(folder);
    struct manifest manifest;
    size_t size = folder_test_size(folder, MANIFEST_FILE);
    folder_test_flip(folder, MANIFEST_FILE, size / 2);
    assert_int_equal(manifest_load(folder->fd, &manifest), SHOAL_EPROTO);
    struct buffer newer;
    json_t *json = json_pack("{s:i}", "format", 2);
    buffer_init(&newer, 0);
    assert_int_equal(sealed_json_write(json, &newer), 0);
    folder_test_write(folder, MANIFEST_FILE, buffer_bytes(&newer));
    assert_int_equal(manifest_load(folder->fd, &manifest), SHOAL_EVERSION);
    buffer_deinit(&newer);
    json_decref(json);
}

static void names_that_lead_out_of_the_folder_are_refused(void **state)
{
    struct folder_test *folder = *state;
    static const char *const names[] = {"/etc/passwd", "../x", "log/../../x", "..", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct manifest manifest;
        struct buffer sealed;
        json_t *json =
            json_pack("{s:i, s:s, s:[{s:s, s:i, s:s}]}", "format", 1, "id", "00000000000000ab",
                      "files", "name", names[i], "bytes", 1, "xxh3", "00000000000000ab");
        buffer_init(&sealed, 0);
        assert_int_equal(sealed_json_write(json, &sealed), 0);
        folder_test_write(folder, MANIFEST_FILE, buffer_bytes(&sealed));
        assert_int_equal(manifest_load(folder->fd, &manifest), SHOAL_EPROTO);
        buffer_deinit(&sealed);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_whole_copy_passes),
        FOLDER_TEST(a_damaged_file_is_named),
        FOLDER_TEST(a_missing_or_shortened_file_is_named),
        FOLDER_TEST(a_file_of_data_that_was_not_there_is_named),
        FOLDER_TEST(folders_in_the_data_are_part_of_it),
        FOLDER_TEST(a_link_out_of_the_folder_is_not_followed),
        FOLDER_TEST(reading_can_be_given_up),
        FOLDER_TEST(a_damaged_or_newer_manifest_is_refused),
        FOLDER_TEST(names_that_lead_out_of_the_folder_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
