/* A segment as a disk may return it, scanned, and recovered with a whole start. The input is what
 * follows the header, taken as it is and with the checksums put right of whatever looks like
 * batches and records. Whatever it is: records lie in the file, in order, one behind the other; and
 * what a start made of it is what the next one finds. */
#include "base/assert.h"
#include "base/byteorder.h"
#include "base/log.h"
#include "fuzz.h"
#include "shoal/error.h"
#include "storage/log_scan.h"
#include "storage/log_volume.h"
#include "support/model_disk.h"

#define PARTITIONS 8u
#define SAMPLE_BATCHES 4u
#define SAMPLE_RECORDS 5u

static const struct log_header header = {
    .origin = {.volume = 99, .number = 1}, .capacity = 2048, .first_sequence = 1};

/* ---- scanning ---- */

struct tally {
    uint64_t end; /* of the last record or damaged place */
    uint64_t file_bytes;
    uint64_t records;
};

static int tally_record(void *self, uint64_t offset, size_t size, const struct log_record *record)
{
    struct tally *tally = self;
    ASSERT(offset >= tally->end && size <= tally->file_bytes - offset);
    ASSERT(record->key.len <= LIMIT_KEY_BYTES_MAX && record->value.len <= LIMIT_OBJECT_BYTES);
    ASSERT(record->key.len + record->value.len <= size - LOG_RECORD_BYTES);
    struct object_glance glance;
    (void)log_record_glance(record, &glance);
    tally->end = offset + size;
    tally->records++;
    return 0;
}

static void tally_damage(void *self, uint64_t offset, uint64_t bytes)
{
    struct tally *tally = self;
    ASSERT(offset >= tally->end && bytes > 0 && bytes <= tally->file_bytes - offset);
    tally->end = offset + bytes;
}

static void try_scan(struct model_disk *model, const char *name, uint64_t file_bytes,
                     uint64_t durable)
{
    struct disk *disk = model_disk_port(model);
    struct disk_file *file;
    struct log_scan_result result;
    struct tally tally = {.end = LOG_HEADER_BYTES, .file_bytes = file_bytes};
    struct log_scan_events events = {
        .self = &tally, .record = tally_record, .damage = tally_damage};
    ASSERT(disk->ops->open(disk, name, DISK_OPEN_READ, &file) == 0);
    ASSERT(log_scan(disk, file, &header, durable, &events, &result) == 0);
    ASSERT(result.end >= tally.end && result.end <= file_bytes);
    ASSERT(result.torn <= file_bytes - result.end);
    disk->ops->close(file);
}

/* ---- starting ---- */

static uint64_t volume_records(const struct log_volume *volume)
{
    uint64_t records = 0;
    for (uint32_t i = 0; i < volume->segment_count; i++) {
        for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
            records += log_hint_count(volume->segments[i]->hint, partition);
        }
        ASSERT(log_hint_check(volume->segments[i]->hint) == 0);
    }
    return records;
}

static void try_start(struct model_disk *model)
{
    struct log_volume_options options = {
        .disk = model_disk_port(model), .partitions = PARTITIONS, .boot = 1, .id = 99};
    struct log_volume *volume;
    char text[512];
    uint64_t records = 0;
    uint64_t sequence = 0;
    for (unsigned i = 0; i < 3; i++) { /* the third scans again what the first left */
        ASSERT(log_volume_open(&options, &volume, text) == 0);
        ASSERT(i != 1 || volume_records(volume) == records);
        ASSERT(volume_records(volume) >= records && volume->sequence >= sequence);
        records = volume_records(volume);
        sequence = volume->sequence;
        log_volume_close(volume, i == 0);
        if (i == 1) {
            (void)options.disk->ops->remove(options.disk, "0000000000000001.hint");
        }
    }
}

/* ---- inputs ---- */

