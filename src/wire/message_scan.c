/* SCAN and its answer: a page of one partition in storage order.
 *
 *      [37, id, partition, position, keys_max, bytes_max, prefix, stripped, view_digest (, trace)]
 *      [38, id, code, [[position, key, object], ...], next, end, clock | nil, view_digest, view |
 * nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define SCAN_FIELDS 7u
#define SCANNED_FIELDS 7u

int message_scan_encode(const struct message_scan *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_SCAN, message->id, SCAN_FIELDS + trace_fields(&message->trace));
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->position);
    write_u64(writer, message->keys_max);
    write_u64(writer, message->bytes_max);
    write_bin_within(writer, message->prefix, LIMIT_KEY_BYTES_MAX);
    write_bool(writer, message->stripped);
    write_u64(writer, message->view_digest);
    write_trace(writer, &message->trace);
    return encoder_end(&encoder);
}

int message_scan_decode(struct bytes payload, struct arena *arena, struct message_scan *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_SCAN, SCAN_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_scan message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.position = read_u64(reader);
    message.keys_max = read_u32(reader);
    message.bytes_max = read_u64(reader);
    message.prefix = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message.stripped = read_bool(reader);
    message.view_digest = read_u64(reader);
    message.trace = read_trace(reader, &decoder.unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_scanned_encode(const struct message_scanned *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_SCANNED, message->id, SCANNED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_scan_entries(writer, message->entries, message->count);
    write_u64(writer, message->next);
    write_bool(writer, message->end);
    write_optional_bin_within(writer, message->clock, LIMIT_CLOCK_BYTES);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_scanned_decode(struct bytes payload, struct arena *arena, struct message_scanned *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_SCANNED, SCANNED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_scanned message = {.id = decoder.id};
    message.code = read_code(reader);
    message.entries = read_scan_entries(reader, arena, &message.count);
    message.next = read_u64(reader);
    message.end = read_bool(reader);
    message.clock = read_optional_bin(reader, LIMIT_CLOCK_BYTES);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
