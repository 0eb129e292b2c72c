/* How a segment becomes a closed one: its hint is made from a scan of what really lies on the disk,
 * not from what was meant to be written; so a batch that did not arrive shows here, and engines
 * keep no hint in memory while they write. */
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_volume_state.h"

#define CHUNK_BYTES (256u * 1024u)

static int census_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct log_census *census = self;
    if (record->partition >= census->partitions || offset / LOG_UNIT_BYTES > UINT32_MAX) {
        log_hint_add_place(census->builder, offset, size);
        census->result.damaged++;
        census->result.damaged_bytes += size;
        return 0;
    }
    struct log_hint_entry entry;
    log_hint_entry_of(record, offset, size, &entry);
    return log_hint_add(census->builder, record->partition, &entry);
}

static void census_damage(void *self, uint64_t offset, uint64_t bytes)
{
    struct log_census *census = self;
    log_hint_add_place(census->builder, offset, bytes);
}

int log_census_take(struct disk *disk, struct disk_file *file, const struct log_header *header,
                    uint64_t durable, uint32_t partitions, struct log_census *out)
{
    *out = (struct log_census){.partitions = partitions};
    int error = log_hint_builder_new(&header->origin, header->first_sequence, &out->builder);
    if (error != 0) {
        return error;
    }
    struct log_scan_events events = {.self = out, .record = census_record, .damage = census_damage};
    struct log_scan_result result = {0};
    error = log_scan(disk, file, header, durable, &events, &result);
    result.damaged += out->result.damaged;
    result.damaged_bytes += out->result.damaged_bytes;
    out->result = result;
    return error;
}

/* What the disk can't read is left as it is. */
int log_segment_rewrite(struct disk *disk, struct disk_file *file, const struct log_census *census)
{
    uint8_t *chunk = mem_alloc(CHUNK_BYTES);
    if (chunk == NULL) {
        return SHOAL_ENOMEM;
    }
    int error = 0;
    uint64_t end = census->result.end;
    for (uint64_t at = census->result.durable; error == 0 && at < end; at += CHUNK_BYTES) {
        size_t len = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
        size_t got;
        if (disk->ops->read(file, at, chunk, len, &got) == 0) {
            error = disk->ops->write(file, at, bytes_make(chunk, got));
        }
    }
    mem_free(chunk);
    error = error == SHOAL_ENOSPC ? 0 : error; /* of a file system that copies on write */
    return error == 0 ? disk->ops->sync(file) : error;
}

static int seal_write(struct disk *disk, struct disk_file *file, const struct log_origin *origin,
                      struct log_hint_verdict *verdict)
{
    uint64_t offset = log_round(verdict->end);
    struct log_batch seal = {.bytes = LOG_BATCH_BYTES, .durable = offset, .seal = true};
    uint8_t bytes[LOG_BATCH_BYTES];
    log_batch_encode(origin, offset, &seal, bytes);
    int error = disk->ops->write(file, offset, bytes_make(bytes, sizeof(bytes)));
    error = error == 0 ? disk->ops->sync(file) : error;
    if (error == 0) {
        verdict->end = offset + LOG_BATCH_BYTES;
    }
    return error;
}

int log_segment_finish(struct disk *disk, struct disk_file *file, const struct log_origin *origin,
                       struct log_census *census, struct log_hint_verdict *verdict)
{
    bool sealed = census->result.sealed;
    int error = 0;
    if (!sealed) {
        error = seal_write(disk, file, origin, verdict);
        sealed = error == 0;
        error = error == SHOAL_ENOSPC ? 0 : error; /* as well without, but then not to be cut */
    }
    if (error == 0 && sealed) {
        error = disk->ops->truncate(file, verdict->end);
    }
    return error == 0 ? log_hint_write(census->builder, verdict, disk) : error;
}

static int segment_seal(struct log_volume *volume, struct log_segment *segment,
                        struct log_census *census)
{
    struct disk *disk = volume->disk;
    struct log_header header;
    int error = log_scan_header(disk, segment->file, &header);
    if (error == 0) {
        error = log_census_take(disk, segment->file, &header, 0,
                                engine_partition_count(volume->partitions), census);
    }
    if (error != 0) {
        return error == SHOAL_ENOMEM ? error : SHOAL_EIO;
    }
    const struct log_scan_result *result = &census->result;
    if (result->damaged > 0 || result->torn > 0 || result->shortened) {
        log_error("log: what was written does not read back",
                  LOG_HEX("segment", segment->origin.number), LOG_U64("at", result->end));
        return SHOAL_EIO;
    }
    struct log_hint_verdict verdict = {.end = result->end};
    error = disk->ops->sync(segment->file);
    if (error != 0) {
        return error;
    }
    error = log_segment_finish(disk, segment->file, &segment->origin, census, &verdict);
    if (error == 0) {
        segment->end = verdict.end;
        log_hint_builder_sequences(census->builder, &segment->sequence_min, &segment->sequence_max);
    }
    return error;
}

int log_volume_seal(struct log_volume *volume, struct log_segment *segment)
{
    struct log_census census = {0};
    int error = segment_seal(volume, segment, &census);
    log_hint_builder_free(census.builder);
    return error;
}
