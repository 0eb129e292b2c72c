/* REPAIR: an operator asks that anti-entropy begin now, at every node: the node that is asked
 * passes it on to the others. The answer says whom it has reached, not how the repairing goes.
 *
 *      [18, id, pass_on]
 *      [19, id, told, nodes, text | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define REPAIR_FIELDS 1u
#define REPAIR_REPLY_FIELDS 3u

int message_repair_encode(const struct message_repair *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_REPAIR, message->id, REPAIR_FIELDS);
    write_bool(&encoder.writer, message->pass_on);
    return encoder_end(&encoder);
}

int message_repair_decode(struct bytes payload, struct arena *arena, struct message_repair *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_REPAIR, REPAIR_FIELDS);
    struct message_repair message = {.id = decoder.id};
    message.pass_on = read_bool(&decoder.reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_repair_reply_encode(const struct message_repair_reply *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_REPAIR_REPLY, message->id, REPAIR_REPLY_FIELDS);
    write_u64(&encoder.writer, message->told);
    write_u64(&encoder.writer, message->nodes);
    write_optional_str_within(&encoder.writer, message->text, LIMIT_TEXT_BYTES);
    return encoder_end(&encoder);
}

int message_repair_reply_decode(struct bytes payload, struct arena *arena,
                                struct message_repair_reply *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_REPAIR_REPLY, REPAIR_REPLY_FIELDS);
    struct message_repair_reply message = {.id = decoder.id};
    message.told = read_u32(&decoder.reader);
    message.nodes = read_u32(&decoder.reader);
    message.text = read_optional_bin(&decoder.reader, LIMIT_TEXT_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
