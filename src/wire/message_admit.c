/* ADMIT and its answer: a node without a cluster tells the facts it was configured with and
 * receives the cluster's, or the one that differs, by name. INVITE asks an empty node to do so.
 *
 *      [41, id, node, name, cluster_name, partitions, n, r, w, host, peer_port]
 *      [42, id, code, text | nil, cluster, secret | nil, view | nil, [record, ...], node]
 *      [56, id, host, port] */
#include "base/limits.h"
#include "wire/codec.h"

#define ADMIT_FIELDS 9u
#define ADMIT_REPLY_FIELDS 7u
#define INVITE_FIELDS 2u

int message_admit_encode(const struct message_admit *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_ADMIT, message->id, ADMIT_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->node);
    write_str_within(writer, message->name, LIMIT_NAME_BYTES);
    write_str_within(writer, message->cluster_name, LIMIT_NAME_BYTES);
    write_u64(writer, message->partitions);
    write_u64(writer, message->n);
    write_u64(writer, message->r);
    write_u64(writer, message->w);
    write_name(writer, message->host);
    write_u64_within(writer, message->peer_port, UINT16_MAX);
    return encoder_end(&encoder);
}

int message_admit_decode(struct bytes payload, struct arena *arena, struct message_admit *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_ADMIT, ADMIT_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_admit message = {.id = decoder.id};
    message.node = read_u64(reader);
    message.name = read_bin(reader, LIMIT_NAME_BYTES);
    message.cluster_name = read_bin(reader, LIMIT_NAME_BYTES);
    message.partitions = read_u32(reader);
    message.n = read_u32(reader);
    message.r = read_u32(reader);
    message.w = read_u32(reader);
    read_text(reader, message.host, sizeof(message.host));
    message.peer_port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_admit_reply_encode(const struct message_admit_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_ADMIT_REPLY, message->id, ADMIT_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_u64(writer, message->cluster);
    write_optional_bin_within(writer, message->secret, LIMIT_CREDENTIALS_BYTES);
    write_optional_bin_within(writer, message->view, LIMIT_VIEW_BYTES);
    write_records(writer, message->records, message->count);
    write_u64(writer, message->node);
    return encoder_end(&encoder);
}

int message_admit_reply_decode(struct bytes payload, struct arena *arena,
                               struct message_admit_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_ADMIT_REPLY, ADMIT_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_admit_reply message = {.id = decoder.id};
    message.code = read_code(reader);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    message.cluster = read_u64(reader);
    message.secret = read_optional_bin(reader, LIMIT_CREDENTIALS_BYTES);
    message.view = read_optional_bin(reader, LIMIT_VIEW_BYTES);
    message.records = read_records(reader, arena, &message.count);
    message.node = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_invite_encode(const struct message_invite *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_INVITE, message->id, INVITE_FIELDS);
    struct writer *writer = &encoder.writer;
    write_name(writer, message->host);
    write_u64_within(writer, message->port, UINT16_MAX);
    return encoder_end(&encoder);
}

int message_invite_decode(struct bytes payload, struct arena *arena, struct message_invite *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_INVITE, INVITE_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_invite message = {.id = decoder.id};
    read_text(reader, message.host, sizeof(message.host));
    message.port = (uint32_t)read_u64_max(reader, UINT16_MAX);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
