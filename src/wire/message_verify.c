/* VERIFY: an operator asks whether all owners of every partition hold the same; and the answer. It
 * comes when all have been compared, or when the time is up.
 *
 *      [16, id, with_values, timeout_us]
 *      [17, id, digest, partitions, with_values, siblings, bytes, [differing], [unverified],
 *       text | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define VERIFY_FIELDS 2u
#define VERIFY_REPLY_FIELDS 8u

int message_verify_encode(const struct message_verify *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_VERIFY, message->id, VERIFY_FIELDS);
    write_bool(&encoder.writer, message->with_values);
    write_u64(&encoder.writer, message->timeout_us);
    return encoder_end(&encoder);
}

int message_verify_decode(struct bytes payload, struct arena *arena, struct message_verify *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_VERIFY, VERIFY_FIELDS);
    struct message_verify message = {.id = decoder.id};
    message.with_values = read_bool(&decoder.reader);
    message.timeout_us = read_u64(&decoder.reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

static void write_partitions(struct writer *writer, const uint32_t *partitions, uint32_t count)
{
    write_array_within(writer, count, LIMIT_PARTITIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        write_u64(writer, partitions[i]);
    }
}

static const uint32_t *read_partitions(struct reader *reader, struct arena *arena, uint32_t *count)
{
    uint32_t *partitions =
        read_items(reader, arena, LIMIT_PARTITIONS_MAX, sizeof(*partitions), count);
    for (uint32_t i = 0; i < *count; i++) {
        partitions[i] = read_u32(reader);
    }
    return partitions;
}

int message_verify_reply_encode(const struct message_verify_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_VERIFY_REPLY, message->id, VERIFY_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_sum(writer, message->digest);
    write_u64(writer, message->partitions);
    write_bool(writer, message->with_values);
    write_u64(writer, message->siblings);
    write_u64(writer, message->bytes);
    write_partitions(writer, message->differing, message->differing_count);
    write_partitions(writer, message->unverified, message->unverified_count);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    return encoder_end(&encoder);
}

int message_verify_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_verify_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_VERIFY_REPLY, VERIFY_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_verify_reply message = {.id = decoder.id};
    message.digest = read_sum(reader);
    message.partitions = read_u32(reader);
    message.with_values = read_bool(reader);
    message.siblings = read_u64(reader);
    message.bytes = read_u64(reader);
    message.differing = read_partitions(reader, arena, &message.differing_count);
    message.unverified = read_partitions(reader, arena, &message.unverified_count);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
