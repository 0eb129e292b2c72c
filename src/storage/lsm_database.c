/* See lsm_database.h: opening, entering and leaving, errors. */
#include "storage/lsm_database.h"

#include <stdio.h>

#include "shoal/error.h"

#define TEXT_BYTES 512u

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int lsm_error_code(char *error, char text[TEXT_BYTES])
{
    if (error == NULL) {
        return 0;
    }
    int code = SHOAL_EIO;
    if (begins_with(error, "Result incomplete")) {
        code = 1;
    } else if (begins_with(error, "Corruption")) {
        code = SHOAL_EDAMAGED;
    } else if (begins_with(error, "IO error: No space left") ||
               begins_with(error, "IO error: Space limit reached")) {
        code = SHOAL_ENOSPC;
    }
    if (text != NULL) {
        snprintf(text, TEXT_BYTES, "%s", error);
    }
    rocksdb_free(error);
    return code;
}

/* ---- opening ---- */

int lsm_database_open(struct lsm_database *database, const char *path, enum lsm_opening how,
                      rocksdb_t **out, char text[TEXT_BYTES])
{
    char *error = NULL;
    rocksdb_options_set_create_if_missing(database->options, how == LSM_OPEN_CREATE);
    rocksdb_options_set_wal_recovery_mode(database->options,
                                          how == LSM_OPEN_FORGIVE
                                              ? rocksdb_point_in_time_recovery
                                              : rocksdb_tolerate_corrupted_tail_records_recovery);
    *out = rocksdb_open(database->options, path, &error);
    return lsm_error_code(error, text);
}

int lsm_store_reopen(struct lsm_store *store, uint64_t opened, char text[TEXT_BYTES])
{
    int code = 0;
    (void)pthread_rwlock_wrlock(&store->lock);
    if (store->opened == opened) {
        if (store->db != NULL) {
            rocksdb_close(store->db);
        }
        code = lsm_database_open(&store->database, store->path, LSM_OPEN, &store->db, text);
        store->writable = code == 0;
        store->opened++;
        atomic_store(&store->broken, false);
        if (code != 0) {
            char *error = NULL;
            store->db = rocksdb_open_for_read_only(store->database.options, store->path, 0, &error);
            store->db = lsm_error_code(error, NULL) == 0 ? store->db : NULL;
        }
    }
    (void)pthread_rwlock_unlock(&store->lock);
    return code;
}

/* ---- using it ---- */

rocksdb_t *lsm_store_enter(struct lsm_store *store)
{
    (void)pthread_rwlock_rdlock(&store->lock);
    if (store->db == NULL) {
        (void)pthread_rwlock_unlock(&store->lock);
    }
    return store->db;
}

rocksdb_t *lsm_store_enter_now(struct lsm_store *store)
{
    if (pthread_rwlock_tryrdlock(&store->lock) != 0) {
        return NULL;
    }
    if (store->db == NULL) {
        (void)pthread_rwlock_unlock(&store->lock);
    }
    return store->db;
}

void lsm_store_leave(struct lsm_store *store)
{
    (void)pthread_rwlock_unlock(&store->lock);
}

/* ---- facts ---- */

#define FACTS_BYTES 8u /* u32 format, u32 partitions */

static const char facts_key[] = {LSM_SPACE_META, 's', 'h', 'o', 'a', 'l'};

static int facts_write(rocksdb_t *db, struct lsm_database *database, uint32_t partitions,
                       char text[TEXT_BYTES])
{
    uint8_t facts[FACTS_BYTES];
    char *error = NULL;
    store_u32_le(facts, LSM_FORMAT);
    store_u32_le(facts + 4, partitions);
    rocksdb_put(db, database->write_sync, facts_key, sizeof(facts_key), (const char *)facts,
                sizeof(facts), &error);
    return lsm_error_code(error, text);
}

int lsm_facts(rocksdb_t *db, struct lsm_database *database, bool create, uint32_t *partitions,
              char text[TEXT_BYTES])
{
    char *error = NULL;
    size_t len = 0;
    char *facts = rocksdb_get(db, database->read, facts_key, sizeof(facts_key), &len, &error);
    int code = lsm_error_code(error, text);
    if (code != 0) {
        return code;
    }
    if (facts == NULL && create) {
        return facts_write(db, database, *partitions, text);
    }
    bool whole = facts != NULL && len >= FACTS_BYTES;
    uint32_t format = whole ? load_u32_le(facts) : 0;
    uint32_t found = whole ? load_u32_le(facts + 4) : 0;
    rocksdb_free(facts);
    if (!whole) {
        snprintf(text, TEXT_BYTES, "it is no database of shoal's");
        return SHOAL_EDAMAGED;
    }
    if (format > LSM_FORMAT) {
        snprintf(text, TEXT_BYTES,
                 "it has format %u; this program knows up to %u: use a newer version",
                 (unsigned)format, (unsigned)LSM_FORMAT);
        return SHOAL_EVERSION;
    }
    *partitions = found;
    return 0;
}
