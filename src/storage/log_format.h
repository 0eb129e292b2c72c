/* What the log engine writes: segments of batches of records. After Bitcask (Sheehy and Smith,
 * 2010), with a checksum for every record, and with batches that say what was durable before them,
 * so that a torn tail can be told from rot. All numbers are little-endian; all parts begin at
 * multiples of LOG_UNIT_BYTES, padded with zeros.
 *
 *      segment  "<16 hex digits>.seg"
 *      .--------.-----------------------------------.-------.     .------.
 *      | header | batch header | record | record .. | batch | ... | seal |  zeros (reserved)
 *      '--------'-----------------------------------'-------'     '------'
 *
 *      header (64)  "SHOALSEG", u32 format, u32 0, u64 volume, u64 number, u64 capacity,
 *                   u64 first sequence, u64 0, u64 checksum (seed 0) of these
 *      batch (48)   u32 magic, u32 records, u64 bytes with this header, u64 durable: all before
 *                   this offset was on stable storage when the batch was made up, u64 sequence of
 *                   the last record, u64 flags (1: the seal, an empty batch that ends a segment),
 *                   u64 checksum of these
 *      record (48)  u64 checksum of all that follows in it, padding included, u64 sequence,
 *                   u64 position, u32 partition, u16 tag, u8 kind, u8 flags, u32 key bytes,
 *                   u32 value bytes as stored, u32 value bytes raw, u32 0; then key, value
 *
 * Checksums are XXH3-64 seeded with volume, segment number and offset: what a disk returns from
 * another place or an older file doesn't pass. A change that older programs can't read raises the
 * format number of the header, whose size and checksum stay where they are in all formats, so that
 * older programs refuse such a file by name and don't take it for a damaged one. */
#ifndef STORAGE_LOG_FORMAT_H
#define STORAGE_LOG_FORMAT_H

#include "base/buffer.h"
#include "base/limits.h"
#include "model/object.h"
#include "storage/engine.h"

#define LOG_FORMAT 1u
#define LOG_HEADER_BYTES 64u
#define LOG_BATCH_BYTES 48u
#define LOG_RECORD_BYTES 48u
#define LOG_NAME_BYTES 24u
#define LOG_VOLUME_FILE "volume"
#define LOG_UNIT_BYTES 16u

enum log_record_kind {
    LOG_PUT = 1,
    LOG_REMOVE = 2,  /* hides puts of the key of lower sequence */
    LOG_DROP = 3,    /* hides all records of the partition of lower sequence */
    LOG_HOLDING = 4, /* the partition's holding record */
};

#define LOG_FLAG_LZ4 1u

/* The largest part of a segment: longest key, and the largest object as it is stored. */
#define LOG_RECORD_BYTES_MAX (LOG_RECORD_BYTES + LIMIT_KEY_BYTES_MAX + LIMIT_OBJECT_BYTES + 16u)

/* Who a segment is: the seed of its checksums. */
struct log_origin {
    uint64_t volume; /* random, of the data directory */
    uint64_t number; /* of the segment, increasing over the node's life */
};

struct log_header {
    struct log_origin origin;
    uint64_t capacity; /* bytes reserved; the file is no shorter until it is sealed */
    uint64_t first_sequence;
};

#define LOG_PARTITIONS_MAX (ENGINE_FAMILIES * LIMIT_PARTITIONS_MAX)

struct log_batch {
    uint32_t records;
    uint64_t bytes;
    uint64_t durable;
    uint64_t sequence;
    bool seal;
};

struct log_record {
    uint64_t sequence;
    uint64_t position;
    uint32_t partition;
    uint16_t tag;
    uint8_t kind;  /* enum log_record_kind */
    uint8_t flags; /* LOG_FLAG_... */
    struct bytes key;
    struct bytes value; /* as stored; borrowed from the bytes read */
    uint32_t value_raw; /* its size when not compressed */
};

/* The bytes rounded up to whole units. */
static inline uint64_t log_round(uint64_t bytes)
{
    return (bytes + LOG_UNIT_BYTES - 1) & ~(uint64_t)(LOG_UNIT_BYTES - 1);
}

/* The checksum of what lies at the offset. */
uint64_t log_checksum(const struct log_origin *origin, uint64_t offset, struct bytes bytes);

void log_segment_name(uint64_t number, char out[LOG_NAME_BYTES]); /* "000000000000002a.seg" */
void log_hint_name(uint64_t number, char out[LOG_NAME_BYTES]);    /* "000000000000002a.hint" */
/* True and the number for a segment's or hint's name; suffix ".seg" or ".hint". */
bool log_name_read(const char *name, const char *suffix, uint64_t *number);

void log_header_encode(const struct log_header *header, uint8_t out[LOG_HEADER_BYTES]);
/* 0, SHOAL_EPROTO (damaged, or none), SHOAL_EVERSION (written by a newer version). */
int log_header_decode(const uint8_t in[LOG_HEADER_BYTES], struct log_header *out);

void log_batch_encode(const struct log_origin *origin, uint64_t offset,
                      const struct log_batch *batch, uint8_t out[LOG_BATCH_BYTES]);
/* 0 or SHOAL_EPROTO. */
int log_batch_decode(const struct log_origin *origin, uint64_t offset,
                     const uint8_t in[LOG_BATCH_BYTES], struct log_batch *out);
/* Might a batch begin here? Cheap: for searching. */
bool log_batch_begins(const uint8_t *at);

/* A record's whole size on disk. */
size_t log_record_size(size_t key_bytes, size_t value_bytes);

/* Appends the record, padding included, as it stands at the offset. 0, SHOAL_ENOMEM, or
 * SHOAL_ETOOBIG over the buffer's bound. Key and value are within their limits. */
int log_record_encode(const struct log_origin *origin, uint64_t offset,
                      const struct log_record *record, struct buffer *out);

/* The record that the bytes begin with. 0 and its size; 1: more bytes are needed, *size of them in
 * all (at most LOG_RECORD_BYTES_MAX); SHOAL_EPROTO: damaged, or none. Key and value are borrowed
 * from the bytes. */
int log_record_decode(const struct log_origin *origin, uint64_t offset, struct bytes bytes,
                      struct log_record *out, size_t *size);

/* What can be told of a put's object by its first bytes, compressed or not: false when it is not
 * simple. */
bool log_record_glance(const struct log_record *record, struct object_glance *out);

#endif
