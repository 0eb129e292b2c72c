/* COMPARE and its answer: one small pair of messages that tells whether two nodes hold the same in
 * all partitions that both own.
 *
 *      [44, id, node, view_digest, sum]
 *      [45, id, code, equal, view_digest, view | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define COMPARE_FIELDS 3u
#define COMPARED_FIELDS 4u

int message_compare_encode(const struct message_compare *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_COMPARE, message->id, COMPARE_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->node);
    write_u64(writer, message->view_digest);
    write_sum(writer, message->sum);
    return encoder_end(&encoder);
}

int message_compare_decode(struct bytes payload, struct arena *arena, struct message_compare *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_COMPARE, COMPARE_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_compare message = {.id = decoder.id};
    message.node = read_u64(reader);
    message.view_digest = read_u64(reader);
    message.sum = read_sum(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_compared_encode(const struct message_compared *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_COMPARED, message->id, COMPARED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_bool(writer, message->equal);
    write_u64(writer, message->view_digest);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    return encoder_end(&encoder);
}

int message_compared_decode(struct bytes payload, struct arena *arena, struct message_compared *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_COMPARED, COMPARED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_compared message = {.id = decoder.id};
    message.code = read_code(reader);
    message.equal = read_bool(reader);
    message.view_digest = read_u64(reader);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
