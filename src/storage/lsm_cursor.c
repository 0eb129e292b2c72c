#include "storage/lsm_cursor.h"

#include "shoal/error.h"

#define READAHEAD_BYTES (128u * 1024u)
#define STEP (UINT64_MAX / 256) /* the first over damage */

void lsm_cursor_open(struct lsm_cursor *cursor, rocksdb_t *db, uint32_t partition)
{
    *cursor = (struct lsm_cursor){
        .db = db, .options = rocksdb_readoptions_create(), .partition = partition};
    lsm_partition_key(cursor->begin, LSM_SPACE_DATA, partition);
    lsm_partition_end(cursor->end, LSM_SPACE_DATA, partition);
    rocksdb_readoptions_set_iterate_lower_bound(cursor->options, (const char *)cursor->begin,
                                                sizeof(cursor->begin));
    rocksdb_readoptions_set_iterate_upper_bound(cursor->options, (const char *)cursor->end,
                                                sizeof(cursor->end));
    rocksdb_readoptions_set_fill_cache(cursor->options, 0);
    rocksdb_readoptions_set_readahead_size(cursor->options, READAHEAD_BYTES);
    cursor->entries = rocksdb_create_iterator(db, cursor->options);
}

void lsm_cursor_close(struct lsm_cursor *cursor)
{
    rocksdb_iter_destroy(cursor->entries);
    rocksdb_readoptions_destroy(cursor->options);
}

int lsm_cursor_error(const struct lsm_cursor *cursor)
{
    char *error = NULL;
    rocksdb_iter_get_error(cursor->entries, &error);
    return lsm_error_code(error, NULL);
}

/* An iterator that has met damage is not used again: it remembers. */
void lsm_cursor_seek(struct lsm_cursor *cursor, uint64_t position)
{
    uint8_t place[LSM_PLACE_BYTES];
    if (lsm_cursor_error(cursor) != 0) {
        rocksdb_iter_destroy(cursor->entries);
        cursor->entries = rocksdb_create_iterator(cursor->db, cursor->options);
    }
    lsm_place_key(place, cursor->partition, position);
    rocksdb_iter_seek(cursor->entries, (const char *)place, sizeof(place));
}

static bool readable(struct lsm_cursor *cursor, uint64_t position)
{
    lsm_cursor_seek(cursor, position);
    return lsm_cursor_error(cursor) != SHOAL_EDAMAGED;
}

static uint64_t doubled(uint64_t step)
{
    return step > UINT64_MAX / 2 ? UINT64_MAX : 2 * step;
}

uint64_t lsm_cursor_damage_end(struct lsm_cursor *cursor, uint64_t damaged)
{
    uint64_t step = STEP;
    uint64_t low = damaged;
    uint64_t high = damaged;
    do {
        if (high == UINT64_MAX) {
            return UINT64_MAX;
        }
        low = high;
        high = UINT64_MAX - high > step ? high + step : UINT64_MAX;
        step = doubled(step);
    } while (!readable(cursor, high));
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (readable(cursor, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

uint64_t lsm_cursor_damage_begin(struct lsm_cursor *cursor, uint64_t damaged)
{
    uint64_t step = STEP;
    uint64_t low = damaged;
    uint64_t high = damaged;
    do {
        if (low == 0) {
            return 0;
        }
        high = low;
        low = low > step ? low - step : 0;
        step = doubled(step);
    } while (!readable(cursor, low));
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (readable(cursor, middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}
