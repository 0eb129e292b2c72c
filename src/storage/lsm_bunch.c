/* Reading a part of a partition for a walk, on the thread that may block: entries in order, whole
 * positions only, until there are enough. What is damaged is passed over. */
#include "shoal/error.h"
#include "storage/lsm_cursor.h"
#include "storage/lsm_engine_inside.h"

#define BUNCH_BYTES (256u * 1024u)
#define BUNCH_ENTRIES 2048u

struct scan {
    struct lsm_bunch *bunch;
    struct lsm_cursor cursor;
    uint32_t count;
    uint64_t last; /* position of the last entry taken */
};

/* The entry that the iterator stands at, as lsm_walk.c reads it: position, lengths, key, record. */
static int take(struct scan *scan, uint64_t position, struct bytes key)
{
    uint8_t head[LSM_BUNCH_HEAD_BYTES];
    size_t record_len;
    const char *record = rocksdb_iter_value(scan->cursor.entries, &record_len);
    struct buffer *out = &scan->bunch->entries;
    size_t before = out->len;
    store_u64_le(head, position);
    store_u32_le(head + 8, (uint32_t)key.len);
    store_u32_le(head + 12, (uint32_t)record_len);
    int code = buffer_reserve(out, sizeof(head) + key.len + record_len);
    code = code != 0 ? code : buffer_append(out, head, sizeof(head));
    code = code != 0 ? code : buffer_append_bytes(out, key);
    code = code != 0 ? code : buffer_append(out, record, record_len);
    if (code != 0) {
        out->len = before;
    }
    scan->last = position;
    scan->count++;
    return code;
}

/* What is readable from the iterator's place on. 0: to the end or until there is enough, or
 * SHOAL_EDAMAGED, SHOAL_EIO, SHOAL_ENOMEM. */
static int take_all(struct scan *scan)
{
    struct lsm_bunch *bunch = scan->bunch;
    while (rocksdb_iter_valid(scan->cursor.entries)) {
        size_t len;
        const char *place = rocksdb_iter_key(scan->cursor.entries, &len);
        uint64_t position = load_u64_be(place + LSM_PARTITION_BYTES);
        bool enough = bunch->entries.len >= BUNCH_BYTES || scan->count >= BUNCH_ENTRIES;
        if (enough && position != scan->last) {
            bunch->upto = position;
            bunch->to_end = false;
            return 0;
        }
        int code = take(scan, position, bytes_make(place + LSM_PLACE_BYTES, len - LSM_PLACE_BYTES));
        if (code != 0) {
            return code;
        }
        rocksdb_iter_next(scan->cursor.entries);
    }
    return lsm_cursor_error(&scan->cursor);
}

static void wound(struct lsm_bunch *bunch, uint64_t low, uint64_t high)
{
    bunch->wound_low = bunch->wounded ? bunch->wound_low : low;
    bunch->wound_high = high;
    bunch->wounded = true;
}

static int scan_run(struct scan *scan)
{
    uint64_t position = scan->bunch->from;
    lsm_cursor_seek(&scan->cursor, position);
    int code = take_all(scan);
    while (code == SHOAL_EDAMAGED) {
        bool taken = scan->count > 0 && scan->last >= position;
        if (taken && scan->last == UINT64_MAX) {
            return 0;
        }
        uint64_t damaged = taken ? scan->last + 1 : position;
        uint64_t last_damaged = lsm_cursor_damage_end(&scan->cursor, damaged);
        wound(scan->bunch, damaged, last_damaged);
        if (last_damaged == UINT64_MAX) {
            return 0;
        }
        position = last_damaged + 1;
        lsm_cursor_seek(&scan->cursor, position);
        code = take_all(scan);
    }
    return code;
}

void lsm_bunch_run(struct offload_job *job)
{
    struct lsm_bunch *bunch = (struct lsm_bunch *)(void *)job;
    struct lsm_store *store = bunch->fetch.engine->store;
    struct scan scan = {.bunch = bunch};
    rocksdb_t *db = lsm_store_enter(store);
    if (db == NULL) {
        bunch->code = SHOAL_EIO;
        return;
    }
    lsm_cursor_open(&scan.cursor, db, bunch->partition);
    bunch->to_end = true;
    bunch->code = scan_run(&scan);
    lsm_cursor_close(&scan.cursor);
    lsm_store_leave(store);
}
