/* JOIN: an operator tells a node to join the cluster of another node; answered by RESULT.
 *
 *      [13, id, host, port, timeout_us, stage]
 *
 * `stage` may be left out: false. */
#include "base/limits.h"
#include "wire/codec.h"

#define JOIN_FIELDS 3u
#define JOIN_LATER_FIELDS 1u

int message_join_encode(const struct message_join *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_JOIN, message->id, JOIN_FIELDS + JOIN_LATER_FIELDS);
    struct writer *writer = &encoder.writer;
    write_name(writer, message->host);
    write_u64_within(writer, message->port, UINT16_MAX);
    write_u64(writer, message->timeout_us);
    write_bool(writer, message->stage);
    return encoder_end(&encoder);
}

int message_join_decode(struct bytes payload, struct arena *arena, struct message_join *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_JOIN, JOIN_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_join message = {.id = decoder.id};
    read_text(reader, message.host, sizeof(message.host));
    message.port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    message.timeout_us = read_u64(reader);
    message.stage = read_later_field(&decoder.unknown) && read_bool(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
