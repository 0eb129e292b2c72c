/* The moving part of a sync (docs/repair.md): what lies where the sums differ, and the objects.
 *
 *      [50, id, partition, actor, view_digest, depth, [index, ...], position]
 *      [51, id, code, [[position, tag, actor, counter], ...], end, next, view_digest, view | nil]
 *      [52, id, partition, actor, view_digest, [[position, tag], ...], position, until, bytes_max]
 *      [53, id, code, [[position, key, object], ...], end, next, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define LEAVES_FIELDS 6u
#define LISTED_FIELDS 6u
#define FETCH_FIELDS 7u
#define FETCHED_FIELDS 6u
#define LISTED_ENTRY_FIELDS 4u
#define NAME_FIELDS 2u

#define DEPTH_MAX 64u

int message_sync_leaves_encode(const struct message_sync_leaves *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_LEAVES, message->id, LEAVES_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    write_u64_within(writer, message->depth, DEPTH_MAX);
    write_indexes(writer, message->indexes, message->count);
    write_u64(writer, message->position);
    return encoder_end(&encoder);
}

int message_sync_leaves_decode(struct bytes payload, struct arena *arena,
                               struct message_sync_leaves *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_LEAVES, LEAVES_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_leaves message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.depth = (uint32_t)read_u64_max(reader, DEPTH_MAX);
    message.indexes = read_indexes(reader, arena, &message.count);
    message.position = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_listed_encode(const struct message_sync_listed *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_LISTED, message->id, LISTED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_array_within(writer, message->count, LIMIT_SYNC_ENTRIES_HARD);
    for (uint32_t i = 0; i < message->count && writer->error == 0; i++) {
        write_array(writer, LISTED_ENTRY_FIELDS);
        write_u64(writer, message->entries[i].position);
        write_u64(writer, message->entries[i].tag);
        write_u64(writer, message->entries[i].actor);
        write_u64(writer, message->entries[i].counter);
    }
    write_bool(writer, message->end);
    write_u64(writer, message->next);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

static const struct sync_entry *read_listed(struct reader *reader, struct arena *arena,
                                            uint32_t *count)
{
    struct sync_entry *entries =
        read_items(reader, arena, LIMIT_SYNC_ENTRIES_HARD, sizeof(*entries), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        uint32_t unknown = read_fields(reader, LISTED_ENTRY_FIELDS);
        entries[i].position = read_u64(reader);
        entries[i].tag = (uint16_t)read_u64_max(reader, UINT16_MAX);
        entries[i].actor = read_u64(reader);
        entries[i].counter = read_u64(reader);
        read_skip_many(reader, unknown);
    }
    return entries;
}

int message_sync_listed_decode(struct bytes payload, struct arena *arena,
                               struct message_sync_listed *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_LISTED, LISTED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_listed message = {.id = decoder.id};
    message.code = read_code(reader);
    message.entries = read_listed(reader, arena, &message.count);
    message.end = read_bool(reader);
    message.next = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_fetch_encode(const struct message_sync_fetch *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_FETCH, message->id, FETCH_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    write_array_within(writer, message->count, LIMIT_SYNC_NAMES);
    for (uint32_t i = 0; i < message->count && writer->error == 0; i++) {
        write_array(writer, NAME_FIELDS);
        write_u64(writer, message->names[i].position);
        write_u64(writer, message->names[i].tag);
    }
    write_u64(writer, message->position);
    write_u64(writer, message->until);
    write_u64(writer, message->bytes_max);
    return encoder_end(&encoder);
}

static const struct sync_name *read_names(struct reader *reader, struct arena *arena,
                                          uint32_t *count)
{
    struct sync_name *names = read_items(reader, arena, LIMIT_SYNC_NAMES, sizeof(*names), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        uint32_t unknown = read_fields(reader, NAME_FIELDS);
        names[i].position = read_u64(reader);
        names[i].tag = (uint16_t)read_u64_max(reader, UINT16_MAX);
        read_skip_many(reader, unknown);
    }
    return names;
}

int message_sync_fetch_decode(struct bytes payload, struct arena *arena,
                              struct message_sync_fetch *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_FETCH, FETCH_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_fetch message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.names = read_names(reader, arena, &message.count);
    message.position = read_u64(reader);
    message.until = read_u64(reader);
    message.bytes_max = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_sync_fetched_encode(const struct message_sync_fetched *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SYNC_FETCHED, message->id, FETCHED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_scan_entries(writer, message->entries, message->count);
    write_bool(writer, message->end);
    write_u64(writer, message->next);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_sync_fetched_decode(struct bytes payload, struct arena *arena,
                                struct message_sync_fetched *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SYNC_FETCHED, FETCHED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_sync_fetched message = {.id = decoder.id};
    message.code = read_code(reader);
    message.entries = read_scan_entries(reader, arena, &message.count);
    message.end = read_bool(reader);
    message.next = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
