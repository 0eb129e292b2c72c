/* HELLO and its answer: who speaks, in which versions. Their form never changes except by fields at
 * the end, since it is what finds out which version to speak.
 *
 *      [1, id, "shoal", version_min, version_max, features, role, cluster, node, worker, name,
 *       credentials | nil]
 *      [2, id, version, features, cluster, node, name, frame_bytes_max] */
#include "base/limits.h"
#include "shoal/error.h"
#include "wire/codec.h"

#define HELLO_FIELDS 10u
#define HELLO_REPLY_FIELDS 6u

int message_hello_encode(const struct message_hello *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_HELLO, message->id, HELLO_FIELDS);
    struct writer *writer = &encoder.writer;
    write_text(writer, PROTOCOL_MAGIC);
    write_u64(writer, message->version_min);
    write_u64(writer, message->version_max);
    write_u64(writer, message->features);
    write_u64(writer, message->role);
    write_u64(writer, message->cluster);
    write_u64(writer, message->node);
    write_u64(writer, message->worker);
    write_name(writer, message->name);
    write_optional_bin_within(writer, message->credentials, LIMIT_CREDENTIALS_BYTES);
    return encoder_end(&encoder);
}

int message_hello_decode(struct bytes payload, struct arena *arena, struct message_hello *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_HELLO, HELLO_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_hello message = {.id = decoder.id};
    struct bytes magic = read_bin(reader, sizeof(PROTOCOL_MAGIC) - 1);
    if (!bytes_equal(magic, bytes_from_string(PROTOCOL_MAGIC))) {
        reader_fail(reader, SHOAL_EPROTO);
    }
    message.version_min = read_u32(reader);
    message.version_max = read_u32(reader);
    message.features = read_u64(reader);
    message.role = read_u32(reader);
    message.cluster = read_u64(reader);
    message.node = read_u64(reader);
    message.worker = read_u32(reader);
    read_text(reader, message.name, sizeof(message.name));
    message.credentials = read_optional_bin(reader, LIMIT_CREDENTIALS_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_hello_reply_encode(const struct message_hello_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_HELLO_REPLY, message->id, HELLO_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->version);
    write_u64(writer, message->features);
    write_u64(writer, message->cluster);
    write_u64(writer, message->node);
    write_name(writer, message->name);
    write_u64(writer, message->frame_bytes_max);
    return encoder_end(&encoder);
}

int message_hello_reply_decode(struct bytes payload, struct arena *arena,
                               struct message_hello_reply *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_HELLO_REPLY, HELLO_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_hello_reply message = {.id = decoder.id};
    message.version = read_u32(reader);
    message.features = read_u64(reader);
    message.cluster = read_u64(reader);
    message.node = read_u64(reader);
    read_text(reader, message.name, sizeof(message.name));
    message.frame_bytes_max = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
