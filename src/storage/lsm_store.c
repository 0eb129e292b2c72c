/* See lsm_store.h. */
#include "storage/lsm_store.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/lsm_database.h"
#include "storage/posix_disk.h"

#define TEXT_BYTES 512u
#define WORDS_BYTES 300u

static uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* ---- what the folder says before the database is opened ---- */

struct found {
    bool database;   /* there is one */
    bool owned;      /* by the owner file */
    bool unreadable; /* the owner file is there, but damaged */
    bool clean;
    struct lsm_owner owner;
};

static void look_for_current(void *self, const char *name, uint64_t bytes)
{
    (void)bytes;
    bool *there = self;
    *there = *there || strcmp(name, "CURRENT") == 0;
}

/* The clean mark counts only for the very files that it speaks of. */
static int look_at_database(struct lsm_store *store, struct found *found)
{
    struct disk *database;
    uint64_t fingerprint = 0;
    int code = posix_disk_open(store->path, &database);
    if (code != 0) {
        return code;
    }
    code = database->ops->list(database, look_for_current, &found->database);
    if (code == 0) {
        code = lsm_fingerprint(database, &fingerprint);
    }
    posix_disk_close(database);
    found->clean = code == 0 && found->database && lsm_clean_read(store->disk, fingerprint);
    return code;
}

static int look(struct lsm_store *store, struct found *found)
{
    *found = (struct found){0};
    int code = lsm_owner_read(store->disk, &found->owner);
    found->owned = code == 0;
    found->unreadable = code == SHOAL_EPROTO;
    if (code != 0 && code != SHOAL_ENOTFOUND && code != SHOAL_EPROTO) {
        return code;
    }
    return look_at_database(store, found);
}

/* What is to be said of the holdings; `boot` is of this start. */
static void judge(struct lsm_store *store, const struct found *found, uint64_t boot)
{
    struct lsm_report *report = &store->report;
    bool original = found->owned && !found->owner.copied;
    bool machine_restarted = found->owned && !found->clean && found->owner.boot != boot &&
                             found->owner.durability != LSM_SYNC;
    report->copied = (found->database || found->unreadable) && !original;
    report->behind = report->copied || machine_restarted || (found->owned && found->owner.behind);
    report->lost = found->owned && found->owner.lost;
    report->resumed = found->clean && original && !report->behind && !report->lost;
}

/* ---- opening ---- */

static int refuse(const struct lsm_store *store, int code, const char *words, char text[TEXT_BYTES])
{
    const char *advice = code == SHOAL_EDAMAGED
                             ? " (move the folder away: the other nodes fill this one again)"
                             : "";
    snprintf(text, TEXT_BYTES, "%.100s: %.250s%s", store->folder, words, advice);
    return code;
}

static int refuse_for_disk(const struct lsm_store *store, int code, char text[TEXT_BYTES])
{
    if (code == SHOAL_EVERSION) {
        return refuse(store, code, "it was made by a newer version", text);
    }
    return refuse(store, code, posix_disk_explain(), text);
}

/* From here on it is ours: a crash before the next clean stop shows. */
static int take_over(struct lsm_store *store, bool made)
{
    store->owner.behind = store->report.behind;
    store->owner.lost = store->report.lost;
    store->owner.made = made;
    int code = lsm_owner_write(store->disk, &store->owner);
    return code != 0 ? code : lsm_clean_remove(store->disk);
}

static int load_holding(struct lsm_partition *partition, struct bytes record)
{
    uint8_t *memory = mem_alloc(record.len);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    lsm_partition_hold(partition, memory, record);
    return 0;
}

/* A holding's record or a partition's counts. 0, SHOAL_EDAMAGED, SHOAL_ENOMEM. */
static int load_entry(struct lsm_store *store, struct bytes key, struct bytes value)
{
    uint32_t number = key.len == LSM_PARTITION_BYTES ? load_u32_be(key.data + 1) : UINT32_MAX;
    if (number >= store->partition_count) {
        return SHOAL_EDAMAGED;
    }
    struct lsm_partition *partition = &store->partitions[number];
    if (key.data[0] == LSM_SPACE_HOLDINGS && value.len <= ENGINE_HOLDING_BYTES_MAX) {
        return load_holding(partition, value);
    }
    if (key.data[0] == LSM_SPACE_COUNTS && value.len == LSM_COUNTS_BYTES) {
        partition->keys = partition->stored_keys = load_u64_le(value.data);
        partition->bytes = partition->stored_bytes = load_u64_le(value.data + 8);
        store->report.keys += partition->keys;
        return 0;
    }
    return SHOAL_EDAMAGED;
}

