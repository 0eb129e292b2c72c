/* BACKUP: an operator tells a node to put a copy of itself into a folder, or asks how that goes;
 * and the answer, which comes at once in both cases. The copying may take long, and goes on whether
 * or not anybody asks.
 *
 *      [14, id, path | nil]
 *      [15, id, number, state, code, text | nil, path, files, bytes, bytes_done] */
#include "base/limits.h"
#include "wire/codec.h"

#define BACKUP_FIELDS 1u
#define BACKUP_REPLY_FIELDS 8u

int message_backup_encode(const struct message_backup *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_BACKUP, message->id, BACKUP_FIELDS);
    write_optional_str_within(&encoder.writer, message->path, LIMIT_PATH_BYTES);
    return encoder_end(&encoder);
}

int message_backup_decode(struct bytes payload, struct arena *arena, struct message_backup *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_BACKUP, BACKUP_FIELDS);
    struct message_backup message = {.id = decoder.id};
    message.path = read_optional_bin(&decoder.reader, LIMIT_PATH_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_backup_reply_encode(const struct message_backup_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_BACKUP_REPLY, message->id, BACKUP_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_u64(writer, message->number);
    write_u64(writer, message->state);
    write_code(writer, message->code);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_str_within(writer, message->path, LIMIT_PATH_BYTES);
    write_u64(writer, message->files);
    write_u64(writer, message->bytes);
    write_u64(writer, message->bytes_done);
    return encoder_end(&encoder);
}

int message_backup_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_backup_reply *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_BACKUP_REPLY, BACKUP_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_backup_reply message = {.id = decoder.id};
    message.number = read_u64(reader);
    message.state = read_u32(reader);
    message.code = read_code(reader);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    message.path = read_bin(reader, LIMIT_PATH_BYTES);
    message.files = read_u64(reader);
    message.bytes = read_u64(reader);
    message.bytes_done = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
