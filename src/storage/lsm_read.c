/* Reading one key. First what was accepted and may not be in the database, then what is remembered,
 * then what RocksDB has in memory; what is left is read on another thread, once for all who ask.
 * While those are told, the answer is at hand for their asking again. */
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/brief.h"
#include "storage/lsm_cursor.h"
#include "storage/lsm_engine_inside.h"

/* ---- what is at hand ---- */

static char *place_of(struct lsm_engine *lsm, const struct engine_key *key, size_t *len)
{
    *len = LSM_PLACE_BYTES + key->key.len;
    uint8_t *place = arena_alloc(&lsm->lent, *len);
    if (place != NULL) {
        lsm_place_key(place, key->partition, key->position);
        if (key->key.len > 0) {
            memcpy(place + LSM_PLACE_BYTES, key->key.data, key->key.len);
        }
    }
    return (char *)place;
}

static void learn(struct lsm_engine *lsm, const struct engine_key *key, int code,
                  struct bytes record)
{
    uint32_t epoch = lsm_partition_of(lsm, key->partition)->epoch;
    if (code == 0) {
        lsm_known_record(&lsm->known, key, epoch, record);
    } else if (code == SHOAL_ENOTFOUND) {
        lsm_known_absent(&lsm->known, key, epoch);
    }
}

/* What RocksDB can say without waiting: 0 and a copy of the record, SHOAL_ENOTFOUND, SHOAL_ENOMEM,
 * or 1: it must be read, also to find out what is wrong with it. */
static int get_now(struct lsm_engine *lsm, const struct engine_key *key, struct bytes *record)
{
    size_t place_len;
    char *place = place_of(lsm, key, &place_len);
    if (place == NULL) {
        return SHOAL_ENOMEM;
    }
    rocksdb_t *db = lsm_store_enter_now(lsm->store);
    if (db == NULL) {
        return 1;
    }
    char *error = NULL;
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned(db, lsm->store->database.read_now, place, place_len, &error);
    int code = error != NULL ? 1 : SHOAL_ENOTFOUND;
    (void)lsm_error_code(error, NULL);
    if (found != NULL) {
        size_t len;
        const char *data = rocksdb_pinnableslice_value(found, &len);
        *record = arena_copy(&lsm->lent, bytes_make(data, len));
        code = record->data == NULL && len > 0 ? SHOAL_ENOMEM : 0;
        rocksdb_pinnableslice_destroy(found);
    }
    lsm_store_leave(lsm->store);
    learn(lsm, key, code, code == 0 ? *record : bytes_make(NULL, 0));
    return code;
}

static bool is_answering(const struct lsm_engine *lsm, const struct engine_key *key)
{
    const struct lsm_read *read = lsm->answering;
    return read != NULL && read->key.partition == key->partition &&
           read->key.position == key->position && bytes_equal(read->key.key, key->key);
}

/* All that can be said at once: as get, and 1 if nothing can. */
static int find_now(struct lsm_engine *lsm, const struct engine_key *key, struct bytes *record)
{
    const struct lsm_partition *partition = lsm_partition_of(lsm, key->partition);
    const struct lsm_write *write = lsm_overlay_find(&lsm->overlay, key);
    if (write != NULL && write->kind == LSM_WRITE_PUT) {
        *record = write->record;
        return 0;
    }
    if (write != NULL || lsm_hidden(lsm, partition)) {
        return SHOAL_ENOTFOUND;
    }
    if (is_answering(lsm, key)) {
        struct lsm_read *read = lsm->answering;
        *record = bytes_make(read->record, read->record_len);
        learn(lsm, key, read->code, *record);
        return read->code;
    }
    const struct lsm_known_slot *slot = lsm_known_find(&lsm->known, key, partition->epoch);
    if (slot != NULL && !slot->present) {
        return SHOAL_ENOTFOUND;
    }
    return get_now(lsm, key, record);
}

/* ---- what must be read ---- */

/* A whole block is: its other keys are no news later. */
static void wound_measure(struct lsm_read *read, rocksdb_t *db)
{
    struct lsm_cursor cursor;
    lsm_cursor_open(&cursor, db, read->key.partition);
    read->wound_low = lsm_cursor_damage_begin(&cursor, read->key.position);
    read->wound_high = lsm_cursor_damage_end(&cursor, read->key.position);
    lsm_cursor_close(&cursor);
}

static void read_run(struct offload_job *job)
{
    struct lsm_read *read = (struct lsm_read *)(void *)job;
    struct lsm_store *store = read->fetch.engine->store;
    rocksdb_t *db = lsm_store_enter(store);
    if (db == NULL) {
        read->code = SHOAL_EIO;
        return;
    }
    char *error = NULL;
    const char *place = (const char *)read->key.key.data - LSM_PLACE_BYTES;
    read->record = rocksdb_get(db, store->database.read, place, LSM_PLACE_BYTES + read->key.key.len,
                               &read->record_len, &error);
    read->code = lsm_error_code(error, NULL);
    if (read->code == 0 && read->record == NULL) {
        read->code = SHOAL_ENOTFOUND;
    }
    if (read->code == SHOAL_EDAMAGED) {
        wound_measure(read, db);
    }
    lsm_store_leave(store);
}

static void read_free(struct lsm_read *read)
{
    queue_remove(&read->fetch.link);
    rocksdb_free(read->record);
    mem_free(read->tickets);
    mem_free(read);
}

