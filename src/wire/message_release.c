/* RELEASE and its answer: an old owner asks each owner to take from it what that one lacks of a
 * partition, and lets go when all have confirmed.
 *
 *      [57, id, partition, node, actor, view_digest]
 *      [58, id, code, actor, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define RELEASE_FIELDS 4u
#define RELEASED_FIELDS 4u

int message_release_encode(const struct message_release *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_RELEASE, message->id, RELEASE_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->node);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    return encoder_end(&encoder);
}

int message_release_decode(struct bytes payload, struct arena *arena, struct message_release *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_RELEASE, RELEASE_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_release message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.node = read_u64(reader);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_released_encode(const struct message_released *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_RELEASED, message->id, RELEASED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_u64(writer, message->actor);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_released_decode(struct bytes payload, struct arena *arena, struct message_released *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_RELEASED, RELEASED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_released message = {.id = decoder.id};
    message.code = read_code(reader);
    message.actor = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
