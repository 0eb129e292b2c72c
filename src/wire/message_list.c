/* LIST and its answer: keys in the order of the ring, a page at a time.
 *
 *      [7, id, prefix, after | nil, limit, with_values, options | nil (, trace)]
 *      [8, id, [[key, value | nil], ...], after | nil] */
#include "base/limits.h"
#include "wire/codec.h"

#define LIST_FIELDS 5u
#define LIST_REPLY_FIELDS 2u
#define ENTRY_FIELDS 2u

int message_list_encode(const struct message_list *message, struct buffer *out)
{
    struct encoder encoder =
        encoder_begin(out, MESSAGE_LIST, message->id, LIST_FIELDS + trace_fields(&message->trace));
    struct writer *writer = &encoder.writer;
    write_bin_within(writer, message->prefix, LIMIT_KEY_BYTES_MAX);
    write_optional_bin_within(writer, message->after, LIMIT_CURSOR_BYTES);
    write_u64(writer, message->limit);
    write_bool(writer, message->with_values);
    write_options(writer, &message->options);
    write_trace(writer, &message->trace);
    return encoder_end(&encoder);
}

int message_list_decode(struct bytes payload, struct arena *arena, struct message_list *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_LIST, LIST_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_list message = {.id = decoder.id};
    message.prefix = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message.after = read_optional_bin(reader, LIMIT_CURSOR_BYTES);
    message.limit = read_u32(reader);
    message.with_values = read_bool(reader);
    message.options = read_options(reader);
    message.trace = read_trace(reader, &decoder.unknown);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_list_reply_encode(const struct message_list_reply *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_LIST_REPLY, message->id, LIST_REPLY_FIELDS);
    struct writer *writer = &encoder.writer;
    write_array_within(writer, message->count, LIMIT_LIST_KEYS);
    for (uint32_t i = 0; i < message->count && writer->error == 0; i++) {
        write_array(writer, ENTRY_FIELDS);
        write_bin_within(writer, message->entries[i].key, LIMIT_KEY_BYTES_MAX);
        write_optional_bin_within(writer, message->entries[i].value, LIMIT_VALUE_BYTES_MAX);
    }
    write_optional_bin_within(writer, message->after, LIMIT_CURSOR_BYTES);
    return encoder_end(&encoder);
}

static const struct list_entry *read_entries(struct reader *reader, struct arena *arena,
                                             uint32_t *count)
{
    struct list_entry *entries =
        read_items(reader, arena, LIMIT_LIST_KEYS, sizeof(*entries), count);
    for (uint32_t i = 0; i < *count && reader->error == 0; i++) {
        uint32_t unknown = read_fields(reader, ENTRY_FIELDS);
        entries[i].key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
        entries[i].value = read_optional_bin(reader, LIMIT_VALUE_BYTES_MAX);
        read_skip_many(reader, unknown);
    }
    return entries;
}

int message_list_reply_decode(struct bytes payload, struct arena *arena,
                              struct message_list_reply *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_LIST_REPLY, LIST_REPLY_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_list_reply message = {.id = decoder.id};
    message.entries = read_entries(reader, arena, &message.count);
    message.after = read_optional_bin(reader, LIMIT_CURSOR_BYTES);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}
