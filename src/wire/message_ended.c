/* ENDED and its answer: which actors of a partition's holdings have ended, as a question that makes
 * whoever confirms one refuse what it wrote.
 *
 *      [54, id, partition, view_digest, [actor, ...], certain]
 *      [55, id, code, confirmed, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define ENDED_FIELDS 4u
#define ENDED_REPLY_FIELDS 4u

int message_ended_encode(const struct message_ended *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_ENDED, message->id, ENDED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64_within(writer, message->partition, LIMIT_PARTITIONS_MAX - 1);
    write_u64(writer, message->view_digest);
    write_array_within(writer, message->count, LIMIT_ENDED_ACTORS);
    for (uint32_t i = 0; i < message->count && writer->error == 0; i++) {
        write_u64(writer, message->actors[i]);
    }
    write_bool(writer, message->certain);
    return encoder_end(&encoder);
}

int message_ended_decode(struct bytes payload, struct arena *arena, struct message_ended *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_ENDED, ENDED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_ended message = {.id = decoder.id};
    message.partition = (uint32_t)read_u64_max(reader, LIMIT_PARTITIONS_MAX - 1);
    message.view_digest = read_u64(reader);
    uint64_t *actors =
        read_items(reader, arena, LIMIT_ENDED_ACTORS, sizeof(*actors), &message.count);
    for (uint32_t i = 0; i < message.count; i++) {
        actors[i] = read_u64(reader);
    }
    message.actors = actors;
    message.certain = read_bool(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_ended_reply_encode(const struct message_ended_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_ENDED_REPLY, message->id, ENDED_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_u64(writer, message->confirmed);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_ended_reply_decode(struct bytes payload, struct arena *arena,
                               struct message_ended_reply *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_ENDED_REPLY, ENDED_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_ended_reply message = {.id = decoder.id};
    message.code = read_code(reader);
    message.confirmed = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
