/* Reading a part of a partition for a walk, on the thread that may block: entries in order, whole
 * positions only, until there are enough. Where a block of a table is damaged, RocksDB's iterator
 * stops; then the next place from which it goes on is sought: in steps that double, and back by
 * halves. */
#include "shoal/error.h"
#include "storage/lsm_engine_inside.h"

#define BUNCH_BYTES (256u * 1024u)
#define BUNCH_ENTRIES 2048u
#define READAHEAD_BYTES (128u * 1024u)
#define STEP_ENTRIES 32u /* the first step over damage, about so many entries */

struct scan {
    struct lsm_bunch *bunch;
    rocksdb_iterator_t *entries;
    uint32_t count;
    uint64_t last; /* position of the last entry taken */
};

static void seek(struct scan *scan, uint64_t position)
{
    uint8_t place[LSM_PLACE_BYTES];
    lsm_place_key(place, scan->bunch->partition, position);
    rocksdb_iter_seek(scan->entries, (const char *)place, sizeof(place));
}

/* 0, or why the iterator stands nowhere. */
static int error_of(const struct scan *scan)
{
    char *error = NULL;
    rocksdb_iter_get_error(scan->entries, &error);
    return lsm_error_code(error, NULL);
}

static bool readable_from(struct scan *scan, uint64_t position)
{
    seek(scan, position);
    return error_of(scan) != SHOAL_EDAMAGED;
}

/* The first readable position after one that is not: true, and the iterator stands there. */
static bool pass_over(struct scan *scan, uint64_t damaged, uint64_t *readable)
{
    uint64_t keys = scan->bunch->keys > 0 ? scan->bunch->keys : 1;
    uint64_t step = UINT64_MAX / keys;
    step = step > UINT64_MAX / STEP_ENTRIES ? UINT64_MAX : step * STEP_ENTRIES;
    uint64_t low = damaged;
    uint64_t high = damaged;
    do {
        if (high == UINT64_MAX) {
            return false;
        }
        low = high;
        high = UINT64_MAX - high > step ? high + step : UINT64_MAX;
        step = step > UINT64_MAX / 2 ? UINT64_MAX : 2 * step;
    } while (!readable_from(scan, high));
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (readable_from(scan, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    seek(scan, high);
    *readable = high;
    return true;
}

/* The entry that the iterator stands at, as lsm_walk.c reads it: position, lengths, key, record. */
static int take(struct scan *scan, uint64_t position, struct bytes key)
{
    uint8_t head[LSM_BUNCH_HEAD_BYTES];
    size_t record_len;
    const char *record = rocksdb_iter_value(scan->entries, &record_len);
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
    while (rocksdb_iter_valid(scan->entries)) {
        size_t len;
        const char *place = rocksdb_iter_key(scan->entries, &len);
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
        rocksdb_iter_next(scan->entries);
    }
    return error_of(scan);
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
    seek(scan, position);
    int code = take_all(scan);
    while (code == SHOAL_EDAMAGED) {
        bool taken = scan->count > 0 && scan->last >= position;
        if (taken && scan->last == UINT64_MAX) {
            return 0;
        }
        uint64_t damaged = taken ? scan->last + 1 : position;
        if (!pass_over(scan, damaged, &position)) {
            wound(scan->bunch, damaged, UINT64_MAX);
            return 0;
        }
        wound(scan->bunch, damaged, position - 1);
        code = take_all(scan);
    }
    return code;
}

void lsm_bunch_run(struct offload_job *job)
{
    struct lsm_bunch *bunch = (struct lsm_bunch *)(void *)job;
    struct lsm_store *store = bunch->fetch.engine->store;
    struct scan scan = {.bunch = bunch};
    uint8_t end[LSM_PARTITION_BYTES];
    rocksdb_t *db = lsm_store_enter(store);
    if (db == NULL) {
        bunch->code = SHOAL_EIO;
        return;
    }
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    lsm_partition_end(end, LSM_SPACE_DATA, bunch->partition);
    rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)end, sizeof(end));
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_readoptions_set_readahead_size(options, READAHEAD_BYTES);
    scan.entries = rocksdb_create_iterator(db, options);
    bunch->to_end = true;
    bunch->code = scan_run(&scan);
    rocksdb_iter_destroy(scan.entries);
    rocksdb_readoptions_destroy(options);
    lsm_store_leave(store);
}
