/* Collects a segment's entries and writes its hint. Entries wait in the order of the segment, in
 * chunks that are never moved; encoding deals them out to their partitions' groups, whose places
 * follow from the counts (a counting sort). */
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_file.h"
#include "storage/log_hint_layout.h"

#define CHUNK_ENTRIES 1024u

struct entry {
    uint32_t partition;
    uint8_t bytes[HINT_ENTRY_BYTES]; /* as in the file */
};

struct chunk {
    struct chunk *next;
    uint32_t count;
    struct entry entries[CHUNK_ENTRIES];
};

struct log_hint_builder {
    struct log_origin origin;
    uint64_t first_sequence;
    uint64_t sequence_min;
    uint64_t sequence_max;
    struct chunk *first;
    struct chunk *last;
    uint64_t total;
    uint64_t *counts; /* by partition */
    uint32_t partitions;
    uint32_t place_count;
    struct log_hint_place places[LOG_HINT_PLACES_MAX];
};

int log_hint_builder_new(const struct log_origin *origin, uint64_t first_sequence,
                         struct log_hint_builder **out)
{
    struct log_hint_builder *builder = mem_alloc_zeroed(1, sizeof(*builder));
    if (builder == NULL) {
        return SHOAL_ENOMEM;
    }
    builder->origin = *origin;
    builder->first_sequence = first_sequence;
    builder->sequence_min = UINT64_MAX;
    *out = builder;
    return 0;
}

void log_hint_builder_free(struct log_hint_builder *builder)
{
    if (builder == NULL) {
        return;
    }
    while (builder->first != NULL) {
        struct chunk *next = builder->first->next;
        mem_free(builder->first);
        builder->first = next;
    }
    mem_free(builder->counts);
    mem_free(builder);
}

/* Room for counting the partition: doubled, so that rising partitions don't copy it each time. */
static int counts_reserve(struct log_hint_builder *builder, uint32_t partition)
{
    if (partition < builder->partitions) {
        return 0;
    }
    uint32_t partitions = builder->partitions == 0 ? 64 : builder->partitions;
    while (partitions <= partition) {
        partitions *= 2;
    }
    uint64_t *counts = mem_realloc(builder->counts, partitions * sizeof(*counts));
    if (counts == NULL) {
        return SHOAL_ENOMEM;
    }
    memset(counts + builder->partitions, 0, (partitions - builder->partitions) * sizeof(*counts));
    builder->counts = counts;
    builder->partitions = partitions;
    return 0;
}

static int chunk_reserve(struct log_hint_builder *builder)
{
    if (builder->last != NULL && builder->last->count < CHUNK_ENTRIES) {
        return 0;
    }
    struct chunk *chunk = mem_alloc(sizeof(*chunk));
    if (chunk == NULL) {
        return SHOAL_ENOMEM;
    }
    chunk->next = NULL;
    chunk->count = 0;
    if (builder->last == NULL) {
        builder->first = chunk;
    } else {
        builder->last->next = chunk;
    }
    builder->last = chunk;
    return 0;
}

static void entry_encode(const struct log_hint_entry *entry, uint8_t *out)
{
    store_u64_le(out + HINT_ENTRY_AT_SEQUENCE, entry->sequence);
    store_u64_le(out + HINT_ENTRY_AT_POSITION, entry->position);
    store_u64_le(out + HINT_ENTRY_AT_ACTOR, entry->simple ? entry->dot.actor : 0);
    store_u64_le(out + HINT_ENTRY_AT_COUNTER, entry->simple ? entry->dot.counter : 0);
    store_u32_le(out + HINT_ENTRY_AT_OFFSET, (uint32_t)(entry->offset / LOG_UNIT_BYTES));
    store_u32_le(out + HINT_ENTRY_AT_SIZE, entry->bytes / LOG_UNIT_BYTES);
    out[HINT_ENTRY_AT_TAG] = (uint8_t)entry->tag;
    out[HINT_ENTRY_AT_TAG + 1] = (uint8_t)(entry->tag >> 8);
    out[HINT_ENTRY_AT_KIND] = entry->kind;
    out[HINT_ENTRY_AT_FLAGS] = 0;
    if (entry->simple) {
        out[HINT_ENTRY_AT_FLAGS] =
            (uint8_t)(HINT_ENTRY_SIMPLE | (entry->tombstone ? HINT_ENTRY_TOMBSTONE : 0) |
                      (entry->expires ? HINT_ENTRY_EXPIRES : 0));
    }
}

