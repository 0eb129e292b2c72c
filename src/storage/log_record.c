/* See log_format.h: records. The checksum covers the padding too, so that no bit of a segment's
 * used part can change unnoticed. */
#include "storage/log_format.h"

#include <lz4.h>

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/mutant.h"
#include "model/object.h"
#include "shoal/error.h"

#define CHECKSUM_BYTES sizeof(uint64_t)
#define PEEK_BYTES 64u /* of an object, enough for its dot */

/* Where the fields are. */
enum {
    AT_SEQUENCE = 8,
    AT_POSITION = 16,
    AT_PARTITION = 24,
    AT_TAG = 28,
    AT_KIND = 30,
    AT_FLAGS = 31,
    AT_KEY_BYTES = 32,
    AT_VALUE_BYTES = 36,
    AT_VALUE_RAW = 40,
    AT_ZERO = 44,
};

size_t log_record_size(size_t key_bytes, size_t value_bytes)
{
    return (size_t)log_round(LOG_RECORD_BYTES + key_bytes + value_bytes);
}

static void record_write(uint8_t *at, const struct log_record *record, size_t size)
{
    store_u64_le(at + AT_SEQUENCE, record->sequence);
    store_u64_le(at + AT_POSITION, record->position);
    store_u32_le(at + AT_PARTITION, record->partition);
    at[AT_TAG] = (uint8_t)record->tag;
    at[AT_TAG + 1] = (uint8_t)(record->tag >> 8);
    at[AT_KIND] = record->kind;
    at[AT_FLAGS] = record->flags;
    store_u32_le(at + AT_KEY_BYTES, (uint32_t)record->key.len);
    store_u32_le(at + AT_VALUE_BYTES, (uint32_t)record->value.len);
    store_u32_le(at + AT_VALUE_RAW, record->value_raw);
    store_u32_le(at + AT_ZERO, 0);
    uint8_t *end = at + LOG_RECORD_BYTES;
    if (record->key.len > 0) {
        memcpy(end, record->key.data, record->key.len);
        end += record->key.len;
    }
    if (record->value.len > 0) {
        memcpy(end, record->value.data, record->value.len);
        end += record->value.len;
    }
    memset(end, 0, (size_t)(at + size - end));
}

int log_record_encode(const struct log_origin *origin, uint64_t offset,
                      const struct log_record *record, struct buffer *out)
{
    ASSERT(record->key.len <= LIMIT_KEY_BYTES_MAX && record->value.len <= LIMIT_OBJECT_BYTES);
    ASSERT(offset % LOG_UNIT_BYTES == 0);
    size_t size = log_record_size(record->key.len, record->value.len);
    int error = buffer_reserve(out, size);
    if (error != 0) {
        return error;
    }
    uint8_t *at = out->data + out->len;
    record_write(at, record, size);
    struct bytes checked = bytes_make(at + CHECKSUM_BYTES, size - CHECKSUM_BYTES);
    store_u64_le(at, log_checksum(origin, offset, checked));
    out->len += size;
    return 0;
}

/* Before anything is believed: could these be the fields of a record? */
static bool fields_plausible(const uint8_t *at)
{
    uint32_t value_bytes = load_u32_le(at + AT_VALUE_BYTES);
    uint32_t value_raw = load_u32_le(at + AT_VALUE_RAW);
    bool packed = at[AT_FLAGS] == LOG_FLAG_LZ4;
    return at[AT_KIND] >= LOG_PUT && at[AT_KIND] <= LOG_HOLDING &&
           (packed ? value_bytes < value_raw : at[AT_FLAGS] == 0 && value_bytes == value_raw) &&
           value_raw <= LIMIT_OBJECT_BYTES &&
           load_u32_le(at + AT_KEY_BYTES) <= LIMIT_KEY_BYTES_MAX &&
           load_u32_le(at + AT_PARTITION) < LIMIT_PARTITIONS_MAX && load_u32_le(at + AT_ZERO) == 0;
}

static void record_read(const uint8_t *at, struct log_record *out)
{
    uint32_t key_bytes = load_u32_le(at + AT_KEY_BYTES);
    *out = (struct log_record){
        .sequence = load_u64_le(at + AT_SEQUENCE),
        .position = load_u64_le(at + AT_POSITION),
        .partition = load_u32_le(at + AT_PARTITION),
        .tag = (uint16_t)(at[AT_TAG] | at[AT_TAG + 1] << 8),
        .kind = at[AT_KIND],
        .flags = at[AT_FLAGS],
        .key = bytes_make(at + LOG_RECORD_BYTES, key_bytes),
        .value = bytes_make(at + LOG_RECORD_BYTES + key_bytes, load_u32_le(at + AT_VALUE_BYTES)),
        .value_raw = load_u32_le(at + AT_VALUE_RAW),
    };
}

int log_record_decode(const struct log_origin *origin, uint64_t offset, struct bytes bytes,
                      struct log_record *out, size_t *size)
{
    if (bytes.len < LOG_RECORD_BYTES) {
        *size = LOG_RECORD_BYTES;
        return 1;
    }
    const uint8_t *at = bytes.data;
    if (!fields_plausible(at)) {
        return SHOAL_EPROTO;
    }
    size_t whole =
        log_record_size(load_u32_le(at + AT_KEY_BYTES), load_u32_le(at + AT_VALUE_BYTES));
    if (bytes.len < whole) {
        *size = whole;
        return 1;
    }
    struct bytes checked = bytes_make(at + CHECKSUM_BYTES, whole - CHECKSUM_BYTES);
    if (load_u64_le(at) != log_checksum(origin, offset, checked) && !MUTANT(record_unchecked)) {
        return SHOAL_EPROTO;
    }
    record_read(at, out);
    *size = whole;
    return 0;
}

bool log_record_glance(const struct log_record *record, struct object_glance *out)
{
    if (record->kind != LOG_PUT) {
        return false;
    }
    if (record->flags != LOG_FLAG_LZ4) {
        return object_glance(record->value, out);
    }
    char begin[PEEK_BYTES];
    int len = LZ4_decompress_safe_partial((const char *)record->value.data, begin,
                                          (int)record->value.len, PEEK_BYTES, PEEK_BYTES);
    return len > 0 && object_glance(bytes_make(begin, (size_t)len), out);
}
