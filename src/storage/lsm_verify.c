/* Reading a whole database, for those who ask whether it is right: every block's checksum, every
 * key's entry among the names, every partition's figures. And what a program does that is run for
 * nothing but that, or for compacting. */
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/lsm_database.h"
#include "storage/lsm_verify.h"
#include "storage/posix_disk.h"

#define TEXT_BYTES 512u

struct verify {
    rocksdb_t *db;
    struct lsm_database *database;
    struct lsm_verdict *verdict;
    uint64_t keys; /* of one partition */
    uint64_t bytes;
    uint64_t names;
};

static rocksdb_iterator_t *iterate(const struct verify *verify, enum lsm_space space,
                                   uint32_t partition, const uint8_t end[LSM_PARTITION_BYTES],
                                   rocksdb_readoptions_t **options)
{
    uint8_t begin[LSM_PARTITION_BYTES];
    *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(*options, 0);
    rocksdb_readoptions_set_verify_checksums(*options, 1);
    rocksdb_readoptions_set_iterate_upper_bound(*options, (const char *)end, LSM_PARTITION_BYTES);
    rocksdb_iterator_t *entries = rocksdb_create_iterator(verify->db, *options);
    lsm_partition_key(begin, space, partition);
    rocksdb_iter_seek(entries, (const char *)begin, sizeof(begin));
    return entries;
}

/* Counts a place that can't be read. Where it ends nobody can say: the rest of the space is left.
 */
static void iterate_end(struct verify *verify, rocksdb_iterator_t *entries,
                        rocksdb_readoptions_t *options)
{
    char *error = NULL;
    rocksdb_iter_get_error(entries, &error);
    verify->verdict->damaged += lsm_error_code(error, NULL) != 0 ? 1 : 0;
    rocksdb_iter_destroy(entries);
    rocksdb_readoptions_destroy(options);
}

static bool name_leads_here(const struct verify *verify, uint32_t partition, const char *place,
                            size_t place_len)
{
    char *error = NULL;
    size_t key_len = place_len - LSM_PLACE_BYTES;
    char *name = malloc(LSM_PARTITION_BYTES + key_len);
    if (name == NULL) {
        return false;
    }
    lsm_partition_key((uint8_t *)name, LSM_SPACE_NAMES, partition);
    memcpy(name + LSM_PARTITION_BYTES, place + LSM_PLACE_BYTES, key_len);
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned(verify->db, verify->database->read, name,
                                                        LSM_PARTITION_BYTES + key_len, &error);
    free(name);
    (void)lsm_error_code(error, NULL);
    if (found == NULL) {
        return false;
    }
    size_t len;
    const char *position = rocksdb_pinnableslice_value(found, &len);
    bool same = len == sizeof(uint64_t) &&
                memcmp(position, place + LSM_PARTITION_BYTES, sizeof(uint64_t)) == 0;
    rocksdb_pinnableslice_destroy(found);
    return same;
}

static void verify_data(struct verify *verify, uint32_t partition)
{
    uint8_t end[LSM_PARTITION_BYTES];
    rocksdb_readoptions_t *options;
    lsm_partition_end(end, LSM_SPACE_DATA, partition);
    rocksdb_iterator_t *entries = iterate(verify, LSM_SPACE_DATA, partition, end, &options);
    for (; rocksdb_iter_valid(entries); rocksdb_iter_next(entries)) {
        size_t place_len;
        size_t record_len;
        const char *place = rocksdb_iter_key(entries, &place_len);
        (void)rocksdb_iter_value(entries, &record_len);
        if (place_len < LSM_PLACE_BYTES) {
            verify->verdict->mismatch++;
            continue;
        }
        verify->keys++;
        verify->bytes += place_len - LSM_PLACE_BYTES + record_len;
        if (!name_leads_here(verify, partition, place, place_len)) {
            verify->verdict->mismatch++;
        }
    }
    iterate_end(verify, entries, options);
}

static void verify_names(struct verify *verify, uint32_t partition)
{
    uint8_t end[LSM_PARTITION_BYTES];
    rocksdb_readoptions_t *options;
    lsm_partition_end(end, LSM_SPACE_NAMES, partition);
    rocksdb_iterator_t *entries = iterate(verify, LSM_SPACE_NAMES, partition, end, &options);
    for (; rocksdb_iter_valid(entries); rocksdb_iter_next(entries)) {
        verify->names++;
    }
    iterate_end(verify, entries, options);
}

