/* What nodes tell each other about nodes (in GOSSIP and ADMIT_REPLY). */
#include "base/limits.h"
#include "wire/codec.h"

#define RECORD_FIELDS 16u
/* storage (ok when left out), releasing, sync_rate, memory, ops, ops_rate (0) */
#define RECORD_LATER_FIELDS 6u

static void write_record(struct writer *writer, const struct wire_record *record)
{
    write_array(writer, RECORD_FIELDS + RECORD_LATER_FIELDS);
    write_u64(writer, record->id);
    write_u64(writer, record->generation);
    write_u64(writer, record->heartbeat);
    write_u64(writer, record->version);
    write_str_within(writer, record->name, LIMIT_NAME_BYTES);
    write_str_within(writer, record->zone, LIMIT_NAME_BYTES);
    write_str_within(writer, record->host, LIMIT_NAME_BYTES);
    write_u64_within(writer, record->client_port, UINT16_MAX);
    write_u64_within(writer, record->peer_port, UINT16_MAX);
    write_u64_within(writer, record->redis_port, UINT16_MAX);
    write_u64_within(writer, record->http_port, UINT16_MAX);
    write_u64(writer, record->state);
    write_u64(writer, record->keys);
    write_u64(writer, record->bytes);
    write_u64(writer, record->hints);
    write_u64(writer, record->pending_sync);
    write_u64(writer, record->storage);
    write_u64(writer, record->releasing);
    write_u64(writer, record->sync_rate);
    write_u64(writer, record->memory);
    write_u64(writer, record->ops);
    write_u64(writer, record->ops_rate);
}

void write_records(struct writer *writer, const struct wire_record *records, uint32_t count)
{
    write_array_within(writer, count, LIMIT_MEMBERS);
    for (uint32_t i = 0; i < count && writer->error == 0; i++) {
        write_record(writer, &records[i]);
    }
}

static void read_record(struct reader *reader, struct wire_record *record)
{
    uint32_t unknown = read_fields(reader, RECORD_FIELDS);
    record->id = read_u64(reader);
    record->generation = read_u64(reader);
    record->heartbeat = read_u64(reader);
    record->version = read_u64(reader);
    record->name = read_bin(reader, LIMIT_NAME_BYTES);
    record->zone = read_bin(reader, LIMIT_NAME_BYTES);
    record->host = read_bin(reader, LIMIT_NAME_BYTES);
    record->client_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    record->peer_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    record->redis_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    record->http_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    record->state = read_u32(reader);
    record->keys = read_u64(reader);
    record->bytes = read_u64(reader);
    record->hints = read_u64(reader);
    record->pending_sync = read_u64(reader);
    record->storage = read_later_field(&unknown) ? read_u32(reader) : NODE_STORAGE_OK;
    record->releasing = read_later_field(&unknown) ? read_u64(reader) : 0;
    record->sync_rate = read_later_field(&unknown) ? read_u64(reader) : 0;
    record->memory = read_later_field(&unknown) ? read_u64(reader) : 0;
    record->ops = read_later_field(&unknown) ? read_u64(reader) : 0;
    record->ops_rate = read_later_field(&unknown) ? read_u64(reader) : 0;
    read_skip_many(reader, unknown);
}

const struct wire_record *read_records(struct reader *reader, struct arena *arena, uint32_t *count)
{
    struct wire_record *records = read_items(reader, arena, LIMIT_MEMBERS, sizeof(*records), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        read_record(reader, &records[i]);
    }
    return records;
}