static int load(struct lsm_store *store, char text[TEXT_BYTES])
{
    static const char begin[] = {LSM_SPACE_HOLDINGS};
    static const char end[] = {LSM_SPACE_COUNTS + 1};
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_iterate_upper_bound(options, end, sizeof(end));
    rocksdb_iterator_t *entries = rocksdb_create_iterator(store->db, options);
    int understood = 0;
    rocksdb_iter_seek(entries, begin, sizeof(begin));
    while (rocksdb_iter_valid(entries) && understood == 0) {
        size_t key_len;
        size_t value_len;
        const char *key = rocksdb_iter_key(entries, &key_len);
        const char *value = rocksdb_iter_value(entries, &value_len);
        understood = load_entry(store, bytes_make(key, key_len), bytes_make(value, value_len));
        rocksdb_iter_next(entries);
    }
    char *error = NULL;
    rocksdb_iter_get_error(entries, &error);
    int code = lsm_error_code(error, text);
    rocksdb_iter_destroy(entries);
    rocksdb_readoptions_destroy(options);
    if (code != 0 || understood == 0) {
        return code;
    }
    snprintf(text, TEXT_BYTES, "%s",
             understood == SHOAL_ENOMEM ? "out of memory"
                                        : "a holding or a count in it makes no sense");
    return understood;
}

/* Damage of the database's log is recorded before the database forgets it. */
static int open_forgiving(struct lsm_store *store, bool made, char words[TEXT_BYTES])
{
    log_error("lsm: the database's log is damaged; what came after that place is lost",
              LOG_TEXT("database", store->path), LOG_TEXT("why", words));
    store->report.lost = true;
    store->report.resumed = false;
    int code = take_over(store, made);
    if (code != 0) {
        snprintf(words, TEXT_BYTES, "%s", posix_disk_explain());
        return code;
    }
    return lsm_database_open(&store->database, store->path, LSM_OPEN_FORGIVE, &store->db, words);
}

static int open_database(struct lsm_store *store, bool create, bool made, char words[TEXT_BYTES])
{
    int code = lsm_database_open(&store->database, store->path, create ? LSM_OPEN_CREATE : LSM_OPEN,
                                 &store->db, words);
    if (code == SHOAL_EDAMAGED) {
        code = open_forgiving(store, made, words);
    }
    if (code != 0) {
        store->db = NULL;
        return code;
    }
    uint32_t partitions = store->data_partitions;
    store->writable = true;
    code = lsm_facts(store->db, &store->database, create, &partitions, words);
    if (code == 0 && partitions != store->data_partitions) {
        snprintf(words, TEXT_BYTES, "it was made for %u partitions, not for %u",
                 (unsigned)partitions, (unsigned)store->data_partitions);
        return SHOAL_EINVAL;
    }
    return code != 0 ? code : load(store, words);
}

/* Opening has changed the files; whoever opens them next, rightly, may still go on. */
static void leave_as_found(struct lsm_store *store, const struct found *found)
{
    struct disk *database;
    uint64_t fingerprint;
    if (store->db == NULL || !found->clean) {
        return;
    }
    rocksdb_close(store->db);
    store->db = NULL;
    if (posix_disk_open(store->path, &database) == 0) {
        if (lsm_fingerprint(database, &fingerprint) == 0) {
            (void)lsm_clean_write(store->disk, fingerprint);
        }
        posix_disk_close(database);
    }
}

/* The owner file comes first and last: between the two, the database may be half made. */
static int open_all(struct lsm_store *store, uint64_t boot, char text[TEXT_BYTES])
{
    char words[TEXT_BYTES] = "";
    struct found found;
    int code = look(store, &found);
    if (code != 0) {
        return refuse_for_disk(store, code, text);
    }
    judge(store, &found, boot);
    bool made = found.owned ? found.owner.made : found.database;
    if (!made && !found.owned) {
        code = take_over(store, false);
        if (code != 0) {
            return refuse_for_disk(store, code, text);
        }
    }
    code = open_database(store, !made, made, words);
    if (code != 0) {
        leave_as_found(store, &found);
        return refuse(store, code, words, text);
    }
    code = take_over(store, true);
    return code != 0 ? refuse_for_disk(store, code, text) : 0;
}