int log_hint_add(struct log_hint_builder *builder, uint32_t partition,
                 const struct log_hint_entry *entry)
{
    ASSERT(partition < LOG_PARTITIONS_MAX);
    ASSERT(entry->offset % LOG_UNIT_BYTES == 0 && entry->bytes % LOG_UNIT_BYTES == 0);
    ASSERT(entry->offset / LOG_UNIT_BYTES <= UINT32_MAX);
    int error = counts_reserve(builder, partition);
    error = error == 0 ? chunk_reserve(builder) : error;
    if (error != 0) {
        return error;
    }
    struct entry *slot = &builder->last->entries[builder->last->count++];
    slot->partition = partition;
    entry_encode(entry, slot->bytes);
    builder->counts[partition]++;
    builder->total++;
    if (entry->sequence < builder->sequence_min) {
        builder->sequence_min = entry->sequence;
    }
    if (entry->sequence > builder->sequence_max) {
        builder->sequence_max = entry->sequence;
    }
    return 0;
}

void log_hint_add_place(struct log_hint_builder *builder, uint64_t offset, uint64_t bytes)
{
    if (builder->place_count < LOG_HINT_PLACES_MAX) {
        builder->places[builder->place_count++] =
            (struct log_hint_place){.offset = offset, .bytes = bytes};
        return;
    }
    struct log_hint_place *last = &builder->places[LOG_HINT_PLACES_MAX - 1];
    last->bytes = offset + bytes - last->offset;
}

uint64_t log_hint_builder_count(const struct log_hint_builder *builder, uint32_t partition)
{
    return partition < builder->partitions ? builder->counts[partition] : 0;
}

uint64_t log_hint_builder_total(const struct log_hint_builder *builder)
{
    return builder->total;
}

void log_hint_builder_sequences(const struct log_hint_builder *builder, uint64_t *min,
                                uint64_t *max)
{
    *min = builder->sequence_min;
    *max = builder->sequence_max;
}

void log_hint_entry_of(const struct log_record *record, uint64_t offset, size_t size,
                       struct log_hint_entry *out)
{
    struct object_glance glance = {0};
    bool simple = log_record_glance(record, &glance);
    *out = (struct log_hint_entry){.sequence = record->sequence,
                                   .position = record->position,
                                   .offset = offset,
                                   .bytes = (uint32_t)size,
                                   .tag = record->tag,
                                   .kind = record->kind,
                                   .simple = simple,
                                   .tombstone = glance.tombstone,
                                   .expires = glance.expires,
                                   .dot = glance.dot};
}

/* An image under way: where each partition's next entry goes. */
struct encoding {
    const struct log_hint_builder *builder;
    uint8_t *image;
    uint32_t groups;
    size_t index_bytes; /* table and places */
    size_t bytes;
    uint64_t *next; /* by partition */
};

static void index_encode(struct encoding *encoding)
{
    const struct log_hint_builder *builder = encoding->builder;
    uint8_t *at = encoding->image + HINT_HEAD_BYTES;
    uint64_t offset = HINT_HEAD_BYTES + encoding->index_bytes;
    for (uint32_t partition = 0; partition < builder->partitions; partition++) {
        uint64_t count = builder->counts[partition];
        encoding->next[partition] = offset;
        if (count > 0) {
            store_u32_le(at + HINT_GROUP_AT_PARTITION, partition);
            store_u32_le(at + HINT_GROUP_AT_ZERO, 0);
            store_u64_le(at + HINT_GROUP_AT_ENTRIES, count);
            store_u64_le(at + HINT_GROUP_AT_OFFSET, offset);
            at += HINT_GROUP_BYTES;
            offset += count * HINT_ENTRY_BYTES;
        }
    }
    for (uint32_t i = 0; i < builder->place_count; i++, at += HINT_PLACE_BYTES) {
        store_u64_le(at, builder->places[i].offset);
        store_u64_le(at + 8, builder->places[i].bytes);
    }
}

static void entries_encode(struct encoding *encoding)
{
    for (const struct chunk *chunk = encoding->builder->first; chunk != NULL; chunk = chunk->next) {
        for (uint32_t i = 0; i < chunk->count; i++) {
            const struct entry *entry = &chunk->entries[i];
            uint64_t *next = &encoding->next[entry->partition];
            memcpy(encoding->image + *next, entry->bytes, HINT_ENTRY_BYTES);
            *next += HINT_ENTRY_BYTES;
        }
    }
}

