/* WATCH: a client reads the live feed; WATCHED, any number of times, is what it reads; UNWATCH ends
 * that.
 *
 *      [22, id, prefix, ops, cursor | nil, heartbeat_us]
 *      [23, id, [[op, time_ms, cursor, key, value | nil, value_bytes, expiry_ms, reason, missed,
 *                 node], ...]]
 *      [24, id] */
#include "base/limits.h"
#include "wire/codec.h"

#define WATCH_FIELDS 4u
#define WATCHED_FIELDS 1u
#define UNWATCH_FIELDS 0u
#define EVENT_FIELDS 10u

int message_watch_encode(const struct message_watch *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_WATCH, message->id, WATCH_FIELDS);
    struct writer *writer = &encoder.writer;
    write_bin_within(writer, message->prefix, LIMIT_KEY_BYTES_MAX);
    write_u64(writer, message->ops);
    write_optional_bin_within(writer, message->cursor, LIMIT_FEED_CURSOR_BYTES);
    write_u64(writer, message->heartbeat_us);
    return encoder_end(&encoder);
}

int message_watch_decode(struct bytes payload, struct arena *arena, struct message_watch *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_WATCH, WATCH_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_watch message = {.id = decoder.id};
    message.prefix = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    message.ops = read_u32(reader);
    message.cursor = read_optional_bin(reader, LIMIT_FEED_CURSOR_BYTES);
    message.heartbeat_us = read_u64(reader);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

static void write_event(struct writer *writer, const struct watched_event *event)
{
    write_array(writer, EVENT_FIELDS);
    write_u64(writer, event->op);
    write_u64(writer, event->time_ms);
    write_bin_within(writer, event->cursor, LIMIT_FEED_CURSOR_BYTES);
    write_bin_within(writer, event->key, LIMIT_KEY_BYTES_MAX);
    write_optional_bin_within(writer, event->value, LIMIT_FEED_VALUE_BYTES);
    write_u64(writer, event->value_bytes);
    write_u64(writer, event->expiry_ms);
    write_u64(writer, event->reason);
    write_u64(writer, event->missed);
    write_str_within(writer, event->node, LIMIT_NAME_BYTES);
}

int message_watched_encode(const struct message_watched *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_WATCHED, message->id, WATCHED_FIELDS);
    struct writer *writer = &encoder.writer;
    write_array_within(writer, message->count, LIMIT_WATCHED_EVENTS);
    for (uint32_t i = 0; i < message->count && writer->error == 0; i++) {
        write_event(writer, &message->events[i]);
    }
    return encoder_end(&encoder);
}

static struct watched_event read_event(struct reader *reader)
{
    struct watched_event event = {0};
    uint32_t unknown = read_fields(reader, EVENT_FIELDS);
    event.op = read_u32(reader);
    event.time_ms = read_u64(reader);
    event.cursor = read_bin(reader, LIMIT_FEED_CURSOR_BYTES);
    event.key = read_bin(reader, LIMIT_KEY_BYTES_MAX);
    event.value = read_optional_bin(reader, LIMIT_FEED_VALUE_BYTES);
    event.value_bytes = read_u64(reader);
    event.expiry_ms = read_u64(reader);
    event.reason = read_u32(reader);
    event.missed = read_u64(reader);
    event.node = read_bin(reader, LIMIT_NAME_BYTES);
    read_skip_many(reader, unknown);
    return event;
}

int message_watched_decode(struct bytes payload, struct arena *arena, struct message_watched *out)
{
    struct decoder decoder = decoder_begin(payload, MESSAGE_WATCHED, WATCHED_FIELDS);
    struct reader *reader = &decoder.reader;
    struct message_watched message = {.id = decoder.id};
    struct watched_event *events =
        read_items(reader, arena, LIMIT_WATCHED_EVENTS, sizeof(*events), &message.count);
    for (uint32_t i = 0; i < message.count && reader->error == 0; i++) {
        events[i] = read_event(reader);
    }
    message.events = events;
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = message;
    }
    return error;
}

int message_unwatch_encode(const struct message_unwatch *message, struct buffer *out)
{
    struct encoder encoder = encoder_begin(out, MESSAGE_UNWATCH, message->id, UNWATCH_FIELDS);
    return encoder_end(&encoder);
}

int message_unwatch_decode(struct bytes payload, struct arena *arena, struct message_unwatch *out)
{
    (void)arena;
    struct decoder decoder = decoder_begin(payload, MESSAGE_UNWATCH, UNWATCH_FIELDS);
    int error = decoder_end(&decoder);
    if (error == 0) {
        *out = (struct message_unwatch){.id = decoder.id};
    }
    return error;
}
