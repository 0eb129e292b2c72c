/* RESULT: the answer to a request, and every refusal.
 *
 *      [6, id, code, text | nil, context | nil, [[value, hlc], ...], owners, fallbacks, needed] */
#include "base/limits.h"
#include "wire/codec.h"

#define RESULT_FIELDS 7u
#define VALUE_FIELDS 2u

int message_result_encode(const struct message_result *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_RESULT, message->id, RESULT_FIELDS);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_optional_bin_within(writer, message->context, LIMIT_TOKEN_BYTES);
    write_array_within(writer, message->value_count, LIMIT_SIBLINGS);
    for (uint32_t i = 0; i < message->value_count && writer->error == 0; i++) {
        write_array(writer, VALUE_FIELDS);
        write_bin_within(writer, message->values[i].value, LIMIT_VALUE_BYTES_MAX);
        write_u64(writer, message->values[i].hlc);
    }
    write_u64(writer, message->owners);
    write_u64(writer, message->fallbacks);
    write_u64(writer, message->needed);
    return encoder_end(&encoder);
}

static const struct result_value *read_values(struct reader *reader, struct arena *arena,
                                              uint32_t *count)
{
    struct result_value *values = read_items(reader, arena, LIMIT_SIBLINGS, sizeof(*values), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        uint32_t unknown = read_fields(reader, VALUE_FIELDS);
        values[i].value = read_bin(reader, LIMIT_VALUE_BYTES_MAX);
        values[i].hlc = read_u64(reader);
        read_skip_many(reader, unknown);
    }
    return values;
}

int message_result_decode(struct bytes payload, struct arena *arena, struct message_result *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_RESULT, RESULT_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_result message = {.id = decoder.id};
    message.code = read_code(reader);
    message.text = read_optional_bin(reader, LIMIT_TEXT_BYTES);
    message.context = read_optional_bin(reader, LIMIT_TOKEN_BYTES);
    message.values = read_values(reader, arena, &message.value_count);
    message.owners = read_u32(reader);
    message.fallbacks = read_u32(reader);
    message.needed = read_u32(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
