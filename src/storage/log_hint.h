/* A hint file: what a closed segment holds, without keys and values, so that a start need not read
 * the segment (Bitcask). Grouped by partition, because a worker wants only its own; it also fixes
 * where the segment's valid part ends, and what was found damaged. It is written to a temporary
 * name, synced and renamed, and can be made again from the segment at any time.
 *
 *      "<16 hex digits>.hint", all numbers little-endian
 *      head (96)   "SHOALHNT", u32 format, u32 flags (1 damaged, 2 refused), u64 volume, u64
 * number, u64 end, u64 first sequence, u64 min sequence, u64 max sequence, u32 groups, u32 places,
 * u64 checksum of table and places, u64 0, u64 checksum of the head table       groups of: u32
 * partition, u32 0, u64 entries, u64 offset in this file, u64 checksum of the group by partition,
 * ascending places      damaged places of: u64 offset, u64 bytes              in the order of the
 * segment groups      entries of 44: u64 sequence, u64 position, u64 actor, u64 counter, u32 offset
 *                  and u32 size of the record in units, u16 tag, u8 kind, u8 flags (1 simple, 2
 * tombstone, 4 expires) in the order of the segment
 *
 * Checksums are log_checksum of the segment: a group's at its partition's number, the others' at
 * the offset in this file. */
#ifndef STORAGE_LOG_HINT_H
#define STORAGE_LOG_HINT_H

#include "model/dot.h"
#include "storage/disk.h"
#include "storage/log_format.h"

#define LOG_HINT_FORMAT 2u
#define LOG_HINT_FORMAT_MIN 1u    /* of which entries don't tell all: see log_hint_summary.older */
#define LOG_HINT_PLACES_MAX 1024u /* what is damaged beyond is one place with the last */

/* One record of the segment. */
struct log_hint_entry {
    uint64_t sequence;
    uint64_t position;
    uint64_t offset;
    uint32_t bytes; /* of the record on disk */
    uint16_t tag;
    uint8_t kind;
    bool simple; /* else the rest means nothing */
    bool tombstone;
    bool expires;
    struct dot dot;
};

/* The record at the offset, as a hint has it. */
void log_hint_entry_of(const struct log_record *record, uint64_t offset, size_t size,
                       struct log_hint_entry *out);

struct log_hint_place {
    uint64_t offset;
    uint64_t bytes;
};

/* What is known of the segment as a whole. */
struct log_hint_summary {
    struct log_origin origin;
    uint64_t end; /* valid up to here */
    uint64_t first_sequence;
    uint64_t sequence_min; /* over its records; UINT64_MAX when there is none */
    uint64_t sequence_max; /* 0 when there is none */
    bool damaged;          /* something in it was lost when this was made */
    bool refused;          /* nothing in it is used: it could not be told what it is */
    bool older;            /* of a format that tells less of its entries: to be made again */
};

/* Building one: entries in the order of the segment. */
struct log_hint_builder;
int log_hint_builder_new(const struct log_origin *origin, uint64_t first_sequence,
                         struct log_hint_builder **out);
void log_hint_builder_free(struct log_hint_builder *builder); /* NULL is harmless */
/* 0 or SHOAL_ENOMEM. The partition is below LIMIT_PARTITIONS_MAX. */
int log_hint_add(struct log_hint_builder *builder, uint32_t partition,
                 const struct log_hint_entry *entry);
/* Remembers a damaged place. */
void log_hint_add_place(struct log_hint_builder *builder, uint64_t offset, uint64_t bytes);
uint64_t log_hint_builder_count(const struct log_hint_builder *builder, uint32_t partition);
uint64_t log_hint_builder_total(const struct log_hint_builder *builder);
/* Over all entries: UINT64_MAX and 0 when there is none. */
void log_hint_builder_sequences(const struct log_hint_builder *builder, uint64_t *min,
                                uint64_t *max);

/* How the segment turned out. */
struct log_hint_verdict {
    uint64_t end;
    bool damaged;
    bool refused;
};

/* Encodes and writes it durably. Blocks. 0, SHOAL_ENOMEM, errors of the disk. */
int log_hint_write(struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                   struct disk *disk);

/* Reading one: head and table are in memory, groups are read when asked for, by any number of
 * threads at a time. Blocks. SHOAL_ENOTFOUND, SHOAL_EPROTO, SHOAL_EVERSION: make it again from the
 * segment. SHOAL_ENOMEM, errors of the disk. */
struct log_hint;
int log_hint_open(struct disk *disk, const struct log_origin *origin, struct log_hint **out);
/* The same without a file, from what would be written. 0 or SHOAL_ENOMEM. */
int log_hint_keep(struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                  struct log_hint **out);
void log_hint_free(struct log_hint *hint); /* NULL is harmless */
const struct log_hint_summary *log_hint_summary(const struct log_hint *hint);
/* Is there anything of the partition? */
bool log_hint_has(const struct log_hint *hint, uint32_t partition);
uint64_t log_hint_count(const struct log_hint *hint, uint32_t partition);
/* Calls for each entry of the partition, in the order of the segment; what the visitor returns,
 * when it isn't 0, ends it and is returned. 0, SHOAL_EPROTO (the group is damaged: nothing was
 * visited), SHOAL_ENOMEM, errors of the disk. */
int log_hint_read(const struct log_hint *hint, uint32_t partition,
                  int (*visit)(void *self, const struct log_hint_entry *entry), void *self);
/* Reads every group and checks it. Outcomes as log_hint_read. */
int log_hint_check(const struct log_hint *hint);

/* The partitions in it, by index, ascending. */
uint32_t log_hint_groups(const struct log_hint *hint);
uint32_t log_hint_partition(const struct log_hint *hint, uint32_t index);
uint32_t log_hint_places(const struct log_hint *hint);
struct log_hint_place log_hint_place(const struct log_hint *hint, uint32_t index);

/* Do both say the same of the segment's records, as far as their formats go? */
bool log_hint_agree(const struct log_hint *a, const struct log_hint *b);

#endif