static void verify_figures(struct verify *verify, uint32_t partition)
{
    uint8_t key[LSM_PARTITION_BYTES];
    char *error = NULL;
    size_t len = 0;
    lsm_partition_key(key, LSM_SPACE_COUNTS, partition);
    char *counts = rocksdb_get(verify->db, verify->database->read, (const char *)key, sizeof(key),
                               &len, &error);
    verify->verdict->damaged += lsm_error_code(error, NULL) != 0 ? 1 : 0;
    uint64_t keys = len == LSM_COUNTS_BYTES ? load_u64_le(counts) : 0;
    uint64_t bytes = len == LSM_COUNTS_BYTES ? load_u64_le(counts + 8) : 0;
    rocksdb_free(counts);
    bool right = keys == verify->keys && bytes == verify->bytes && verify->names == keys;
    verify->verdict->mismatch += right ? 0 : 1;
}

void lsm_verify_database(rocksdb_t *db, struct lsm_database *database, uint32_t partitions,
                         struct lsm_verdict *out)
{
    *out = (struct lsm_verdict){0};
    struct verify verify = {.db = db, .database = database, .verdict = out};
    for (uint32_t i = 0; i < partitions; i++) {
        uint32_t damaged = out->damaged;
        verify.keys = 0;
        verify.bytes = 0;
        verify.names = 0;
        verify_data(&verify, i);
        verify_names(&verify, i);
        if (out->damaged == damaged) {
            verify_figures(&verify, i);
        }
        out->keys += verify.keys;
        out->bytes += verify.bytes;
    }
}

/* ---- programs ---- */

static void path_of(const char *folder, char path[LSM_PATH_BYTES])
{
    snprintf(path, LSM_PATH_BYTES, "%.*s/db", (int)LSM_PATH_BYTES - 4, folder);
}

int lsm_store_verify(const char *folder, struct lsm_verdict *out, char text[TEXT_BYTES])
{
    char path[LSM_PATH_BYTES];
    char *error = NULL;
    struct lsm_database database;
    uint32_t partitions = 0;
    path_of(folder, path);
    lsm_database_init(&database, 0);
    rocksdb_options_set_wal_recovery_mode(database.options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_t *db = rocksdb_open_for_read_only(database.options, path, 0, &error);
    int code = lsm_error_code(error, text);
    if (code == 0) {
        code = lsm_facts(db, &database, false, &partitions, text);
        if (code == 0) {
            lsm_verify_database(db, &database, engine_partition_count(partitions), out);
        }
        rocksdb_close(db);
    }
    lsm_database_deinit(&database);
    return code;
}

/* A folder that was clean is so afterwards. */
static int compact_between_marks(const char *path, struct disk *disk, struct disk *files,
                                 char text[TEXT_BYTES])
{
    struct lsm_database database;
    rocksdb_t *db;
    uint64_t fingerprint;
    int code = lsm_fingerprint(files, &fingerprint);
    if (code != 0) {
        snprintf(text, TEXT_BYTES, "%s", posix_disk_explain());
        return code;
    }
    bool clean = lsm_clean_read(disk, fingerprint);
    lsm_database_init(&database, 0);
    code = lsm_database_open(&database, path, LSM_OPEN, &db, text);
    if (code == 0) {
        rocksdb_compact_range(db, NULL, 0, NULL, 0);
        rocksdb_close(db);
        code = clean ? lsm_fingerprint(files, &fingerprint) : 0;
        code = clean && code == 0 ? lsm_clean_write(disk, fingerprint) : code;
        snprintf(text, TEXT_BYTES, "%s", code != 0 ? posix_disk_explain() : "");
    }
    lsm_database_deinit(&database);
    return code;
}

int lsm_store_compact(const char *folder, char text[TEXT_BYTES])
{
    char path[LSM_PATH_BYTES];
    struct disk *disk = NULL;
    struct disk *files = NULL;
    path_of(folder, path);
    int code = posix_disk_open(folder, &disk);
    code = code != 0 ? code : posix_disk_open(path, &files);
    if (code == 0) {
        code = compact_between_marks(path, disk, files, text);
        posix_disk_close(files);
    } else {
        snprintf(text, TEXT_BYTES, "%s", posix_disk_explain());
    }
    if (disk != NULL) {
        posix_disk_close(disk);
    }
    return code;
}