static void groups_checksum(const struct encoding *encoding)
{
    uint8_t *at = encoding->image + HINT_HEAD_BYTES;
    for (uint32_t i = 0; i < encoding->groups; i++, at += HINT_GROUP_BYTES) {
        uint64_t offset = load_u64_le(at + HINT_GROUP_AT_OFFSET);
        uint64_t bytes = load_u64_le(at + HINT_GROUP_AT_ENTRIES) * HINT_ENTRY_BYTES;
        struct bytes group = bytes_make(encoding->image + offset, (size_t)bytes);
        uint32_t partition = load_u32_le(at + HINT_GROUP_AT_PARTITION);
        store_u64_le(at + HINT_GROUP_AT_CHECKSUM,
                     log_checksum(&encoding->builder->origin, partition, group));
    }
}

static void head_encode(const struct encoding *encoding, const struct log_hint_verdict *verdict)
{
    const struct log_hint_builder *builder = encoding->builder;
    uint8_t *head = encoding->image;
    uint32_t flags =
        (verdict->damaged ? HINT_FLAG_DAMAGED : 0) | (verdict->refused ? HINT_FLAG_REFUSED : 0);
    memset(head, 0, HINT_HEAD_BYTES);
    memcpy(head, hint_magic, sizeof(hint_magic));
    store_u32_le(head + HINT_AT_FORMAT, LOG_HINT_FORMAT);
    store_u32_le(head + HINT_AT_FLAGS, flags);
    store_u64_le(head + HINT_AT_VOLUME, builder->origin.volume);
    store_u64_le(head + HINT_AT_NUMBER, builder->origin.number);
    store_u64_le(head + HINT_AT_END, verdict->end);
    store_u64_le(head + HINT_AT_FIRST_SEQUENCE, builder->first_sequence);
    store_u64_le(head + HINT_AT_SEQUENCE_MIN, builder->sequence_min);
    store_u64_le(head + HINT_AT_SEQUENCE_MAX, builder->sequence_max);
    store_u32_le(head + HINT_AT_GROUPS, encoding->groups);
    store_u32_le(head + HINT_AT_PLACES, builder->place_count);
    struct bytes index = bytes_make(head + HINT_HEAD_BYTES, encoding->index_bytes);
    store_u64_le(head + HINT_AT_INDEX_CHECKSUM,
                 log_checksum(&builder->origin, HINT_HEAD_BYTES, index));
    store_u64_le(head + HINT_AT_CHECKSUM,
                 log_checksum(&builder->origin, 0, bytes_make(head, HINT_AT_CHECKSUM)));
}

int log_hint_encode(const struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                    struct buffer *out)
{
    struct encoding encoding = {.builder = builder};
    for (uint32_t partition = 0; partition < builder->partitions; partition++) {
        encoding.groups += builder->counts[partition] > 0;
    }
    encoding.index_bytes = (size_t)encoding.groups * HINT_GROUP_BYTES +
                           (size_t)builder->place_count * HINT_PLACE_BYTES;
    encoding.bytes = HINT_HEAD_BYTES + encoding.index_bytes + builder->total * HINT_ENTRY_BYTES;
    encoding.next = mem_alloc(builder->partitions * sizeof(*encoding.next));
    int error = encoding.next == NULL ? SHOAL_ENOMEM : buffer_reserve(out, encoding.bytes);
    if (error == 0) {
        encoding.image = out->data + out->len;
        index_encode(&encoding);
        entries_encode(&encoding);
        groups_checksum(&encoding);
        head_encode(&encoding, verdict);
        out->len += encoding.bytes;
    }
    mem_free(encoding.next);
    return error;
}

/* Names of files that were under way when a process ended; recovery removes them. */
static void temporary_name(uint64_t number, char out[LOG_NAME_BYTES])
{
    log_hint_name(number, out);
    memcpy(strrchr(out, '.'), ".tmp", sizeof(".tmp"));
}

static int image_fill(void *self, struct disk *disk, struct disk_file *file)
{
    const struct buffer *image = self;
    return disk->ops->write(file, 0, buffer_bytes(image));
}

int log_hint_write(struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                   struct disk *disk)
{
    char name[LOG_NAME_BYTES];
    char temporary[LOG_NAME_BYTES];
    struct buffer image;
    buffer_init(&image, 0);
    int error = log_hint_encode(builder, verdict, &image);
    if (error == 0) {
        log_hint_name(builder->origin.number, name);
        temporary_name(builder->origin.number, temporary);
        error = log_file_publish(disk, temporary, name, image_fill, &image);
    }
    buffer_deinit(&image);
    return error;
}

int log_hint_keep(struct log_hint_builder *builder, const struct log_hint_verdict *verdict,
                  struct log_hint **out)
{
    struct buffer image;
    buffer_init(&image, 0);
    int error = log_hint_encode(builder, verdict, &image);
    error = error == 0 ? log_hint_from_image(&image, &builder->origin, out) : error;
    buffer_deinit(&image);
    return error;
}
