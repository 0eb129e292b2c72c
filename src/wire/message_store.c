/* STORE and its answer: take this object, whole.
 *
 *      [33, id, partition, key, object, view_digest, actor, durable, hint (, trace)]
 *      [34, id, code, durable, concurrent, refilling, actor, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define STORE_FIELDS 7u
#define STORED_FIELDS 7u

int message_store_encode(const struct message_store *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_STORE, message->id,
                                           STORE_FIELDS + trace_fields(&message->trace));
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_bin_within(writer, message->key, LIMIT_KEY_BYTES_MAX);
    write_bin_within(writer, message->object, LIMIT_OBJECT_BYTES);
    write_u64(writer, message->view_digest);
    write_u64(writer, message->actor);
    write_bool(writer, message->durable);
    write_bool(writer, message->hint);
    write_trace(writer, &message->trace);
    return encoder_end(&encoder);
}

int message_store_decode(struct bytes payload, struct arena *arena, struct message_store *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_STORE, STORE_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_store message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message.object = read_bin(reader, LIMIT_OBJECT_BYTES);
    message.view_digest = read_u64(reader);
    message.actor = read_u64(reader);
    message.durable = read_bool(reader);
    message.hint = read_bool(reader);
    message.trace = read_trace(reader, &decoder.unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_stored_encode(const struct message_stored *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_STORED, message->id, STORED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_bool(writer, message->durable);
    write_bool(writer, message->concurrent);
    write_bool(writer, message->refilling);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_stored_decode(struct bytes payload, struct arena *arena, struct message_stored *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_STORED, STORED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_stored message = {.id = decoder.id};
    message.code = read_code(reader);
    message.durable = read_bool(reader);
    message.concurrent = read_bool(reader);
    message.refilling = read_bool(reader);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
