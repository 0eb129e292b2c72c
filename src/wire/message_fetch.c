/* FETCH and its answer: what do you hold under this key, unless it is what I hold myself.
 *
 *      [35, id, partition, key, mode, known | nil, view_digest (, trace)]
 *      [36, id, code, object | nil, digest, clock | nil, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define FETCH_FIELDS 5u
#define FETCHED_FIELDS 6u

int message_fetch_encode(const struct message_fetch *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_FETCH, message->id,
                                           FETCH_FIELDS + trace_fields(&message->trace));
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_bin_within(writer, message->key, LIMIT_KEY_BYTES_MAX);
    write_u64_within(writer, message->mode, FETCH_VERSIONS);
    if (message->has_known) {
        write_u64(writer, message->known);
    } else {
        write_nil(writer);
    }
    write_u64(writer, message->view_digest);
    write_trace(writer, &message->trace);
    return encoder_end(&encoder);
}

int message_fetch_decode(struct bytes payload, struct arena *arena, struct message_fetch *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FETCH, FETCH_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_fetch message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message.mode = (uint32_t)read_u64_max(reader, FETCH_VERSIONS);
    message.has_known = !read_nil(reader);
    message.known = message.has_known ? read_u64(reader) : 0;
    message.view_digest = read_u64(reader);
    message.trace = read_trace(reader, &decoder.unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_fetched_encode(const struct message_fetched *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_FETCHED, message->id, FETCHED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_optional_bin_within(writer, message->object, LIMIT_OBJECT_BYTES);
    write_u64(writer, message->digest);
    write_optional_bin_within(writer, message->clock, LIMIT_CLOCK_BYTES);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_fetched_decode(struct bytes payload, struct arena *arena, struct message_fetched *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_FETCHED, FETCHED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_fetched message = {.id = decoder.id};
    message.code = read_code(reader);
    message.object = read_optional_bin(reader, LIMIT_OBJECT_BYTES);
    message.digest = read_u64(reader);
    message.clock = read_optional_bin(reader, LIMIT_CLOCK_BYTES);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
