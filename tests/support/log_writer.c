/* See log_writer.h. */
#include "support/log_writer.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/byteorder.h"
#include "base/hash.h"
#include "model/object.h"
#include "shoal/error.h"

void log_writer_init(struct log_writer *writer, struct disk *disk, struct disk_file *file,
                     struct log_origin origin)
{
    memset(writer, 0, sizeof(*writer));
    writer->disk = disk;
    writer->file = file;
    writer->origin = origin;
    writer->offset = LOG_HEADER_BYTES;
    writer->durable = LOG_HEADER_BYTES;
    arena_init(&writer->arena, 0);
    buffer_init(&writer->batch, 0);
}

void log_writer_deinit(struct log_writer *writer)
{
    arena_deinit(&writer->arena);
    buffer_deinit(&writer->batch);
}

static void record_add(struct log_writer *writer, struct log_record *record)
{
    static const uint8_t zeros[LOG_BATCH_BYTES];
    ASSERT(writer->count < LOG_WRITER_RECORDS_MAX);
    if (writer->batch_count == 0) {
        buffer_clear(&writer->batch);
        ASSERT(buffer_append(&writer->batch, zeros, sizeof(zeros)) == 0);
    }
    record->sequence = ++writer->sequence;
    record->key = arena_copy(&writer->arena, record->key);
    record->value = arena_copy(&writer->arena, record->value);
    record->value_raw = (uint32_t)record->value.len;
    record->position = hash_xxh3(record->key);
    record->tag = (uint16_t)hash_mix(record->position);
    uint64_t offset = writer->offset + writer->batch.len;
    ASSERT(log_record_encode(&writer->origin, offset, record, &writer->batch) == 0);
    writer->written[writer->count++] =
        (struct log_written){.offset = offset,
                             .size = log_record_size(record->key.len, record->value.len),
                             .batch = writer->offset,
                             .record = *record};
    writer->batch_count++;
}

void log_writer_put(struct log_writer *writer, uint32_t partition, const char *key,
                    size_t value_bytes)
{
    uint8_t *value = arena_alloc(&writer->arena, value_bytes + 1);
    ASSERT(value != NULL);
    for (size_t i = 0; i < value_bytes; i++) {
        value[i] = (uint8_t)hash_mix(writer->sequence * 1000 + i);
    }
    struct dot dot = {.actor = partition + 1, .counter = writer->sequence + 1};
    struct sibling sibling = {.dot = dot, .hlc = 7, .value = bytes_make(value, value_bytes)};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    ASSERT(object_encode(&object, &encoded) == 0);
    struct log_record record = {.kind = LOG_PUT,
                                .partition = partition,
                                .key = bytes_from_string(key),
                                .value = buffer_bytes(&encoded)};
    record_add(writer, &record);
    buffer_deinit(&encoded);
}

void log_writer_add(struct log_writer *writer, enum log_record_kind kind, uint32_t partition,
                    const char *key)
{
    struct log_record record = {
        .kind = (uint8_t)kind, .partition = partition, .key = bytes_from_string(key)};
    record_add(writer, &record);
}

int log_writer_flush(struct log_writer *writer, bool sync)
{
    struct log_batch batch = {.records = writer->batch_count,
                              .bytes = writer->batch.len,
                              .durable = writer->durable,
                              .sequence = writer->sequence};
    ASSERT(writer->batch_count > 0);
    log_batch_encode(&writer->origin, writer->offset, &batch, writer->batch.data);
    int error =
        writer->disk->ops->write(writer->file, writer->offset, buffer_bytes(&writer->batch));
    for (uint32_t i = 0; i < writer->batch_count; i++) {
        writer->written[writer->count - 1 - i].durable = writer->durable;
    }
    writer->offset += writer->batch.len;
    writer->batch_count = 0;
    return error == 0 && sync ? log_writer_sync(writer) : error;
}