static void sign_records(uint8_t *file, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at + LOG_RECORD_BYTES <= to;) {
        uint64_t size = log_record_size(load_u32_le(file + at + 32), load_u32_le(file + at + 36));
        if (size > to - at) {
            return;
        }
        struct bytes checked = bytes_make(file + at + 8, (size_t)size - 8);
        store_u64_le(file + at, log_checksum(&header.origin, at, checked));
        at += size;
    }
}

static void sign(uint8_t *file, size_t size)
{
    for (uint64_t at = LOG_HEADER_BYTES; at + LOG_BATCH_BYTES <= size;) {
        if (log_batch_begins(file + at)) {
            uint64_t bytes = load_u64_le(file + at + 8);
            uint64_t to = bytes <= size - at ? at + bytes : size;
            sign_records(file, at + LOG_BATCH_BYTES, to);
            struct bytes checked = bytes_make(file + at, LOG_BATCH_BYTES - 8);
            store_u64_le(file + at + LOG_BATCH_BYTES - 8,
                         log_checksum(&header.origin, at, checked));
        }
        at += LOG_UNIT_BYTES;
    }
}

static void try_file(struct bytes content)
{
    char name[LOG_NAME_BYTES];
    struct model_disk *model = model_disk_new(1);
    log_segment_name(header.origin.number, name);
    model_disk_put_file(model, name, content);
    try_scan(model, name, content.len, 0);
    try_scan(model, name, content.len, content.len);
    try_start(model);
    model_disk_free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer file;
    uint8_t head[LOG_HEADER_BYTES];
    log_set_level(LOG_ERROR + 1);
    buffer_init(&file, 0);
    log_header_encode(&header, head);
    ASSERT(buffer_append(&file, head, sizeof(head)) == 0);
    ASSERT(buffer_append(&file, data, size) == 0);
    try_file(buffer_bytes(&file));
    sign(file.data, file.len);
    try_file(buffer_bytes(&file));
    buffer_deinit(&file);
    return 0;
}

static void sample_batch(struct random *random, uint64_t *sequence, struct buffer *out)
{
    static const uint8_t bytes[300];
    static const uint8_t zeros[LOG_BATCH_BYTES];
    uint64_t begin = LOG_HEADER_BYTES + out->len;
    size_t at = out->len;
    struct log_batch batch = {.records = (uint32_t)random_below(random, SAMPLE_RECORDS),
                              .durable = random_chance(random, 0.7) ? begin : 0};
    ASSERT(buffer_append(out, zeros, sizeof(zeros)) == 0);
    for (uint32_t i = 0; i < batch.records; i++) {
        struct log_record record = {
            .sequence = ++*sequence,
            .position = random_u64(random),
            .partition = (uint32_t)random_below(random, PARTITIONS + 1),
            .kind = (uint8_t)(LOG_PUT + random_below(random, 4)),
            .key = bytes_make(bytes, (size_t)random_below(random, 20)),
            .value = bytes_make(bytes, (size_t)random_below(random, sizeof(bytes)))};
        record.value_raw = (uint32_t)record.value.len;
        ASSERT(log_record_encode(&header.origin, LOG_HEADER_BYTES + out->len, &record, out) == 0);
    }
    batch.bytes = out->len - at;
    batch.sequence = *sequence;
    log_batch_encode(&header.origin, begin, &batch, out->data + at);
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    uint64_t sequence = 0;
    (void)arena;
    for (uint64_t left = random_below(random, SAMPLE_BATCHES + 1); left > 0; left--) {
        sample_batch(random, &sequence, out);
    }
    if (random_chance(random, 0.5)) {
        uint8_t bytes[LOG_BATCH_BYTES];
        uint64_t at = LOG_HEADER_BYTES + out->len;
        struct log_batch seal = {.bytes = LOG_BATCH_BYTES, .durable = at, .seal = true};
        log_batch_encode(&header.origin, at, &seal, bytes);
        ASSERT(buffer_append(out, bytes, sizeof(bytes)) == 0);
    }
}
