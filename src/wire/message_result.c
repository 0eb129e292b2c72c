/* RESULT: the answer to a request, and every refusal.
 *
 *      [6, id, code, text | nil, context | nil, [[value, hlc, expiry_ms, counter], ...], owners,
 *       fallbacks, needed, number]
 *
 * A value's expiry and whether it is a counter, and the number, are later additions: left out where
 * they, and all behind them in their array, are 0 or false. */
#include "base/limits.h"
#include "wire/codec.h"

#define RESULT_FIELDS 7u
#define VALUE_FIELDS 2u

static void write_value(struct writer *writer, const struct result_value *value)
{
    uint32_t fields = VALUE_FIELDS + (value->counter ? 2 : value->expiry_ms != 0 ? 1 : 0);
    write_array(writer, fields);
    write_bin_within(writer, value->value, LIMIT_VALUE_BYTES_MAX);
    write_u64(writer, value->hlc);
    if (fields > VALUE_FIELDS) {
        write_u64(writer, value->expiry_ms);
    }
    if (value->counter) {
        write_bool(writer, true);
    }
}

int message_result_encode(const struct message_result *message, struct buffer *out)
{
    uint32_t fields = RESULT_FIELDS + (message->number != 0 ? 1 : 0);
    struct encoder encoder = encoder_begin(out, MESSAGE_RESULT, message->id, fields);
    struct writer *writer = &encoder.writer;
    write_code(writer, message->code);
    write_optional_str_within(writer, message->text, LIMIT_TEXT_BYTES);
    write_optional_bin_within(writer, message->context, LIMIT_TOKEN_BYTES);
    write_array_within(writer, message->value_count, LIMIT_SIBLINGS);
    for (uint32_t i = 0; i < message->value_count && writer->error == 0; i++) {
        write_value(writer, &message->values[i]);
    }
    write_u64(writer, message->owners);
    write_u64(writer, message->fallbacks);
    write_u64(writer, message->needed);
    if (message->number != 0) {
        write_i64(writer, message->number);
    }
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
        values[i].expiry_ms = read_later_field(&unknown) ? read_u64(reader) : 0;
        values[i].counter = read_later_field(&unknown) && read_bool(reader);
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
    message.number = read_later_field(&decoder.unknown) ? read_i64(reader) : 0;
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