int log_writer_sync(struct log_writer *writer)
{
    int error = writer->disk->ops->sync(writer->file);
    writer->durable = error == 0 ? writer->offset : writer->durable;
    return error;
}

int log_writer_seal(struct log_writer *writer)
{
    uint8_t bytes[LOG_BATCH_BYTES];
    struct log_batch seal = {.bytes = LOG_BATCH_BYTES, .durable = writer->durable, .seal = true};
    log_batch_encode(&writer->origin, writer->offset, &seal, bytes);
    int error =
        writer->disk->ops->write(writer->file, writer->offset, bytes_make(bytes, sizeof(bytes)));
    writer->offset += LOG_BATCH_BYTES;
    return error;
}

static bool same_record(const struct log_record *a, const struct log_record *b)
{
    return a->sequence == b->sequence && a->position == b->position &&
           a->partition == b->partition && a->tag == b->tag && a->kind == b->kind &&
           a->flags == b->flags && a->value_raw == b->value_raw && bytes_equal(a->key, b->key) &&
           bytes_equal(a->value, b->value);
}

uint32_t log_writer_find(const struct log_writer *writer, uint64_t offset,
                         const struct log_record *record)
{
    for (uint32_t i = 0; i < writer->count; i++) {
        const struct log_written *written = &writer->written[i];
        if (written->offset == offset && same_record(&written->record, record)) {
            return i;
        }
    }
    return UINT32_MAX;
}

uint8_t *log_file_content(struct disk *disk, const char *name, size_t *len)
{
    struct disk_file *file;
    uint64_t bytes;
    ASSERT(disk->ops->open(disk, name, DISK_OPEN_READ, &file) == 0);
    ASSERT(disk->ops->size(file, &bytes) == 0);
    uint8_t *content = malloc(bytes + 1);
    ASSERT(content != NULL);
    ASSERT(disk->ops->read(file, 0, content, (size_t)bytes, len) == 0 && *len == bytes);
    disk->ops->close(file);
    return content;
}

void log_file_change(struct disk *disk, const char *name, uint64_t offset, struct bytes bytes)
{
    struct disk_file *file;
    ASSERT(disk->ops->open(disk, name, DISK_OPEN_WRITE, &file) == 0);
    ASSERT(disk->ops->write(file, offset, bytes) == 0 && disk->ops->sync(file) == 0);
    disk->ops->close(file);
}

void log_file_flip(struct disk *disk, const char *name, uint64_t offset, unsigned bit)
{
    struct disk_file *file;
    uint8_t byte;
    size_t got;
    ASSERT(disk->ops->open(disk, name, DISK_OPEN_READ, &file) == 0);
    ASSERT(disk->ops->read(file, offset, &byte, 1, &got) == 0 && got == 1);
    disk->ops->close(file);
    byte ^= (uint8_t)(1u << bit);
    log_file_change(disk, name, offset, bytes_make(&byte, 1));
}

void log_file_cut(struct disk *disk, const char *name, uint64_t bytes)
{
    struct disk_file *file;
    ASSERT(disk->ops->open(disk, name, DISK_OPEN_WRITE, &file) == 0);
    ASSERT(disk->ops->truncate(file, bytes) == 0 && disk->ops->sync(file) == 0);
    disk->ops->close(file);
}

uint8_t *log_file_newer(const uint8_t *content, size_t len)
{
    uint8_t *newer = malloc(len);
    ASSERT(newer != NULL && len >= 24);
    memcpy(newer, content, len);
    store_u32_le(newer + 8, load_u32_le(content + 8) + 1);
    store_u64_le(newer + len - 8, hash_xxh3(bytes_make(newer, len - 8)));
    return newer;
}

bool log_file_exists(struct disk *disk, const char *name)
{
    struct disk_file *file;
    int error = disk->ops->open(disk, name, DISK_OPEN_READ, &file);
    if (error == 0) {
        disk->ops->close(file);
    }
    return error == 0;
}
