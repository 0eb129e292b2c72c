/* A key and its record as they lie in memory, in one block, so that a read touches the index and
 * then this. The block knows where in the index it belongs, because it may have to move:
 *
 *      u32 lengths     key length in the low 12 bits, record length in the high 19; between them
 * the high bit of the partition u32 position    the high half of the key's position u16 partition
 * its low bits [u32 key length, u32 record length]     only if the low 12 bits are all ones key,
 * record
 *
 * Ten bytes for nearly every key. Numbers are the machine's own: this never leaves the process. */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include "base/bytes.h"

#define RECORD_KEY_BITS 12u
#define RECORD_KEY_LONG ((1u << RECORD_KEY_BITS) - 1) /* the mark of the long form */
#define RECORD_LEN_SHIFT (RECORD_KEY_BITS + 1u)
#define RECORD_SHORT_BYTES_MAX ((1u << (32 - RECORD_LEN_SHIFT)) - 1)
#define RECORD_HEADER_SHORT 10u
#define RECORD_HEADER_LONG 18u

struct record {
    uint32_t position_high;
    uint32_t partition; /* 17 bits */
    struct bytes key;   /* both borrowed from the block */
    struct bytes value; /* what the engine calls the record: it never looks into it */
};

static inline size_t record_header_bytes(size_t key_len, size_t value_len)
{
    bool fits = key_len < RECORD_KEY_LONG && value_len <= RECORD_SHORT_BYTES_MAX;
    return fits ? RECORD_HEADER_SHORT : RECORD_HEADER_LONG;
}

/* The block's size. */
static inline size_t record_bytes(size_t key_len, size_t value_len)
{
    return record_header_bytes(key_len, value_len) + key_len + value_len;
}

/* Key and value alone: what a lookup needs. */
static inline void record_read_content(const uint8_t *block, struct bytes *key, struct bytes *value)
{
    uint32_t lengths;
    memcpy(&lengths, block, sizeof(lengths));
    uint32_t key_len = lengths & RECORD_KEY_LONG;
    uint32_t value_len = lengths >> RECORD_LEN_SHIFT;
    const uint8_t *content = block + RECORD_HEADER_SHORT;
    if (__builtin_expect(key_len == RECORD_KEY_LONG, 0)) {
        memcpy(&key_len, block + RECORD_HEADER_SHORT, sizeof(key_len));
        memcpy(&value_len, block + RECORD_HEADER_SHORT + 4, sizeof(value_len));
        content = block + RECORD_HEADER_LONG;
    }
    *key = bytes_make(content, key_len);
    *value = bytes_make(content + key_len, value_len);
}

static inline struct bytes record_key(const uint8_t *block)
{
    struct bytes key;
    struct bytes value;
    record_read_content(block, &key, &value);
    return key;
}

static inline struct record record_read(const uint8_t *block)
{
    struct record record;
    memcpy(&record.position_high, block + 4, sizeof(record.position_high));
    uint32_t lengths;
    uint16_t partition_low;
    memcpy(&lengths, block, sizeof(lengths));
    memcpy(&partition_low, block + 8, sizeof(partition_low));
    record.partition = (lengths >> RECORD_KEY_BITS & 1u) << 16 | partition_low;
    record_read_content(block, &record.key, &record.value);
    return record;
}

/* Fills a block of record_bytes(). Lengths are below 2^32. */
static inline void record_write(uint8_t *block, const struct record *record)
{
    size_t header = record_header_bytes(record->key.len, record->value.len);
    uint32_t key_len = (uint32_t)record->key.len;
    uint32_t value_len = (uint32_t)record->value.len;
    uint32_t partition_high = record->partition >> 16 << RECORD_KEY_BITS;
    uint16_t partition_low = (uint16_t)record->partition;
    uint32_t lengths = RECORD_KEY_LONG | partition_high;
    if (header == RECORD_HEADER_SHORT) {
        lengths = key_len | partition_high | value_len << RECORD_LEN_SHIFT;
    } else {
        memcpy(block + RECORD_HEADER_SHORT, &key_len, sizeof(key_len));
        memcpy(block + RECORD_HEADER_SHORT + 4, &value_len, sizeof(value_len));
    }
    memcpy(block, &lengths, sizeof(lengths));
    memcpy(block + 4, &record->position_high, sizeof(record->position_high));
    memcpy(block + 8, &partition_low, sizeof(partition_low));
    if (key_len > 0) {
        memcpy(block + header, record->key.data, key_len);
    }
    if (value_len > 0) {
        memcpy(block + header + key_len, record->value.data, value_len);
    }
}

/* Exchanges the value in a block that is large enough, where the header keeps its size. */
static inline void record_set_value(uint8_t *block, size_t key_len, struct bytes value)
{
    uint32_t value_len = (uint32_t)value.len;
    size_t header = record_header_bytes(key_len, value_len);
    if (header == RECORD_HEADER_SHORT) {
        uint32_t lengths;
        memcpy(&lengths, block, sizeof(lengths));
        lengths &= (1u << RECORD_LEN_SHIFT) - 1;
        lengths |= value_len << RECORD_LEN_SHIFT;
        memcpy(block, &lengths, sizeof(lengths));
    } else {
        memcpy(block + RECORD_HEADER_SHORT + 4, &value_len, sizeof(value_len));
    }
    if (value_len > 0) {
        memcpy(block + header + key_len, value.data, value_len);
    }
}

#endif
