/* Parts of the messages that move data between holdings: entries of a partition, sums of a tree and
 * indexes of its nodes. */
#include "base/byteorder.h"
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define ENTRY_FIELDS 3u
#define SUM_BYTES 16u

/* ---- entries of a partition ------------------------------------------------------------------ */

void write_scan_entries(struct writer *writer, const struct scan_entry *entries, uint32_t count)
{
    write_array_within(writer, count, LIMIT_LIST_KEYS);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        write_array(writer, ENTRY_FIELDS);
        write_u64(writer, entries[i].position);
        write_bin_within(writer, entries[i].key, LIMIT_KEY_BYTES_MAX);
        write_bin_within(writer, entries[i].object, LIMIT_OBJECT_BYTES);
    }
}

const struct scan_entry *read_scan_entries(struct reader *reader, struct arena *arena,
                                           uint32_t *count)
{
    struct scan_entry *entries =
        read_items(reader, arena, LIMIT_LIST_KEYS, sizeof(*entries), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        uint32_t unknown = read_fields(reader, ENTRY_FIELDS);
        entries[i].position = read_u64(reader);
        entries[i].key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
        entries[i].object = read_bin(reader, LIMIT_OBJECT_BYTES);
        read_skip_many(reader, unknown);
    }
    return entries;
}

/* ---- sums: 16 bytes each, little-endian ------------------------------------------------------ */

static void sum_store(uint8_t at[SUM_BYTES], struct wire_sum sum)
{
    store_u64_le(at, sum.low);
    store_u64_le(at + 8, sum.high);
}

static struct wire_sum sum_load(const uint8_t at[SUM_BYTES])
{
    return (struct wire_sum){.low = load_u64_le(at), .high = load_u64_le(at + 8)};
}

void write_sum(struct writer *writer, struct wire_sum sum)
{
    uint8_t bytes[SUM_BYTES];
    sum_store(bytes, sum);
    write_bin(writer, bytes_make(bytes, sizeof(bytes)));
}

struct wire_sum read_sum(struct reader *reader)
{
    struct bytes bytes = read_bin(reader, SUM_BYTES);
    if (bytes.len != SUM_BYTES) {
        reader_fail(reader, SHOAL_EPROTO);
        return (struct wire_sum){0};
    }
    return sum_load(bytes.data);
}

void write_sums(struct writer *writer, const struct wire_sum *sums, uint32_t count)
{
    if (count > LIMIT_SYNC_SUMS) {
        writer_fail(writer, SHOAL_ETOOBIG);
    }
    write_bin_header(writer, (size_t)count * SUM_BYTES);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        uint8_t bytes[SUM_BYTES];
        sum_store(bytes, sums[i]);
        writer->error = buffer_append(writer->out, bytes, sizeof(bytes));
    }
}

const struct wire_sum *read_sums(struct reader *reader, struct arena *arena, uint32_t *count)
{
    struct bytes bytes = read_bin(reader, (size_t)LIMIT_SYNC_SUMS * SUM_BYTES);
    *count = 0;
    if (bytes.len % SUM_BYTES != 0) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    if (reader->error != 0 || bytes.len == 0) {
        return NULL;
    }
    uint32_t held = (uint32_t)(bytes.len / SUM_BYTES);
    struct wire_sum *sums = arena_alloc_array(arena, held, sizeof(*sums));
    if (sums == NULL) {
        reader_fail(reader, SHOAL_ENOMEM);
        return NULL;
    }
    for (uint32_t i = 0; i < held; i++) {
        sums[i] = sum_load(bytes.data + (size_t)i * SUM_BYTES);
    }
    *count = held;
    return sums;
}

/* ---- indexes of nodes ------------------------------------------------------------------------ */

void write_indexes(struct writer *writer, const uint64_t *indexes, uint32_t count)
{
    write_array_within(writer, count, LIMIT_SYNC_NODES);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        write_u64(writer, indexes[i]);
    }
}

const uint64_t *read_indexes(struct reader *reader, struct arena *arena, uint32_t *count)
{
    uint64_t *indexes = read_items(reader, arena, LIMIT_SYNC_NODES, sizeof(*indexes), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        indexes[i] = read_u64(reader);
    }
    return indexes;
}
