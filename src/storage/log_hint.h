/* A hint file: what a closed segment holds, without keys and values, so that a start need not read
 * the segment (Bitcask). Grouped by partition, because a worker wants only its own; it also fixes
 * where the segment's valid part ends, and what was found damaged. It is written to a temporary
 * name, synced and renamed, and can be made again from the segment at any time.
 *
 *      "SHOALHNT" u32 format, u32 partitions in it, origin, end, min sequence, max sequence, ...
 *      table: partition, count, offset, checksum of the group      by partition
 *      groups of entries                                           in the order of the segment
 */
#ifndef STORAGE_LOG_HINT_H
#define STORAGE_LOG_HINT_H

#include "model/dot.h"
#include "storage/disk.h"
#include "storage/log_format.h"

#define LOG_HINT_FORMAT 1u

/* One record of the segment. */
struct log_hint_entry {
    uint64_t sequence;
    uint64_t position;
    uint64_t offset;
    uint32_t bytes; /* of the record on disk */
    uint16_t tag;
    uint8_t kind;
    bool simple;
    struct dot dot;
};

/* What is known of the segment as a whole. */
struct log_hint_summary {
    struct log_origin origin;
    uint64_t end;          /* valid up to here */
    uint64_t sequence_min; /* over its records; UINT64_MAX when there is none */
    uint64_t sequence_max;
    bool damaged; /* something in it was lost: see the quarantine entries */
};

/* Building one: entries in the order of the segment. */
struct log_hint_builder;
int log_hint_builder_new(const struct log_origin *origin, struct log_hint_builder **out);
void log_hint_builder_free(struct log_hint_builder *builder);
int log_hint_add(struct log_hint_builder *builder, uint32_t partition,
                 const struct log_hint_entry *entry);
/* Encodes and writes it durably. Blocks. */
int log_hint_write(struct log_hint_builder *builder, uint64_t end, bool damaged, struct disk *disk);

/* Reading one: head and table are in memory, groups are read when asked for. Blocks. SHOAL_ENOTFOUND,
 * SHOAL_EPROTO, SHOAL_EVERSION: make it again from the segment. */
struct log_hint;
int log_hint_open(struct disk *disk, const struct log_origin *origin, struct log_hint **out);
void log_hint_free(struct log_hint *hint);
const struct log_hint_summary *log_hint_summary(const struct log_hint *hint);
/* Is there anything of the partition? */
bool log_hint_has(const struct log_hint *hint, uint32_t partition);
/* Calls for each entry of the partition. 0, or SHOAL_EPROTO (the group is damaged), SHOAL_EIO. */
int log_hint_read(struct log_hint *hint, uint32_t partition,
                  int (*visit)(void *self, const struct log_hint_entry *entry), void *self);

#endif