static void store_free(struct lsm_store *store)
{
    if (store->db != NULL) {
        rocksdb_close(store->db);
    }
    lsm_database_deinit(&store->database);
    for (uint32_t i = 0; i < store->partition_count; i++) {
        lsm_partition_forget(&store->partitions[i]);
    }
    if (store->disk != NULL) {
        posix_disk_close(store->disk);
    }
    (void)pthread_rwlock_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->owner_lock);
    (void)pthread_mutex_destroy(&store->backup_lock);
    mem_free(store);
}

/* Writers first: a reopening must not wait for ever for reads that come one after another. */
static void lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    (void)pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
}

static struct lsm_store *store_new(const struct lsm_store_options *options)
{
    uint32_t count = engine_partition_count(options->partitions);
    size_t size = sizeof(struct lsm_store) + count * sizeof(struct lsm_partition);
    struct lsm_store *store = mem_alloc_zeroed(1, size);
    if (store == NULL) {
        return NULL;
    }
    lock_init(&store->lock);
    (void)pthread_mutex_init(&store->owner_lock, NULL);
    (void)pthread_mutex_init(&store->backup_lock, NULL);
    lsm_database_init(&store->database, options->memory_bytes_max);
    snprintf(store->folder, sizeof(store->folder), "%s", options->folder);
    snprintf(store->path, sizeof(store->path), "%.*s/db", (int)sizeof(store->path) - 4,
             options->folder);
    store->data_partitions = options->partitions;
    store->partition_count = count;
    for (uint32_t i = 0; i < count; i++) {
        store->partitions[i].family = (uint8_t)engine_family_of(i, options->partitions);
    }
    store->durability = options->durability;
    store->owner =
        (struct lsm_owner){.durability = (uint32_t)options->durability, .boot = options->boot};
    store->spare_bytes =
        options->spare_bytes > 0 ? options->spare_bytes : 2 * store->database.write_buffer_bytes;
    store->opened = 1;
    return store;
}

int lsm_store_open(const struct lsm_store_options *options, struct lsm_store **out,
                   char text[TEXT_BYTES])
{
    uint64_t begin_us = clock_us();
    if (options->partitions == 0 || options->partitions > LIMIT_PARTITIONS_MAX ||
        strlen(options->folder) + sizeof("/db") > LSM_PATH_BYTES) {
        snprintf(text, TEXT_BYTES, "the folder's name or the number of partitions is out of range");
        return SHOAL_EINVAL;
    }
    struct lsm_store *store = store_new(options);
    if (store == NULL) {
        snprintf(text, TEXT_BYTES, "out of memory");
        return SHOAL_ENOMEM;
    }
    int code = posix_disk_open(options->folder, &store->disk);
    if (code != 0) {
        (void)refuse_for_disk(store, code, text);
    } else {
        code = open_all(store, options->boot, text);
    }
    if (code != 0) {
        store_free(store);
        return code;
    }
    store->report.micros = clock_us() - begin_us;
    *out = store;
    return 0;
}

/* ---- closing ---- */

int lsm_store_losses_known(struct lsm_store *store)
{
    (void)pthread_mutex_lock(&store->owner_lock);
    store->report.behind = false;
    store->report.lost = false;
    int code = take_over(store, true);
    (void)pthread_mutex_unlock(&store->owner_lock);
    return code;
}

/* The next start needs no replay, and knows the files again. */
static int close_cleanly(struct lsm_store *store)
{
    struct disk *database;
    uint64_t fingerprint;
    char *error = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush(store->db, options, &error);
    rocksdb_flushoptions_destroy(options);
    int code = lsm_error_code(error, NULL);
    rocksdb_close(store->db);
    store->db = NULL;
    code = code != 0 ? code : lsm_store_losses_known(store);
    code = code != 0 ? code : posix_disk_open(store->path, &database);
    if (code != 0) {
        return code;
    }
    code = lsm_fingerprint(database, &fingerprint);
    posix_disk_close(database);
    return code != 0 ? code : lsm_clean_write(store->disk, fingerprint);
}

void lsm_store_close(struct lsm_store *store, bool clean)
{
    ASSERT(atomic_load(&store->engines) == 0);
    bool whole = store->writable && !atomic_load(&store->broken) && !atomic_load(&store->failed);
    if (clean && store->db != NULL && whole) {
        int code = close_cleanly(store);
        if (code != 0) {
            log_warning("lsm: the next start won't go on where this one ended",
                        LOG_TEXT("folder", store->folder), LOG_TEXT("why", shoal_error_text(code)));
        }
    }
    store_free(store);
}

const struct lsm_report *lsm_store_report(const struct lsm_store *store)
{
    return &store->report;
}