static uint64_t hash_of(const struct engine_key *key)
{
    return hash_mix(key->position) ^ key->partition;
}

static void table_leave(struct lsm_engine *lsm, struct lsm_read *read)
{
    struct lsm_read *first = table_remove(&lsm->reads, hash_of(&read->key));
    struct lsm_read **at = &first;
    while (*at != read) {
        at = &(*at)->same_hash;
    }
    *at = read->same_hash;
    if (first != NULL) {
        (void)table_put(&lsm->reads, hash_of(&read->key), first); /* into the slot just freed */
    }
}

static void read_done(struct offload_job *job, bool dropped)
{
    struct lsm_read *read = (struct lsm_read *)(void *)job;
    struct lsm_engine *lsm = read->fetch.engine;
    const struct engine_events *events = &lsm->engine.events;
    table_leave(lsm, read);
    if (dropped) {
        read_free(read);
        return;
    }
    if (read->code == SHOAL_EDAMAGED) {
        lsm_wound_found(lsm, read->key.partition, read->wound_low, read->wound_high);
    }
    lsm->answering = read;
    for (size_t i = 0; i < read->ticket_count; i++) {
        events->ready(events->self, read->tickets[i], read->code == SHOAL_EIO ? SHOAL_EIO : 0);
    }
    lsm->answering = NULL;
    queue_remove(&read->fetch.link);
    queue_push(&lsm->spent, &read->fetch.link);
}

static int ticket_add(struct lsm_read *read, uint64_t ticket)
{
    if (read->ticket_count == read->ticket_capacity) {
        size_t capacity = read->ticket_capacity == 0 ? 2 : 2 * read->ticket_capacity;
        uint64_t *tickets = mem_realloc(read->tickets, capacity * sizeof(tickets[0]));
        if (tickets == NULL) {
            return SHOAL_ENOMEM;
        }
        read->tickets = tickets;
        read->ticket_capacity = capacity;
    }
    read->tickets[read->ticket_count++] = ticket;
    return 0;
}

static struct lsm_read *read_new(struct lsm_engine *lsm, const struct engine_key *key)
{
    struct lsm_read *read = mem_alloc(sizeof(*read) + LSM_PLACE_BYTES + key->key.len);
    if (read == NULL) {
        return NULL;
    }
    uint8_t *place = (uint8_t *)(read + 1);
    lsm_place_key(place, key->partition, key->position);
    if (key->key.len > 0) {
        memcpy(place + LSM_PLACE_BYTES, key->key.data, key->key.len);
    }
    *read = (struct lsm_read){.fetch = {.job = {.run = read_run, .done = read_done},
                                        .engine = lsm,
                                        .written = lsm->written},
                              .key = *key};
    read->key.key = bytes_make(place + LSM_PLACE_BYTES, key->key.len);
    queue_init(&read->fetch.link);
    return read;
}

static int read_begin(struct lsm_engine *lsm, const struct engine_key *key, uint64_t ticket)
{
    struct lsm_read *read = read_new(lsm, key);
    if (read == NULL) {
        return SHOAL_ENOMEM;
    }
    read->same_hash = table_get(&lsm->reads, hash_of(key));
    if (ticket_add(read, ticket) != 0 || table_put(&lsm->reads, hash_of(key), read) != 0) {
        read_free(read);
        return SHOAL_ENOMEM;
    }
    queue_push(&lsm->in_flight, &read->fetch.link);
    lsm->offload.submit(lsm->offload.self, OFFLOAD_READ, &read->fetch.job);
    return 1;
}

/* ---- the port ---- */

int lsm_read_get(struct lsm_engine *lsm, const struct engine_key *key, uint64_t ticket,
                 struct bytes *record)
{
    struct bytes found;
    int code = find_now(lsm, key, &found);
    if (code == 0) {
        *record = found;
    }
    if (code != 1) {
        return code;
    }
    struct lsm_read *read = table_get(&lsm->reads, hash_of(key));
    while (read != NULL) {
        if (read->key.position == key->position && read->key.partition == key->partition &&
            bytes_equal(read->key.key, key->key)) {
            code = ticket_add(read, ticket);
            return code != 0 ? code : 1;
        }
        read = read->same_hash;
    }
    return read_begin(lsm, key, ticket);
}

int lsm_read_brief(struct lsm_engine *lsm, const struct engine_key *key, struct engine_brief *out)
{
    const struct lsm_partition *partition = lsm_partition_of(lsm, key->partition);
    const struct lsm_known_slot *slot = lsm_known_find(&lsm->known, key, partition->epoch);
    if (slot != NULL && !lsm_is_wounded(lsm, key)) { /* else what was known may be gone */
        *out = slot->brief;
        return slot->present ? 0 : SHOAL_ENOTFOUND;
    }
    struct bytes record;
    int code = find_now(lsm, key, &record);
    *out = (struct engine_brief){0};
    if (code == 0) {
        *out = engine_brief_of(record);
    }
    return code == SHOAL_ENOTFOUND ? SHOAL_ENOTFOUND : 0;
}

void lsm_read_forget_spent(struct lsm_engine *lsm)
{
    while (!queue_empty(&lsm->spent)) {
        read_free((struct lsm_read *)(void *)QUEUE_ITEM(lsm->spent.next, struct lsm_fetch, link));
    }
}
