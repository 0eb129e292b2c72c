/* GOODBYE: the sender is stopping, so nobody need find out by its silence. No answer.
 *
 *      [43, id, from] */
#include "wire/codec.h"

#define GOODBYE_FIELDS 1u

int message_goodbye_encode(const struct message_goodbye *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_GOODBYE, message->id, GOODBYE_FIELDS);
    write_u64(&encoder.writer, message->from);
    return encoder_end(&encoder);
}

int message_goodbye_decode(struct bytes payload, struct arena *arena, struct message_goodbye *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_GOODBYE, GOODBYE_FIELDS);
    struct message_goodbye message = {.id = decoder.id};
    message.from = read_u64(&decoder.reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
